"""The contract of erasing: what goes, what is searched for it, and what is left to keep it away."""

from __future__ import annotations

from dataclasses import replace

from graph.decisions import Decision, DecisionKind
from graph.keys import random_key
from graph.receipts import ErasureReceipt
from graph.state import ConflictKind
from graph.stores import Page, Store
from graph.tombstones import Tombstone
from graph.turn import Scope, Writes
from tests.stores.cast import Cast, together
from tests.stores.harness import Harness, loaded, people, write


class Erasing(Harness):
    """Erasing."""

    async def test_what_is_forgotten_is_gone(self, store: Store, tenant: str, cast: Cast) -> None:
        """Roll-ups go with their links, identifiers with every conflict about them, also resolved ones; others stay."""
        one, two = cast.open_id("wxa", "one"), cast.open_id("wxb", "two")
        union = cast.union_id("wxo", "union", of=one)
        gone, kept = cast.resolved(one, union), cast.seen(two)
        conflicts = [cast.conflict(one, two), cast.conflict(union, kind=ConflictKind.GENERIC_IDENTIFIER, resolved=700)]
        other = cast.conflict(two, kind=ConflictKind.TOO_LARGE)
        await self.plant(tenant, together(one, two, union, gone, cast.seen(one), kept, *conflicts, other))
        writes = Writes(
            forgotten=[gone.rollup, cast.seen(one).rollup],
            erased=[one.key, union.key],
            retired=[one.key, union.key],
            ended=[one.key],
        )
        await write(store, tenant, writes)
        found = await self.peek(tenant)
        assert {two.key: two} == found.members
        assert {kept.rollup.key: kept} == found.rollups
        assert {other.key: other} == found.conflicts
        assert [two.key] == list(found.customers)

    async def test_what_is_said_of_a_text_is_found_though_it_counts_nowhere(self, store: Store, tenant: str, cast: Cast) -> None:
        """Asked for a UnionID's text as such, a turn sees the resolutions that no binding covers, and who said them."""
        one, union = cast.open_id("wxa", "one"), cast.union_id("wxo", "union")
        waits = replace(cast.resolved(one, union), ends=())
        assert union.text_key is not None
        await write(store, tenant, together(one, waits))
        text = frozenset([union.text_key])
        seen = await loaded(store, tenant, Scope(people=text, names=text))
        assert {waits.rollup.key: waits} == dict(seen.rollups)
        assert {one.key: one} == dict(seen.members)
        assert {} == dict((await loaded(store, tenant, Scope(names=text))).rollups)

    async def test_tombstones_are_seen_with_what_is_asked(self, store: Store, tenant: str, cast: Cast) -> None:
        """A turn sees the tombstones of all that it asks for or names, and of every member that it loads; none of another tenant."""
        one, lost = cast.open_id("wxa", "one"), cast.open_id("wxa", "lost")
        union = cast.union_id("wxo", "union", of=one)
        assert union.text_key is not None
        keys = (one.key, union.text_key, lost.key)
        stones = {key: Tombstone(key=key, erased=5, receipt=random_key(), returned=7 if key == one.key else None) for key in keys}
        await write(store, tenant, together(one, union, cast.resolved(one, union), *stones.values()))
        assert {one.key, union.text_key} == set((await loaded(store, tenant, people(union.key))).tombstones)
        for scope in (people(lost.key), Scope(names=frozenset([lost.key])), Scope(keys=frozenset([lost.key]))):
            assert {lost.key: stones[lost.key]} == dict((await loaded(store, tenant, scope)).tombstones)
        foreign = f"{tenant}-other"
        await store.create_tenant(foreign)
        assert {} == dict((await loaded(store, foreign, people(lost.key))).tombstones)
        assert [stones[one.key], None] == await store.nodes(tenant, [one.key, random_key()])
        _, page = await store.page(tenant, Tombstone, Page(limit=2))
        assert sorted(keys)[:2] == [stone.key for stone in page.items]

    async def test_texts_are_searched(self, store: Store, tenant: str, cast: Cast) -> None:
        """Quarantined rows and receipts that hold a text are found by it, and with them every decision, revoked or not, and every job."""
        rows = [cast.row_in_quarantine(name, row=f'{{"openId": "{name}"}}') for name in ("oABCDEFGH", "oXYZ")]
        receipt = ErasureReceipt(key=random_key(), erased=1, identifier_count=1, document="of oABCDEFGH", signature="", public_key="")
        decided = [
            Decision(
                key=random_key(), kind=DecisionKind.SAME, a=random_key(), b=random_key(), reason="r", author="a", decided=1, revoked=by
            )
            for by in (None, 2)
        ]
        job = cast.job("job")
        await write(store, tenant, Writes(put=[*rows, receipt, *decided, job]))
        seen = await loaded(store, tenant, Scope(mentions=frozenset(["oABCDEFGH", "nobody"])))
        assert {node.key: node for node in (rows[0], receipt, *decided, job)} == dict(seen.nodes)
        assert {"oABCDEFGH", "nobody"} == seen.searched
        assert {} == dict((await loaded(store, tenant, Scope(people=frozenset([random_key()])))).nodes)

    async def test_rows_turned_away_are_counted(self, store: Store, tenant: str) -> None:
        """What was turned away is added up, tenant by tenant."""
        assert 0 == await store.blocked(tenant)
        for blocked in (2, 3):
            await write(store, tenant, Writes(blocked=blocked))
        assert 5 == await store.blocked(tenant)

    async def test_a_store_says_what_outlives_an_erasure(self, store: Store) -> None:
        """What a store cannot make go at once is named, with the settings that make it go and in how many days."""
        traces = await store.traces()
        assert traces.what
        assert traces.settings
        assert traces.days is not None
        assert await store.forget(frozenset()) is True
