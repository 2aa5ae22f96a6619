"""Keyset pages, forwards and backwards, over any statement that takes :after, :before and :limit and is ordered by key."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from graph.jobs import JobKind, JobState
from graph.node import Key, Node
from graph.state import ConflictKind, ConflictState, Member
from graph.stores import ConflictFilter, ConflictFound, DecisionFilter, JobFilter, Page, Slice
from graph.stores.sqlite.database import Database, Row, listed
from graph.stores.sqlite.rows import conflict_from, member_from, node_of
from graph.stores.sqlite.statements import backwards, sql

T = TypeVar("T")
N = TypeVar("N", bound=Node)

BEFORE_ALL, AFTER_ALL = "", "~"
"""No key is as small as the one or as great as the other."""


def edges(page: Page) -> tuple[bool, dict[str, Any]]:
    """Whether a page is read from its end, and what it lies between. One more than it shows is read, to see whether there is more."""
    around = {"after": page.after or BEFORE_ALL, "before": page.before or AFTER_ALL, "limit": page.limit + 1}
    return page.is_backward or page.before is not None, around


def page_of(found: Sequence[T], page: Page) -> tuple[list[T], bool]:
    """What a page shows, in ascending order, and whether more lies beyond."""
    shown = list(found[: page.limit])
    is_backward, _ = edges(page)
    return (shown[::-1] if is_backward else shown), len(found) > page.limit


def counted(database: Database, name: str, bindings: dict[str, Any]) -> int:
    """How many rows a page's statement has without its edges."""
    statement = f"SELECT count(*) FROM ({sql(name)})"  # noqa: S608  # a statement of ours around one of ours
    return int(database.rows(statement, bindings | {"after": BEFORE_ALL, "before": AFTER_ALL, "limit": -1})[0][0])


def paged(database: Database, name: str, count: str, bindings: dict[str, Any], page: Page) -> tuple[list[Row], bool, int | None]:
    """A page of rows, and the total if asked: by a statement that counts, or without one by the page's own."""
    is_backward, around = edges(page)
    rows = database.rows(backwards(name) if is_backward else sql(name), bindings | around)
    if not page.is_counted:
        return *page_of(rows, page), None
    total = int(database.rows(sql(count), bindings)[0][0]) if count else counted(database, name, bindings)
    return *page_of(rows, page), total


def open_ids(database: Database, tenant: int, touchpoint: Key, page: Page) -> Slice[Member]:
    """The OpenIDs of a touchpoint."""
    rows, has_more, total = paged(database, "nodes.open_ids", "nodes.count_open_ids", {"tenant": tenant, "touchpoint": touchpoint}, page)
    return Slice(items=[member_from(row) for row in rows], has_more=has_more, total=total)


def nodes(database: Database, tenant: int, kind: type[N], page: Page, which: JobFilter | DecisionFilter | None) -> Slice[N]:
    """Nodes of one kind; of jobs and decisions, those that match."""
    bindings: dict[str, Any] = {"tenant": tenant, "label": kind.__name__}
    name, count = "nodes.page", "nodes.count"
    if isinstance(which, JobFilter) and which != JobFilter():
        place = "_of_touchpoint" if which.touchpoint else ""
        name, count = f"nodes.jobs{place}", f"nodes.count_jobs{place}"
        bindings |= {"states": _names(which.states or JobState), "kinds": _names(which.kinds or JobKind), "touchpoint": which.touchpoint}
    elif isinstance(which, DecisionFilter) and which != DecisionFilter():
        name, count = ("nodes.decisions" if which.names is None else "nodes.decisions_of"), ""
        bindings |= {"names": listed(which.names), "is_revoked": which.is_revoked}
    rows, has_more, total = paged(database, name, count, bindings, page)
    return Slice(items=[node_of(kind, body) for _, body in rows], has_more=has_more, total=total)


def conflict_keys(database: Database, tenant: int, which: ConflictFilter, page: Page) -> tuple[list[Key], bool, int | None]:
    """The keys of the conflicts on a page."""
    place = "_of_touchpoint" if which.touchpoint else "_of_namespace" if which.namespace is not None else ""
    bindings = {
        "tenant": tenant,
        "states": _names(which.states or ConflictState),
        "kinds": _names(which.kinds or ConflictKind),
        "touchpoint": which.touchpoint,
        "namespace": which.namespace,
    }
    rows, has_more, total = paged(database, f"conflicts.page{place}", f"conflicts.count{place}", bindings, page)
    return [Key(row[0]) for row in rows], has_more, total


def conflicts(database: Database, tenant: int, keys: Sequence[Key]) -> tuple[int, list[ConflictFound | None]]:
    """The registry's version, and conflicts by key with the identifiers they name. One statement."""
    version = 0
    rows, people = {}, {}
    for kind, *row in database.rows(sql("conflicts.by_key"), {"tenant": tenant, "keys": listed(list(keys))}):
        if kind == "version":
            version = row[0]
        elif kind == "conflict":
            rows[row[0]] = conflict_from(tuple(row))
        else:
            people[row[0]] = member_from(tuple(row))
    found = {
        key: ConflictFound(row=row, mentioned={name: people[name] for name in row.mentions if name in people}) for key, row in rows.items()
    }
    return version, [found.get(key) for key in keys]


def _names(members: Iterable[enum.Enum]) -> str:
    return listed(sorted({member.name for member in members}))
