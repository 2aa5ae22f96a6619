"""Keyset pages, forwards and backwards: what a page lies between, how it is walked, and how many there are in all."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString, NamedTuple

from graph.stores import Page
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.brand import found
from graph.stores.neo4j.texts import text

BEFORE_ALL, AFTER_ALL = "", "~"
"""No key is as small as the one or as great as the other."""


def is_backward(page: Page) -> bool:
    """Whether the page is walked from its end."""
    return page.is_backward or page.before is not None


def bounds(page: Page) -> dict[str, Any]:
    """Between which keys, and how many."""
    return {"after": page.after or BEFORE_ALL, "before": page.before or AFTER_ALL, "limit": page.limit}


def names(members: Iterable[enum.Enum]) -> list[str]:
    """Each once: a stretch of an index that is walked twice would be shown twice."""
    return sorted({member.name for member in members})


class Walk(NamedTuple):
    """A statement that finds nodes in the order of their keys, over one label."""

    name: str
    label: str
    parameters: dict[str, Any]


async def paged(ask: Ask, tenant: str, walk: Walk, page: Page) -> tuple[int, bool, list[Any], int | None]:
    """The registry's version, whether more lies beyond, what is shown, and the total if asked."""
    name, label, parameters = walk
    is_whole = name == "page"
    chosen = text(name, then=None if is_whole else "merged", label=label, is_backward=is_backward(page))
    shown = text("conflicts_found" if label == "Conflict" else "nodes_found")
    version, has_more, rows = found(await ask(chosen + "\n" + shown, tenant=tenant, **bounds(page), **parameters), tenant)
    count = text("page_total", label=label) if is_whole else text(name, then="merged_count", label=label)
    return version, has_more, rows, await counted(ask, tenant, count, page, parameters)


async def counted(ask: Ask, tenant: str, statement: LiteralString, page: Page, parameters: Mapping[str, Any]) -> int | None:
    """How many there are in all, whatever the page's edges; None where nobody asked. Nothing is gathered to be counted."""
    if not page.is_counted:
        return None
    return int(found(await ask(statement, tenant=tenant, **bounds(Page()), **parameters), tenant)[0])
