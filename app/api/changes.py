"""The change feed as pages: cursors that are numbers, a connection without a total, and what befell one customer."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Sequence
from typing import Any

import strawberry

from app.api.connection import After, Before, Edge, First, Last, NamedPage, PageInfo, connection, cursor_of, key_in, page_of, shown, sliced
from app.api.context import Context, Info
from app.api.document_limits import TOO_COSTLY
from app.api.edges import fill
from app.api.errors import bad_input, coded
from app.api.selection import Selection
from graph.changes import Change
from graph.people import Customer
from graph.stores import Slice

HISTORIES = 100
"""Customers in one operation whose history is asked for: each is a statement or more."""
AHEAD = "CURSOR_AHEAD_OF_FEED"
NO_CURSOR = "This is no cursor of the change feed: hand back `endCursor`, `feedCursor` or an edge's `cursor` as it was."
NUMBER = re.compile(r"[0-9]{16}", re.ASCII)


@strawberry.type(description="A page of the change feed, oldest first. It has no total: the feed only grows.")
class ChangeConnection:
    """Relay's connection without a total."""

    edges: list[Edge[Change]] = strawberry.field(description="The changes with their cursors.")
    nodes: list[Change] = strawberry.field(description="The changes.")
    page_info: PageInfo = strawberry.field(description="Whether more lies before and behind, and where to go on.")


def place(number: int) -> str:
    """A change's number as what cursors hold: sorted as texts, they are sorted as numbers. 0 is before the first."""
    return f"{number:016d}"


def cursor_at(number: int) -> str:
    """A change's cursor."""
    return cursor_of(place(number))


def feed_page_of(selected: Selection, first: int | None, after: str | None, last: int | None, before: str | None) -> NamedPage:
    """The arguments of a connection as a page of the feed, whose cursors are good in each of its fields. Raises BAD_USER_INPUT."""
    page = page_of(selected, first, after, last, before, is_text=True, name="")
    if not all(NUMBER.fullmatch(edge) for edge in (page.after, page.before) if edge is not None):
        raise bad_input(NO_CURSOR)
    return page


def number_in(cursor: str) -> int:
    """The number of the change that a cursor stands at. Raises BAD_USER_INPUT."""
    key = key_in(cursor, "", is_text=True)
    if key is None or not NUMBER.fullmatch(key):
        raise bad_input(NO_CURSOR)
    return int(key)


def check_not_ahead(number: int, end: int) -> None:
    """A cursor past the feed's end comes from another life of the store: to wait there would be to miss what happens until then."""
    if number > end:
        message = (
            "This cursor lies past the end of the feed. If it still does in a minute, the store was restored from a backup: "
            "read `customerIdMap` anew and go on from its `feedCursor`."
        )
        raise coded(AHEAD, message)


def change_connection(found: Slice[Change], page: NamedPage, *, rest: str | None = None) -> ChangeConnection:
    """A page of changes; on an empty one `rest` stands as the end cursor."""
    made = connection(found, page, lambda change: place(change.sequence), found.items)
    if rest is not None and not found.items:
        made.page_info.end_cursor = rest
    return ChangeConnection(edges=made.edges, nodes=made.nodes, page_info=made.page_info)


async def _history(
    root: strawberry.Parent[Customer],
    info: Info,
    *,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> ChangeConnection:
    """Every change that any of the customer's present identifiers lived through, in whichever customer it was then; oldest first.

    Costs a statement for each time that customers were merged; at most 100 histories in one operation.
    """
    selected = Selection.of(info)
    page = feed_page_of(selected, first, after, last, before)
    found = sliced(await _lived(info.context, root), page, lambda change: place(change.sequence))
    await fill(info.context.tenant, shown(selected), found.items)
    return change_connection(found, page)


def _lived(context: Context, customer: Customer) -> asyncio.Task[Sequence[Change]]:
    """A customer's whole history, loaded once in an operation."""
    known = context.histories.get(customer.key)
    if known is None:
        if len(context.histories) >= HISTORIES:
            raise coded(TOO_COSTLY, f"One operation may ask for {HISTORIES} histories: ask for the others in another.")
        known = context.histories[customer.key] = asyncio.ensure_future(context.tenant.history(customer))
    return known


history: Any = strawberry.field(resolver=_history, description=inspect.cleandoc(_history.__doc__ or ""))
