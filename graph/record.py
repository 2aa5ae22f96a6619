"""Use cases that record evidence: resolutions, migrations, external ids. Each row answers for itself; a batch is one turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.accounts import Registry
from graph.derive import Derived, News, derive
from graph.errors import Refused, UserError
from graph.keys import Keys
from graph.node import Key, Millis, Node
from graph.outcomes import Outcomes
from graph.quarantine import Quarantined, QuarantineReason
from graph.requests import Asked, Request
from graph.results import Outcome, Result
from graph.rows import Row, Sighted, from_json, naming_of, quarantined, read_row, reason_to_keep
from graph.tenant import Tenant
from graph.tombstones import ERASED, Admission, Naming, admit
from graph.turn import Loaded, Scope, Writes

__all__ = ["Call", "Row", "record_calls", "record_resolutions", "replay"]


Read = Sighted | UserError | QuarantineReason
Answers = tuple[list[Result], dict[Asked, Refused]]
"""Each row's result, and why requests were refused as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one caller handed in."""

    rows: Sequence[Row]
    request: Asked | None = None
    """With an id of the caller's: the same one is applied once, and answered the same for a day."""


@dataclass(kw_only=True)
class Batch:
    """Rows to record in one turn."""

    rows: Sequence[Row]
    requests: Sequence[tuple[Asked, range]] = ()
    """Requests with an id, and which rows are theirs."""
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

    def naming(self, i: int, read: Read, registry: Registry, keys: Keys) -> Naming | None:
        """What erasure must know of a row; None where it is rejected anyway."""
        row = self.rows[i]
        if isinstance(read, Sighted):
            return Naming(frozenset([*read.identifiers, *read.names]), read.at, row.is_login)
        return naming_of(row, registry.policy, keys, self.now) if self.reason_to_keep(read) else None

    def reason_to_keep(self, read: UserError | QuarantineReason) -> QuarantineReason | None:
        """Why a row that is no evidence waits in quarantine; None where it is rejected."""
        return reason_to_keep(read, keeps_malformed=self.keeps_malformed)

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
    [results] = await record_calls(tenant, [Call(rows=rows)], keeps_malformed=keeps_malformed)
    assert not isinstance(results, Refused)  # noqa: S101  # only a request's id is refused
    return results


async def record_calls(tenant: Tenant, calls: Sequence[Call], *, keeps_malformed: bool = False) -> list[list[Result] | Refused]:
    """Record what several callers handed in, up to 500 rows together; each has its own results, or why its request's id was refused."""
    batch = Batch(rows=[row for call in calls for row in call.rows], keeps_malformed=keeps_malformed, now=tenant.now())
    asked = [call.request for call in calls for _ in call.rows]
    results = await _touched(tenant, batch, asked)
    left = [i for i in range(len(asked)) if i not in results]
    refused: dict[Asked, Refused] = {}
    if left or any(call.request for call in calls):
        written = batch.among(left)
        written.requests = list(_spans(calls, left))
        found, refused = await write_batch(tenant, written)
        results |= dict(zip(left, found, strict=True))
    every = iter([results[i] for i in range(len(asked))])
    answers = [[next(every) for _ in call.rows] for call in calls]
    return [refused.get(call.request, mine) if call.request else mine for call, mine in zip(calls, answers, strict=True)]


async def _touched(tenant: Tenant, batch: Batch, asked: Sequence[Asked | None]) -> dict[int, Result]:
    """Results of the rows that changed nothing but times.

    A UnionID that waits is noted in quarantine too, and a request is noted with what it did: such rows take a turn.
    """
    registry = await tenant.store.registry(tenant.name)
    sighted = enumerate(batch.read(registry, tenant.keys))
    touches = {i: s.touch for i, s in sighted if isinstance(s, Sighted) and not s.waits and asked[i] is None}
    touched = await tenant.store.touch(tenant.name, registry.version, list(touches.values()))
    found = zip(touches, touched, strict=True)
    return {i: Result(outcome=Outcome.UNCHANGED, customer=customer) for i, customer in found if customer is not None}


def _spans(calls: Sequence[Call], left: Sequence[int]) -> Iterator[tuple[Asked, range]]:
    """Each request with its rows among those that are left; none of its own went before."""
    place, passed = {i: n for n, i in enumerate(left)}, 0
    for call in calls:
        if call.request:
            first = place[passed] if call.rows else 0
            yield call.request, range(first, first + len(call.rows))
        passed += len(call.rows)


async def write_batch(tenant: Tenant, batch: Batch) -> Answers:
    """Record rows in one turn, whether they say anything new or not. Gives each row's result, and the requests that were refused."""

    def scope_of(registry: Registry) -> Scope:
        people: set[Key] = set()
        names: set[Key] = set()
        keys: set[Key] = set(batch.released) | {request.key for request, _ in batch.requests}
        for row, read in zip(batch.rows, batch.read(registry, tenant.keys), strict=True):
            if isinstance(read, Sighted):
                people.update(read.people)
                names.update(read.names)
            elif reason := batch.reason_to_keep(read):
                keys.add(quarantined(row, reason, registry.policy, tenant.keys, batch.now).key)
                keys |= naming_of(row, registry.policy, tenant.keys, batch.now).names
        return Scope(people=frozenset(people), names=frozenset(names), keys=frozenset(keys))

    return await tenant.write(scope_of, lambda loaded: _decide(tenant, batch, loaded))


