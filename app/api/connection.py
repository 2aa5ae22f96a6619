"""Pages as Relay wants them: keyset cursors both ways, opaque, and totals counted only when asked for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import strawberry

from app.api.errors import bad_input
from app.api.selection import Selection
from graph.node import Node
from graph.stores import Page, Slice

T = TypeVar("T")
N = TypeVar("N", bound=Node)
S = TypeVar("S")

LARGEST, DEFAULT = 100, 20
KEY = re.compile(r"[0-9A-Za-z_-]{22}", re.ASCII)

First = Annotated[
    int | None, strawberry.argument(description=f"How many from the start, or after `after`: 1 to {LARGEST}, default {DEFAULT}.")
]
After = Annotated[str | None, strawberry.argument(description="A cursor of this connection: the page begins behind it. Goes with `first`.")]
Last = Annotated[int | None, strawberry.argument(description=f"How many from the end, or before `before`: 1 to {LARGEST}.")]
Before = Annotated[
    str | None, strawberry.argument(description="A cursor of this connection: the page ends in front of it. Goes with `last`.")
]


@strawberry.type(description="Where a page lies in its connection.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Whether more follows; going backward, whether the page ends at `before`.")
    has_previous_page: bool = strawberry.field(description="Whether more comes before; going forward, whether the page begins at `after`.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor; null where the page is empty.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor; null where the page is empty, but in `changes`.")


@strawberry.type(description="One item of a page and its cursor.")
class Edge(Generic[T]):
    """Relay's edge."""

    node: T = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Opaque: hand it back as `after` or `before`. It stays good when items come and go.")


@strawberry.type(description="A page of a list, in an order that stays when items are added.")
class Connection(Generic[T]):
    """Relay's connection."""

    edges: list[Edge[T]] = strawberry.field(description="The items with their cursors.")
    nodes: list[T] = strawberry.field(description="The items.")
    page_info: PageInfo = strawberry.field(description="Whether more lies before and behind, and where to go on.")
    total_count: int = strawberry.field(description="How many there are on all pages together; counted only when selected.")


@dataclass(frozen=True, kw_only=True)
class NamedPage(Page):
    """A page of one connection."""

    name: str
    """What its cursors begin with, so that those of another connection are refused."""

    def cursor(self, key: str) -> str:
        """The cursor of the item with this sort key."""
        return cursor_of(self.name + key)


def cursor_of(text: str) -> str:
    """A text as a cursor."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_of(
    selected: Selection,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    is_text: bool = False,
    name: str | None = None,
) -> NamedPage:
    """The arguments of a connection as a page; what it is sorted by is nodes' keys, or any text. Raises BAD_USER_INPUT.

    Its cursors are named by the field, unless it has several.
    """
    name = f"{selected.field} " if name is None else name
    forward, backward = (_given(first), _given(after)), (_given(last), _given(before))
    is_backward = backward != (None, None)
    if is_backward and forward != (None, None):
        raise bad_input("A page goes forward (`first`, `after`) or backward (`last`, `before`), not both.")
    size, cursor = backward if is_backward else forward
    key = key_in(cursor, name, is_text=is_text)
    return NamedPage(
        name=name,
        limit=_size(size),
        after=None if is_backward else key,
        before=key if is_backward else None,
        is_backward=is_backward,
        is_counted=selected.has("totalCount"),
    )


def connection(found: Slice[S], page: NamedPage, key: Callable[[S], str], items: Sequence[T]) -> Connection[T]:
    """A page as it is answered: what was found gives the cursors, `items` what is shown."""
    cursors = [page.cursor(key(one)) for one in found.items]
    return Connection(
        edges=[Edge(node=item, cursor=cursor) for item, cursor in zip(items, cursors, strict=True)],
        nodes=list(items),
        page_info=PageInfo(
            has_next_page=page.before is not None if page.is_backward else found.has_more,
            has_previous_page=found.has_more if page.is_backward else page.after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        total_count=found.total or 0,
    )


def node_connection(found: Slice[N], page: NamedPage) -> Connection[N]:
    """A page of nodes in the order of their keys."""
    return connection(found, page, lambda node: node.key, found.items)


def sliced(items: Sequence[S], page: Page, key: Callable[[S], str]) -> Slice[S]:
    """A page of what is in memory, sorted by `key` already."""
    after, before = page.after, page.before
    left = [item for item in items if (after is None or key(item) > after) and (before is None or key(item) < before)]
    shown = left[-page.limit :] if page.is_backward else left[: page.limit]
    return Slice(items=shown, has_more=len(left) > len(shown), total=len(items))


def shown(selected: Selection) -> Selection:
    """What is selected of a connection's items."""
    return selected.both(("nodes",), ("edges", "node"))


def _given(value: T | None) -> T | None:
    return None if value is strawberry.UNSET else value


def _size(given: int | None) -> int:
    size = DEFAULT if given is None else given
    if not 1 <= size <= LARGEST:
        raise bad_input(f"A page has 1 to {LARGEST} items: give `first` or `last` such a number.")
    return size


def key_in(cursor: str | None, name: str, *, is_text: bool) -> str | None:
    """What a cursor holds behind its name. Raises BAD_USER_INPUT."""
    if cursor is None:
        return None
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        told = ""
    key = told.removeprefix(name)
    if cursor_of(name + key) != cursor or not key or not (is_text or KEY.fullmatch(key)):
        raise bad_input("This is no cursor of this connection: hand back `startCursor`, `endCursor` or an edge's `cursor` as it was.")
    return key
