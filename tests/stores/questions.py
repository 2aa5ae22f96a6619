"""The contract of reading by key: customers whole in one statement, conflicts, nodes, keys, the feed, jobs."""

from __future__ import annotations

from dataclasses import replace

from graph.apikeys import ApiKey, Scope
from graph.evidence import ResolutionSource, Said
from graph.jobs import JobKind, JobState
from graph.link import By, customers_named
from graph.node import Key
from graph.policy import DEFAULT_POLICY, NamespacePolicy, Normaliser
from graph.rows import ExternalRef
from graph.state import ConflictKind, CustomerState
from graph.stores import Store
from graph.tenant import Tenant
from graph.turn import Writes
from tests.stores.cast import Cast, customer, generic, step, together
from tests.stores.harness import NOW, Harness, write

OTHER = ResolutionSource.IMPORT


class Questions(Harness):
    """Reading by key."""

    async def test_a_customer_is_loaded_whole(self, store: Store, tenant: str, cast: Cast) -> None:
        """By any of its identifiers: the row, all members, and everything that its members said."""
        a, b = cast.open_id("wxa", "a"), None
        b = cast.open_id("wxb", "b", of=a)
        union, member = cast.union_id("wxo", "u", of=a), cast.external_id("member", "1", of=a)
        said = [
            cast.resolved(a, union, first=7, last=90, times=4),
            cast.resolved(b, union),
            cast.claims(a, member),
            cast.unlinked(b, member),
        ]
        row = customer(a, b, union, member, state=CustomerState.IDENTIFIED)
        await self.plant(tenant, together(a, b, union, member, *said, row))
        for asked in (a, b, union, member):
            _, [found] = await store.customers(tenant, [asked.key])
            assert found is not None
            assert row == found.row
            assert {m.key: m for m in (a, b, union, member)} == {m.key: m for m in found.members}
            assert 4 == len(found.members)
            assert {r.rollup.key: r for r in said} == {r.rollup.key: r for r in found.rollups}
            assert ((), {}) == (found.conflicts, dict(found.mentioned))

    async def test_customers_come_in_the_order_asked(self, store: Store, tenant: str, cast: Cast) -> None:
        """One answer for each key asked, in order, doubles included; None where nobody holds it."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        also = cast.open_id("wxb", "a", of=a)
        await self.plant(tenant, together(a, b, also))
        nobody = cast.open_id("wxa", "nobody")
        _, found = await store.customers(tenant, [b.key, nobody.key, also.key, b.key, a.key])
        assert [b.key, None, a.key, b.key, a.key] == [one and one.row.key for one in found]
        assert (await store.customers(tenant, []))[1] == []

    async def test_customers_by_what_decisions_name(self, store: Store, tenant: str, cast: Cast) -> None:
        """By an identifier's key or a UnionID's text, in the order asked and in one statement; of one text's UnionIDs the first seen."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        late, early = cast.union_id("wxo", "u", of=a, at=200), cast.union_id("wxp", "u", of=b, at=150)
        alone = cast.union_id("wxo", "v", of=c)
        await self.plant(tenant, together(a, b, c, late, early, alone, cast.resolved(c, alone)))
        text, nobodys = cast.keys.union_text("u"), cast.keys.union_text("nobody")
        await store.registry(tenant)
        before = store.statements
        _, found = await store.named(tenant, [a.key, text, nobodys, alone.text_key or a.key, late.key, text])
        assert 1 == store.statements - before
        assert [a.key, b.key, None, c.key, a.key, b.key] == [one and one.row.key for one in found]
        assert found == [*(await store.customers(tenant, [a.key, b.key, nobodys, c.key, a.key, b.key]))[1]]
        assert [] == (await store.named(tenant, []))[1]

    async def test_evidence_by_key(self, store: Store, tenant: str, cast: Cast) -> None:
        """What links two identifiers, whether it counts or not, in the order asked; what was only seen or taken back is None."""
        a, b, union, other = cast.open_id("wxa", "a"), cast.open_id("wxb", "b"), cast.union_id("wxo", "u"), cast.union_id("wxp", "u")
        member = cast.external_id("member", "1")
        two_ends, nowhere = cast.resolved(a, union, other, first=7, last=90, times=4), replace(cast.claims(b, member), ends=())
        moved, seen, unlinked = cast.migrated(a, b), cast.seen(b), cast.unlinked(a, member)
        await self.plant(tenant, together(a, b, union, other, member, two_ends, nowhere, moved, seen, unlinked))
        wanted = [one.rollup.key for one in (nowhere, seen, two_ends, unlinked, moved)]
        assert [nowhere, None, two_ends, None, moved, None] == await store.evidence(tenant, [*wanted, Key("x" * 22)])
        assert [] == await store.evidence(tenant, [])

    async def test_customers_take_one_statement(self, store: Store, tenant: str, cast: Cast) -> None:
        """However many customers with whatever around them are asked for, the answer is one statement."""
        a, b, phone = cast.open_id("wxa", "a"), cast.open_id("wxa", "b"), generic(cast.external_id("phone", "1"))
        rows = (a, b, phone, cast.claims(a, phone, live=False), cast.conflict(phone, kind=ConflictKind.GENERIC_IDENTIFIER))
        await self.plant(tenant, together(*rows))
        await store.registry(tenant)
        before = store.statements
        await store.customers(tenant, [a.key, b.key, phone.key])
        assert 1 == store.statements - before

    async def test_a_customer_brings_its_conflicts(self, store: Store, tenant: str, cast: Cast) -> None:
        """Conflicts about its members, open and resolved, with every identifier of other customers that they or its roll-ups name."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        theirs = cast.union_id("wxo", "theirs", of=b)
        refused = cast.resolved(a, theirs, live=False)
        row = replace(cast.conflict(a, theirs), kept=(step(theirs, c), step(b, theirs)))
        resolved = cast.conflict(a, b, resolved=500)
        elsewhere = cast.conflict(b, c)
        await self.plant(tenant, together(a, b, c, theirs, refused, cast.resolved(b, theirs), row, resolved, elsewhere))
        _, [found] = await store.customers(tenant, [a.key])
        assert found is not None
        assert {row.key: row, resolved.key: resolved} == {one.key: one for one in found.conflicts}
        assert {b.key: b, c.key: c, theirs.key: theirs} == dict(found.mentioned)
        assert [refused] == list(found.rollups)

    async def test_a_customer_brings_mass_cases_that_concern_it(self, store: Store, tenant: str, cast: Cast) -> None:
        """A mass case at an identifier that its members' roll-ups name is among its conflicts; a single one there is not."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        phone, crm = generic(cast.external_id("phone", "1")), cast.external_id("crm", "1")
        mass, too_large = cast.conflict(phone, kind=ConflictKind.GENERIC_IDENTIFIER), cast.conflict(crm, kind=ConflictKind.TOO_LARGE)
        single = cast.conflict(b, phone)
        said = [cast.claims(a, phone, live=False), cast.claims(a, phone, live=False, source=OTHER), cast.claims(b, phone, live=False)]
        await self.plant(tenant, together(a, b, phone, crm, *said, cast.claims(a, crm), mass, too_large, single))
        _, [found] = await store.customers(tenant, [a.key])
        assert found is not None
        conflicts = {one.key: one for one in found.conflicts}
        assert {mass.key, too_large.key} == set(conflicts)
        assert 2 == conflicts[mass.key].refused_count
        assert 7 == conflicts[too_large.key].refused_count

    async def test_links_of_a_generic_identifier_are_counted(self, store: Store, tenant: str, cast: Cast) -> None:
        """Its refused links are counted when it is read: pairs, from either side, not sources; those that a SAME joined are not refused."""
        visitor = generic(cast.open_id("wxa", "visitor"))
        unions = [cast.union_id("wxo", f"u{n}") for n in range(3)]
        mine = cast.union_id("wxo", "mine", of=visitor)
        old = cast.open_id("wxb", "old")
        said = [cast.resolved(visitor, one, live=False) for one in (*unions, mine)]
        said += [cast.resolved(visitor, unions[0], live=False, source=OTHER), cast.migrated(old, visitor)]
        conflict = cast.conflict(visitor, kind=ConflictKind.GENERIC_IDENTIFIER)
        await self.plant(tenant, together(visitor, *unions, mine, old, *said, conflict))
        _, [found] = await store.conflicts(tenant, [conflict.key])
        assert found is not None
        assert replace(conflict, refused_count=4) == found.row
        _, [person] = await store.customers(tenant, [visitor.key])
        assert person is not None
        assert [found.row] == list(person.conflicts)

    async def test_customers_by_external_id_are_one_statement(self, store: Store, tenant: str, cast: Cast) -> None:
        """The policy that was seen last makes the key; where another process set a new one, the answer says so and it is made anew."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        await write(store, tenant, together(a, cast.external_id("card", "7", of=a), b, cast.external_id("card", " 7", of=b)))
        brand, by = Tenant(store, tenant), [By(external_id=ExternalRef(namespace="card", value=" 7"))]
        await store.registry(tenant)
        before = store.statements
        assert [a.key] == [one.key if one else None for one in await customers_named(brand, by)]
        assert 1 == store.statements - before
        exact = NamespacePolicy(namespace="card", max_per_customer=1, is_sensitive=False, normaliser=Normaliser.EXACT)
        async with self.another() as other:
            await write(other, tenant, Writes(policy=replace(DEFAULT_POLICY, namespaces=[exact])))
        async with self.another() as fresh:
            for asking in (brand, Tenant(fresh, tenant)):
                assert [b.key] == [one.key if one else None for one in await customers_named(asking, by)]

    async def test_conflicts_by_key(self, store: Store, tenant: str, cast: Cast) -> None:
        """In the order asked, each with the identifiers that it names, in one statement; None where there is none."""
        a, b, c = (cast.open_id("wxa", name) for name in "abc")
        one, two = replace(cast.conflict(a, b), kept=(step(a, c),)), cast.conflict(b, c, resolved=4)
        await self.plant(tenant, together(a, b, c, one, two))
        await store.registry(tenant)
        before = store.statements
        _, found = await store.conflicts(tenant, [two.key, Key("x" * 22), one.key])
        assert 1 == store.statements - before
        assert [two, None, one] == [conflict and conflict.row for conflict in found]
        assert [{b.key: b, c.key: c}, {a.key: a, b.key: b, c.key: c}] == [dict(conflict.mentioned) for conflict in found if conflict]

    async def test_a_conflict_outlives_its_identifiers(self, store: Store, tenant: str, cast: Cast) -> None:
        """Identifiers that are no more are missing from what a conflict mentions."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        one = cast.conflict(a, b)
        await self.plant(tenant, together(a, one))
        _, [found] = await store.conflicts(tenant, [one.key])
        assert found is not None
        assert (one, {a.key: a}) == (found.row, dict(found.mentioned))

    async def test_nodes_by_key(self, store: Store, tenant: str, cast: Cast) -> None:
        """In the order asked; what belongs to the registry or to nobody is None."""
        job, row, shop = cast.job("j"), cast.row_in_quarantine("q"), cast.touchpoint("wxa")
        await self.plant(tenant, together(job, row, shop))
        assert [row, None, None, job] == await store.nodes(tenant, [row.key, shop.key, Key("x" * 22), job.key])
        assert [] == await store.nodes(tenant, [])

    async def test_an_api_key_is_found_by_its_digest(self, store: Store, tenant: str, cast: Cast) -> None:
        """Whosever it is: the answer names the tenant."""
        digest = f"digest of {tenant}"
        key = ApiKey(
            key=cast.keys.derive("ApiKey", "one"), name="one", scopes=[Scope.READ, Scope.INGEST], digest=digest, created=5, revoked=9
        )
        await self.plant(tenant, together(key))
        assert (tenant, key) == await store.api_key(digest)
        assert await store.api_key(f"{digest}!") is None

    async def test_jobs_to_do(self, store: Store, tenant: str, cast: Cast) -> None:
        """Unfinished jobs of every tenant whose lease ended at or before now, oldest first."""
        other = f"{tenant}-other"
        await store.create_tenant(other)
        theirs = Cast(store.keys(other)).job("x", JobState.WAITING_FOR_QUOTA, started=20)
        second = cast.job("second", started=30, lease_until=NOW)
        first = cast.job("first", JobState.RUNNING, JobKind.RESCOPE, started=10, lease_until=NOW - 1)
        leased = cast.job("leased", JobState.RUNNING, started=1, lease_until=NOW + 1)
        ended = [cast.job(state.name, state) for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)]
        await self.plant(tenant, together(second, first, leased, *ended))
        await self.plant(other, together(theirs))
        found = [(name, job) for name, job in await store.jobs(NOW) if name in {tenant, other}]
        assert [(tenant, first), (other, theirs), (tenant, second)] == found

    async def test_quarantined_rows(self, store: Store, tenant: str, cast: Cast) -> None:
        """Whole rows only, of one AppID or of all, in the order of keys, after a key and no more than asked."""
        rows = [cast.row_in_quarantine(f"r{n}", app) for n, app in enumerate(["wxa", "wxb", "wxa", None, "wxa"])]
        waiting = cast.row_in_quarantine("waiting", "wxa", row="")
        await self.plant(tenant, together(*rows, waiting))
        every = sorted(row.key for row in rows)
        of_one = sorted(row.key for row in rows if row.app_id == "wxa")
        assert every == await store.quarantined(tenant, None, None, 10)
        assert every[1:3] == await store.quarantined(tenant, None, every[0], 2)
        assert of_one == await store.quarantined(tenant, "wxa", None, 10)
        assert of_one[1:2] == await store.quarantined(tenant, "wxa", of_one[0], 1)
        assert [] == await store.quarantined(tenant, "wxc", None, 10)

    async def test_stale_evidence(self, store: Store, tenant: str, cast: Cast) -> None:
        """OpenIDs of a touchpoint with a resolution scoped under an earlier version, each once, in the order of keys."""
        old = [cast.open_id("wxa", f"old {n}") for n in range(3)]
        new, elsewhere, union = cast.open_id("wxa", "new"), cast.open_id("wxb", "old"), cast.union_id("wxo", "u")
        said = [cast.resolved(one, union, version=2) for one in old]
        said += [cast.resolved(old[0], union, version=1, source=OTHER), cast.resolved(new, union, version=3)]
        said += [cast.resolved(elsewhere, union, version=1), cast.claims(new, cast.external_id("crm", "1"), version=1)]
        await self.plant(tenant, together(*old, new, elsewhere, union, *said))
        shop, expected = cast.keys.touchpoint("wxa"), sorted(one.key for one in old)
        assert expected == await store.stale(tenant, shop, 3, None, 10)
        assert expected[1:2] == await store.stale(tenant, shop, 3, expected[0], 1)
        assert [old[0].key] == await store.stale(tenant, shop, 2, None, 10)
        assert [] == await store.stale(tenant, shop, 1, None, 10)

    async def test_claims_that_were_taken_back(self, store: Store, tenant: str, cast: Cast) -> None:
        """Claims that count nowhere are listed by their keys, page by page, whoever made them; those of what is generic count."""
        a, b = cast.open_id("wxa", "a"), cast.open_id("wxa", "b")
        crm, phone, tablet = cast.external_id("crm", "1"), generic(cast.external_id("phone", "1")), generic(cast.open_id("wxa", "tablet"))
        gone, outside = cast.external_id("crm", "gone"), cast.claims(b, phone, live=False)
        loose = [cast.rollup(Said.CLAIMS, one, gone.key, []) for one in (a, b, tablet)]
        kept = [cast.claims(a, crm), outside, cast.claims(tablet, phone, live=False), cast.unlinked(a, gone), cast.seen(b)]
        await self.plant(tenant, together(a, b, crm, phone, tablet, *loose, *kept))
        keys = sorted(one.rollup.key for one in loose)
        assert keys == await store.loose_claims(tenant, None, 10)
        assert keys[1:2] == await store.loose_claims(tenant, keys[0], 1)
        assert [] == await store.loose_claims(tenant, keys[2], 10)

    async def test_reading_stays_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """Keys of another tenant are answered as unknown, even the right ones."""
        other = f"{tenant}-other"
        await store.create_tenant(other)
        a, job, row = cast.open_id("wxa", "a"), cast.job("j"), cast.row_in_quarantine("q")
        union = cast.union_id("wxo", "u", of=a)
        conflict = cast.conflict(a, union)
        await self.plant(tenant, together(a, union, job, row, conflict, cast.resolved(a, union, version=1)))
        assert [None] == (await store.customers(other, [a.key]))[1]
        assert [None] == (await store.conflicts(other, [conflict.key]))[1]
        assert [None, None] == (await store.named(other, [a.key, union.text_key or a.key]))[1]
        assert [None] == await store.evidence(other, [cast.resolved(a, union).rollup.key])
        assert [None, None] == await store.nodes(other, [job.key, row.key])
        assert [] == await store.quarantined(other, None, None, 10)
        assert [] == await store.stale(other, cast.keys.touchpoint("wxa"), 9, None, 10)
        assert [] == await store.changes(other, 0, 10)

    async def test_health(self, store: Store) -> None:
        """An open store is well, and says which it is."""
        assert (await store.health())["store"]
