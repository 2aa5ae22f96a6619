"""The sample brand on its way into the service: registered, bound in the order of time, followers asked for, people logging in."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

from app.demo.http import Api, CallFailed, post
from app.sandbox.brand import Brand, Touchpoint

KNOWN_ALREADY = {"ALREADY_BOUND", "OVERLAPPING_BINDING", "NOT_BOUND", "JOB_RUNNING"}
"""What a second demo on the same store meets."""
UNFINISHED = ("QUEUED", "RUNNING", "WAITING_FOR_QUOTA")
LOOK_EVERY = 0.15
"""Seconds between two looks at running jobs."""
LONGEST = 300
"""Seconds after which a job is taken for stuck."""
JOBS = "query ($states: [JobState!]) { jobs(first: 100, filter: {states: $states}) { nodes { id } } }"
JOB = "query ($id: ID!) { node(id: $id) { ... on Job { state done total withUnionId failed lastError } } }"


def register(api: Api, brand: Brand) -> int:
    """Entities, affiliations, Open Platform accounts, touchpoints, and bindings as they came about; gives how many."""
    calls = [*_registrations(brand), *_bindings(brand)]
    for name, values in calls:
        _checked(name, api.change(name, values))
    return len(calls)


def _registrations(brand: Brand) -> Iterator[tuple[str, dict[str, Any]]]:
    for entity in brand.entities:
        facts = {"name": entity.name, "kind": entity.kind, "region": entity.region, "creditCode": entity.credit_code}
        yield "registerEntity", {"entityId": entity.entity_id, **facts}
    for relation in brand.relations:
        days = {"startsOn": relation.starts_on.isoformat(), "endsOn": relation.ends_on.isoformat() if relation.ends_on else None}
        yield "relateEntities", {"entityId": relation.entity_id, "relatedEntityId": relation.related_entity_id, **days}
    for platform in brand.open_platforms:
        facts = {"name": platform.name, "entityId": platform.entity_id, "createdVia": platform.created_via.value}
        until = platform.qualified_until.isoformat() if platform.qualified_until else None
        yield (
            "registerOpenPlatform",
            {"openAppId": platform.open_app_id, **facts, "isQualified": platform.is_qualified, "qualifiedUntil": until},
        )
    for touchpoint in brand.touchpoints:
        facts = {"kind": touchpoint.kind.value, "name": touchpoint.name, "entityId": touchpoint.entity_id}
        yield "registerTouchpoint", {"appId": touchpoint.app_id, **facts, "originalId": touchpoint.original_id}


def _bindings(brand: Brand) -> Iterator[tuple[str, dict[str, Any]]]:
    bound: set[str] = set()
    dated = sorted((binding.at, place) for place, binding in enumerate(brand.bindings) if binding.at)
    for at, place in dated:
        binding = brand.bindings[place]
        how = {"at": at.isoformat(), "path": binding.path.value, "hasHappened": True}
        if binding.app_id in bound:
            yield "moveTouchpoint", {"appId": binding.app_id, "toOpenAppId": binding.open_app_id, **how}
        else:
            yield "bindTouchpoint", {"appId": binding.app_id, "openAppId": binding.open_app_id, **how}
        bound.add(binding.app_id)


def backfill(api: Api, brand: Brand, console: Console) -> None:
    """The followers of every official account, side by side, with a bar each."""
    columns = (
        TextColumn("  {task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True)),
    )
    accounts = [one for one in brand.touchpoints if one.kind.is_official_account]
    refusals: list[str] = []
    with Progress(*columns, console=console) as bars:
        jobs = {}
        for touchpoint in accounts:
            payload = api.change("startBackfill", {"appId": touchpoint.app_id}, "job { id }")
            _checked("startBackfill", payload)
            if payload["job"]:
                jobs[payload["job"]["id"]] = bars.add_task(_label(touchpoint), total=None, note="")
        _until_none(jobs, lambda job, task: _shown(api, bars, (job, task), refusals))
    for refusal in refusals:
        console.print(f"  {refusal}", markup=False, highlight=False, soft_wrap=True)


def _until_none(jobs: dict[str, Any], is_over: Callable[[str, Any], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while jobs:
        jobs = {job: task for job, task in jobs.items() if not is_over(job, task)}
        if time.monotonic() > deadline:
            raise CallFailed("a job does not come to its end")
        time.sleep(LOOK_EVERY)


def _shown(api: Api, bars: Progress, shown: tuple[str, TaskID], refusals: list[str]) -> bool:
    job_id, task = shown
    job = api.ask(JOB, {"id": job_id})["node"]
    is_over: bool = job["state"] not in UNFINISHED
    if job["state"] == "FAILED":
        refusals.append(f"WeChat refused one of them: {job['lastError']}")
        bars.update(task, completed=0, total=job["total"] or 1, note="refused, see below")
    else:
        bars.update(task, completed=job["done"], total=job["total"], note=f"{job['withUnionId']:,} with UnionID")
    return is_over


def wait_for_jobs(api: Api) -> None:
    """Until nothing is being worked on."""
    _until_none({"all": None}, lambda *_: not api.ask(JOBS, {"states": list(UNFINISHED)})["jobs"]["nodes"])


def log_in(api: Api, door: str, brand: Brand, people: int, console: Console) -> Counter[str]:
    """Let people log in at the touchpoints they use: a code from the sandbox, exchanged by the service."""
    wanted = "isNewCustomer isSnapshotUser missingUnionIdReason"
    columns = (TextColumn("  {task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    tally: Counter[str] = Counter()
    with Progress(*columns, console=console) as bars:
        for app_id, person in bars.track(list(_visitors(brand, people)), description="Logins"):
            code = post(door, "/sandbox/login", {"appId": app_id, "person": person})["code"]
            payload = api.change("exchangeLoginCode", {"appId": app_id, "code": code}, wanted)
            tally.update(_outcome(payload))
    return tally


def _visitors(brand: Brand, people: int) -> Iterator[tuple[str, int]]:
    step = max(1, brand.people // people)
    for turn, number in enumerate(range(0, brand.people, step)):
        visits = [visit.app_id for visit in brand.person(number).visits if _has_login(brand, visit.app_id)]
        if visits and turn < people:
            yield visits[turn % len(visits)], number


def _has_login(brand: Brand, app_id: str) -> bool:
    touchpoint = brand.touchpoint(app_id)
    return touchpoint is not None and (touchpoint.kind.logs_in_with_js_code or touchpoint.kind.logs_in_with_oauth)


def _outcome(payload: dict[str, Any]) -> list[str]:
    if payload["errors"]:
        return [payload["errors"][0]["code"]]
    if payload["isSnapshotUser"]:
        return ["snapshot pages, dropped"]
    found = ["new customers" if payload["isNewCustomer"] else "known customers"]
    return [*found, f"no UnionID: {payload['missingUnionIdReason']}"] if payload["missingUnionIdReason"] else found


def _checked(name: str, payload: dict[str, Any]) -> None:
    refused = [error for error in payload["errors"] if error["code"] not in KNOWN_ALREADY]
    if refused:
        raise CallFailed(f"{name}: {refused[0]['message']}")


def _label(touchpoint: Touchpoint) -> str:
    return f"{touchpoint.english_name} ({touchpoint.kind.value.replace('_', ' ').lower()})"
