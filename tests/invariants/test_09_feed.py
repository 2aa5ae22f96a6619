"""Invariant 9: the change feed is gap-free, and replaying it from its beginning rebuilds the membership."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from graph.state import PREFIX, Member
from graph.stores import CustomerFilter, Page
from tests.invariants.replay import Membership, check_numbers, replayed
from tests.invariants.stages import Told, in_memory, on_neo4j, on_sqlite

pytestmark = pytest.mark.histories
EVERYTHING = Page(limit=10_000)


def membership(members: Iterable[Member]) -> Membership:
    """Who is in which customer."""
    found: dict[str, set[str]] = defaultdict(set)
    for member in members:
        found[member.customer].add(f"{PREFIX[member.label]}_{member.key}")
    return {customer: frozenset(held) for customer, held in found.items()}


async def check(told: Told) -> None:
    """The feed of a real store, against its customers."""
    changes = await told.tenant.store.changes(told.tenant.name, 0, 10_000)
    _, customers = await told.tenant.store.customer_page(told.tenant.name, CustomerFilter(), EVERYTHING)
    check_numbers(changes)
    assert membership(m for one in customers.items for m in one.members) == replayed(changes), f"history {told.seed}"


async def test_on_the_pure_functions() -> None:
    """In every history the feed's numbers have no gap, and its replay is the membership."""
    async for told in in_memory():
        check_numbers(told.memory.changes_)
        assert membership(told.memory.members.values()) == replayed(told.memory.changes_), f"history {told.seed}"


async def test_on_sqlite(tmp_path: Path) -> None:
    """The same on SQLite."""
    async for told in on_sqlite(tmp_path):
        await check(told)


async def test_on_neo4j(neo4j_uri: str) -> None:
    """The same on Neo4j."""
    async for told in on_neo4j(neo4j_uri):
        await check(told)
