"""Who is who: customers, conflicts, and what waits in quarantine. How identities come in is in resolutions.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from app.api.connection import After, Before, Connection, First, Last, connection, node_connection, page_of, shown
from app.api.context import Info
from app.api.edges import fill
from app.api.errors import bad_input
from app.api.fields import query
from app.api.publish import publish_choice, publish_input
from app.api.selection import Selection
from graph import stores
from graph.link import By, customers_named
from graph.node import Doc, Id, millis
from graph.people import Conflict, Customer
from graph.quarantine import Quarantined
from graph.rows import ExternalRef
from graph.state import ConflictKind, ConflictState, CustomerState
from graph.tenant import Tenant

MOST = 100
"""Customers named in one call, and AppIDs in a filter."""


@publish_input
@dataclass(frozen=True, kw_only=True)
class OpenIDInput:
    """An OpenID, never without the touchpoint that it belongs to."""

    app_id: Annotated[str, Doc("The touchpoint's AppID.")]
    value: Annotated[str, Doc("WeChat's OpenID, exactly as WeChat gave it.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class UnionIDInput:
    """A UnionID, never without the Open Platform account that scopes it."""

    open_app_id: Annotated[str, Doc("The Open Platform account's open_appid.")]
    value: Annotated[str, Doc("WeChat's UnionID, exactly as WeChat gave it.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class ExternalIDInput:
    """An id from outside of WeChat."""

    namespace: Annotated[str, Doc("What kind of id, for example `member`; 1 to 64 lower-case letters, digits, _ . - and first a letter.")]
    value: Annotated[str, Doc("Its value; brought into the namespace's form before it is compared.")]

    @property
    def ref(self) -> ExternalRef:
        """The same, as the graph takes it."""
        return ExternalRef(namespace=self.namespace, value=self.value)


@publish_choice
@dataclass(frozen=True, kw_only=True)
class CustomerBy:
    """Names a customer; give exactly one."""

    id: Annotated[Id | None, Doc("Any customer id (`cus_…`) that was ever this customer's, or leads to them.")] = None
    open_id: Annotated[OpenIDInput | None, Doc("One of the customer's OpenIDs.")] = None
    union_id: Annotated[UnionIDInput | None, Doc("One of the customer's UnionIDs.")] = None
    external_id: Annotated[ExternalIDInput | None, Doc("One of the customer's external ids.")] = None

    @property
    def by(self) -> By:
        """The same, as the graph takes it."""
        return By(
            id=self.id,
            open_id=(self.open_id.app_id, self.open_id.value) if self.open_id else None,
            union_id=(self.union_id.open_app_id, self.union_id.value) if self.union_id else None,
            external_id=self.external_id.ref if self.external_id else None,
        )


@publish_input
@dataclass(frozen=True, kw_only=True)
class CustomerFilter:
    """Which customers; all conditions together."""

    used_all: Annotated[list[str] | None, Doc(f"AppIDs, up to {MOST}: customers who used each of these touchpoints.")] = None
    used_none: Annotated[list[str] | None, Doc(f"AppIDs, up to {MOST}: customers who used none of these touchpoints.")] = None
    state: Annotated[CustomerState | None, Doc("Customers in this state.")] = None
    has_open_conflict: Annotated[bool | None, Doc("Customers with, or without, an open conflict.")] = None
    seen_since: Annotated[datetime | None, Doc("Customers seen anywhere at or after this moment.")] = None

    def which(self, tenant: Tenant) -> stores.CustomerFilter:
        """The same, as the store takes it. An AppID that nobody registered was used by nobody."""
        _at_most("AppIDs", [*(self.used_all or ()), *(self.used_none or ())])
        return stores.CustomerFilter(
            used_all=tuple(map(tenant.keys.touchpoint, dict.fromkeys(self.used_all or ()))),
            used_none=tuple(map(tenant.keys.touchpoint, dict.fromkeys(self.used_none or ()))),
            state=self.state,
            has_open_conflict=self.has_open_conflict,
            seen_since=None if self.seen_since is None else millis(self.seen_since),
        )


@publish_input
@dataclass(frozen=True, kw_only=True)
class ConflictFilter:
    """Which conflicts; all conditions together."""

    states: Annotated[list[ConflictState] | None, Doc("In any of these states; an empty list is no condition.")] = None
    kinds: Annotated[list[ConflictKind] | None, Doc("Of any of these kinds; an empty list is no condition.")] = None
    app_id: Annotated[str | None, Doc("About an OpenID of the touchpoint with this AppID.")] = None
    namespace: Annotated[
        str | None, Doc("About external ids of this namespace. With TWO_VALUES_ONE_NAMESPACE and `member`: who has two member numbers.")
    ] = None

    def which(self, tenant: Tenant) -> stores.ConflictFilter:
        """The same, as the store takes it."""
        return stores.ConflictFilter(
            states=tuple(self.states or ()),
            kinds=tuple(self.kinds or ()),
            touchpoint=None if self.app_id is None else tenant.keys.touchpoint(self.app_id),
            namespace=self.namespace,
        )


@strawberry.type
class PeopleQueries:
    """Questions about people."""

    @query()
    async def customer(self, info: Info, by: Annotated[CustomerBy, strawberry.argument(description="Which one.")]) -> Customer | None:
        """One customer with everything about them; null where nobody is known by that."""
        found = await customers_named(info.context.tenant, [by.by])
        await fill(info.context.tenant, Selection.of(info), found)
        return found[0]

    @query()
    async def customers_by(
        self, info: Info, keys: Annotated[list[CustomerBy], strawberry.argument(description=f"Which ones, up to {MOST}.")]
    ) -> list[Customer | None]:
        """Up to 100 customers in the order in which they are named; null where nobody is known by that."""
        _at_most("customers", keys)
        found = await customers_named(info.context.tenant, [one.by for one in keys])
        await fill(info.context.tenant, Selection.of(info), found)
        return found

    @query()
    async def customers(
        self,
        info: Info,
        *,
        filter: Annotated[  # noqa: A002  # the argument's name in the API
            CustomerFilter | None, strawberry.argument(description="Which customers; without it, all.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Customer]:
        """Customers in the order of their ids, which no later evidence disturbs."""
        selected, tenant = Selection.of(info), info.context.tenant
        page = page_of(selected, first, after, last, before)
        found = await tenant.customer_page((filter or CustomerFilter()).which(tenant), page)
        await fill(tenant, shown(selected), found.items)
        return node_connection(found, page)

    @query()
    async def conflicts(
        self,
        info: Info,
        *,
        filter: Annotated[  # noqa: A002  # the argument's name in the API
            ConflictFilter | None, strawberry.argument(description="Which conflicts; without it, all, resolved ones too.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Conflict]:
        """Links that were refused, in the order of their ids."""
        selected, tenant = Selection.of(info), info.context.tenant
        page = page_of(selected, first, after, last, before)
        found = await tenant.conflict_page((filter or ConflictFilter()).which(tenant), page)
        await fill(tenant, shown(selected), found.items)
        return node_connection(found, page)

    @query()
    async def quarantine(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Quarantined]:
        """What could not be applied yet, and what to do about it; in the order of their ids."""
        page = page_of(Selection.of(info), first, after, last, before)
        _, found = await info.context.tenant.store.page(info.context.tenant.name, Quarantined, page)
        return connection(found, page, lambda one: one.key, found.items)


def _at_most(what: str, named: Sequence[object]) -> None:
    if len(named) > MOST:
        raise bad_input(f"At most {MOST} {what} in one call; here are {len(named)}.")
