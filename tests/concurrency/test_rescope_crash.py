"""A re-scoping job whose worker is killed again and again ends right: all in its place, nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from graph.binding import bind_touchpoint, correct_binding
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.jobs import Job, JobState
from graph.keys import Keys
from graph.node import Key, Millis
from graph.record import record_resolutions
from graph.registry import register_touchpoint
from graph.results import Outcome
from graph.rows import Row
from graph.state import Label
from graph.tenant import Tenant
from graph.upkeep import LEASE, PAGE, new_owner, run_rescopes, take
from tests.concurrency import brand
from tests.concurrency.everything import Everything
from tests.concurrency.rebuild import differences, merges
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite

MOVED, NEW = "wxmoved", "wxnew"
KILLS = 3
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
USUAL_ROUNDS = 3
PEOPLE, NEW_PEOPLE = 3000 if ROUNDS > USUAL_ROUNDS else 1500, 800
BATCH = 500
START: Millis = brand.now() - 30 * 24 * brand.HOUR
"""When the touchpoint was bound, as far as is known at first."""


async def test_three_kills_on_sqlite(tmp_path: Path) -> None:
    """A re-scoping job on SQLite whose worker is killed three times ends equal to a rebuild."""
    await Play(on_sqlite(tmp_path)).rounds(1)


async def test_three_kills_on_neo4j(neo4j_uri: str) -> None:
    """A re-scoping job on Neo4j whose worker is killed three times ends equal to a rebuild."""
    await Play(on_neo4j(neo4j_uri)).rounds(1)


@pytest.mark.crash
async def test_many_kills_on_sqlite(tmp_path: Path) -> None:
    """However often bindings are corrected and workers killed on SQLite, it ends equal to a rebuild."""
    await Play(on_sqlite(tmp_path)).rounds(_many())


@pytest.mark.crash
async def test_many_kills_on_neo4j(neo4j_uri: str) -> None:
    """However often bindings are corrected and workers killed on Neo4j, it ends equal to a rebuild."""
    await Play(on_neo4j(neo4j_uri)).rounds(_many())


def _many() -> int:
    if ROUNDS <= USUAL_ROUNDS:
        pytest.skip("three kills are in the ordinary suite; more with CRASH_ROUNDS=24, which `make test-crash` sets")
    return -(-ROUNDS // KILLS)


@dataclass
class Play:
    """A touchpoint whose binding is wrong, and then corrected under workers that die; another whose rows are released under them."""

    stage: Stage
    chance: Random = field(default_factory=Random)
    ahead: Millis = 0
    """How far the clocks of later workers run ahead."""
    killed_at: list[int] = field(default_factory=list)

    async def rounds(self, number: int) -> None:
        """Bind wrongly, then correct as often as told: first rightly, then wrongly again, and so on."""
        async with self.stage.open(brand.now) as tenant:
            binding = await self._wrong(tenant)
            for turn in range(number):
                is_right = turn % 2 == 0
                platform, at = ("wxopB", None) if is_right else ("wxopA", START)
                _, job = await correct_binding(tenant, binding, reason="test", open_app_id=platform, at=at)
                assert job is not None
                for kill in range(KILLS):
                    await self._kill(tenant, job.key, (kill + self.chance.uniform(0, 0.9)) / (KILLS + 1) * PEOPLE)
                await self._finish()
                stored = await asyncio.to_thread(self.stage.read)
                _check(stored, tenant.keys, is_right=is_right)
        print(f"\nkilled with {self.killed_at} of {PEOPLE} done; {merges(stored)} merges, {stored.turn} turns")  # noqa: T201  # when it was

    async def _wrong(self, tenant: Tenant) -> str:
        """Rows before the binding, which wait, and after it, which count at the wrong platform; and rows of a touchpoint not known yet."""
        await brand.found(tenant)
        await register_touchpoint(tenant, MOVED, kind=TouchpointKind.SERVICE_ACCOUNT, name=MOVED)
        bound, _ = await bind_touchpoint(tenant, MOVED, "wxopA", at=START, has_happened=True)
        await run_rescopes(tenant.store, new_owner())
        at = [START - brand.HOUR, START + brand.HOUR]
        await _record(tenant, [_row("wxapp2", person, START) for person in range(0, PEOPLE, 2)])
        await _record(tenant, [_row(MOVED, person, at[person // 2 % 2]) for person in range(PEOPLE)])
        await _record(tenant, [_row(NEW, PEOPLE + person, START) for person in range(NEW_PEOPLE)])
        await _record(tenant, [_row(NEW, PEOPLE + person, START + 1) for person in range(0, NEW_PEOPLE, 4)])
        await register_touchpoint(tenant, NEW, kind=TouchpointKind.MINI_PROGRAM, name=NEW)
        await bind_touchpoint(tenant, NEW, "wxopB", has_happened=True)
        return bound.id

    async def _kill(self, tenant: Tenant, key: Key, done: float) -> None:
        """Start a worker, and kill it at some moment after so many OpenIDs of the job are done."""
        async with self.stage.start("worker", self.ahead) as worker:
            assert worker.stdout is not None
            assert b"at work\n" == await worker.stdout.readline()
            while (await _job(tenant, key)).done < done:  # noqa: ASYNC110  # it is another process that is watched
                await asyncio.sleep(0.002)
            await asyncio.sleep(self.chance.uniform(0, 0.05))
            worker.send_signal(signal.SIGKILL)
            await worker.communicate()
        assert -signal.SIGKILL == worker.returncode
        job = await _job(tenant, key)
        self.killed_at.append(job.done)
        if job.state is JobState.RUNNING:
            assert await take(tenant, key, new_owner()) is None, "nobody takes a job before its lease has run out"
        self.ahead += LEASE + 1000

    async def _finish(self) -> None:
        async with self.stage.start("worker", self.ahead) as worker:
            output, _ = await worker.communicate()
        assert 0 == worker.returncode
        assert 1 <= int(output.split()[-1])
        self.ahead += LEASE + 1000


def _row(app: str, person: int, at: Millis) -> Row:
    source = ResolutionSource.CODE2SESSION
    return Row(app_id=app, open_id=brand.open_id_of(person), union_id=f"U{person}", observed=at, source=source)


async def _record(tenant: Tenant, rows: Sequence[Row]) -> None:
    for at in range(0, len(rows), BATCH):
        results = await record_resolutions(tenant, rows[at : at + BATCH])
        assert Outcome.REJECTED not in {result.outcome for result in results}


async def _job(tenant: Tenant, key: Key) -> Job:
    [job] = await tenant.store.nodes(tenant.name, [key])
    assert isinstance(job, Job)
    return job


def _check(stored: Everything, keys: Keys, *, is_right: bool) -> None:
    """Equal to a rebuild, each row counted once, each job at its end."""
    assert "" == "\n".join(differences(stored, keys))
    apart, waiting = (0, 0) if is_right else (PEOPLE // 2, PEOPLE // 2)
    assert PEOPLE + NEW_PEOPLE + apart == len(stored.customers)
    assert waiting == len(stored.waiting)
    assert _times(keys) == {key: member.times for key, member in stored.members.items() if member.label is Label.OPEN_ID}
    assert {JobState.DONE} == {job.state for job in stored.jobs}
    moved = [job for job in stored.jobs if job.touchpoint_key == keys.touchpoint(MOVED)]
    assert PEOPLE == moved[-1].done == moved[-1].total
    # A page of rows is applied in one turn and counted in the next: one that was killed in between is not counted.
    released = sum(job.done for job in stored.jobs if job.touchpoint_key == keys.touchpoint(NEW))
    assert NEW_PEOPLE - KILLS * PAGE <= released <= NEW_PEOPLE * 2


def _times(keys: Keys) -> dict[Key, int]:
    """How often each OpenID was seen."""
    once = [("wxapp2", person) for person in range(0, PEOPLE, 2)] + [(MOVED, person) for person in range(PEOPLE)]
    seen = [*once, *((NEW, PEOPLE + person) for number in (1, 4) for person in range(0, NEW_PEOPLE, number))]
    return Counter(keys.open_id(app, brand.open_id_of(person)) for app, person in seen)
