"""Erasing people: the mutation, and the receipts that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import strawberry
import structlog

from app.api.connection import After, Before, Connection, First, Last, node_connection, page_of, sliced
from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.people import CustomerBy
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph.apikeys import Scope
from graph.erase import Order, erase_customer, receipts_about
from graph.node import Doc, Id
from graph.receipts import ErasureReceipt

_log = structlog.get_logger(__name__)


@publish_input
@dataclass(frozen=True, kw_only=True)
class EraseCustomerInput:
    """Whom to erase."""

    by: Annotated[CustomerBy, Doc("The customer. Whoever was erased before and has not come back is answered with the same receipt.")]
    reason: Annotated[str, Doc("Why, 1 to 1000 characters; the receipt shows it, without identifiers of the customer.")]
    dry_run: Annotated[bool, Doc("Only say what would be erased.")] = False


@publish
@dataclass(frozen=True, kw_only=True)
class EraseCustomerPayload(Payload):
    """The receipt, and what was erased."""

    receipt: Annotated[
        ErasureReceipt | None,
        Doc("The signed receipt, of somebody erased before the one of then; else null in a dry run, and where it was refused."),
    ] = None
    would_erase: Annotated[
        list[Id],
        Doc(
            "The ids of all identifiers that are erased, or in a dry run would be. External ids that other customers still claim are not "
            "among them. Empty where the customer was erased before."
        ),
    ] = field(default_factory=list)


@strawberry.type
class ErasureQueries:
    """Questions about erasures."""

    @query()
    async def erasure_receipts(
        self,
        info: Info,
        *,
        erased_id: Annotated[
            Id | None, strawberry.argument(description="Any id (`cus_…`, `oid_…`, `uid_…`, `xid_…`) that somebody erased ever had.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[ErasureReceipt]:
        """Receipts of erasures, in the order of their ids; with `erasedId` those of one person, none where the id was never erased."""
        tenant = info.context.tenant
        page = page_of(Selection.of(info), first, after, last, before)
        if erased_id is strawberry.UNSET or erased_id is None:
            _, found = await tenant.store.page(tenant.name, ErasureReceipt, page)
        else:
            found = sliced(await receipts_about(tenant, erased_id), page, lambda one: one.key)
        return node_connection(found, page)


@strawberry.type
class ErasureMutations:
    """The mutation that erases."""

    @mutation(needs=Scope.STEWARD)
    async def erase_customer(
        self,
        info: Info,
        input: Annotated[EraseCustomerInput, strawberry.argument(description="Whom, and why.")],  # noqa: A002
    ) -> EraseCustomerPayload:
        """Erase a customer: every identifier with all that was ever said of it. Old evidence is turned away from now on, under any binding.

        An external id that others still claim stays theirs. Only a new login of the person begins a new life.
        """
        context = info.context
        order = Order(by=input.by.by, reason=input.reason, author=context.caller.key_name, backup_days=context.services.backup_days)
        erasure = await erase_customer(context.tenant, order, is_dry_run=input.dry_run)
        if erasure.receipt and erasure.identifiers:
            count = len(erasure.identifiers)
            _log.info("customer_erased", receipt=erasure.receipt.id, identifiers=count, is_wiped=erasure.is_wiped)
        return EraseCustomerPayload(receipt=erasure.receipt, would_erase=erasure.identifiers)