NOTHING = Result(outcome=Outcome.REJECTED)
"""Stands for each row of a request that is refused as a whole."""


def _decide(tenant: Tenant, batch: Batch, loaded: Loaded) -> tuple[Writes, Answers]:
    if any(loaded.nodes.get(key) != node for key, node in batch.released.items()):
        raise _Outrun
    first, again = _told_apart(batch, loaded)
    skipped = {i for *_, span in again for i in span}
    rows: dict[int, Read] = {i: read for i, read in enumerate(batch.read(loaded.registry, tenant.keys)) if i not in skipped}
    news = News(cause=batch.cause)
    admission = _admission(tenant, batch, rows, loaded)
    rows |= {i: ERASED for i, barred in zip(rows, admission.barred, strict=True) if barred}
    for read in rows.values():
        if isinstance(read, Sighted):
            news.identifiers.update(read.identifiers)
            news.rollups += read.rollups
    derived = derive(loaded, tenant.keys, news, batch.now)
    kept: dict[Key, Quarantined] = {}
    results = dict(_results(tenant, batch, rows, derived=derived, loaded=loaded, kept=kept))
    released: list[Node] = [node for key, node in batch.released.items() if key not in kept]
    made = [request.answered([results[i] for i in span], batch.now) for request, span in first]
    put = [*kept.values(), *made, *admission.readmitted]
    derived.writes.add(Writes(put=put, drop=released, blocked=sum(admission.barred)))
    return derived.writes, _answers(len(batch.rows), results, again, {request.key: request for request in made})


def _admission(tenant: Tenant, batch: Batch, rows: Mapping[int, Read], loaded: Loaded) -> Admission:
    """Which rows are turned away, because they name the erased, and whom logins among them bring back."""
    return admit([batch.naming(i, read, loaded.registry, tenant.keys) for i, read in rows.items()], loaded.tombstones)


def _told_apart(batch: Batch, loaded: Loaded) -> tuple[list[tuple[Asked, range]], list[tuple[Asked, Request | None, range]]]:
    """Requests that come for the first time; and those that came before, with the record of it, or none where it was in this very batch."""
    first: dict[Key, tuple[Asked, range]] = {}
    again: list[tuple[Asked, Request | None, range]] = []
    for request, span in batch.requests:
        known = loaded.nodes.get(request.key)
        if isinstance(known, Request) and known.holds(batch.now):
            again.append((request, known, span))
        elif request.key in first:
            again.append((request, None, span))
        else:
            first[request.key] = (request, span)
    return list(first.values()), again


def _results(
    tenant: Tenant, batch: Batch, rows: Mapping[int, Read], *, derived: Derived, loaded: Loaded, kept: dict[Key, Quarantined]
) -> Iterator[tuple[int, Result]]:
    """What became of each row; those that are to wait are put into `kept`."""
    outcomes = Outcomes(derived)
    for i, read in rows.items():
        if isinstance(read, Sighted):
            result = outcomes.of(read.rollups, named=read.people)
            yield i, replace(result, outcome=Outcome.QUARANTINED) if read.waits else result
            continue
        reason = batch.reason_to_keep(read)
        if reason is None:
            assert isinstance(read, UserError)  # noqa: S101  # a reason is always kept
            yield i, Result(outcome=Outcome.REJECTED, error=read)
        else:
            _keep(quarantined(batch.rows[i], reason, loaded.registry.policy, tenant.keys, batch.now), kept, batch, loaded)
            yield i, Result(outcome=Outcome.QUARANTINED, error=read if isinstance(read, UserError) else None)


def _answers(
    rows: int, results: dict[int, Result], again: Sequence[tuple[Asked, Request | None, range]], made: Mapping[Key, Request]
) -> Answers:
    """Each row's result, those of requests that came before as they were answered then; and why other requests are refused."""
    refused: dict[Asked, Refused] = {}
    for request, known, span in again:
        answer = request.again(known or made[request.key])
        if isinstance(answer, Refused):
            refused[request] = answer
        else:
            results |= dict(zip(span, answer, strict=True))
    return [results.get(i, NOTHING) for i in range(rows)], refused


def _keep(row: Quarantined, kept: dict[Key, Quarantined], batch: Batch, loaded: Loaded) -> None:
    """The same row again counts once more; it does not wait twice. One that was tried again did not come again."""
    known = kept.get(row.key) or (None if row.key in batch.released else loaded.nodes.get(row.key))
    kept[row.key] = row.merged(known) if isinstance(known, Quarantined) else row


async def replay(tenant: Tenant, keys: Sequence[Key]) -> int:
    """Try quarantined whole rows again, in one turn; those that still cannot be applied stay. Gives how many went."""
    waiting = {node.key: node for node in await tenant.store.nodes(tenant.name, keys) if isinstance(node, Quarantined) and node.row}
    rows = [row for node in waiting.values() for row in from_json(node)]
    if not rows:
        return 0
    batch = Batch(rows=rows, keeps_malformed=True, cause="replayQuarantine", now=tenant.now(), released=waiting)
    try:
        results, _ = await write_batch(tenant, batch)
    except _Outrun:
        return await replay(tenant, keys)
    applied = [result.outcome in {Outcome.APPLIED, Outcome.UNCHANGED} or result.customer is not None for result in results]
    return sum(applied)
