"""Questions about customers and identifiers: by key and in pages. Every answer is one record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from graph.node import Key
from graph.state import ConflictKind, ConflictState, CustomerState, Member
from graph.stores import Aggregate, ConflictFilter, ConflictFound, CustomerFilter, Page, Slice
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask, Row
from graph.stores.neo4j.brand import found
from graph.stores.neo4j.paging import Walk, bounds, counted, is_backward, names, paged
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.torn import Torn, settled

FEW = 10_000
"""Up to so many customers are sorted rather than looked for along their keys."""


async def customers(ask: Ask, tenant: str, keys: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    """Whole customers by any of their identifiers, in order."""
    return await _holders(ask, tenant, text("customers", then="aggregates"), keys)


async def named(ask: Ask, tenant: str, keys: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    """The same by what decisions name, UnionIDs by their text's key."""
    return await _holders(ask, tenant, text("named", then="aggregates"), keys)


@settled
async def _holders(ask: Ask, tenant: str, statement: LiteralString, keys: Sequence[Key]) -> tuple[int, list[Aggregate | None]]:
    version, holders, by_key = await _aggregates(ask, tenant, statement, keys=list(dict.fromkeys(keys)))
    holder = {key: customer for key, customer, _ in holders if customer}
    held = {by: customer for _, customer, by in holders if customer}
    belongs = [(member.key, customer) for customer, one in by_key.items() for member in one.members]
    # Somebody who moved to another customer in between is in none of them, or in both.
    if len(belongs) != len(dict(belongs)) or not held.items() <= dict(belongs).items():
        raise Torn
    return version, [by_key.get(holder.get(key, "")) for key in keys]


@settled
async def customer_page(ask: Ask, tenant: str, which: CustomerFilter, page: Page) -> tuple[int, Slice[Aggregate]]:
    """Whole customers in the order of their keys, by the index that leaves fewest to look at."""
    walk, touchpoint = await _walk(ask, tenant, which)
    parameters = {
        "usedAll": list(which.used_all),
        "usedNone": list(which.used_none),
        "touchpoint": touchpoint,
        "state": which.state.name if which.state else None,
        "states": names((which.state,) if which.state else CustomerState),
        "hasConflict": which.has_open_conflict,
        "hasConflicts": [False, True] if which.has_open_conflict is None else [which.has_open_conflict],
        "since": which.seen_since,
    }
    statement = text(walk, then="customers_chosen", is_backward=is_backward(page))
    version, beside, by_key = await _aggregates(ask, tenant, statement, **bounds(page), **parameters)
    count = text("page_total", label="Customer") if which == CustomerFilter() else text(walk, then="merged_count")
    total = await counted(ask, tenant, count, page, parameters)
    return version, Slice(items=[by_key[key] for key in sorted(by_key)], has_more=beside[0], total=total)


async def _walk(ask: Ask, tenant: str, which: CustomerFilter) -> tuple[str, Key | None]:
    """Which index to walk, and for which touchpoint. Nothing is counted where there is no choice."""
    used, seen = [0] * len(which.used_all), FEW + 1
    if len(which.used_all) > 1 or (which.used_all and which.has_open_conflict) or which.seen_since is not None:
        row = await ask(text("few"), tenant=tenant, usedAll=list(which.used_all), since=which.seen_since, enough=FEW + 1)
        used, seen = found(row, tenant)
    fewest, touchpoint = min(zip(used, which.used_all, strict=True), default=(FEW + 1, None))
    if which.seen_since is not None and seen <= FEW and (touchpoint is None or seen < fewest):
        return "walk_by_seen", None
    if touchpoint is not None and not (which.has_open_conflict and fewest > FEW):
        return "walk_by_touchpoint", touchpoint
    return ("walk_by_key" if which.state is None and which.has_open_conflict is None else "walk_by_state"), None


async def _aggregates(ask: Ask, tenant: str, statement: LiteralString, **parameters: object) -> tuple[int, list[Any], dict[Key, Aggregate]]:
    """Whole customers by key. Raises Torn."""
    version, beside, rows = found(await ask(statement, tenant=tenant, **parameters, **shapes.COLUMNS), tenant)
    by_key = {one.row.key: one for one in map(_aggregate, rows)}
    if not all(map(_is_whole, by_key.values())):
        raise Torn
    return version, beside, by_key


