"""The contract of loading: whole raw components, generic identifiers as their border, and what is said about them."""

from __future__ import annotations

from dataclasses import replace

from graph.decisions import Decision, DecisionKind
from graph.evidence import ResolutionSource
from graph.node import Key
from graph.policy import DEFAULT_POLICY
from graph.resolve import Crowd
from graph.state import ConflictKind, Member
from graph.stores import Store
from graph.turn import Scope, Writes
from tests.stores.cast import Cast, customer, generic, together
from tests.stores.harness import Harness, loaded, people, write

OTHER = ResolutionSource.IMPORT


def decision(name: str, a: Key, b: Key, kind: DecisionKind = DecisionKind.SAME, revoked: int | None = None) -> Decision:
    """A steward's word."""
    return Decision(key=Key(name.ljust(22, "-")), kind=kind, a=a, b=b, reason="", author="", decided=1, revoked=revoked)


class Loading(Harness):
    """What a turn sees."""

    async def test_a_raw_component_is_loaded_whole(self, store: Store, tenant: str, cast: Cast) -> None:
        """From any of its identifiers the whole chain of live links is loaded, in both directions, with all that was said along it."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        union, member = cast.union_id("wxo", "u"), cast.external_id("member", "1")
        apart = cast.open_id("wxa", "apart")
        said = [cast.resolved(a, union), cast.resolved(b, union), cast.claims(b, member), cast.claims(c, member), cast.seen(c)]
        await self.plant(tenant, together(a, b, c, union, member, apart, *said, cast.seen(apart)))
        everybody = {m.key: m for m in (a, b, c, union, member)}
        for start in everybody:
            seen = await loaded(store, tenant, people(start))
            assert everybody == dict(seen.members)
            assert set(everybody) == seen.whole
            assert {r.rollup.key: r for r in said} == {k: replace(r, ends=tuple(sorted(r.ends))) for k, r in seen.rollups.items()}
            assert {start} == seen.asked
            assert {m.customer for m in everybody.values()} == set(seen.customers)

    async def test_what_is_not_there_was_asked(self, store: Store, tenant: str, cast: Cast) -> None:
        """An identifier that the store does not know is among those asked for, and nowhere else."""
        nobody = cast.open_id("wxa", "nobody").key
        seen = await loaded(store, tenant, people(nobody))
        assert ({nobody}, set(), set(), set()) == (set(seen.asked), set(seen.members), set(seen.whole), set(seen.rollups))

    async def test_migrations_and_two_ends_are_followed(self, store: Store, tenant: str, cast: Cast) -> None:
        """A roll-up with two ends joins three identifiers; a migration joins two OpenIDs."""
        old, new = cast.open_id("wxa", "old"), cast.open_id("wxb", "new")
        here, there = cast.union_id("wxo", "u"), cast.union_id("wxp", "u")
        two_ends = cast.resolved(old, here, there)
        await self.plant(tenant, together(old, new, here, there, two_ends, cast.migrated(old, new)))
        seen = await loaded(store, tenant, people(there.key))
        assert {old.key, new.key, here.key, there.key} == seen.whole
        assert two_ends.ends == tuple(sorted(seen.rollups[two_ends.rollup.key].ends))

    async def test_a_link_that_does_not_hold_together_ends_it(self, store: Store, tenant: str, cast: Cast) -> None:
        """Past a link that is not live nothing is expanded: its far end is loaded by itself, and its other evidence is not."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        phone = generic(cast.external_id("phone", "1"))
        said = cast.claims(a, phone, live=False)
        await self.plant(tenant, together(a, b, phone, said, cast.claims(b, phone, live=False)))
        seen = await loaded(store, tenant, people(a.key))
        assert {a.key, phone.key} == set(seen.members)
        assert {a.key} == seen.whole
        assert {said.rollup.key} == set(seen.rollups)

    async def test_a_generic_identifier_is_a_border_even_by_live_links(self, store: Store, tenant: str, cast: Cast) -> None:
        """A crowded identifier is loaded but not expanded, whatever its links say."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        phone = generic(cast.external_id("phone", "1"))
        await self.plant(tenant, together(a, b, phone, cast.claims(a, phone), cast.claims(b, phone)))
        seen = await loaded(store, tenant, people(a.key))
        assert ({a.key, phone.key}, {a.key}) == (set(seen.members), set(seen.whole))

    async def test_an_asked_generic_external_id_stays_a_border(self, store: Store, tenant: str, cast: Cast) -> None:
        """Asking for a crowded external id shows what it said and does not expand it; `expand` does, and shows who stands at it."""
        claimants = [cast.open_id("wxa", name) for name in "abc"]
        phone, crm = generic(cast.external_id("phone", "1")), cast.external_id("crm", "1")
        said, own = [cast.claims(one, phone, live=False) for one in claimants], cast.claims(phone, crm, live=False)
        await self.plant(tenant, together(*claimants, phone, crm, *said, own))
        seen = await loaded(store, tenant, people(phone.key))
        assert ({phone.key, crm.key}, frozenset(), {own.rollup.key}) == (set(seen.members), seen.whole, set(seen.rollups))
        seen = await loaded(store, tenant, Scope(expand=frozenset({phone.key})))
        assert {phone.key} == seen.whole
        assert {phone.key, crm.key, *(one.key for one in claimants)} == set(seen.members)
        assert {r.rollup.key for r in (*said, own)} == set(seen.rollups)
        assert {phone.key} == seen.asked

    async def test_an_asked_open_id_is_always_expanded(self, store: Store, tenant: str, cast: Cast) -> None:
        """What an asked OpenID said is always loaded, crowded or not; found along the way, a crowded one is a border."""
        visitor = generic(cast.open_id("wxa", "visitor"), "UnionID p")
        union = cast.union_id("wxo", "u")
        said = cast.resolved(visitor, union, live=False)
        await self.plant(tenant, together(visitor, union, said))
        seen = await loaded(store, tenant, people(visitor.key))
        assert {visitor.key} == seen.whole
        assert {said.rollup.key} == set(seen.rollups)
        seen = await loaded(store, tenant, people(union.key))
        assert {union.key} == seen.whole
        assert {visitor.key, union.key} == set(seen.members)

    async def test_what_was_taken_back_is_loaded_with_the_external_id(self, store: Store, tenant: str, cast: Cast) -> None:
        """Claims without an end and unlinks on a whole external id are loaded, with who made them."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        member = cast.external_id("member", "1")
        ended = replace(cast.claims(b, member), ends=())
        unlinked = cast.unlinked(b, member)
        live = cast.claims(a, member)
        await self.plant(tenant, together(a, b, member, ended, unlinked, live))
        seen = await loaded(store, tenant, people(a.key))
        assert {r.rollup.key for r in (ended, unlinked, live)} == set(seen.rollups)
        assert b == seen.members[b.key]
        assert {a.key, member.key} == seen.whole

    async def test_what_an_unknown_identifier_said_is_loaded(self, store: Store, tenant: str, cast: Cast) -> None:
        """An unlink outlives the identifiers it is about: it is there when the pair is claimed again."""
        who, what = cast.external_id("crm", "1"), cast.external_id("member", "1")
        unlinked = cast.unlinked(who, what)
        await self.plant(tenant, together(unlinked))
        seen = await loaded(store, tenant, people(who.key, what.key))
        assert ({unlinked.rollup.key}, {}) == (set(seen.rollups), dict(seen.members))

    async def test_a_same_joins_components(self, store: Store, tenant: str, cast: Cast) -> None:
        """A standing SAME is followed like a link, from either side, and on into the other one's component; a revoked one is not there."""
        a, b, c, union = *(cast.open_id("wxa", name) for name in "abc"), cast.union_id("wxo", "u")
        same = decision("same", a.key, b.key)
        revoked = decision("revoked", a.key, c.key, revoked=5)
        await self.plant(tenant, together(a, b, c, union, cast.resolved(b, union), cast.seen(a), cast.seen(c), same, revoked))
        for start in (a, union):
            seen = await loaded(store, tenant, people(start.key))
            assert {a.key, b.key, union.key} == seen.whole
            assert {same.key: same} == dict(seen.decisions)

    async def test_a_same_on_a_text_means_every_scope(self, store: Store, tenant: str, cast: Cast) -> None:
        """A SAME names a UnionID by its text: it reaches that UnionID in every platform, and from each of them back."""
        a, here, there = cast.open_id("wxa", "a"), cast.union_id("wxo", "u"), cast.union_id("wxp", "u")
        x, y = cast.open_id("wxb", "x"), cast.open_id("wxc", "y")
        same = decision("same", a.key, cast.keys.union_text("u"))
        await self.plant(tenant, together(a, here, there, x, y, cast.seen(a), cast.resolved(x, here), cast.resolved(y, there), same))
        for start in (a, x, there):
            seen = await loaded(store, tenant, people(start.key))
            assert {m.key for m in (a, here, there, x, y)} == seen.whole

    async def test_decisions_on_names_not_yet_there(self, store: Store, tenant: str, cast: Cast) -> None:
        """`names` brings the decisions on a text that no stored UnionID has yet, and whom a SAME among them means."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        text = cast.keys.union_text("new")
        same = decision("same", text, b.key)
        different = decision("different", cast.keys.union_text("else"), a.key, DecisionKind.DIFFERENT)
        await self.plant(tenant, together(a, b, cast.seen(a), cast.seen(b), same, different))
        seen = await loaded(store, tenant, Scope(people=frozenset({a.key}), names=frozenset({text})))
        assert {same.key: same, different.key: different} == dict(seen.decisions)
        assert {a.key, b.key} == seen.whole

    async def test_different_and_retract_are_loaded_not_followed(self, store: Store, tenant: str, cast: Cast) -> None:
        """A DIFFERENT or RETRACT on a loaded identifier is there, but whom else it names is not."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        words = [decision("d", b.key, a.key, DecisionKind.DIFFERENT), decision("r", a.key, c.key, DecisionKind.RETRACT)]
        await self.plant(tenant, together(a, b, c, *(cast.seen(m) for m in (a, b, c)), *words))
        seen = await loaded(store, tenant, people(a.key))
        assert {word.key: word for word in words} == dict(seen.decisions)
        assert {a.key} == set(seen.members)

    async def test_the_crowd_at_an_external_id(self, store: Store, tenant: str, cast: Cast) -> None:
        """Outside accounts that claim a border external id are counted once each, up to one more than the threshold; nobody loaded is."""
        await write(store, tenant, Writes(policy=replace(DEFAULT_POLICY, generic_after=3)))
        phone = generic(cast.external_id("phone", "1"))
        a = cast.open_id("wxa", "a")
        outside = [cast.open_id("wxa", "b")]
        outside.append(cast.open_id("wxb", "b2", of=outside[0]))  # the same account
        claimant = cast.external_id("crm", "9")  # without an account
        said = [cast.claims(one, phone, live=False) for one in (a, *outside, claimant)]
        twice = cast.claims(outside[0], phone, live=False, source=OTHER)
        await self.plant(tenant, together(phone, a, *outside, claimant, *said, twice), version=1)
        seen = await loaded(store, tenant, people(a.key))
        assert {phone.key: Crowd(accounts=2)} == dict(seen.crowds)
        more = [cast.open_id("wxa", f"more {n}") for n in range(5)]
        await self.plant(tenant, together(*more, *(cast.claims(one, phone, live=False) for one in more)), version=1)
        seen = await loaded(store, tenant, people(a.key))
        assert {phone.key: Crowd(accounts=4)} == dict(seen.crowds)

    async def test_the_crowd_at_an_open_id_or_union_id(self, store: Store, tenant: str, cast: Cast) -> None:
        """Neighbours outside that compete for the crowded slot are counted, others are not."""
        slot = f"UnionID {cast.keys.open_platform('wxo')}"
        visitor = generic(cast.open_id("wxa", "visitor"), slot)
        inside, elsewhere = cast.union_id("wxo", "in"), cast.union_id("wxp", "else")
        outside = [cast.union_id("wxo", f"out {n}") for n in range(3)]
        said = [cast.resolved(visitor, one, live=False) for one in (inside, elsewhere, *outside)]
        again = cast.resolved(visitor, outside[0], live=False, source=OTHER)
        await self.plant(tenant, together(visitor, inside, elsewhere, *outside, *said, again))
        seen = await loaded(store, tenant, people(inside.key))
        assert {visitor.key: Crowd(slot=slot, neighbours=3)} == dict(seen.crowds)

        tablets = f"OpenID {cast.keys.touchpoint('wxa')}"
        union = generic(cast.union_id("wxo", "busy"), tablets)
        known: list[Member] = [cast.open_id("wxa", f"t{n}") for n in range(8)]
        await self.plant(tenant, together(union, *known, *(cast.resolved(one, union, live=False) for one in known)))
        seen = await loaded(store, tenant, people(known[0].key))
        assert {union.key: Crowd(slot=tablets, neighbours=6)} == dict(seen.crowds)

    async def test_an_expanded_identifier_has_no_crowd(self, store: Store, tenant: str, cast: Cast) -> None:
        """Where everything at a generic identifier is loaded, nothing stands outside."""
        a, phone = cast.open_id("wxa", "a"), generic(cast.external_id("phone", "1"))
        await self.plant(tenant, together(a, phone, cast.claims(a, phone, live=False)))
        seen = await loaded(store, tenant, Scope(expand=frozenset({phone.key})))
        assert {} == dict(seen.crowds)

    async def test_open_conflicts_about_members(self, store: Store, tenant: str, cast: Cast) -> None:
        """Open conflicts about loaded identifiers are there as they were written; resolved ones and other people's are not."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        here, mass = cast.conflict(a, b), cast.conflict(a, kind=ConflictKind.GENERIC_IDENTIFIER)
        gone, theirs = cast.conflict(a, c, resolved=5), cast.conflict(b, c)
        await self.plant(tenant, together(a, b, c, here, mass, gone, theirs, *(cast.seen(m) for m in (a, b, c))))
        seen = await loaded(store, tenant, people(a.key))
        assert {here.key: here, mass.key: mass} == dict(seen.conflicts)

    async def test_nodes_are_loaded_by_key(self, store: Store, tenant: str, cast: Cast) -> None:
        """Jobs, quarantined rows and decisions asked for by key are there; unknown keys are not."""
        job, row, word = cast.job("j"), cast.row_in_quarantine("q"), decision("same", Key("a" * 22), Key("b" * 22))
        await self.plant(tenant, together(job, row, word))
        seen = await loaded(store, tenant, Scope(keys=frozenset({job.key, row.key, word.key, Key("x" * 22)})))
        assert {job.key: job, row.key: row, word.key: word} == dict(seen.nodes)

    async def test_loading_stays_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """The same keys in another tenant are not seen, not counted and not joined."""
        await store.create_tenant(f"{tenant}-other")
        a, b, union = cast.open_id("wxa", "a"), cast.open_id("wxb", "b"), cast.union_id("wxo", "u")
        await self.plant(tenant, together(a, union, cast.resolved(a, union)))
        same = decision("same", a.key, b.key)
        await self.plant(f"{tenant}-other", together(a, b, union, cast.resolved(b, union), same, cast.conflict(a, b), customer(b)))
        seen = await loaded(store, tenant, people(a.key))
        assert {a.key, union.key} == set(seen.members)
        assert ({}, {}) == (dict(seen.decisions), dict(seen.conflicts))
