"""The worker: jobs done side by side, given up where they fail for ever, and taken up again."""

import asyncio

import pytest

from app.ingest import worker as workers
from app.ingest.backfill import Backfills
from app.ingest.worker import Worker
from graph.binding import unbind_touchpoint
from graph.jobs import UNFINISHED, Job, JobState
from graph.node import Key
from graph.tenant import Tenant
from graph.upkeep import rescope, resume
from tests.ingest.conftest import World, state_of
from tests.ingest.test_backfill import COFFEE, stored


async def test_the_worker_does_what_was_put(world: World) -> None:
    """A worker that is woken does backfills side by side, and lets go of what it holds when it is stopped."""
    worker = Worker(world.tenant.store, world.backfills, poll=60)
    running = asyncio.create_task(worker.run())
    jobs = [await world.backfills.start(world.tenant, world.touchpoint(name).app_id) for name in (COFFEE, "Linjian Retail")]
    worker.wake()
    for _ in range(400):
        if all([(await stored(world, job)).state is JobState.DONE for job in jobs]):
            break
        await asyncio.sleep(0.05)
    again = await world.backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    worker.wake()
    for _ in range(4_000):
        if (await stored(world, again)).state is not JobState.QUEUED:
            break
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = await stored(world, again)
    assert [JobState.DONE] * 2 == [(await stored(world, job)).state for job in jobs]
    assert ("", 0) == (left.lease_owner, left.lease_until)


async def test_a_failing_job_does_not_stop_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one job meets unforeseen is logged; the others are done."""
    monkeypatch.setattr(workers, "PAUSES", (0.01,))
    broken = await world.backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    good = await world.backfills.start(world.tenant, world.touchpoint("Linjian Retail").app_id)

    class Breaking(Backfills):
        """Breaks on one job."""

        async def run(self, tenant: Tenant, job: Job, owner: str) -> None:
            """Break, or do it."""
            if job.key == broken.key:
                raise RuntimeError("unforeseen")
            await super().run(tenant, job, owner)

    worker = Worker(world.tenant.store, Breaking(world.wechat, world.recorder, lambda _: True), poll=0.05)
    running = asyncio.create_task(worker.run())
    for _ in range(400):
        if (await stored(world, good)).state is JobState.DONE:
            break
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert JobState.DONE is (await stored(world, good)).state
    assert await state_of(world.tenant)


async def test_a_rescoping_that_cannot_be_done_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A RESCOPE job that breaks each time it is tried is FAILED after five tries and says what to do; resumed, it is done."""
    monkeypatch.setattr(workers, "PAUSES", (0.01,))
    touchpoint = world.touchpoint(COFFEE)
    job = (await unbind_touchpoint(world.tenant, touchpoint.app_id))[1]
    assert job is not None
    tries: list[Key] = []

    async def breaking(tenant: Tenant, held: Job, owner: str) -> Job | None:
        """Break five times, then do it."""
        tries.append(held.key)
        if len(tries) <= workers.MOST_FAILURES:
            raise RuntimeError("unforeseen")
        return await rescope(tenant, held, owner)

    monkeypatch.setattr(workers, "rescope", breaking)
    worker = Worker(world.tenant.store, world.backfills, poll=0.01)
    running = asyncio.create_task(worker.run())
    assert JobState.FAILED is (await ended(world, job)).state
    assert ([job.key] * 5, workers.GIVEN_UP) == (tries, (await stored(world, job)).last_error)
    await resume(world.tenant, job.key)
    worker.wake()
    assert (JobState.DONE, None) == ((found := await ended(world, job)).state, found.last_error)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def ended(world: World, job: Job) -> Job:
    """A job once it has ended."""
    async with asyncio.timeout(20):
        while (found := await stored(world, job)).state in UNFINISHED:  # noqa: ASYNC110  # the worker tells nobody
            await asyncio.sleep(0.01)
    return found
