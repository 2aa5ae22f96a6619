"""Two processes of four writers on overlapping people, and eight readers: nothing is lost, doubled, torn or unlike a rebuild."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph.changes import ChangeKind
from graph.decisions import Decision
from graph.jobs import JobState
from graph.keys import Keys
from graph.policy_changes import PolicyChange
from graph.policy_walk import run_policy_changes
from graph.receipts import ErasureReceipt
from graph.state import Label
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from graph.upkeep import new_owner, run_rescopes
from tests.concurrency import brand
from tests.concurrency.desk import ledgers_of, missing
from tests.concurrency.everything import Everything
from tests.concurrency.readers import Audience
from tests.concurrency.rebuild import differences, merges, open_conflicts
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite

SECONDS = 6.0
LONG_SECONDS = float(os.environ.get("STORM_SECONDS", "0"))
GOAL, LONG_GOAL = 50, 1000
"""So many merges there must be."""
MOST_ROUNDS = 6
"""A machine that is too busy for that in one round of these seconds has more of them."""
PROCESSES, READERS = 2, 8
SETTLING = 180
"""Seconds that a process may take to finish what it has begun, and to start."""


async def test_two_processes_on_sqlite(tmp_path: Path) -> None:
    """Writers in two processes leave a file that equals a rebuild, and no reader sees a torn customer."""
    await _play(on_sqlite(tmp_path), SECONDS, GOAL)


async def test_two_processes_on_neo4j(neo4j_uri: str) -> None:
    """Writers in two processes leave a graph that equals a rebuild, and no reader sees a torn customer."""
    await _play(on_neo4j(neo4j_uri), SECONDS, GOAL)


@pytest.mark.crash
async def test_two_processes_for_long_on_sqlite(tmp_path: Path) -> None:
    """However long writers go on, the file equals a rebuild, and no reader sees a torn customer."""
    await _play(on_sqlite(tmp_path), _long(), LONG_GOAL)


@pytest.mark.crash
async def test_two_processes_for_long_on_neo4j(neo4j_uri: str) -> None:
    """However long writers go on, the graph equals a rebuild, and no reader sees a torn customer."""
    await _play(on_neo4j(neo4j_uri), _long(), LONG_GOAL)


def _long() -> float:
    if not LONG_SECONDS:
        pytest.skip("a few seconds are in the ordinary suite; more with STORM_SECONDS=30, which `make test-crash` sets")
    return LONG_SECONDS


async def _play(stage: Stage, seconds: float, goal: int) -> None:
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        audience = Audience(tenant)
        readers = [asyncio.create_task(audience.read(seed)) for seed in range(READERS)]
        told: list[dict[str, Any]] = []
        while len(told) < MOST_ROUNDS * PROCESSES and await _merges(tenant) < goal:
            told += await asyncio.gather(*(_written(stage, seed + len(told), seconds) for seed in range(PROCESSES)))
        for reader in readers:
            reader.cancel()
        ends = await asyncio.gather(*readers, return_exceptions=True)
        await _settle(tenant)
        stored = await asyncio.to_thread(stage.read)
    _show(stored, told, audience, seconds * len(told) / PROCESSES)

    assert [] == [error for one in told for error in one["errors"]][:3]
    assert {asyncio.CancelledError} == {type(end) for end in ends}, ends
    assert [] == audience.torn[:5]
    assert goal <= merges(stored)
    assert {JobState.DONE} == {job.state for job in stored.jobs} - {JobState.CANCELLED}
    assert "" == "\n".join(differences(stored, tenant.keys))
    assert [] == [node.app_id for node in stored.waiting.values() if node.row]
    assert [] == list(missing(stored, ledgers_of(told)))
    assert {} == _lost(stored, told, tenant.keys)


async def _written(stage: Stage, seed: int, seconds: float) -> dict[str, Any]:
    async with stage.start("writer", seed, seconds) as process:
        output, _ = await asyncio.wait_for(process.communicate(), seconds + SETTLING)
    assert 0 == process.returncode
    told: dict[str, Any] = json.loads(output)
    return told


async def _merges(tenant: Tenant) -> int:
    """How many customers were made of several so far."""
    found, after = 0, 0
    while changes := await tenant.store.changes(tenant.name, after, 5000):
        found += sum(change.kind is ChangeKind.MERGED for change in changes)
        after = changes[-1].sequence
    return found


async def _settle(tenant: Tenant) -> None:
    """Make sure that the late touchpoint is known, and do the jobs that are left."""
    if tenant.keys.touchpoint(brand.LATE) not in (await tenant.store.registry(tenant.name)).touchpoints:
        await brand.found_late(tenant)
    while await run_rescopes(tenant.store, new_owner()) + await run_policy_changes(tenant.store, new_owner()):
        pass


def _lost(stored: Everything, told: Sequence[Mapping[str, Any]], keys: Keys) -> dict[str, tuple[int, int]]:
    """OpenIDs that were seen another number of times than was acknowledged; less often only where somebody was erased."""
    acknowledged: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    erased = {one.key for one in stored.each(Tombstone)}
    for one in told:
        acknowledged.update(one["acknowledged"])
        gone.update(name for name, *named in one["waited"] if not erased.isdisjoint(named))
    names = {brand.key_of_open_id(keys, name): name for name in acknowledged}
    gone |= {name: acknowledged[name] for key, name in names.items() if key in erased}
    times = {
        key: member.times for key, member in stored.members.items() if member.label is Label.OPEN_ID and (member.times or key in names)
    }
    pairs = {names.get(key, key): (acknowledged[names.get(key, "")], times.get(key, 0)) for key in names.keys() | times.keys()}
    return {name: (most, seen) for name, (most, seen) in sorted(pairs.items()) if not most - gone[name] <= seen <= most}


def _show(stored: Everything, told: Sequence[Mapping[str, Any]], audience: Audience, seconds: float) -> None:
    """What happened, for whoever runs the tests with -s or looks at a failure."""
    did: Counter[str] = Counter()
    for one in told:
        did.update(one["did"])
    rows = sum(number for name, number in did.items() if name.startswith("rows ") and name.split()[1].isupper())
    kinds = Counter(change.kind.name for change in stored.changes)
    conflicts = Counter(row.kind.name for row in open_conflicts(stored))
    number = Counter(type(node) for node in stored.nodes)
    crowded = sum(bool(member.crowded) for member in stored.members.values())
    print(  # noqa: T201  # counts and rates are half of what this test is for
        f"\n{len(told)} processes, {seconds:.0f} s: {rows} rows ({rows / seconds:.0f}/s), {stored.turn} turns, "
        f"{audience.reads} reads ({audience.reads / seconds:.0f}/s), {audience.erased} met somebody erased\n"
        f"{kinds['MERGED']} merges, {kinds['SPLIT']} splits, {number[Decision]} decisions, {number[ErasureReceipt]} erasures, "
        f"{number[PolicyChange]} changes of policy\n"
        f"changes {dict(kinds)}\nopen conflicts {dict(conflicts)}, crowded {crowded}, waiting {len(stored.waiting)}\n"
        f"customers {len(stored.customers)}, identifiers {len(stored.members)}, jobs {len(stored.jobs)}\ndid {dict(sorted(did.items()))}"
    )
