"""Use cases that hold a whole tenant against a rebuild: say where it differs, or mend it, beside whoever writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from graph.accounts import Registry
from graph.decisions import Decision
from graph.derive import News, derive
from graph.jobs import UNFINISHED, Job
from graph.keys import Keys
from graph.node import Key, Millis
from graph.partition import Partition
from graph.quarantine import Quarantined
from graph.rebuild import Difference, Part, Picture, apart, changed, distrusted, rebuilt
from graph.state import ConflictRow, CustomerRow, Label, Member, StoredRollup
from graph.stores.reading import Reading, paged, share
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

TURN = 200
"""Identifiers mended in one turn: writers wait no longer than that takes. One raw component is never cut."""
ROUNDS = 3
"""How often what was mended is looked at again before somebody else must be making the differences."""


class Show(Protocol):
    """Tells how far long work is."""

    def __call__(self, what: str, done: float, /) -> object:
        """What is being done, and which share of it is done: 0 to 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a comparison with a rebuild found."""

    differences: list[Difference]
    identifiers: int
    rollups: int
    customers: int
    jobs: int
    """Unfinished jobs: what they have still to do shows as differences."""

    @property
    def counts(self) -> Counter[Part]:
        """How many differences of each kind."""
        return Counter(one.part for one in self.differences)


@dataclass(kw_only=True)
class _Held:
    """A tenant as it was read: what is derived, and what that should follow from."""

    registry: Registry
    members: dict[Key, Member] = field(default_factory=dict)
    rollups: dict[Key, StoredRollup] = field(default_factory=dict)
    customers: dict[Key, CustomerRow] = field(default_factory=dict)
    conflicts: dict[Key, ConflictRow] = field(default_factory=dict)
    waiting: dict[Key, Quarantined] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    jobs: int = 0

    @property
    def picture(self) -> Picture:
        return Picture(members=self.members, customers=self.customers, rollups=self.rollups, conflicts=self.conflicts, waiting=self.waiting)

    def rebuilt(self, keys: Keys) -> Picture:
        open_ids = {key: one for key, one in self.members.items() if one.label is Label.OPEN_ID}
        return rebuilt(self.registry, keys, open_ids, (one.rollup for one in self.rollups.values()), self.decisions)


async def verify(tenant: Tenant, show: Show = lambda *_: None) -> Verdict:
    """Compare all that is derived with what follows from the evidence. Takes memory in proportion to the tenant.

    Where the store gives no snapshot, what differs was perhaps written while it was read: it is looked at again under the tenant's lock.
    """
    held, is_snapshot = await _read(tenant, show)
    show("deriving", 0.0)
    made = held.rebuilt(tenant.keys)
    found = list(apart(held.picture, made))
    if found and not is_snapshot:
        still: list[Difference] = []
        for suspects in _suspects(found, held.picture, made):
            still += await _looked_at_again(tenant, suspects)
        found = still
    return Verdict(
        differences=found, identifiers=len(held.members), rollups=len(held.rollups), customers=len(held.customers), jobs=held.jobs
    )


async def mend(tenant: Tenant, show: Show = lambda *_: None) -> tuple[Verdict, Verdict]:
    """Write what follows from the evidence wherever something else is stored, in bounded turns, with items in the feed.

    Gives what differed at first, and what differs in the end: nothing, but for what no rebuild can bring back. Each turn looks at what
    is stored by then, so it may run beside writers.
    """
    first = last = await verify(tenant, show)
    for _ in range(ROUNDS):
        if all(one.part is Part.NAMELESS for one in last.differences):
            break
        held, _ = await _read(tenant, show)
        made = held.rebuilt(tenant.keys)
        groups = list(_suspects(list(apart(held.picture, made)), held.picture, made))
        for number, suspects in enumerate(groups):
            show("mending", number / len(groups))
            await _mended(tenant, suspects)
        last = await verify(tenant, show)
    return first, last


async def _read(tenant: Tenant, show: Show) -> tuple[_Held, bool]:
    async with tenant.store.reading(tenant.name) as reading:
        held = _Held(registry=await reading.registry())
        async for holdings in paged(reading.holdings):
            held.members.update((one.key, one.member) for one in holdings if one.member)
            held.rollups.update((said.rollup.key, said) for one in holdings for said in one.rollups)
            show("reading evidence", share(holdings[-1].key))
        async for rows in paged(reading.customers):
            held.customers.update((row.key, row) for row in rows)
            show("reading customers", share(rows[-1].key))
        async for conflicts in paged(reading.conflicts):
            held.conflicts.update((row.key, row) for row in conflicts if row.resolved is None)
        await _read_nodes(reading, held)
        held.registry = await reading.registry()  # as late as the evidence that was scoped by it
        return held, reading.is_snapshot


async def _read_nodes(reading: Reading, held: _Held) -> None:
    async for waiting in paged(lambda after, limit: reading.nodes(Quarantined, after, limit)):
        held.waiting.update((node.key, node) for node in waiting if node.holder)
    async for decisions in paged(lambda after, limit: reading.nodes(Decision, after, limit)):
        held.decisions += decisions
    async for jobs in paged(lambda after, limit: reading.nodes(Job, after, limit)):
        held.jobs += sum(job.state in UNFINISHED for job in jobs)


@dataclass(frozen=True)
class _Suspects:
    """Differences of some raw components, and all identifiers of those."""

    differences: list[Difference]
    people: frozenset[Key]
    names: frozenset[Key]
    conflicts: list[ConflictRow]
    """Stored ones that do not follow."""

    @property
    def scope(self) -> Scope:
        waiting = frozenset(one.key for one in self.differences if one.part is Part.WAITING)
        return Scope(people=self.people, expand=self.people, names=self.names, keys=waiting)

    def keys_of(self, part: Part) -> list[Key]:
        return [one.key for one in self.differences if one.part is part]


def _suspects(found: list[Difference], stored: Picture, made: Picture) -> Iterator[_Suspects]:
    """Differences dealt out by raw components, as many as one turn takes."""
    raw = Partition.by_pairs((), _pairs(stored, made))
    by_root: dict[Key, list[Difference]] = defaultdict(list)
    for one in found:
        by_root[raw.root(_where(one, stored, made))].append(one)
    batch: list[Difference] = []
    people: set[Key] = set()
    for root, differences in by_root.items():
        batch += differences
        people.update(raw.members(root))
        if len(people) >= TURN:
            yield _group(batch, people, stored, made)
            batch, people = [], set()
    if batch:
        yield _group(batch, people, stored, made)


def _pairs(stored: Picture, made: Picture) -> Iterator[tuple[Key, Key]]:
    """What hangs together by evidence, by where it is said to belong, or by a conflict."""
    for picture in (stored, made):
        for one in picture.rollups.values():
            yield from ((one.rollup.a, end) for end, is_live in one.ends if is_live)
        for member in picture.members.values():
            yield member.key, member.customer


def _where(one: Difference, stored: Picture, made: Picture) -> Key:
    """An identifier of the raw component that a difference lies in."""
    for picture in (made, stored):
        if one.part is Part.CONFLICT and one.key in picture.conflicts:
            return picture.conflicts[one.key].about[0]
        if one.part in {Part.EVIDENCE, Part.NAMELESS} and one.key in picture.rollups:
            return picture.rollups[one.key].rollup.a
        if one.part is Part.WAITING and one.key in picture.waiting:
            return picture.waiting[one.key].holder or one.key
    return one.key


def _group(batch: list[Difference], people: Iterable[Key], stored: Picture, made: Picture) -> _Suspects:
    everybody = frozenset(people)
    texts = {m.text_key for picture in (stored, made) for key in everybody if (m := picture.members.get(key)) and m.text_key}
    stray = [stored.conflicts[one.key] for one in batch if one.part is Part.CONFLICT and one.follows is None]
    return _Suspects(batch, everybody, frozenset(texts), stray)


async def _looked_at_again(tenant: Tenant, suspects: _Suspects) -> list[Difference]:
    """Which of these differences are there under the lock, too. Nothing is written."""

    def decide(loaded: Loaded) -> tuple[Writes, set[tuple[Part, Key]]]:
        return Writes(), changed(loaded, _right(tenant, loaded, suspects, tenant.now()))

    still = await tenant.write(lambda _: suspects.scope, decide)
    return [one for one in suspects.differences if one.part is Part.NAMELESS or (one.part, one.key) in still]


async def _mended(tenant: Tenant, suspects: _Suspects) -> None:
    now = tenant.now()
    await tenant.write(lambda _: suspects.scope, lambda loaded: (_right(tenant, loaded, suspects, now), None))


def _right(tenant: Tenant, loaded: Loaded, suspects: _Suspects, now: Millis) -> Writes:
    """What follows for these raw components from their evidence alone, and the end of what hangs on nobody."""
    derived = derive(distrusted(loaded), tenant.keys, News(cause="rebuild"), now)
    writes = derived.writes
    held = set(derived.customer.values()) | {member.customer for member in loaded.members.values()}
    writes.ended += sorted(set(suspects.keys_of(Part.CUSTOMER)) - held - set(writes.ended))
    written = {row.key for row in writes.conflicts} | loaded.conflicts.keys()
    writes.conflicts += [replace(row, resolved=now) for row in suspects.conflicts if row.key not in written]
    kept = {node.key for node in (*writes.put, *writes.drop)}
    writes.drop += [loaded.nodes[key] for key in suspects.keys_of(Part.WAITING) if key in loaded.nodes and key not in kept]
    return writes
