"""The OpenIDs of a touchpoint: the one connection below a root field, because it is too large to be loaded with what is around it.

It costs one statement for each touchpoint and page that an operation names, however often the touchpoint appears in the answer;
one more where edges of the OpenIDs are selected.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

import strawberry

from app.api.connection import After, Before, Connection, First, Last, connection, page_of, shown
from app.api.context import Context, Info
from app.api.document_limits import TOO_COSTLY
from app.api.edges import fill
from app.api.errors import coded
from app.api.selection import Selection
from graph.accounts import Touchpoint
from graph.node import Key
from graph.people import Customer, Identity, OpenID
from graph.stores import Page, Slice
from graph.tenant import Tenant

PAGES = 100
"""Pages of OpenIDs in one operation: each is a statement."""
EDGES = frozenset({"customer", "unionIds", "migratedTo"})
"""What an OpenID knows only as a part of its customer."""


async def _open_ids(
    root: strawberry.Parent[Touchpoint],
    info: Info,
    *,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> Connection[OpenID]:
    """Every OpenID that this touchpoint issued to somebody we know of, in the order of their ids.

    Costs a statement of its own for each touchpoint; at most 100 such pages in one operation.
    """
    selected = Selection.of(info)
    page = page_of(selected, first, after, last, before)
    found = await _page(info.context, root.key, page)
    items = await _with_edges(info.context.tenant, found.items, shown(selected))
    return connection(found, page, lambda identity: identity.key, items)


def _page(context: Context, touchpoint: Key, page: Page) -> asyncio.Task[Slice[Identity]]:
    """The page, loaded once in an operation."""
    known = context.open_id_pages.get((touchpoint, page))
    if known is None:
        if len(context.open_id_pages) >= PAGES:
            raise coded(TOO_COSTLY, f"One operation may ask for {PAGES} pages of OpenIDs: ask for the others in another.")
        known = asyncio.ensure_future(context.tenant.open_id_page(touchpoint, page))
        context.open_id_pages[touchpoint, page] = known
    return known


async def _with_edges(tenant: Tenant, items: list[Identity], selected: Selection) -> list[OpenID]:
    open_ids = cast("list[OpenID]", items)
    if not EDGES & selected.names:
        return open_ids
    people = await tenant.customers([one.key for one in open_ids])
    held = [_held(one, customer) for one, customer in zip(open_ids, people, strict=True)]
    await fill(tenant, selected, held)
    return held


def _held(open_id: OpenID, customer: Customer | None) -> OpenID:
    """The same OpenID as its customer has it; the one from the page where it was erased in between."""
    held = customer.identities.get(open_id.key) if customer else None
    return held if isinstance(held, OpenID) else open_id


open_ids: Any = strawberry.field(resolver=_open_ids, description=inspect.cleandoc(_open_ids.__doc__ or ""))
