"""Use cases that keep what is stored true: re-scoping jobs, the release of quarantined rows, and the end of recorded requests."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from graph.accounts import Registry
from graph.derive import News, derive
from graph.errors import Refused, SimpleError, UserErrorCode, invalid
from graph.jobs import RESUMABLE, UNFINISHED, Job, JobKind, JobState
from graph.node import Key, Millis, Node
from graph.quarantine import Quarantined
from graph.record import replay
from graph.requests import KEPT, Request
from graph.stores import JobFilter, Page, Store
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

PAGE = 200
"""OpenIDs re-scoped in one turn: writers wait no longer than that takes."""
LEASE: Millis = 60_000
"""How long a job stays its worker's without a sign of life."""
MOST_FORGOTTEN = 500
"""Recorded requests dropped in one turn."""


def new_owner() -> str:
    """A name for one worker."""
    return secrets.token_hex(8)


async def take(tenant: Tenant, key: Key, owner: str) -> Job | None:
    """Take a job that nobody holds, or prolong one's own; None where another worker holds it, or it has ended."""

    def decide(job: Job, now: Millis) -> Job | None:
        if job.state not in UNFINISHED or (job.lease_owner != owner and job.lease_until > now):
            return None
        return replace(job, state=JobState.RUNNING, lease_owner=owner, lease_until=now + LEASE)

    return await change_job(tenant, key, decide)


async def change_job(tenant: Tenant, key: Key, change: Callable[[Job, Millis], Job | None]) -> Job | None:
    """Change a job in a turn of its own; None where there is none or nothing is to be changed."""
    now = tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Job | None]:
        job = loaded.nodes.get(key)
        changed = change(job, now) if isinstance(job, Job) else None
        return Writes(put=[changed] if changed else []), changed

    return await tenant.write(lambda _: Scope(keys=frozenset([key])), decide)


async def rescope(tenant: Tenant, job: Job, owner: str) -> Job | None:
    """Do a RESCOPE job from wherever it stands: release what waits for its touchpoint, then re-scope its evidence, page by page.

    Killed anywhere, it is taken up again by whoever finds its lease run out; a page done twice changes nothing. Ends where somebody
    else has taken it up.
    """
    held: Job | None = job
    after: Key | None = None
    while held is not None and mine(held, owner):
        assert held.touchpoint_key is not None  # noqa: S101  # every RESCOPE job has one
        released = await _release_page(tenant, held, owner)
        if released:
            held = released
        else:
            held, after = await _rescope_page(tenant, held, owner, after)
    return held


async def _release_page(tenant: Tenant, job: Job, owner: str) -> Job | None:
    """Apply the next page of whole rows that wait for the touchpoint; None where no more do."""
    registry = await tenant.store.registry(tenant.name)
    touchpoint = registry.touchpoints[Key(job.touchpoint_key or "")]
    after = Key(job.checkpoint) if job.checkpoint else None
    keys = await tenant.store.quarantined(tenant.name, touchpoint.app_id, after, PAGE)
    if not keys:
        return None
    await replay(tenant, keys)

    def decide(now_job: Job, now: Millis) -> Job | None:
        if not mine(now_job, owner):
            return None
        return replace(now_job, done=now_job.done + len(keys), progressed=now, checkpoint=keys[-1], lease_until=now + LEASE)

    return await change_job(tenant, job.key, decide) or replace(job, lease_owner="")  # somebody else's by now


async def _rescope_page(tenant: Tenant, job: Job, owner: str, after: Key | None) -> tuple[Job | None, Key | None]:
    """Re-scope the next page of evidence, and note it in the job, in one turn; the job is done where none is left.

    Also gives after whom to go on, so that those who are done are not looked at again for every page.
    """
    touchpoint = Key(job.touchpoint_key or "")
    registry = await tenant.store.registry(tenant.name)
    version = registry.touchpoints[touchpoint].scope_version
    keys = await tenant.store.stale(tenant.name, touchpoint, version, after, PAGE)
    if after and not keys:  # the history may have changed again behind it
        keys = await tenant.store.stale(tenant.name, touchpoint, version, None, PAGE)
    now = tenant.now()

    def decide(loaded: Loaded) -> tuple[Writes, Job | None]:
        held = loaded.nodes.get(job.key)
        if not isinstance(held, Job) or not mine(held, owner):
            return Writes(), held if isinstance(held, Job) else None
        writes = derive(loaded, tenant.keys, News(cause="bindings changed"), now).writes if keys else Writes()
        is_over = not keys and loaded.registry.touchpoints[touchpoint].scope_version == version
        step = replace(held, done=held.done + len(keys), progressed=now, lease_until=now + LEASE)
        if is_over:
            step = replace(step, state=JobState.DONE, finished=now, total=step.done, lease_owner="", lease_until=0)
        writes.put.append(step)
        return writes, step

    held = await tenant.write(lambda _: Scope(people=frozenset(keys), keys=frozenset([job.key])), decide)
    return held, keys[-1] if keys else None


