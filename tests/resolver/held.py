"""What a tenant's store answers to the questions that the product asks: who is who, what is in conflict, and what follows from evidence."""

from __future__ import annotations

from graph.decisions import Decision
from graph.state import ConflictState, Identifier, Label
from graph.stores import Aggregate, ConflictFilter, CustomerFilter, Page
from graph.tenant import Tenant
from tests.resolver.rebuilt import State, rebuilt

EVERYTHING = Page(limit=10_000)


async def everybody(tenant: Tenant) -> list[Aggregate]:
    """Every customer."""
    return (await tenant.store.customer_page(tenant.name, CustomerFilter(), EVERYTHING))[1].items


async def held(tenant: Tenant) -> State:
    """What a store answers when asked for everything."""
    _, conflicts = await tenant.store.conflict_page(tenant.name, ConflictFilter(states=(ConflictState.OPEN,)), EVERYTHING)
    people = {member.key: (member.account, member.customer) for customer in await everybody(tenant) for member in customer.members}
    return State(people, frozenset((found.row.kind.value, found.row.about) for found in conflicts.items))


async def rebuilt_from(tenant: Tenant) -> State:
    """What follows from the evidence and decisions that the store hands out."""
    return await follows(tenant, (await tenant.store.page(tenant.name, Decision, EVERYTHING))[1].items)


async def follows(tenant: Tenant, standing: list[Decision]) -> State:
    """What follows from that evidence and these decisions."""
    customers = await everybody(tenant)
    members = [member for customer in customers for member in customer.members if member.label is Label.OPEN_ID]
    known = {one.key: Identifier(key=one.key, label=one.label, scope=one.scope, value=one.value) for one in members}
    rollups = [stored.rollup for customer in customers for stored in customer.rollups]
    return rebuilt(await tenant.store.registry(tenant.name), tenant.keys, known, rollups, standing)
