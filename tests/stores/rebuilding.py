"""The contract as a rebuild meets it: whatever is wrong in what was derived is found, named by kind and key, and put right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.decisions import DecisionKind
from graph.evidence import ResolutionSource
from graph.link import By
from graph.quarantine import Quarantined
from graph.rebuild import Part
from graph.rebuilding import mend, verify
from graph.record import record_resolutions
from graph.rows import ExternalRef, Row
from graph.state import ConflictState, CustomerState, Member
from graph.steward import Word, declare
from graph.stores import ConflictFilter, Page, Store
from graph.tenant import Tenant
from graph.turn import Writes
from tests.stores.cast import Cast
from tests.stores.harness import write
from tests.stores.use_cases import UseCases

WAYS = ("customer", "date", "gone", "stray customer", "stray conflict", "no conflict", "link", "not waiting", "stray waiting", "generic")


def row(app: str, name: str, union: str | None = None, *, at: int = 1000, member: str | None = None) -> Row:
    """A resolution, perhaps with a member number."""
    externals = (ExternalRef(namespace="member", value=member),) if member else ()
    return Row(app_id=app, open_id=name, union_id=union, observed=at, source=ResolutionSource.CODE2SESSION, external_ids=externals)


class Rebuilding(UseCases):
    """Comparing and mending."""

    async def people(self, store: Store, tenant: str, cast: Cast) -> Tenant:
        """Three customers, one of them of two accounts, a conflict, a UnionID that waits, and a SAME."""
        brand = await self.brand(store, tenant, cast)
        await write(store, tenant, Writes(put=[cast.touchpoint("wxlate")]))
        rows = [row("wxa", "a", "u", member="1"), row("wxb", "b", "u"), row("wxa", "c", "v", member="1"), row("wxb", "c", "v", member="2")]
        await record_resolutions(brand, [*rows, row("wxa", "d"), row("wxb", "e"), row("wxlate", "f", "waits")])
        d, e = By(open_id=("wxa", "d")), By(open_id=("wxb", "e"))
        await declare(brand, DecisionKind.SAME, d, e, Word(reason="test", author="test"))
        return brand

    async def spoil(self, brand: Tenant, cast: Cast, way: str) -> Part:
        """Write something that does not follow; gives in which part it shows."""
        stored = await self.peek(brand.name)
        a, d = stored.members[cast.open_id("wxa", "a").key], stored.members[cast.open_id("wxa", "d").key]
        lone, empty = cast.external_id("crm", "nobody's"), stored.customers[d.customer]
        _, open_ones = await brand.store.conflict_page(brand.name, ConflictFilter(states=(ConflictState.OPEN,)), Page())
        [waiting] = (await brand.store.page(brand.name, Quarantined, Page()))[1].items
        claim = next(one for one in stored.rollups.values() if one.rollup.a == a.key and one.rollup.b != one.rollup.a and one.ends)
        spoilt: dict[str, tuple[Part, Writes]] = {
            "customer": (Part.IDENTIFIER, Writes(members=[replace(a, customer=d.customer, account=d.account)])),
            "date": (Part.IDENTIFIER, Writes(members=[replace(d, first=d.first - 1)])),
            "gone": (Part.IDENTIFIER, Writes(retired=[cast.external_id("member", "2").key])),
            "stray customer": (Part.CUSTOMER, Writes(customers=[replace(empty, key=lone.key)])),
            "stray conflict": (Part.CONFLICT, Writes(conflicts=[cast.conflict(a, d)])),
            "no conflict": (Part.CONFLICT, Writes(conflicts=[replace(open_ones.items[0].row, resolved=5)])),
            "link": (Part.EVIDENCE, Writes(rollups=[replace(claim, ends=(), settled=False)])),
            "not waiting": (Part.WAITING, Writes(drop=[waiting])),
            "stray waiting": (Part.WAITING, Writes(put=[replace(waiting, key=lone.key, holder=a.key)])),
            "generic": (Part.IDENTIFIER, Writes(members=[replace(a, crowded="UnionID somewhere")])),
        }
        part, writes = spoilt[way]
        await write(brand.store, brand.name, writes)
        return part

    async def test_what_was_recorded_is_as_rebuilt(self, store: Store, tenant: str, cast: Cast) -> None:
        """Nothing differs after ordinary use, and mending it writes no turn."""
        brand = await self.people(store, tenant, cast)
        before = await self.peek(tenant)
        first, last = await mend(brand)
        assert ([], [], len(before.customers)) == (first.differences, last.differences, last.customers)
        assert before == await self.peek(tenant)

    @pytest.mark.parametrize("way", WAYS)
    async def test_what_is_wrong_is_found_and_mended(self, store: Store, tenant: str, cast: Cast, way: str) -> None:
        """Whatever does not follow from the evidence is named by kind and key, put right, and in the feed where customers change."""
        brand = await self.people(store, tenant, cast)
        before = await self.peek(tenant)
        part = await self.spoil(brand, cast, way)
        found = await verify(brand)
        assert part in found.counts
        assert not found.jobs
        first, last = await mend(brand)
        assert (found.counts, []) == (first.counts, last.differences)
        after = await self.peek(tenant)
        assert _timeless(before.members.values()) == _timeless(after.members.values())
        assert before.customers.keys() == after.customers.keys()
        assert before.nodes == after.nodes
        moved = way in {"customer", "gone"}
        assert moved == (len(after.changes) > len(before.changes))
        assert list(range(1, after.sequence + 1)) == after.changes

    async def test_evidence_without_its_openid_is_named(self, store: Store, tenant: str, cast: Cast) -> None:
        """An OpenID that was lost cannot be rebuilt, because evidence names it by key alone: it is said, again and again."""
        brand = await self.people(store, tenant, cast)
        lost = cast.open_id("wxa", "d").key
        await write(store, tenant, Writes(retired=[lost]))
        _, last = await mend(brand)
        assert {Part.NAMELESS: 1} == dict(last.counts)

    async def test_a_customer_keeps_its_state(self, store: Store, tenant: str, cast: Cast) -> None:
        """A customer's own row is compared and mended, too."""
        brand = await self.people(store, tenant, cast)
        before = await self.peek(tenant)
        stored = before.customers[before.members[cast.open_id("wxa", "a").key].customer]
        await write(store, tenant, Writes(customers=[replace(stored, state=CustomerState.PROVISIONAL, has_shed=True)]))
        assert {Part.CUSTOMER: 1} == dict((await verify(brand)).counts)
        await mend(brand)
        assert replace(stored, turn=0) == replace((await self.peek(tenant)).customers[stored.key], turn=0)


def _timeless(members: object) -> list[Member]:
    assert hasattr(members, "__iter__")
    return sorted((replace(one, turn=0) for one in members), key=lambda one: one.key)