def mine(job: Job, owner: str) -> bool:
    """Whether a job is being done by this worker."""
    return job.state is JobState.RUNNING and job.lease_owner == owner


async def fail(tenant: Tenant, key: Key, message: str) -> Job | None:
    """Note that a job cannot go on. The message names no identifier."""
    return await change_job(
        tenant,
        key,
        lambda job, now: replace(job, state=JobState.FAILED, last_error=message, finished=now) if job.state in UNFINISHED else None,
    )


async def cancel(tenant: Tenant, key: Key) -> Job | None:
    """End a job where it stands; what it did stays. None where there is none or it has ended.

    Raises Refused for one that applies an identity policy: customers would stay in part under the one before.
    """

    def change(job: Job, now: Millis) -> Job | None:
        if job.state not in UNFINISHED:
            return None
        if job.kind is JobKind.POLICY_CHANGE and not job.is_rehearsal:
            raise invalid("This job applies the identity policy in force: to undo it, set the policy that you want instead.", "jobId")
        return replace(job, state=JobState.CANCELLED, finished=now)

    return await change_job(tenant, key, change)


async def resume(tenant: Tenant, key: Key) -> Job | None:
    """Queue a job again that failed or was cancelled: it goes on from where it stands. None where there is none, or it needs no help.

    Raises Refused: JOB_RUNNING where another one of its kind works on its touchpoint.
    """
    [found] = await tenant.store.nodes(tenant.name, [key])
    if isinstance(found, Job) and found.state in RESUMABLE:
        which = JobFilter(kinds=(found.kind,), states=tuple(UNFINISHED), touchpoint=found.touchpoint_key)
        if (await tenant.store.page(tenant.name, Job, Page(limit=1), which))[1].items:
            message = "Another job of this kind works on the same touchpoint: wait for it, or end it with cancelJob."
            raise Refused(SimpleError(message=message, code=UserErrorCode.JOB_RUNNING, path=["jobId"]))
    return await change_job(tenant, key, _queued_again)


def _queued_again(job: Job, _: Millis) -> Job | None:
    if job.state not in RESUMABLE:
        return None
    return replace(job, state=JobState.QUEUED, last_error=None, finished=None, lease_owner="", lease_until=0)


async def run_rescopes(store: Store, owner: str) -> int:
    """Do every RESCOPE job that nobody holds; gives how many ended."""
    ended = 0
    for name, job in await store.jobs(store.clock()):
        tenant = Tenant(store, name)
        if job.kind is JobKind.RESCOPE:
            held = await take(tenant, job.key, owner)
            done = await rescope(tenant, held, owner) if held else None
            ended += done is not None and done.state not in UNFINISHED
    return ended


async def forget_requests(store: Store) -> int:
    """Drop recorded requests that no longer answer, up to MOST_FORGOTTEN; gives how many there were."""
    now = store.clock()
    old = await store.old_requests(now - KEPT + 1, MOST_FORGOTTEN)
    for name in {name for name, _ in old}:
        scope = Scope(keys=frozenset(key for of, key in old if of == name))
        await store.write(name, partial(_always, scope), lambda loaded: (Writes(drop=_forgettable(loaded, now)), None))
    return len(old)


def _always(scope: Scope, _: Registry) -> Scope:
    return scope


def _forgettable(loaded: Loaded, now: Millis) -> list[Node]:
    """Those that have not been used anew in the meantime."""
    return [node for node in loaded.nodes.values() if isinstance(node, Request) and not node.holds(now)]


async def replay_quarantine(tenant: Tenant, ids: list[Key] | None) -> int:
    """Try what waits again: these, or all of it. Gives how many rows no longer wait."""
    if ids is not None:
        return await _replay(tenant, ids)
    replayed, page = 0, Page(limit=PAGE)
    while waiting := (await tenant.store.page(tenant.name, Quarantined, page))[1].items:
        replayed += await _replay(tenant, [row.key for row in waiting])
        page = replace(page, after=waiting[-1].key)
    return replayed


async def _replay(tenant: Tenant, keys: list[Key]) -> int:
    """Whole rows are recorded again; a UnionID that waits is looked at again with the evidence of its OpenID."""
    found = [node for node in await tenant.store.nodes(tenant.name, keys) if isinstance(node, Quarantined)]
    holders = frozenset(node.holder for node in found if node.holder)
    if holders:
        await tenant.write(
            lambda _: Scope(people=holders),
            lambda loaded: (derive(loaded, tenant.keys, News(cause="replayQuarantine"), tenant.now()).writes, None),
        )
    await replay(tenant, [node.key for node in found if node.row])
    left = await tenant.store.nodes(tenant.name, [node.key for node in found])
    return len(found) - sum(node is not None for node in left)
