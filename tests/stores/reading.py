"""The contract of reading a tenant whole: everything once, page by page, in the order of keys, and nobody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from graph.decisions import Decision, DecisionKind
from graph.node import Key
from graph.quarantine import Quarantined
from graph.stores import Store
from graph.stores.reading import Holding
from graph.turn import Writes
from tests.stores.cast import Cast, Stored, together
from tests.stores.harness import Harness, write

T = TypeVar("T")


async def all_of(page: Callable[[Key | None, int], Awaitable[list[T]]], key: Callable[[T], Key], limit: int = 2) -> list[T]:
    """Everything, page by page."""
    found: list[T] = []
    while part := await page(key(found[-1]) if found else None, limit):
        assert len(part) <= limit
        found += part
    keys = [key(one) for one in found]
    assert keys == sorted(set(keys))
    return found


class Readings(Harness):
    """Exports and rebuilds."""

    async def small_brand(self, tenant: str, cast: Cast) -> Stored:
        """Some people, evidence of every kind, one who said something and is no more, conflicts."""
        a, b, c = cast.open_id("wxa", "a"), cast.open_id("wxb", "b"), cast.open_id("wxa", "c")
        union, second, lone = cast.union_id("wxo", "u", of=a), cast.union_id("wxp", "u", of=a), cast.external_id("crm", "gone")
        member = cast.external_id("member", "1", of=b)
        said = [cast.seen(a), cast.resolved(a, union, second), cast.migrated(b, c), cast.claims(b, member), cast.unlinked(c, member)]
        conflicts = [cast.conflict(a, b), cast.conflict(b, c, resolved=4)]
        await self.plant(tenant, together(a, b, c, union, second, lone, member, *said, cast.claims(lone, member), *conflicts))
        return await self.peek(tenant)

    async def test_everybody_is_read_with_what_they_said(self, store: Store, tenant: str, cast: Cast) -> None:
        """Every identifier comes once with all its roll-ups, in pages or by key; who is not there is left out."""
        stored = await self.small_brand(tenant, cast)
        async with store.reading(tenant) as reading:
            found = await all_of(reading.holdings, lambda one: one.key)
            assert stored.members == {one.key: one.member for one in found if one.member}
            assert stored.rollups == {said.rollup.key: said for one in found for said in one.rollups}
            assert all(said.rollup.a == one.key for one in found for said in one.rollups)
            assert found[1:3] == await reading.holdings_of([found[2].key, Key("x" * 22), found[1].key])

    async def test_who_is_no_more_still_said_it(self, store: Store, tenant: str, cast: Cast) -> None:
        """An identifier that was retired is read with its roll-ups, without being a member."""
        await self.small_brand(tenant, cast)
        lone = cast.external_id("crm", "gone")
        await write(store, tenant, Writes(retired=[lone.key], ended=[lone.key]))
        async with store.reading(tenant) as reading:
            [found] = [one for one in await all_of(reading.holdings, lambda one: one.key) if one.key == lone.key]
            assert Holding(key=lone.key, member=None, rollups=(cast.claims(lone, cast.external_id("member", "1")),)) == found

    async def test_customers_conflicts_and_nodes_are_read(self, store: Store, tenant: str, cast: Cast) -> None:
        """Customers and conflicts come as they are stored, nodes of a kind by themselves; the state says how far the tenant is."""
        stored = await self.small_brand(tenant, cast)
        waiting = [cast.row_in_quarantine(name) for name in "xyz"]
        decision = Decision(
            key=Key("d" * 22), kind=DecisionKind.SAME, a=Key("a"), b=Key("b"), reason="r", author="me", decided=1, revoked=2
        )
        await write(store, tenant, Writes(put=[*waiting, decision, cast.touchpoint("wxa")]))
        async with store.reading(tenant) as reading:
            assert stored.customers == {row.key: row for row in await all_of(reading.customers, lambda row: row.key)}
            assert stored.conflicts == {row.key: row for row in await all_of(reading.conflicts, lambda row: row.key)}
            quarantined = await all_of(lambda after, limit: reading.nodes(Quarantined, after, limit), lambda node: node.key)
            assert sorted(waiting, key=lambda node: node.key) == quarantined
            assert [decision] == await reading.nodes(Decision, None, 10)
            assert await store.registry(tenant) == await reading.registry()
            state = await reading.state()
            assert ((await self.peek(tenant)).turn, (await store.registry(tenant)).version) == (state.turn, state.version)

    async def test_a_reading_stays_within_the_tenant(self, store: Store, tenant: str) -> None:
        """Nothing of another tenant is read, neither in pages nor by its key."""
        foreign = f"{tenant}-other"
        await store.create_tenant(foreign)
        stored = await self.small_brand(foreign, Cast(store.keys(foreign)))
        async with store.reading(tenant) as reading:
            assert [] == await reading.holdings(None, 10)
            assert [] == await reading.holdings_of(list(stored.members))
            assert [] == await reading.customers(None, 10)
            assert [] == await reading.conflicts(None, 10)

    async def test_a_reading_is_of_one_moment_or_says_so(self, store: Store, tenant: str, cast: Cast) -> None:
        """A snapshot does not see what is written after it began; without one the state tells that a turn passed."""
        async with store.reading(tenant) as reading:
            before = await reading.state()
            await write(store, tenant, together(cast.open_id("wxa", "late")))
            found = await reading.holdings(None, 10)
            assert (reading.is_snapshot, not reading.is_snapshot) == (not found, await reading.state() != before)
