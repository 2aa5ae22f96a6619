"""Histories in which somebody is erased at the end: told, erased, replayed under other bindings, and begun anew by a login.

Beside what a history tells, somebody writes down whom it is about, and a row of theirs waits for a touchpoint that nobody registers.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from graph.decisions import Decision, DecisionKind
from graph.erase import Erasure, Order, erase_customer
from graph.errors import Refused, UserErrorCode
from graph.evidence import ResolutionSource
from graph.limits import LimitOverride
from graph.link import By, ExternalLink, Migration, link_external_ids, record_migrations
from graph.node import Key, Millis, Node
from graph.receipts import verifies
from graph.record import Row as GivenRow
from graph.record import record_resolutions
from graph.registry import registry_only
from graph.results import Outcome, Result
from graph.stores import Store
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from graph.turn import Writes
from tests.resolver.facts import Bound, Claimed, Decided, Moved, Name, Unlinked
from tests.resolver.histories import Story, story
from tests.resolver.names import Names, external
from tests.resolver.operations import Bind, Operation, Row, as_decided, shuffled
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
    spelled: Callable[[], str]
    """All that the store holds of the tenant, written out."""


@dataclass(frozen=True)
class Case:
    """A history, and the row of it whose person goes."""

    story: Story
    row: Row
    names: Names
    decisions: list[Key]
    """Those of the history."""

    @property
    def waiting(self) -> GivenRow:
        """What waits in quarantine: the same person where nobody knows the touchpoint."""
        return replace(given(self.row), app_id="wxghost", open_id=GHOST)

    @property
    def words(self) -> str:
        """What somebody writes down, as Chinese is written: without blanks."""
        return "由" + "，".join(f"用户{value}提出" for _, _, value in named(self.row))

    @property
    def named(self) -> set[Name]:
        """Whoever the history is about."""
        return {name for one in self.story.operations for name in named(one)}


GHOST = "oGhost"
REBOUND = 4
"""In one history of so many bindings are told at last, and who is erased goes before a job has come to anybody."""


def named(one: Operation) -> Iterator[Name]:
    """Whom an operation names; a UnionID as in decisions."""
    match one:
        case Row(seen, exts):
            found = [seen.who, *exts, *([("union", "", seen.text)] if seen.text else [])]
        case Moved(old, new):
            found = [old, new]
        case Claimed(claimant, ext) | Unlinked(claimant, ext):
            found = [claimant, ext]
        case Decided():
            found = [one.a, one.b]
        case _:
            found = []
    yield from map(as_decided, found)


class Replayer(Teller):
    """Tells what was told before, by the use cases that outsiders have, and counts what is turned away."""

    turned_away: int

    async def _rows(self, rows: list[Row]) -> None:  # type: ignore[override]  # nobody else calls it
        await self.tell_rows([given(row) for row in rows])

    async def tell_rows(self, rows: list[GivenRow]) -> None:
        """Rows as a caller sends them."""
        self._count(await record_resolutions(self.tenant, rows))

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
                await self.assert_directly(bound)

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
    decisions = [teller.decision_key(made.key) for made in one.operations if isinstance(made, Decided)]
    case = Case(one, chance.choice(rows), teller.names, decisions)
    await _written_down(tenant, case)
    if seed % REBOUND == 2:
        for bound in _late(one, chance):
            await teller.assert_directly(bound)
    before = stage.spelled()
    assert all(_is_in(before, value) for value in (GHOST, *(value for _, _, value in named(case.row)))), "nothing would be found"
    erased = await _erase(tenant, case, chance, seen)
    seen["jobs that came too late"] += sum(of == name for of, _ in await tenant.store.jobs(tenant.now()))
    await teller.work()
    if erased is None:
        return seen
    await _nothing_is_left(stage, tenant, erased, case, seen)
    blocked = await tenant.store.blocked(name)
    turned_away = await _replayed(tenant, case, chance)
    seen["turned away"] += turned_away
    assert blocked + turned_away == await tenant.store.blocked(name)
    await _nothing_is_left(stage, tenant, erased, case, seen)
    await _new_life(stage, tenant, case.row, erased, seen)
    return seen


async def _written_down(tenant: Tenant, case: Case) -> None:
    """The row that waits, and words of people in the registry and beside it, about others."""
    assert [Outcome.QUARANTINED] == [result.outcome for result in await record_resolutions(tenant, [case.waiting])]
    key, a, b = (tenant.keys.derive("Written", one) for one in "kab")
    words: list[Node] = [
        LimitOverride(key=key, rule="none", platform_key=None, value=1, author="tests", reason=case.words, made=1),
        Decision(key=key, kind=DecisionKind.DIFFERENT, a=a, b=b, reason=case.words, author="tests", decided=1),
    ]
    await tenant.write(registry_only, lambda _: (Writes(put=words), None))


def _by(row: Row, chance: random.Random) -> By:
    """Mostly by an OpenID."""
    if row.exts and chance.random() < 0.2:
        return By(external_id=external(chance.choice(row.exts)))
    return By(open_id=row.seen.who[1:])


async def _erase(tenant: Tenant, case: Case, chance: random.Random, seen: Counter[str]) -> Erasure | None:
    order = Order(by=_by(case.row, chance), reason=case.words, author="tests", backup_days=30)
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


async def _nothing_is_left(stage: Stage, tenant: Tenant, erased: Erasure, case: Case, seen: Counter[str]) -> None:
    """Nobody holds what was erased, and the others are what follows from what is left of the evidence."""
    held = await stage.held(tenant)
    assert set() == _keys(erased) & held.people.keys()
    assert await stage.rebuilt(tenant) == held
    answers = await tenant.store.nodes(tenant.name, sorted(_keys(erased)))
    assert None not in answers, "an old id is not known to be erased"
    await _nothing_is_said(stage, tenant, case, seen)


async def _nothing_is_said(stage: Stage, tenant: Tenant, case: Case, seen: Counter[str]) -> None:
    """Nothing that is stored, words of people and rows that wait included, holds a value of theirs alone; no decision names them."""
    known = {case.names.key(name): name for name in case.named}
    nodes = await tenant.store.nodes(tenant.name, sorted(known))
    gone = {node.key for node in nodes if isinstance(node, Tombstone)}
    others = {value for key, (_, _, value) in known.items() if key not in gone}
    held = stage.spelled()
    assert [] == [value for key in gone if (value := known[key][2]) not in others and _is_in(held, value)]
    is_known = gone.isdisjoint(map(case.names.key, set(named(case.row)) - {case.row.seen.who}))
    assert is_known == _is_in(held, GHOST)
    seen["rows that went"] += not is_known
    decisions = await tenant.store.nodes(tenant.name, case.decisions)
    assert [] == [one for one in decisions if isinstance(one, Decision) and one.pair & gone]


def _is_in(text: str, value: str) -> bool:
    """Whether it stands there by itself, and not in a key of chance, a signature (base64) or another value."""
    return re.search(rf"(?<![A-Za-z0-9_+/=-]){re.escape(value)}(?![A-Za-z0-9_+/=-])", text) is not None


async def _replayed(tenant: WatchedTenant, case: Case, chance: random.Random) -> int:
    """All that was said, in another order, under other bindings; gives how much of it was turned away."""
    one = case.story
    replayer = Replayer(tenant, one.world, chance)
    replayer.turned_away = 0
    bindings: list[Operation] = [Bind(f"late {n}", bound) for n, bound in enumerate(_late(one, chance))]
    said = [fact for fact in one.operations if isinstance(fact, Row | Moved | Claimed)]
    await replayer.tell(shuffled([*said, *bindings], chance))
    await replayer.tell_rows([case.waiting])
    return replayer.turned_away


def _late(one: Story, chance: random.Random) -> list[Bound]:
    """Bindings of chance."""
    return [Bound(chance.choice(one.world.apps), chance.choice(one.world.platforms), chance.randint(1, 60_000)) for _ in range(3)]


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