def _is_whole(one: Aggregate) -> bool:
    """Whether all of it was written by one turn, and nobody is missing. Who has just left was met, and says so."""
    row = one.row
    return row.size == len(one.members) and all((member.customer, member.turn) == (row.key, row.turn) for member in one.members)


def _aggregate(row: Row) -> Aggregate:
    customer, members, rollups, conflicts, mentioned = row
    return Aggregate(
        row=shapes.customer(customer),
        members=tuple(sorted(map(shapes.member, members), key=lambda one: one.key)),
        rollups=tuple(shapes.rollups(one for said in rollups for one in said).values()),
        conflicts=tuple(sorted((shapes.conflict(values, count) for values, count in conflicts), key=lambda one: one.key)),
        mentioned=_by_key(mentioned),
    )


def _by_key(members: Iterable[Row]) -> dict[Key, Member]:
    return {one.key: one for one in map(shapes.member, members)}


@settled
async def open_id_page(ask: Ask, tenant: str, touchpoint: Key, page: Page) -> tuple[int, Slice[Member]]:
    """A touchpoint's OpenIDs in the order of their keys."""
    statement = text("open_ids", is_backward=is_backward(page))
    parameters = {"tenant": tenant, "touchpoint": touchpoint, "isCounted": page.is_counted, "member": shapes.COLUMNS["member"]}
    row = await ask(statement, **parameters, **bounds(page))
    version, has_more, members, total = found(row, tenant)
    return version, Slice(items=sorted(map(shapes.member, members), key=lambda one: one.key), has_more=has_more, total=total)


async def stale(ask: Ask, tenant: str, touchpoint: Key, version: int, *, after: Key | None, limit: int) -> list[Key]:
    """OpenIDs of a touchpoint with evidence scoped before a registry version."""
    row = await ask(text("stale"), tenant=tenant, touchpoint=touchpoint, version=version, after=after or "", limit=limit)
    return list(found(row, tenant)[0])


async def customer_keys(ask: Ask, tenant: str, after: Key | None, limit: int) -> list[Key]:
    """Customers' keys in order."""
    return list(found(await ask(text("customer_keys"), tenant=tenant, after=after or "", limit=limit), tenant)[0])


async def loose_claims(ask: Ask, tenant: str, after: Key | None, limit: int) -> list[Key]:
    """Keys of claims that count nowhere now, in order."""
    return list(found(await ask(text("loose_claims"), tenant=tenant, after=after or "", limit=limit), tenant)[0])


@settled
async def conflict_page(ask: Ask, tenant: str, which: ConflictFilter, page: Page) -> tuple[int, Slice[ConflictFound]]:
    """Conflicts in the order of their keys."""
    name = "page_by_kind"
    if which == ConflictFilter():
        name = "page"
    elif which.touchpoint:
        name = "conflicts_of_touchpoint"
    elif which.namespace is not None:
        name = "conflicts_of_namespace"
    parameters = {
        "touchpoint": which.touchpoint,
        "namespace": which.namespace,
        "states": names(which.states or ConflictState),
        "kinds": names(which.kinds or ConflictKind),
    }
    version, has_more, rows, total = await paged(ask, tenant, Walk(name, "Conflict", parameters | shapes.COLUMNS), page)
    return version, Slice(items=sorted(map(_conflict, rows), key=lambda one: one.row.key), has_more=has_more, total=total)


@settled
async def conflicts(ask: Ask, tenant: str, keys: Sequence[Key]) -> tuple[int, list[ConflictFound | None]]:
    """Conflicts by key, in order."""
    row = await ask(text("conflicts_here", then="conflicts_found"), tenant=tenant, keys=list(keys), limit=len(keys), **shapes.COLUMNS)
    version, _, rows = found(row, tenant)
    by_key = {one.row.key: one for one in map(_conflict, rows)}
    return version, [by_key.get(key) for key in keys]


def _conflict(row: Row) -> ConflictFound:
    values, count, mentioned = row
    return ConflictFound(row=shapes.conflict(values, count), mentioned=_by_key(mentioned))
