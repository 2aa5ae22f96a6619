"""Work in progress: asked for, watched and ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated

import strawberry

from app.api.connection import After, Before, Connection, First, Last, connection, page_of
from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph import stores
from graph.apikeys import Scope
from graph.errors import not_found
from graph.jobs import Job, JobKind, JobState
from graph.node import Doc, Id, Key, key_of
from graph.tenant import Tenant
from graph.upkeep import cancel, resume


@publish_input
@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs; all conditions together."""

    kinds: Annotated[list[JobKind] | None, Doc("Of any of these kinds; an empty list is no condition.")] = None
    states: Annotated[list[JobState] | None, Doc("In any of these states; an empty list is no condition.")] = None
    app_id: Annotated[str | None, Doc("On the touchpoint with this AppID.")] = None

    def which(self, tenant: Tenant) -> stores.JobFilter:
        """The same, as the store takes it."""
        touchpoint = None if self.app_id is None else tenant.keys.touchpoint(self.app_id)
        return stores.JobFilter(kinds=tuple(self.kinds or ()), states=tuple(self.states or ()), touchpoint=touchpoint)


@publish_input
@dataclass(frozen=True, kw_only=True)
class StartBackfillInput:
    """Whose followers to ask for."""

    app_id: Annotated[str, Doc("The AppID of a subscription or service account.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class CancelJobInput:
    """What to end."""

    job_id: Annotated[Id, Doc("The job (`job_…`).")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class ResumeJobInput:
    """What to take up again."""

    job_id: Annotated[Id, Doc("The job (`job_…`).")]


@publish
@dataclass(frozen=True, kw_only=True)
class StartBackfillPayload(Payload):
    """The job that was started."""

    job: Annotated[Job | None, Doc("The job; null where it was refused.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class CancelJobPayload(Payload):
    """The job as it is now."""

    job: Annotated[Job | None, Doc("The job; null where it was refused.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class ResumeJobPayload(Payload):
    """The job as it is now."""

    job: Annotated[Job | None, Doc("The job; null where it was refused.")] = None


@strawberry.type
class JobQueries:
    """Questions about jobs."""

    @query()
    async def jobs(
        self,
        info: Info,
        *,
        filter: Annotated[  # noqa: A002  # the argument's name in the API
            JobFilter | None, strawberry.argument(description="Which jobs; without it, all, finished ones too.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Job]:
        """Work that outlives a request, in the order of their ids."""
        tenant = info.context.tenant
        page = page_of(Selection.of(info), first, after, last, before)
        registry, found = await tenant.store.page(tenant.name, Job, page, (filter or JobFilter()).which(tenant))
        view = registry.view(tenant.now())
        return connection(found, page, lambda job: job.key, [replace(job, view=view) for job in found.items])


@strawberry.type
class JobMutations:
    """Mutations on jobs."""

    @mutation(needs=Scope.INGEST)
    async def start_backfill(
        self,
        info: Info,
        *,
        input: Annotated[StartBackfillInput, strawberry.argument(description="Whose followers.")],  # noqa: A002
    ) -> StartBackfillPayload:
        """Ask WeChat for every follower of an official account, and for their UnionIDs. Interrupted, it goes on where it was."""
        job = await info.context.services.backfills.start(info.context.tenant, input.app_id)
        info.context.wake()
        return StartBackfillPayload(job=replace(job, view=await info.context.tenant.view()))

    @mutation(needs=Scope.INGEST)
    async def cancel_job(
        self,
        info: Info,
        *,
        input: Annotated[CancelJobInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> CancelJobPayload:
        """End a job where it stands; what it did stays. One that has ended already stays as it ended."""
        return CancelJobPayload(job=await _changed(info.context.tenant, input.job_id, cancel))

    @mutation(needs=Scope.INGEST)
    async def resume_job(
        self,
        info: Info,
        *,
        input: Annotated[ResumeJobInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ResumeJobPayload:
        """Take up a job again that FAILED or was CANCELLED: it goes on from where it stands. Any other one is left as it is.

        Errors: NOT_FOUND; JOB_RUNNING where another one of its kind works on the same touchpoint.
        """
        job = await _changed(info.context.tenant, input.job_id, resume)
        info.context.wake()
        return ResumeJobPayload(job=job)


async def _changed(tenant: Tenant, job_id: Id, change: Callable[[Tenant, Key], Awaitable[Job | None]]) -> Job:
    """The job after a change, or as it is where there was nothing to change."""
    key = key_of(job_id, Job.prefix)
    job = await change(tenant, key) if key else None
    found = job or ((await tenant.store.nodes(tenant.name, [key]))[0] if key else None)
    if not isinstance(found, Job):
        raise not_found("There is no job with this id: `jobs` lists them.", "jobId")
    return replace(found, view=await tenant.view())
