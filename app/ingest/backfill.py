"""Backfills: every follower of an official account, asked about at WeChat and recorded as evidence, chunk by chunk.

A job notes after each chunk how far it came: the key of the last OpenID, from which nobody can read the OpenID. Killed, it goes on
behind that one. All its rows carry the time at which the job was asked for, so a chunk that was recorded but not noted is
recognised and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from app.ingest.followers import Chunk, Told, ask_about, follower_chunks
from app.ingest.known import on_record
from app.wechat.client import WeChatClient
from app.wechat.errors import QuotaExhausted, WeChatError
from graph.accounts import Touchpoint
from graph.bindings import TouchpointKind
from graph.errors import Refused, SimpleError, UserErrorCode, invalid, not_found
from graph.evidence import ResolutionSource
from graph.gather import Recorder
from graph.jobs import UNFINISHED, Job, JobKind, JobState
from graph.keys import Keys
from graph.node import Key, Millis, millis
from graph.rows import Row
from graph.stores import JobFilter, Page
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes
from graph.upkeep import LEASE, change_job, fail

_log = structlog.get_logger()

WITH_FOLLOWERS = frozenset({TouchpointKind.SUBSCRIPTION_ACCOUNT, TouchpointKind.SERVICE_ACCOUNT, TouchpointKind.OFFICIAL_TEST_ACCOUNT})
PAUSE: Millis = 30_000
"""How long a backfill rests after WeChat gave no usable answer."""


@dataclass(frozen=True)
class _Left:
    """How a job is left that cannot go on now."""

    state: JobState
    until: Millis
    why: str


@dataclass(frozen=True)
class Backfills:
    """Starts backfills and does them; see ports.BackfillService."""

    wechat: WeChatClient
    recorder: Recorder
    has_secret: Callable[[str], bool]

    async def start(self, tenant: Tenant, app_id: str) -> Job:
        """Put a job. Raises Refused: JOB_RUNNING where one of this touchpoint has not ended, NOT_FOUND, INVALID_INPUT."""
        view = await tenant.view()
        key = tenant.keys.touchpoint(app_id)
        if key not in view.registry.touchpoints:
            raise not_found("This touchpoint is not registered: register it with registerTouchpoint.", "appId")
        self._must_be_possible(view.touchpoint(key))
        job = await _put(tenant, key)
        return replace(job, view=view)

    def _must_be_possible(self, touchpoint: Touchpoint) -> None:
        if touchpoint.kind not in WITH_FOLLOWERS:
            raise invalid(f"A touchpoint of the kind {touchpoint.kind.value} has no followers: only official accounts have.", "appId")
        if not self.has_secret(touchpoint.app_id):
            raise invalid(
                "The service has no AppSecret of this touchpoint, so it cannot ask WeChat: add it to the file named in "
                f"UNIONGRAPH_WECHAT_CREDENTIALS, or set UNIONGRAPH_WECHAT_SECRET_{touchpoint.app_id}.",
                "appId",
            )

    async def run(self, tenant: Tenant, job: Job, owner: str) -> None:
        """Do a job that this owner holds, until it ends, waits for quota, or is no longer the owner's."""
        try:
            await self._run(tenant, job, owner)
        except QuotaExhausted as exhausted:
            until = millis(exhausted.until) if exhausted.until else tenant.now() + PAUSE
            await _give_back(tenant, job.key, owner, _Left(JobState.WAITING_FOR_QUOTA, until, str(exhausted)))
        except WeChatError as error:
            _log.warning("backfill_refused", job=job.id, errcode=error.errcode, rid=error.rid, is_retryable=error.is_retryable)
            if error.is_retryable:
                await _give_back(tenant, job.key, owner, _Left(JobState.QUEUED, tenant.now() + PAUSE, str(error)))
            else:
                await fail(tenant, job.key, str(error))

    async def _run(self, tenant: Tenant, job: Job, owner: str) -> None:
        view = await tenant.view()
        app_id = view.touchpoint(Key(job.touchpoint_key or "")).app_id
        keys = tenant.keys
        is_first, is_again = True, False
        async for chunk in follower_chunks(self.wechat, app_id, lambda open_id: keys.open_id(app_id, open_id), job.checkpoint):
            told = await ask_about(self.wechat, app_id, chunk.open_ids)
            rows = _rows(app_id, told, job.started)
            is_again = is_again or (chunk.starts_anew and job.checkpoint != "")
            if is_first or is_again:
                # Recorded before, perhaps, by somebody who was killed before noting it.
                known = await on_record(tenant, rows, keeps_malformed=True)
                rows = [row for row, result in zip(rows, known, strict=True) if result is None]
                is_first = False
            await self.recorder.record(tenant, rows, keeps_malformed=True)
            if await _note(tenant, job.key, owner, _progress(chunk, told, keys, app_id)) is None:
                return
        await _end(tenant, job.key, owner)


