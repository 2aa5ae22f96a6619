"""Following who is who: the change feed, and the map of ids to begin with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import strawberry

from app.api.changes import (
    ChangeConnection,
    change_at,
    change_connection,
    change_page,
    check_place,
    cursor_at,
    feed_page_of,
    number_of,
    place_in,
)
from app.api.connection import After, Before, Edge, First, Last, PageInfo, connection, page_of, shown
from app.api.context import Context, Info
from app.api.edges import fill
from app.api.fields import query, subscription
from app.api.publish import publish
from app.api.selection import Selection
from graph.apikeys import Scope
from graph.changes import Change
from graph.node import Doc, Id, Internal, Key
from graph.state import PREFIX
from graph.stores import Aggregate, CustomerFilter, Slice

AT_ONCE = 100
"""Changes that a subscription reads at once."""
RECHECK = 3.0
"""Seconds after which a subscription that waits looks whether its key is still good."""


@publish
@dataclass(frozen=True, kw_only=True)
class CustomerIdMapEntry:
    """A customer's id, and the ids of all its identifiers."""

    key: Annotated[Key, Internal]
    identifier_ids: Annotated[list[Id], Doc("All its identifiers (`oid_…`, `uid_…`, `xid_…`); by id.")]

    @cached_property
    def id(self) -> Id:
        """Stable: there is one entry per customer."""
        return Id(f"idm_{self.key}")

    @cached_property
    def customer_id(self) -> Id:
        """The customer (`cus_…`)."""
        return Id(f"cus_{self.key}")


@strawberry.type(description="A page of the map of ids, and the cursor of the change feed that goes with it.")
class CustomerIdMapConnection:
    """Relay's connection, forward only."""

    edges: list[Edge[CustomerIdMapEntry]] = strawberry.field(description="The entries with their cursors.")
    nodes: list[CustomerIdMapEntry] = strawberry.field(description="The entries.")
    page_info: PageInfo = strawberry.field(description="Whether more follows, and where to go on.")
    feed_cursor: str = strawberry.field(
        description="A cursor of `changes`: what was committed before this page was read is at or before it. Keep the first page's."
    )


@strawberry.type
class FeedQueries:
    """Questions about changes."""

    @query()
    async def changes(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ChangeConnection:
        """What became of customers, oldest first, without gaps. Keep `endCursor`, hand it back as `after`, and come back for ever.

        Going forward `endCursor` is never null: on an empty page it is where you are. A cursor past the end of the feed is refused
        with CURSOR_AHEAD_OF_FEED, one of another feed with CURSOR_OF_ANOTHER_FEED: then read `customerIdMap` anew.
        """
        selected, tenant = Selection.of(info), info.context.tenant
        page = feed_page_of(selected, first, after, last, before)
        found = await change_page(tenant, page)
        await fill(tenant, shown(selected), found.items)
        here = page.cursor(page.after) if page.after else cursor_at(None)
        return change_connection(found, page, rest=here if page.before is None else None)

    @query()
    async def customer_id_map(
        self, info: Info, *, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> CustomerIdMapConnection:
        """Every customer's id with the ids of its identifiers, in the order of customers' ids: what a follower of `changes` begins with.

        Read all pages, however long that takes and whatever is written meanwhile; then apply `changes` after the first page's `feedCursor`.
        Once you have come to the end of the feed the map is right, and stays so for as long as you apply what comes.
        """
        selected, tenant = Selection.of(info), info.context.tenant
        page = page_of(selected, first, after, None, None)
        end = await tenant.store.feed_end(tenant.name)  # before the customers are read: what changes in between is told again
        _, found = await tenant.store.customer_page(tenant.name, CustomerFilter(), page)
        entries = Slice(items=[_entry(one) for one in found.items], has_more=found.has_more)
        made = connection(entries, page, lambda entry: entry.key, entries.items)
        last = await change_at(tenant, end) if selected.has("feedCursor") else None
        return CustomerIdMapConnection(edges=made.edges, nodes=made.nodes, page_info=made.page_info, feed_cursor=cursor_at(last))


@strawberry.type(description="What can be followed, over graphql-transport-ws or as server-sent events.")
class FeedSubscriptions:
    """Subscriptions to changes."""

    @subscription(needs=Scope.READ)
    async def changes(
        self,
        info: Info,
        *,
        after: Annotated[
            str | None,
            strawberry.argument(description="A cursor of `changes`: begins behind it. Without it, only what is new."),
        ] = strawberry.UNSET,
    ) -> AsyncGenerator[Edge[Change], None]:
        """Every change as it is committed, each once and in order. Keep the last one's cursor, and hand it back when interrupted.

        Without `after` it begins at the present end of the feed. Ends with an error when the key is revoked or expires (UNAUTHENTICATED)
        and where there are too many subscriptions (TOO_MANY_SUBSCRIPTIONS). Who reads too slowly is cut off and goes on from their cursor.
        """
        context, selected = info.context, Selection.of(info).under("node")
        tenant, following = context.tenant, context.services.following
        async with following.seat(tenant.name, context.caller.key):
            number = await _begun(context, None if after is strawberry.UNSET else after)
            while True:
                found = await tenant.store.changes(tenant.name, number, AT_ONCE)
                await fill(tenant, selected, found)
                for change in found:
                    number, context.at = change.sequence, cursor_at(change)
                    yield Edge(node=change, cursor=context.at)
                    following.check()
                if not found:
                    await following.moved(tenant.name, number, RECHECK)
                await context.renew()


async def _begun(context: Context, after: str | None) -> int:
    """The number after which a subscription begins."""
    tenant, cursor = context.tenant, context.resumes_after or after
    end = await tenant.store.feed_end(tenant.name)
    if cursor is None:
        context.at = cursor_at(await change_at(tenant, end))
        return end
    told = place_in(cursor)
    number = number_of(told)
    check_place(told, await change_at(tenant, number), end)
    return number


def _entry(customer: Aggregate) -> CustomerIdMapEntry:
    ids = sorted(Id(f"{PREFIX[member.label]}_{member.key}") for member in customer.members)
    return CustomerIdMapEntry(key=customer.row.key, identifier_ids=ids)
