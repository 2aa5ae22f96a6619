"""Invariant 10: an id once issued resolves to exactly one live customer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from graph.changes import Change
from graph.node import Key, key_of
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.memory_store import MemoryStore

pytestmark = pytest.mark.histories
SAID_DIRECTLY = "test"
"""What the feed names as the cause of what Teller._say writes."""


def issued(changes: Sequence[Change]) -> list[Key]:
    """Every customer's key that was ever seen outside: no customer comes to be without a change.

    Histories also say directly what no use case can say: a claim by somebody whom no OpenID ever brought. Whoever comes in that way is
    left out.
    """
    came_by: dict[Key | None, str] = {}
    for change in changes:
        for one in change.identifiers:
            came_by.setdefault(key_of(one), change.cause)
    made_up = {key for key, cause in came_by.items() if cause == SAID_DIRECTLY}
    return sorted({Key(key) for change in changes for key in (change.customer_key, *change.previous)} - made_up)


def holder(store: MemoryStore, key: Key) -> Key | None:
    """Whose an id is in the store in memory: its identifier's customer, or that of its witness."""
    member = store.members.get(key) or store.members.get(store.former.get(key, key))
    return member.customer if member else None


async def old_ids_lead_on(desk: Desk) -> None:
    """Look every id up, on a real store in one statement for all."""
    keys = issued(await desk.changes())
    people = (await desk.state()).people
    desk.tenant.tally["retired"] += sum(key not in people for key in keys)
    customers = {customer for _, customer in people.values()}
    assert [] == [key for key, customer in zip(keys, await _looked_up(desk, keys), strict=True) if customer not in customers]


async def _looked_up(desk: Desk, keys: list[Key]) -> list[Key | None]:
    if desk.memory:
        return [holder(desk.memory, key) for key in keys]
    store, name = desk.tenant.store, desk.tenant.name
    await store.registry(name)
    before = store.statements
    _, found = await store.customers(name, keys)
    assert 1 == store.statements - before
    return [one.row.key if one else None for one in found]


async def test_10_old_ids_lead_on(told: Told) -> None:
    """Every id in the feed of every history leads to a customer that is there; some of them name an identifier that is there no more."""
    await told.hold(old_ids_lead_on, worth="retired")
