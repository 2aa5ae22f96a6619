"""The change feed as pages: cursors that are numbers with a mark, a connection without a total, and what befell one customer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
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
from graph.tenant import Tenant

HISTORIES = 100
"""Customers in one operation whose history is asked for: each is a statement or more."""
AHEAD = "CURSOR_AHEAD_OF_FEED"
ANOTHER = "CURSOR_OF_ANOTHER_FEED"
NO_CURSOR = "This is no cursor of the change feed: hand back `endCursor`, `feedCursor` or an edge's `cursor` as it was."
OF_ANOTHER = (
    "This cursor is of another feed: the store was restored from a backup, is another one, or is of another version of UnionGraph. "
    "Read `customerIdMap` anew and go on from its `feedCursor`."
)
DIGITS, MARK = 16, 8
PLACE = re.compile(rf"[0-9]{{{DIGITS}}}(?:[A-Za-z0-9_-]{{{MARK}}})?", re.ASCII)


@strawberry.type(description="A page of the change feed, oldest first. It has no total: the feed only grows.")
class ChangeConnection:
    """Relay's connection without a total."""

    edges: list[Edge[Change]] = strawberry.field(description="The changes with their cursors.")
    nodes: list[Change] = strawberry.field(description="The changes.")
    page_info: PageInfo = strawberry.field(description="Whether more lies before and behind, and where to go on.")


def place(change: Change | None) -> str:
    """What a change's cursor holds: sorted as texts, they are sorted by number. None: before the first change.

    Beside the number stands a mark of what the change says: the same number of another feed is another place.
    """
    if change is None:
        return f"{0:0{DIGITS}d}"
    said = hashlib.sha256(f"{change.occurred} {change.customer_key}".encode()).digest()
    return f"{change.sequence:0{DIGITS}d}{base64.urlsafe_b64encode(said).decode()[:MARK]}"


def cursor_at(change: Change | None) -> str:
    """A change's cursor; None: that before the first."""
    return cursor_of(place(change))


def number_of(told: str | None) -> int:
    """The number in a place; 0 where none is given, and before the first change."""
    return int(told[:DIGITS]) if told else 0


def feed_page_of(selected: Selection, first: int | None, after: str | None, last: int | None, before: str | None) -> NamedPage:
    """The arguments of a connection as a page of the feed, whose cursors are good in each of its fields. Raises BAD_USER_INPUT."""
    page = page_of(selected, first, after, last, before, is_text=True, name="")
    for edge in (page.after, page.before):
        if edge is not None:
            _check_form(edge)
    return page


def _check_form(told: str) -> None:
    has_mark = len(told) > DIGITS
    if not PLACE.fullmatch(told) or (has_mark and not number_of(told)):
        raise bad_input(NO_CURSOR)
    if not has_mark and number_of(told):  # as cursors were before they had marks
        raise coded(ANOTHER, OF_ANOTHER)


def place_in(cursor: str) -> str:
    """The place that a cursor stands at. Raises BAD_USER_INPUT."""
    told = key_in(cursor, "", is_text=True)
    assert told is not None  # noqa: S101  # a cursor was given
    _check_form(told)
    return told


async def change_at(tenant: Tenant, number: int) -> Change | None:
    """The change with this number."""
    found = await tenant.store.changes(tenant.name, number - 1, 1) if number else []
    return found[0] if found and found[0].sequence == number else None


async def change_page(tenant: Tenant, page: NamedPage) -> Slice[Change]:
    """A page of the feed, read with the change that its cursor stands at: of another feed than this the cursor is refused."""
    edge = page.before if page.is_backward else page.after
    number = number_of(edge)
    if not number:
        return (await tenant.store.change_page(tenant.name, page))[1]
    beside = f"{number + (1 if page.is_backward else -1):0{DIGITS}d}"
    wider = replace(page, limit=page.limit + 1)
    wider = replace(wider, before=beside) if page.is_backward else replace(wider, after=beside)
    end, found = await tenant.store.change_page(tenant.name, wider)
    at = found.items[-1 if page.is_backward else 0] if found.items else None
    check_place(edge, at, end)
    return replace(found, items=found.items[:-1] if page.is_backward else found.items[1:])


def check_place(told: str | None, change: Change | None, end: int) -> None:
    """A cursor past the feed's end, or at another change than it was given for, comes from another life of the store, or another store.

    To go on from there would be to miss what happened in between.
    """
    if number_of(told) > end:
        message = (
            "This cursor lies past the end of the feed. If it still does in a minute, the store was restored from a backup: "
            "read `customerIdMap` anew and go on from its `feedCursor`."
        )
        raise coded(AHEAD, message)
    if number_of(told) and told != place(change):
        raise coded(ANOTHER, OF_ANOTHER)


def change_connection(found: Slice[Change], page: NamedPage, *, rest: str | None = None) -> ChangeConnection:
    """A page of changes; on an empty one `rest` stands as the end cursor."""
    made = connection(found, page, place, found.items)
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
    found = sliced(await _lived(info.context, root), page, place)
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
