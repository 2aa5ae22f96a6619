"""`uniongraph backfill APPID`: every follower of an official account, here or in the service that runs beside it."""

import argparse
import asyncio
import sys
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.command import Command, CommandFailed, add_tenant, run_async, tell
from app.server import Parts, opened_parts, set_up_logs
from app.settings import Settings, add_arguments
from graph.errors import Refused, UserErrorCode
from graph.jobs import UNFINISHED, Job, JobKind, JobState
from graph.node import Key
from graph.stores import JobFilter, Page
from graph.tenant import Tenant

LOOK_EVERY = 0.5
"""Seconds between two looks at the job."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app_id", metavar="APPID", help="a subscription or service account that is registered")
    add_tenant(parser)
    add_arguments(parser, ("store", "data", "wechat_credentials", "wechat_base_url", "log_level"))


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_backfill(arguments))


async def _backfill(arguments: argparse.Namespace) -> int:
    settings = Settings.load(arguments)
    credentials = settings.credentials()
    set_up_logs(settings.log_level if arguments.log_level else "error", credentials)
    async with opened_parts(settings, credentials) as parts:
        tenant = Tenant(parts.services.store, arguments.tenant)
        job = await _started(parts, tenant, arguments.app_id)
        # Whoever takes the job first does it: this process, or a service on the same store.
        work = asyncio.create_task(parts.worker.run())
        try:
            ended = await _watched(tenant, job.key, arguments.app_id)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    return _told(ended)


async def _started(parts: Parts, tenant: Tenant, app_id: str) -> Job:
    try:
        return await parts.backfills.start(tenant, app_id)
    except Refused as refused:
        if refused.errors[0].code is not UserErrorCode.JOB_RUNNING:
            raise
    which = JobFilter(kinds=(JobKind.BACKFILL,), states=tuple(UNFINISHED), touchpoint=tenant.keys.touchpoint(app_id))
    jobs = (await tenant.store.page(tenant.name, Job, Page(limit=1), which))[1].items
    if not jobs:
        raise CommandFailed("The backfill that was running has just ended: start it again if you want another one.")
    tell("A backfill of this touchpoint was begun before: going on with it.")
    return jobs[0]


async def _watched(tenant: Tenant, key: Key, app_id: str) -> Job:
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]:,} with UnionID"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        shown = bar.add_task(f"Followers of {app_id}", total=None, found=0)
        while True:
            job = (await tenant.store.nodes(tenant.name, [key]))[0]
            if not isinstance(job, Job):
                raise CommandFailed("The job is no longer there.")
            bar.update(shown, completed=job.done, total=job.total, found=job.with_union_id or 0)
            if job.state not in UNFINISHED or job.state is JobState.WAITING_FOR_QUOTA:
                return job
            await asyncio.sleep(LOOK_EVERY)


def _told(job: Job) -> int:
    tell(f"{job.done:,} followers, {job.with_union_id or 0:,} with a UnionID, {job.failed:,} without an answer.")
    if job.state is JobState.DONE:
        return 0
    if job.state is JobState.WAITING_FOR_QUOTA:
        raise CommandFailed(f"{job.last_error} Run this again then, or leave it to the service: it goes on where it stopped.")
    raise CommandFailed(job.last_error or "The backfill was cancelled; what it did stays.")


COMMAND = Command("backfill", "ask WeChat for every follower of an official account", _add_arguments, _run)
