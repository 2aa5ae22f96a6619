"""Faults of a store, not of the rule: what lets tenants see each other, or two writers overtake each other, turns its invariant red."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from graph.accounts import Registry
from graph.node import Key, Node
from graph.stores import open_store
from graph.stores.sqlite import SqliteStore, apply
from graph.stores.sqlite.database import Database
from graph.stores.sqlite.load import load
from graph.turn import Incomplete, Loaded, Scope, Writes
from tests.api.asking import StandingClock
from tests.invariants.test_12_tenants import no_tenant_sees_another
from tests.invariants.test_17_two_writers import on_two
from tests.stores.harness import SECRET

T = TypeVar("T")
HISTORIES = 20
"""In so many the fault must show."""


async def test_nodes_found_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a node is found by its id whosever it is, invariant 12 is red."""
    right = SqliteStore.nodes

    async def nodes(self: SqliteStore, _: str, keys: Sequence[Key]) -> list[Node | None]:
        everywhere = [await right(self, tenant, keys) for tenant in self._ids]
        return [next(filter(None, found), None) for found in zip(*everywhere, strict=True)]

    monkeypatch.setattr(SqliteStore, "nodes", nodes)
    clock = StandingClock()
    async with open_store(f"sqlite:///{tmp_path}/tenants.db", secret=SECRET, clock=clock) as store:
        with pytest.raises(AssertionError, match="query"):
            await no_tenant_sees_another(store, clock)


async def test_turns_that_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a turn decides on what it read before it had the lock, invariant 17 is red."""

    def unlocked(  # as it is called
        database: Database,
        tenant: int,
        registry_of: Callable[[], Registry],
        scope_of: Callable[[Registry], Scope],
        decide: Callable[[Loaded], tuple[Writes, T]],
    ) -> T:
        turn, sequence = apply._state(database, tenant)
        registry = registry_of()
        scope = scope_of(registry)
        for _ in itertools.count():
            try:
                writes, answer = decide(load(database, tenant, registry, scope, turn=turn + 1, sequence=sequence))
                break
            except Incomplete as more:
                scope = scope.wider(more.scope)
        time.sleep(0.002)  # long enough for the other one
        with database.turn():
            apply.apply(database, tenant, writes, sequence)
        return answer

    monkeypatch.setattr(apply, "take_turn", unlocked)
    with pytest.raises((AssertionError, KeyError), match="history"):
        await on_two(f"sqlite:///{tmp_path}/writers.db", range(HISTORIES))
