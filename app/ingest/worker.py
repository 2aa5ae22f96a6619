"""The worker: finds jobs that nobody holds, does them, and keeps their leases; one in each process that serves."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from app.ingest.backfill import Backfills
from graph.jobs import Job, JobKind
from graph.node import FOR_EVER, Key
from graph.policy_walk import apply_policy
from graph.stores import Store, StoreUnavailable
from graph.tenant import Tenant
from graph.upkeep import LEASE, MOST_FORGOTTEN, change_job, fail, forget_requests, new_owner, rescope, take

_log = structlog.get_logger()

POLL = 3.0
"""Seconds between two looks at the store: what another process put, or left behind, is found that late."""
AT_ONCE = 4
"""Jobs of a kind done side by side: a backfill waits for WeChat most of the time, and must not keep a re-scoping waiting."""
PAUSES = (1.0, 5.0, 15.0, 60.0)
"""Seconds to rest after the first, second, … failure in a row."""
MOST_FAILURES = 5
"""Failures in a row after which a job is given up."""
GIVEN_UP = "It failed again and again for a reason that was not foreseen: see the service's log. `resumeJob` tries it again."


class Worker:
    """Does what was put as jobs. `run` ends when it is cancelled, and leaves its jobs free for the next one."""

    def __init__(self, store: Store, backfills: Backfills, *, poll: float = POLL) -> None:
        self._store = store
        self._backfills = backfills
        self._poll = poll
        self._owner = new_owner()
        self._woken = asyncio.Event()
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._busy: Counter[JobKind] = Counter()
        self._failures: Counter[str] = Counter()

    def wake(self) -> None:
        """Look now: a job was put."""
        self._woken.set()

    async def run(self) -> None:
        """Look, begin what is free, wait; for ever."""
        try:
            while True:
                self._woken.clear()
                await self._guarded("looking for jobs", self._look)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._poll)
        finally:
            await self._stop()

    async def _look(self) -> None:
        for name, job in await self._store.jobs(self._store.clock()):
            if job.key not in self._tasks and self._busy[job.kind] < AT_ONCE:
                self._begin(Tenant(self._store, name), job)
        if await forget_requests(self._store) == MOST_FORGOTTEN:
            self.wake()  # there are more
        await self._store.forget(())  # bytes of the erased that somebody's reading kept in the file

    def _begin(self, tenant: Tenant, job: Job) -> None:
        self._busy[job.kind] += 1
        self._tasks[job.key] = task = asyncio.create_task(self._guarded(job.key, partial(self._do, tenant, job)), name=job.key)
        task.add_done_callback(lambda _: self._ended(job))

    def _ended(self, job: Job) -> None:
        self._busy[job.kind] -= 1
        del self._tasks[job.key]
        self._woken.set()

    async def _do(self, tenant: Tenant, job: Job) -> None:
        held = await take(tenant, job.key, self._owner)
        if held is None:
            return
        if self._failures[job.key] >= MOST_FAILURES:
            await fail(tenant, job.key, GIVEN_UP)
            return
        try:
            async with _kept(tenant, job.key, self._owner):
                await self._of_its_kind(tenant, held)
        except Exception:
            with contextlib.suppress(StoreUnavailable):  # then its lease runs out
                await _let_go(tenant, job.key, self._owner)
            raise

    async def _of_its_kind(self, tenant: Tenant, held: Job) -> None:
        if held.kind is JobKind.RESCOPE:
            await rescope(tenant, held, self._owner)
        elif held.kind is JobKind.POLICY_CHANGE:
            await apply_policy(tenant, held, self._owner)
        else:
            await self._backfills.run(tenant, held, self._owner)

    async def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 - the boundary: whatever one job meets, the others go on
            self._failures[name] += 1
            _log.exception("job_failed", job=name, error_id=secrets.token_hex(8), failures=self._failures[name])
            await asyncio.sleep(PAUSES[min(self._failures[name], len(PAUSES)) - 1])
        else:
            del self._failures[name]

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name, job in await self._store.jobs(FOR_EVER):
            if job.lease_owner == self._owner:
                await _let_go(Tenant(self._store, name), job.key, self._owner)


@contextlib.asynccontextmanager
async def _kept(tenant: Tenant, key: Key, owner: str) -> AsyncIterator[None]:
    """Hold on to a job however long a step takes: WeChat may let one wait for minutes."""

    async def hold() -> None:
        while True:
            await asyncio.sleep(LEASE / 1000 / 3)
            await take(tenant, key, owner)

    holding = asyncio.create_task(hold())
    try:
        yield
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


async def _let_go(tenant: Tenant, key: Key, owner: str) -> None:
    await change_job(tenant, key, lambda job, _: replace(job, lease_owner="", lease_until=0) if job.lease_owner == owner else None)