def _rows(app_id: str, told: Told, observed: Millis) -> list[Row]:
    """What was told as evidence; a follower about whom WeChat says nothing, or nothing readable, was still seen."""
    seen = [(info.open_id, info.union_id) for info in told.infos] + [(open_id, None) for open_id in told.unanswered]
    # Beside it, what could not be read: it waits in quarantine, for nobody hears a rejection.
    seen += [(info.open_id, info.damaged) for info in told.infos if info.damaged]
    return [
        Row(app_id=app_id, open_id=open_id, union_id=union_id, observed=observed, source=ResolutionSource.USER_INFO_BATCH)
        for open_id, union_id in seen
    ]


def _progress(chunk: Chunk, told: Told, keys: Keys, app_id: str) -> Callable[[Job], Job]:
    damaged = sum(info.damaged is not None for info in told.infos)
    with_union_id = sum(info.union_id is not None for info in told.infos)

    def add(job: Job) -> Job:
        before = replace(job, done=0, failed=0, with_union_id=0) if chunk.starts_anew else job
        return replace(
            job,
            done=before.done + len(chunk.open_ids) + chunk.damaged,
            total=chunk.total,
            failed=before.failed + chunk.damaged + told.refused + len(told.unanswered) + damaged,
            with_union_id=(before.with_union_id or 0) + with_union_id,
            checkpoint=keys.open_id(app_id, chunk.open_ids[-1]),
            last_error=None,
        )

    return add


async def _put(tenant: Tenant, touchpoint: Key) -> Job:
    """Put a job, unless one of this touchpoint has not ended. Its key is its number among them: two starts at once cannot both succeed."""
    which = JobFilter(kinds=(JobKind.BACKFILL,), touchpoint=touchpoint)
    unfinished = replace(which, states=tuple(UNFINISHED))
    counted = (await tenant.store.page(tenant.name, Job, Page(limit=1, is_counted=True), which))[1]
    is_running = bool((await tenant.store.page(tenant.name, Job, Page(limit=1), unfinished))[1].items)
    key = tenant.keys.derive("Job", JobKind.BACKFILL.value, touchpoint, str(counted.total))
    now = tenant.now()
    job = Job(key=key, kind=JobKind.BACKFILL, touchpoint_key=touchpoint, with_union_id=0, started=now, progressed=now)

    def decide(loaded: Loaded) -> tuple[Writes, Job]:
        if is_running or key in loaded.nodes:
            message = "A backfill of this touchpoint has not ended yet: wait for it, or end it with cancelJob."
            raise Refused(SimpleError(message=message, code=UserErrorCode.JOB_RUNNING, path=["appId"]))
        return Writes(put=[job]), job

    return await tenant.write(lambda _: Scope(keys=frozenset([key])), decide)


async def _note(tenant: Tenant, key: Key, owner: str, add: Callable[[Job], Job]) -> Job | None:
    def decide(job: Job, now: Millis) -> Job | None:
        return replace(add(job), progressed=now, lease_until=now + LEASE) if _is_held(job, owner) else None

    return await change_job(tenant, key, decide)


async def _end(tenant: Tenant, key: Key, owner: str) -> None:
    def decide(job: Job, now: Millis) -> Job | None:
        if not _is_held(job, owner):
            return None
        return replace(job, state=JobState.DONE, total=job.done, progressed=now, finished=now, lease_owner="", lease_until=0)

    await change_job(tenant, key, decide)


async def _give_back(tenant: Tenant, key: Key, owner: str, left: _Left) -> None:
    """Leave a job to whoever comes first after `left.until`."""

    def decide(job: Job, now: Millis) -> Job | None:
        if not _is_held(job, owner):
            return None
        return replace(job, state=left.state, last_error=left.why, progressed=now, lease_owner="", lease_until=left.until)

    await change_job(tenant, key, decide)


def _is_held(job: Job, owner: str) -> bool:
    return job.state is JobState.RUNNING and job.lease_owner == owner
