"""The contract as use cases meet it: evidence recorded through the store, with the rule deriving what is written."""

from __future__ import annotations

import pytest

from graph import upkeep
from graph.accounts import Binding, Entity, EntityKind, OpenPlatform
from graph.binding import correct_binding, unbind_touchpoint
from graph.derive import News, derive
from graph.evidence import ResolutionSource
from graph.node import SINCE_EVER, Key
from graph.record import record_resolutions
from graph.results import Outcome
from graph.rows import ExternalRef, Row
from graph.state import ConflictKind, CustomerState
from graph.stores import ConflictFilter, Page, Store
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes
from tests.stores.cast import Cast
from tests.stores.harness import Harness, write


def row(app: str, name: str, union: str | None = None, *, at: int = 1000, phone: str | None = None) -> Row:
    """A resolution, perhaps with a phone number."""
    externals = (ExternalRef(namespace="crm", value=phone),) if phone else ()
    return Row(app_id=app, open_id=name, union_id=union, observed=at, source=ResolutionSource.CODE2SESSION, external_ids=externals)


class UseCases(Harness):
    """Recording."""

    async def brand(self, store: Store, tenant: str, cast: Cast) -> Tenant:
        """Two touchpoints that have been bound to one platform since ever."""
        keys = cast.keys
        entity = Entity(key=keys.entity("e"), entity_id="e", name="Brand", kind=EntityKind.COMPANY)
        platform = OpenPlatform(key=keys.open_platform("wxo"), open_app_id="wxo", name="Platform", entity_key=entity.key)
        shops = [cast.touchpoint("wxa"), cast.touchpoint("wxb")]
        bound = [
            Binding(key=keys.derive("Binding", shop.app_id), touchpoint_key=shop.key, platform_key=platform.key, starts=SINCE_EVER)
            for shop in shops
        ]
        await write(store, tenant, Writes(put=[entity, platform, *shops, *bound]))
        return Tenant(store, tenant)

    async def assert_settled(self, tenant: Tenant) -> None:
        """Deriving everything anew from what is stored changes nothing."""
        everybody = frozenset((await self.peek(tenant.name)).members)

        def decide(seen: Loaded) -> tuple[Writes, Writes]:
            return Writes(), derive(seen, tenant.keys, News(cause="check"), tenant.now()).writes

        again = await tenant.write(lambda _: Scope(people=everybody, expand=everybody), decide)
        assert Writes() == again

    async def test_two_touchpoints_meet_in_a_union_id(self, store: Store, tenant: str, cast: Cast) -> None:
        """Two OpenIDs with one UnionID are one customer; the one that was there before is merged into it and still leads to it."""
        brand = await self.brand(store, tenant, cast)
        results = await record_resolutions(brand, [row("wxa", "a"), row("wxb", "b", "u", at=2000)])
        assert [Outcome.APPLIED] * 2 == [result.outcome for result in results]
        await record_resolutions(brand, [row("wxa", "a", "u", at=3000)])
        a, b = cast.open_id("wxa", "a").key, cast.open_id("wxb", "b").key
        _, found = await store.customers(tenant, [a, b])
        assert [a, a] == [one and one.row.key for one in found]
        assert found[0] is not None
        assert CustomerState.IDENTIFIED is found[0].row.state
        assert {a, b, cast.union_id("wxo", "u").key} == {member.key for member in found[0].members}
        assert list(range(1, 4)) == [change.sequence for change in await store.changes(tenant, 0, 10)]
        await self.assert_settled(brand)

    async def test_what_a_touch_leaves_is_what_deriving_gives(self, store: Store, tenant: str, cast: Cast) -> None:
        """Known rows only move times, and then the stored state is again what follows from the stored evidence."""
        brand = await self.brand(store, tenant, cast)
        rows = [row("wxa", "a", "u", phone="1"), row("wxb", "b", "u"), row("wxa", "c")]
        await record_resolutions(brand, rows)
        before = await self.peek(tenant)
        again = [
            row("wxa", "a", "u", at=5000, phone="1"),
            row("wxb", "b", "u", at=4000),
            row("wxa", "c", at=3000),
            row("wxa", "c", at=2000),
        ]
        assert [Outcome.UNCHANGED] * 4 == [result.outcome for result in await record_resolutions(brand, again)]
        after = await self.peek(tenant)
        assert (before.turn, before.changes) == (after.turn, after.changes)
        a, c = after.members[cast.open_id("wxa", "a").key], after.members[cast.open_id("wxa", "c").key]
        assert [(2, 5000), (3, 3000)] == [(a.times, a.last), (c.times, c.last)]
        assert 5000 == after.customers[a.customer].last
        await self.assert_settled(brand)

    async def test_a_crowd_comes(self, store: Store, tenant: str, cast: Cast) -> None:
        """One claimant too many makes an external id generic: it joins nobody, and all of them, also those not in the batch, part again."""
        brand = await self.brand(store, tenant, cast)
        for n in range(5):
            await record_resolutions(brand, [row("wxa", f"p{n}", f"u{n}", at=1000 + n, phone="shared")])
        people = [cast.open_id("wxa", f"p{n}").key for n in range(7)]
        assert 1 == len(await self.holders(store, tenant, people[:5]))
        await record_resolutions(brand, [row("wxa", "p5", "u5", phone="shared")])
        assert 6 == len(await self.holders(store, tenant, people[:6]))
        await record_resolutions(brand, [row("wxa", "p6", "u6", phone="shared")])
        assert 7 == len(await self.holders(store, tenant, people))
        _, part = await store.conflict_page(tenant, ConflictFilter(), Page())
        assert [(ConflictKind.GENERIC_IDENTIFIER, 7)] == [(one.row.kind, one.row.refused_count) for one in part.items]
        await self.assert_settled(brand)

    async def holders(self, store: Store, tenant: str, keys: list[Key]) -> set[Key]:
        """The customers of these."""
        _, found = await store.customers(tenant, keys)
        return {one.row.key for one in found if one}

    async def test_a_rescope_looks_at_nobody_twice(self, store: Store, tenant: str, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        """A job goes on behind the page that it did, and begins again where the history changed meanwhile, until nobody is left."""
        monkeypatch.setattr(upkeep, "PAGE", 2)
        brand = await self.brand(store, tenant, cast)
        await record_resolutions(brand, [row("wxa", f"o{n}", f"u{n}") for n in range(5)])
        keys, shop = sorted(cast.open_id("wxa", f"o{n}").key for n in range(5)), cast.keys.touchpoint("wxa")
        unbound, job = await unbind_touchpoint(brand, "wxa", at=5000)
        held = await upkeep.take(brand, job.key, "tests") if job else None
        assert held is not None
        asked: list[tuple[Key | None, list[Key]]] = []
        stale = store.stale

        async def watched(name: str, touchpoint: Key, version: int, after: Key | None, limit: int) -> list[Key]:
            asked.append((after, await stale(name, touchpoint, version, after, limit)))
            if len(asked) == 2:  # the second page is about to be done when the history changes again
                await correct_binding(brand, unbound.id, at=6000, reason="It was later.")
            return asked[-1][1]

        monkeypatch.setattr(store, "stale", watched)
        await upkeep.rescope(brand, held, "tests")

        begins_again = asked.index((keys[4], []))
        assert [(None, keys[:2]), (keys[1], keys[2:4]), (keys[3], keys[4:])] == asked[:begins_again]
        assert (None, keys[:2]) == asked[begins_again + 1]
        version = (await store.registry(tenant)).touchpoints[shop].scope_version
        assert [] == await stale(tenant, shop, version, None, 10)
        await self.assert_settled(brand)
