"""Questions about what is neither people nor brand: jobs, quarantined rows, API keys, decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from graph.apikeys import ApiKey
from graph.jobs import UNFINISHED, Job, JobKind, JobState
from graph.node import Key, Millis, Node
from graph.state import StoredRollup
from graph.stores import DecisionFilter, JobFilter, Page, Slice
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.brand import found
from graph.stores.neo4j.paging import Walk, names, paged
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.torn import settled

N = TypeVar("N", bound=Node)


@settled
async def page(ask: Ask, tenant: str, kind: type[N], page_of: Page, which: JobFilter | DecisionFilter | None) -> tuple[int, Slice[N]]:
    """One kind's nodes in the order of their keys."""
    label = kind.__name__
    version, has_more, rows, total = await paged(ask, tenant, _walk(label, which), page_of)
    items = sorted((cast("N", shapes.node(label, row)) for row in rows), key=lambda node: node.key)
    return version, Slice(items=items, has_more=has_more, total=total)


def _walk(label: str, which: JobFilter | DecisionFilter | None) -> Walk:
    """Which statement finds them, and by what."""
    if isinstance(which, JobFilter) and which != JobFilter():
        by = {"states": names(which.states or JobState), "kinds": names(which.kinds or JobKind), "touchpoint": which.touchpoint}
        return Walk("jobs_of_touchpoint" if which.touchpoint else "page_by_kind", label, by)
    if isinstance(which, DecisionFilter) and which != DecisionFilter():
        by_whom = {"names": which.names, "isRevoked": which.is_revoked}
        return Walk("decisions_by_state" if which.names is None else "decisions_of", label, by_whom)
    return Walk("page", label, {})


@settled
async def evidence(ask: Ask, tenant: str, keys: Sequence[Key]) -> list[StoredRollup | None]:
    """Roll-ups that link two identifiers by key, in order."""
    _, rows = found(await ask(text("evidence"), tenant=tenant, keys=list(keys), rollup=shapes.COLUMNS["rollup"]), tenant)
    by_key = shapes.rollups(rows)
    return [by_key.get(key) for key in keys]


@settled
async def nodes(ask: Ask, tenant: str, keys: Sequence[Key]) -> list[Node | None]:
    """Nodes by key, in order."""
    _, rows = found(await ask(text("nodes"), tenant=tenant, keys=list(keys)), tenant)
    by_key = {one.key: one for one in (shapes.node(label, row) for label, row in rows)}
    return [by_key.get(key) for key in keys]


async def quarantined(ask: Ask, tenant: str, app_id: str | None, after: Key | None, limit: int) -> list[Key]:
    """Keys of quarantined whole rows."""
    statement = text("quarantined_anywhere" if app_id is None else "quarantined")
    return list(found(await ask(statement, tenant=tenant, appId=app_id, after=after or "", limit=limit), tenant)[0])


async def jobs(ask: Ask, now: Millis) -> list[tuple[str, Job]]:
    """Unfinished jobs that nobody holds, of all tenants, oldest first."""
    row = await ask(text("jobs"), states=sorted(state.name for state in UNFINISHED), now=now)
    return [(one["tenant"], cast("Job", shapes.node(Job.__name__, one))) for one in (row[0] if row else [])]


async def old_requests(ask: Ask, before: Millis, limit: int) -> list[tuple[str, Key]]:
    """Recorded requests of all tenants that were made before a time, oldest first."""
    row = await ask(text("old_requests"), before=before, limit=limit)
    return [(tenant, key) for tenant, key in (row[0] if row else [])]


async def api_key(ask: Ask, digest: str) -> tuple[str, ApiKey] | None:
    """The key with this digest, and its tenant."""
    row = await ask(text("api_key"), digest=digest)
    return next(((one["tenant"], cast("ApiKey", shapes.node(ApiKey.__name__, one))) for one in (row[0] if row else [])), None)
