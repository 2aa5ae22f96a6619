"""Why two identifiers of a customer are together: a field with arguments below a root field, because few ask and it must be searched for.

It costs one statement for each customer that an operation asks it of, however often it is asked.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Annotated, Any

import strawberry

from app.api.context import Context, Info
from app.api.document_limits import TOO_COSTLY
from app.api.edges import fill
from app.api.errors import coded
from app.api.selection import Selection
from graph.chains import Chains
from graph.node import Id, Key, key_of
from graph.people import Customer, EvidenceStep
from graph.portrait import step_from

EXPLAINED = 100
"""Customers explained in one operation: each is a statement."""


async def _why(
    root: strawberry.Parent[Customer],
    info: Info,
    *,
    source: Annotated[Id, strawberry.argument(description="One of the customer's identifiers (`oid_…`, `uid_…`, `xid_…`).")],
    target: Annotated[Id, strawberry.argument(description="Another one.")],
) -> list[EvidenceStep] | None:
    """The shortest chain of live evidence and SAME decisions from one identifier to the other, each step from all its sources.

    Null where an id is none of this customer's, or where no chain is known: while a job brings evidence in line with changed bindings.
    Of chains of one length always the same is given. A link that was refused is no step, nor one of a generic or shed identifier. Costs
    a statement of its own for each customer; at most 100 customers in one operation.
    """
    ends = [_own(root, some_id) for some_id in (source, target)]
    if None in ends:
        return None
    start, goal = (key for key in ends if key)
    chain = (await _chains(info.context, root)).between(start, goal)
    if chain is None:
        return None
    steps = [made for step in chain if (made := step_from(step, root.identities))]
    await fill(info.context.tenant, Selection.of(info), steps)
    return steps


def _own(customer: Customer, some_id: str) -> Key | None:
    """The key of an identifier of the customer, named by its id."""
    key = key_of(some_id)
    identity = customer.identities.get(key) if key else None
    return key if identity and identity.id == some_id else None


def _chains(context: Context, customer: Customer) -> asyncio.Task[Chains]:
    """What the customer hangs together by, loaded once in an operation."""
    known = context.explained.get(customer.key)
    if known is None:
        if len(context.explained) >= EXPLAINED:
            raise coded(TOO_COSTLY, f"One operation may explain {EXPLAINED} customers: ask for the others in another.")
        known = asyncio.ensure_future(_loaded(context, customer))
        context.explained[customer.key] = known
    return known


async def _loaded(context: Context, customer: Customer) -> Chains:
    return Chains(await context.tenant.steps_within(customer))


why: Any = strawberry.field(resolver=_why, description=inspect.cleandoc(_why.__doc__ or ""))
