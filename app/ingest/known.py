"""Which rows are on record already: recording them again would change nothing but how often they were seen.

A roll-up keeps the first and the last time of what was said. A row between the two adds nothing to it, so whoever reads a
table or a list of followers a second time passes it over, and its count does not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graph.evidence import Rollup
from graph.node import Key, Node
from graph.quarantine import Quarantined
from graph.results import Outcome, Result
from graph.rows import Row, Sighted, quarantined, read_row, reason_to_keep
from graph.stores import Aggregate
from graph.tenant import Tenant


async def on_record(tenant: Tenant, rows: Sequence[Row], *, keeps_malformed: bool = False) -> list[Result | None]:
    """For each row the result of recording it again; None where it says something new. Two questions to the store, however many rows."""
    now = tenant.now()
    registry = await tenant.store.registry(tenant.name)
    reads = [read_row(row, registry, tenant.keys, now) for row in rows]
    waiting = {
        i: quarantined(rows[i], reason, registry.policy, tenant.keys, now)
        for i, read in enumerate(reads)
        if not isinstance(read, Sighted) and (reason := reason_to_keep(read, keeps_malformed=keeps_malformed))
    }
    holders = await _holders(tenant, [read for read in reads if isinstance(read, Sighted)])
    rollups = {stored.rollup.key: stored.rollup for holder in holders.values() for stored in holder.rollups}
    kept = await _kept(tenant, list(waiting.values()))
    results: list[Result | None] = [None] * len(rows)
    for i, read in enumerate(reads):
        if isinstance(read, Sighted) and all(_covers(rollups.get(one.key), one) for one in read.rollups):
            outcome = Outcome.QUARANTINED if read.waits else Outcome.UNCHANGED
            results[i] = Result(outcome=outcome, customer=holders[read.open_id].row.key)
        elif i in waiting and _waits(kept.get(waiting[i].key), waiting[i]):
            results[i] = Result(outcome=Outcome.QUARANTINED)
    return results


async def _holders(tenant: Tenant, reads: Sequence[Sighted]) -> Mapping[Key, Aggregate]:
    """The customers that hold the OpenIDs of rows, by OpenID."""
    keys = sorted({read.open_id for read in reads})
    if not keys:
        return {}
    _, found = await tenant.store.customers(tenant.name, keys)
    return {key: holder for key, holder in zip(keys, found, strict=True) if holder}


async def _kept(tenant: Tenant, waiting: Sequence[Quarantined]) -> Mapping[Key, Node]:
    if not waiting:
        return {}
    found = await tenant.store.nodes(tenant.name, sorted({one.key for one in waiting}))
    return {node.key: node for node in found if node}


def _covers(known: Rollup | None, said: Rollup) -> bool:
    return known is not None and known.first <= said.first and said.last <= known.last


def _waits(known: Node | None, row: Quarantined) -> bool:
    return isinstance(known, Quarantined) and known.first <= row.first and row.last <= known.last
