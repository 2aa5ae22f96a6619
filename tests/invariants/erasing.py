"""Histories in which somebody is erased at the end: told, erased, replayed under other bindings, and begun anew by a login."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graph.erase import Erasure, Order, erase_customer
from graph.errors import Refused, UserErrorCode
from graph.evidence import ResolutionSource
from graph.link import By, ExternalLink, Migration, link_external_ids, record_migrations
from graph.node import Key, Millis
from graph.receipts import verifies
from graph.record import Row as GivenRow
from graph.record import record_resolutions
from graph.results import Outcome, Result
from graph.stores import Store
from graph.tenant import Tenant
from tests.resolver.facts import Bound, Claimed, Moved
from tests.resolver.histories import Story, story
from tests.resolver.names import external
from tests.resolver.operations import Bind, Operation, Row, shuffled
from tests.resolver.rebuilt import State
from tests.resolver.telling import Teller, WatchedTenant


@dataclass
class Clock:
    """A clock that the test moves."""

    now: Millis

    def __call__(self) -> Millis:
        """What time it is."""
        return self.now


@dataclass(frozen=True)
class Stage:
    """A store, how it is read past the use cases, and its clock."""

    store: Store
    clock: Clock
    held: Callable[[Tenant], Awaitable[State]]
    rebuilt: Callable[[Tenant], Awaitable[State]]


class Replayer(Teller):
    """Tells what was told before, by the use cases that outsiders have, and counts what is turned away."""

    turned_away: int

    async def _rows(self, rows: list[Row]) -> None:  # type: ignore[override]  # nobody else calls it
        self._count(await record_resolutions(self.tenant, [given(row) for row in rows]))

    async def _tell(self, one: Operation) -> None:
        match one:
            case Moved(old, new, at):
                moved = [Migration(from_open_id=old[2], to_open_id=new[2])]
                self._count(await record_migrations(self.tenant, old[1], new[1], moved, at))
            case Claimed(claimant, ext, _, at):
                by = By(open_id=claimant[1:]) if claimant[0] == "open" else By(id=f"cus_{self.names.key(claimant)}")
                link = ExternalLink(customer=by, external_id=external(ext), observed=at)
                self._count(await link_external_ids(self.tenant, [link]))
            case Bind(_, bound):
                await self._assert_directly(bound)

    def _count(self, results: list[Result]) -> None:
        self.turned_away += sum(result.error is not None and result.error.code is UserErrorCode.ERASED for result in results)


def given(row: Row, source: ResolutionSource | None = None, at: Millis | None = None) -> GivenRow:
    """A row as a caller sends it."""
    return GivenRow(
        app_id=row.seen.who[1],
        open_id=row.seen.who[2],
        union_id=row.seen.text,
        observed=row.seen.at if at is None else at,
        source=source or ResolutionSource(row.seen.source),
        external_ids=tuple(map(external, row.exts)),
    )


async def check(stage: Stage, seed: int, name: str) -> Counter[str]:
    """One history; gives what came up in it."""
    one, chance, seen = story(seed), random.Random(seed), Counter[str]()
    tenant = WatchedTenant(stage.store, name, Counter())
    teller = Teller(tenant, one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    rows = [row for row in one.operations if isinstance(row, Row)]
    row = chance.choice(rows)
    erased = await _erase(tenant, _by(row, chance), seen)
    if erased is None:
        return seen
    await _nothing_is_left(stage, tenant, erased)
    turned_away = await _replayed(stage, tenant, one, chance)
    seen["turned away"] += turned_away
    await _nothing_is_left(stage, tenant, erased)
    await _new_life(stage, tenant, row, erased, seen)
    return seen


def _by(row: Row, chance: random.Random) -> By:
    """Mostly by an OpenID."""
    if row.exts and chance.random() < 0.2:
        return By(external_id=external(chance.choice(row.exts)))
    return By(open_id=row.seen.who[1:])


async def _erase(tenant: Tenant, by: By, seen: Counter[str]) -> Erasure | None:
    order = Order(by=by, reason="asked by letter", author="tests", backup_days=30)
    try:
        would = await erase_customer(tenant, order, is_dry_run=True)
    except Refused as refused:  # an external id that nobody holds, or that is others' alone
        seen[refused.errors[0].code.name] += 1
        return None
    erased = await erase_customer(tenant, order)
    assert would.identifiers == erased.identifiers
    assert erased.receipt is not None
    assert verifies(erased.receipt.document, erased.receipt.signature, erased.receipt.public_key)
    seen["erased"] += 1
    return erased


def _keys(erased: Erasure) -> set[Key]:
    return {Key(one.partition("_")[2]) for one in erased.identifiers}


async def _nothing_is_left(stage: Stage, tenant: Tenant, erased: Erasure) -> None:
    """Nobody holds what was erased, and the others are what follows from what is left of the evidence."""
    held = await stage.held(tenant)
    assert set() == _keys(erased) & held.people.keys()
    assert await stage.rebuilt(tenant) == held
    answers = await tenant.store.nodes(tenant.name, sorted(_keys(erased)))
    assert None not in answers, "an old id is not known to be erased"


async def _replayed(stage: Stage, tenant: WatchedTenant, one: Story, chance: random.Random) -> int:
    """All that was said, in another order, under other bindings."""
    replayer = Replayer(tenant, one.world, chance)
    replayer.turned_away = 0
    bindings: list[Operation] = [
        Bind(f"late {n}", Bound(chance.choice(one.world.apps), chance.choice(one.world.platforms), chance.randint(1, 60_000)))
        for n in range(3)
    ]
    said = [fact for fact in one.operations if isinstance(fact, Row | Moved | Claimed)]
    await replayer.tell(shuffled([*said, *bindings], chance))
    return replayer.turned_away


async def _new_life(stage: Stage, tenant: Tenant, row: Row, erased: Erasure, seen: Counter[str]) -> None:
    """A login readmits what it brings, and nothing observed before it counts."""
    again = tenant.keys.open_id(row.seen.who[1], row.seen.who[2])
    if again not in _keys(erased):
        return
    old = given(row, ResolutionSource.IMPORT, stage.clock.now + 50)
    assert [Outcome.REJECTED] == [result.outcome for result in await record_resolutions(tenant, [old])]
    stage.clock.now += 100
    login = given(row, ResolutionSource.CODE2SESSION, stage.clock.now)
    (result,) = await record_resolutions(tenant, [login])
    assert Outcome.REJECTED is not result.outcome
    for source in (ResolutionSource.IMPORT, ResolutionSource.USER_INFO_BATCH):
        late = given(row, source, stage.clock.now - 1)
        assert [Outcome.REJECTED] == [result.outcome for result in await record_resolutions(tenant, [late])]
    held = await stage.held(tenant)
    back = _keys(erased) & held.people.keys()
    text = tenant.keys.union_text(row.seen.text) if row.seen.text else None
    brought = {again, *(tenant.keys.external_id(ext[1], ext[2]) for ext in row.exts)}
    registry = await tenant.store.registry(tenant.name)
    if row.seen.text:
        brought |= {tenant.keys.union_id(one.open_app_id, row.seen.text) for one in registry.open_platforms.values()}
    assert again in back
    assert back <= brought
    assert text is None or text not in back
    assert await stage.rebuilt(tenant) == held
    assert (
        Outcome.REJECTED is not (await record_resolutions(tenant, [given(row, ResolutionSource.IMPORT, stage.clock.now + 10)]))[0].outcome
    )
    seen["new lives"] += 1
