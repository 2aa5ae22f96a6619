"""Two workers on one job, because the first stood still until its lease ran out: it counts once, and the first leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from graph.accounts import Registry
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.jobs import Job, JobState
from graph.node import Millis
from graph.record import record_resolutions
from graph.registry import register_touchpoint
from graph.rows import Row
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes
from graph.upkeep import LEASE, replay_quarantine, rescope, take
from tests.concurrency import brand
from tests.concurrency.rebuild import differences
from tests.concurrency.stage import Stage, on_sqlite

T = TypeVar("T")

ROWS = 30
FIRST, SECOND = "first", "second"


class StandingTenant(Tenant):
    """A tenant that stands still before its n-th write while something else happens."""

    def __init__(self, tenant: Tenant, before: int, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(tenant.store, tenant.name)
        self.writes = 0
        self.before = before
        self.meanwhile = meanwhile

    async def write(self, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Take the turn, later."""
        self.writes += 1
        if self.writes == self.before:
            await self.meanwhile()
        return await super().write(scope_of, decide)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """What two workers do to each other does not depend on the store: the embedded one is quickest."""
    return on_sqlite(tmp_path)


@pytest.fixture
async def tenant(stage: Stage) -> AsyncIterator[Tenant]:
    """Rows that wait for their touchpoint, each twice, and the job that releases them."""
    async with stage.open(brand.now) as tenant:
        source = ResolutionSource.IMPORT
        rows = [Row(app_id="wxnew", open_id=f"o{n}", observed=at, source=source) for n in range(ROWS) for at in (1000, 2000)]
        await record_resolutions(tenant, rows)
        await register_touchpoint(tenant, "wxnew", kind=TouchpointKind.MINI_PROGRAM, name="New")
        yield tenant


@pytest.mark.parametrize("before", [1, 2, 3])
async def test_a_job_done_by_a_second_worker_counts_once(tenant: Tenant, stage: Stage, before: int) -> None:
    """A worker that stood still until another one had done its job adds nothing to it."""

    async def meanwhile() -> None:
        held = await _taken(tenant, SECOND, ahead=LEASE + 1)
        await rescope(tenant, held, SECOND)

    held = await _taken(tenant, FIRST)
    async with asyncio.timeout(20):
        await rescope(StandingTenant(tenant, before, meanwhile), held, FIRST)
    stored = stage.read()

    assert {2} == {member.times for member in stored.members.values()}
    assert [JobState.DONE] == [job.state for job in stored.jobs]
    assert [] == differences(stored, tenant.keys)


@pytest.mark.parametrize("before", [1, 2, 3])
async def test_a_worker_without_its_lease_stops(tenant: Tenant, before: int) -> None:
    """A worker whose job another one holds leaves it alone after a few turns, instead of taking turns for ever."""

    async def meanwhile() -> None:
        await _taken(tenant, SECOND, ahead=LEASE + 1)

    standing = StandingTenant(tenant, before, meanwhile)
    held = await _taken(tenant, FIRST)
    work = asyncio.create_task(rescope(standing, held, FIRST))
    await asyncio.wait([work], timeout=2)
    writes = standing.writes
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert writes <= before + 2


async def test_rows_replayed_twice_at_once_count_once(tenant: Tenant, stage: Stage) -> None:
    """Whoever replays the quarantine while it is being replayed adds nothing to it."""
    await replay_quarantine(StandingTenant(tenant, 1, lambda: replay_quarantine(tenant, None)), None)
    stored = stage.read()

    assert {2} == {member.times for member in stored.members.values()}
    assert [] == [node for node in stored.waiting.values() if node.row]


async def test_rows_replayed_in_vain_keep_their_count(stage: Stage) -> None:
    """A row that still cannot be applied waits on, and has not come more often for having been tried."""
    async with stage.open(brand.now) as tenant:
        await record_resolutions(tenant, [Row(app_id="wxnever", open_id="o1", observed=1000, source=ResolutionSource.IMPORT)])
        for _ in range(3):
            await replay_quarantine(tenant, None)

    assert [1] == [node.times for node in stage.read().waiting.values()]


async def _taken(tenant: Tenant, owner: str, *, ahead: Millis = 0) -> Job:
    later = Tenant(tenant.store, tenant.name)
    later.now = lambda: brand.now() + ahead  # type: ignore[method-assign]  # another worker's clock, later
    [(_, job)] = await tenant.store.jobs(brand.now() + ahead)
    held = await take(later, job.key, owner)
    assert held is not None
    return held
