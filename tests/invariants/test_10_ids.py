"""Invariant 10: an id once issued resolves to exactly one live customer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from graph.changes import Change
from graph.node import Key
from tests.invariants.stages import Told, in_memory, on_neo4j, on_sqlite, seeds
from tests.resolver.memory_store import MemoryStore

pytestmark = pytest.mark.histories


def issued(changes: Iterable[Change]) -> list[Key]:
    """Every customer's key that was ever seen outside: no customer comes to be without a change."""
    return sorted({Key(key) for change in changes for key in (change.customer_key, *change.previous)})


def holder(store: MemoryStore, key: Key) -> Key | None:
    """Whose an id is in the store in memory: its identifier's customer, or that of its witness."""
    member = store.members.get(key) or store.members.get(store.former.get(key, key))
    return member.customer if member else None


async def check(told: Told) -> None:
    """What a real store answers for every id, in one statement for all."""
    store, name = told.tenant.store, told.tenant.name
    keys = issued(await store.changes(name, 0, 10_000))
    await store.registry(name)
    before = store.statements
    _, found = await store.customers(name, keys)
    assert 1 == store.statements - before
    lost = [key for key, one in zip(keys, found, strict=True) if one is None]
    assert [] == lost, f"history {told.seed}"


async def test_on_the_pure_functions() -> None:
    """Every id in the feed of every history leads to a customer that is there."""
    ended = 0
    async for told in in_memory():
        store = told.memory
        keys = issued(store.changes_)
        assert [] == [key for key in keys if holder(store, key) not in store.customers_], f"history {told.seed}"
        ended += len(keys) - sum(key in store.members for key in keys)
    assert ended or len(seeds("pure")) < 20, "no identifier was retired: nothing was tried"


async def test_on_sqlite(tmp_path: Path) -> None:
    """The same on SQLite."""
    async for told in on_sqlite(tmp_path):
        await check(told)


async def test_on_neo4j(neo4j_uri: str) -> None:
    """The same on Neo4j."""
    async for told in on_neo4j(neo4j_uri):
        await check(told)
