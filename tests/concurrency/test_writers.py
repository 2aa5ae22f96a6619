"""Two processes of four writers on overlapping people, and eight readers: nothing is lost, doubled, torn or unlike a rebuild."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graph.changes import ChangeKind
from graph.jobs import JobState
from graph.keys import Keys
from graph.state import Label
from graph.tenant import Tenant
from graph.upkeep import new_owner, run_rescopes
from tests.concurrency import brand
from tests.concurrency.everything import Everything
from tests.concurrency.readers import Audience
from tests.concurrency.rebuild import differences, merges, open_conflicts
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite

SECONDS = float(os.environ.get("CONCURRENCY_SECONDS", "20"))
GOAL = 1000 * min(1, SECONDS / 20)
"""So many merges there must be."""
MOST_ROUNDS = 6
"""A machine that is too busy for that in one round of these seconds has more of them."""
PROCESSES, READERS = 2, 8
SETTLING = 180
"""Seconds that a process may take to finish what it has begun, and to start."""


async def test_two_processes_on_sqlite(tmp_path: Path) -> None:
    """Writers in two processes leave a file that equals a rebuild, and no reader sees a torn customer."""
    await _play(on_sqlite(tmp_path))


async def test_two_processes_on_neo4j(neo4j_uri: str) -> None:
    """Writers in two processes leave a graph that equals a rebuild, and no reader sees a torn customer."""
    await _play(on_neo4j(neo4j_uri))


async def _play(stage: Stage) -> None:
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        audience = Audience(tenant)
        readers = [asyncio.create_task(audience.read(seed)) for seed in range(READERS)]
        told: list[dict[str, Any]] = []
        while len(told) < MOST_ROUNDS * PROCESSES and await _merges(tenant) < GOAL:
            told += await asyncio.gather(*(_written(stage, seed + len(told)) for seed in range(PROCESSES)))
        for reader in readers:
            reader.cancel()
        ends = await asyncio.gather(*readers, return_exceptions=True)
        await _settle(tenant)
        stored = await asyncio.to_thread(stage.read)
    _show(stored, told, audience)

    assert [] == [error for one in told for error in one["errors"]][:3]
    assert {asyncio.CancelledError} == {type(end) for end in ends}, ends
    assert [] == audience.torn[:5]
    assert GOAL <= merges(stored)
    assert {JobState.DONE} == {job.state for job in stored.jobs}
    assert "" == "\n".join(differences(stored, tenant.keys))
    assert [] == [node.app_id for node in stored.waiting.values() if node.row]
    assert {} == _lost(stored, told, tenant.keys)


async def _written(stage: Stage, seed: int) -> dict[str, Any]:
    async with stage.start("writer", seed, SECONDS) as process:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS + SETTLING)
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
    while await run_rescopes(tenant.store, new_owner()):
        pass


def _lost(stored: Everything, told: Sequence[Mapping[str, Any]], keys: Keys) -> dict[str, tuple[int, int]]:
    """OpenIDs that were seen another number of times than was acknowledged."""
    acknowledged: Counter[str] = Counter()
    for one in told:
        acknowledged.update(one["acknowledged"])
    names = {brand.key_of_open_id(keys, name): name for name in acknowledged}
    times = {
        key: member.times for key, member in stored.members.items() if member.label is Label.OPEN_ID and (member.times or key in names)
    }
    pairs = {names.get(key, key): (acknowledged[names.get(key, "")], times.get(key, 0)) for key in names.keys() | times.keys()}
    return {name: pair for name, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def _show(stored: Everything, told: Sequence[Mapping[str, Any]], audience: Audience) -> None:
    """What happened, for whoever runs the tests with -s or looks at a failure."""
    did: Counter[str] = Counter()
    seconds = SECONDS * len(told) / PROCESSES
    for one in told:
        did.update(one["did"])
    rows = sum(number for name, number in did.items() if name.startswith("rows ") and name.split()[1].isupper())
    kinds = Counter(change.kind.name for change in stored.changes)
    conflicts = Counter(row.kind.name for row in open_conflicts(stored))
    crowded = sum(bool(member.crowded) for member in stored.members.values())
    print(  # noqa: T201  # counts and rates are half of what this test is for
        f"\n{len(told)} processes, {seconds:.0f} s: {rows} rows ({rows / seconds:.0f}/s), {stored.turn} turns, "
        f"{audience.reads} reads ({audience.reads / seconds:.0f}/s)\n"
        f"changes {dict(kinds)}\nopen conflicts {dict(conflicts)}, crowded {crowded}, waiting {len(stored.waiting)}\n"
        f"customers {len(stored.customers)}, identifiers {len(stored.members)}, jobs {len(stored.jobs)}\ndid {dict(sorted(did.items()))}"
    )
