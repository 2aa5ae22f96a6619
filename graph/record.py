"""Use cases that record evidence: resolutions, migrations, external ids. Each row answers for itself; a batch is one turn."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.accounts import Registry
from graph.derive import Derived, News, derive
from graph.errors import Refused, SimpleError, UserError, UserErrorCode
from graph.keys import Keys
from graph.node import Key, Millis, Node
from graph.quarantine import Quarantined, QuarantineReason
from graph.rows import Row, Sighted, from_json, quarantined, read_row
from graph.state import ConflictRow
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

__all__ = ["Outcome", "Result", "Row", "record_resolutions", "replay"]


Read = Sighted | UserError | QuarantineReason


class Outcome(enum.Enum):
    """What became of a row."""

    APPLIED = "APPLIED"
    """It said something new."""
    UNCHANGED = "UNCHANGED"
    """It was known: only times moved."""
    QUARANTINED = "QUARANTINED"
    """It, or its UnionID, waits until something is registered; nothing is lost."""
    REJECTED = "REJECTED"
    """It cannot be applied and was not stored: see its error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one row."""

    outcome: Outcome
    customer: Key | None = None
    is_new_customer: bool = False
    conflict: Key | None = None
    error: UserError | None = None


@dataclass(kw_only=True)
class Batch:
    """Rows to record in one turn."""

    rows: Sequence[Row]
    keeps_malformed: bool = False
    """Rows come from WeChat itself, where nobody hears a rejection: what cannot be read is quarantined instead."""
    cause: str = "recordResolutions"
    now: Millis = 0
    released: Mapping[Key, Quarantined] = field(default_factory=dict)
    """Quarantined rows that these rows are, as they were read: dropped once they are applied."""
    _reads: tuple[int, list[Read]] = (-1, [])

    def read(self, registry: Registry, keys: Keys) -> list[Read]:
        """The rows as evidence, under the registry in force: read once, unless that changes in between."""
        if self._reads[0] != registry.version:
            self._reads = (registry.version, [read_row(row, registry, keys, self.now) for row in self.rows])
        return self._reads[1]

    def among(self, which: Sequence[int]) -> Batch:
        """Some of the rows, with what was read of them."""
        version, reads = self._reads
        left = replace(self, rows=[self.rows[i] for i in which])
        left._reads = (version, [reads[i] for i in which])  # noqa: SLF001  # its own kind
        return left


class _Outrun(Exception):
    """What was to be released is no longer as it was read: somebody else released it, or it came again."""


async def record_resolutions(tenant: Tenant, rows: Sequence[Row], *, keeps_malformed: bool = False) -> list[Result]:
    """Record up to 500 rows: first those that change nothing but times, in one statement, then the others in one turn."""
    batch = Batch(rows=rows, keeps_malformed=keeps_malformed, now=tenant.now())
    registry = await tenant.store.registry(tenant.name)
    sighted = batch.read(registry, tenant.keys)
    # A UnionID that waits is noted in quarantine too, so its row takes a turn.
    touches = {i: s.touch for i, s in enumerate(sighted) if isinstance(s, Sighted) and not s.waits}
    touched = await tenant.store.touch(tenant.name, registry.version, list(touches.values()))
    results: dict[int, Result] = {}
    for i, customer in zip(touches, touched, strict=True):
        if customer:
            results[i] = Result(outcome=Outcome.UNCHANGED, customer=customer)
    left = [i for i in range(len(rows)) if i not in results]
    if left:
        results |= dict(zip(left, await write_batch(tenant, batch.among(left)), strict=True))
    return [results[i] for i in range(len(rows))]


async def write_batch(tenant: Tenant, batch: Batch) -> list[Result]:
    """Record rows in one turn, whether they say anything new or not."""

    def scope_of(registry: Registry) -> Scope:
        people: set[Key] = set()
        names: set[Key] = set()
        keys: set[Key] = set(batch.released)
        for row, read in zip(batch.rows, batch.read(registry, tenant.keys), strict=True):
            if isinstance(read, Sighted):
                people.update(read.people)
                names.update(read.names)
            elif reason := _reason_to_keep(read, batch):
                keys.add(quarantined(row, reason, registry.policy, tenant.keys, batch.now).key)
        return Scope(people=frozenset(people), names=frozenset(names), keys=frozenset(keys))

    return await tenant.write(scope_of, lambda loaded: _decide(tenant, batch, loaded))


def _reason_to_keep(read: UserError | QuarantineReason, batch: Batch) -> QuarantineReason | None:
    if isinstance(read, QuarantineReason):
        return read
    return QuarantineReason.MALFORMED if batch.keeps_malformed and read.code is UserErrorCode.INVALID_INPUT else None


def _decide(tenant: Tenant, batch: Batch, loaded: Loaded) -> tuple[Writes, list[Result]]:
    if any(loaded.nodes.get(key) != node for key, node in batch.released.items()):
        raise _Outrun
    news = News(cause=batch.cause)
    reads = batch.read(loaded.registry, tenant.keys)
    for read in reads:
        if isinstance(read, Sighted):
            news.identifiers.update(read.identifiers)
            news.rollups += read.rollups
    derived = derive(loaded, tenant.keys, news, batch.now)
    kept: dict[Key, Quarantined] = {}
    unclaimed = set(derived.fresh)
    results = []
    for row, read in zip(batch.rows, reads, strict=True):
        if isinstance(read, Sighted):
            results.append(_result(read, derived, loaded, unclaimed))
            continue
        reason = _reason_to_keep(read, batch)
        if reason is None:
            assert isinstance(read, UserError)  # noqa: S101  # a reason is always kept
            results.append(Result(outcome=Outcome.REJECTED, error=read))
        else:
            _keep(quarantined(row, reason, loaded.registry.policy, tenant.keys, batch.now), kept, batch, loaded)
            results.append(Result(outcome=Outcome.QUARANTINED, error=read if isinstance(read, UserError) else None))
    released: list[Node] = [node for key, node in batch.released.items() if key not in kept]
    derived.writes.add(Writes(put=list(kept.values()), drop=released))
    return derived.writes, results


def _keep(row: Quarantined, kept: dict[Key, Quarantined], batch: Batch, loaded: Loaded) -> None:
    """The same row again counts once more; it does not wait twice. One that was tried again did not come again."""
    known = kept.get(row.key) or (None if row.key in batch.released else loaded.nodes.get(row.key))
    if isinstance(known, Quarantined):
        row = Quarantined(
            key=row.key,
            reason=row.reason,
            app_id=row.app_id,
            first=min(row.first, known.first),
            last=max(row.last, known.last),
            times=row.times + known.times,
            row=row.row,
        )
    kept[row.key] = row


def _result(read: Sighted, derived: Derived, loaded: Loaded, unclaimed: set[Key]) -> Result:
    customer = derived.customer[read.open_id]
    mine = {rollup.key for rollup in read.rollups}
    is_news = not unclaimed.isdisjoint(mine) or any(_reaches_back(read, key, loaded) for key in mine)
    unclaimed -= mine
    known = Outcome.APPLIED if is_news else Outcome.UNCHANGED
    return Result(
        outcome=Outcome.QUARANTINED if read.waits else known,
        customer=customer,
        is_new_customer=customer in derived.created,
        conflict=_conflict_about(read, derived.opened),
    )


def _reaches_back(read: Sighted, key: Key, loaded: Loaded) -> bool:
    """Whether a known roll-up now begins earlier or ends in another epoch: then more than times may have moved."""
    stored = loaded.rollups.get(key)
    return stored is not None and (read.at < stored.rollup.first or not read.epoch.covers(stored.rollup.last))


def _conflict_about(read: Sighted, opened: Sequence[ConflictRow]) -> Key | None:
    return next((row.key for row in opened if not read.identifiers.keys().isdisjoint(row.about)), None)


async def replay(tenant: Tenant, keys: Sequence[Key]) -> int:
    """Try quarantined whole rows again, in one turn; those that still cannot be applied stay. Gives how many went."""
    waiting = {node.key: node for node in await tenant.store.nodes(tenant.name, keys) if isinstance(node, Quarantined) and node.row}
    rows = [row for node in waiting.values() for row in from_json(node)]
    if not rows:
        return 0
    batch = Batch(rows=rows, keeps_malformed=True, cause="replayQuarantine", now=tenant.now(), released=waiting)
    try:
        results = await write_batch(tenant, batch)
    except _Outrun:
        return await replay(tenant, keys)
    applied = [result.outcome in {Outcome.APPLIED, Outcome.UNCHANGED} or result.customer is not None for result in results]
    return sum(applied)


def refusal(message: str, code: UserErrorCode, *path: str) -> Result:
    """A row that was rejected."""
    return Result(outcome=Outcome.REJECTED, error=SimpleError(message=message, code=code, path=list(path) or None))


def rejected(refused: Refused) -> Result:
    """A row that was refused by a rule."""
    return Result(outcome=Outcome.REJECTED, error=refused.errors[0])
