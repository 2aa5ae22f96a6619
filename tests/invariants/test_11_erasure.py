"""Invariant 11: what was erased does not come back, under any binding; only a login begins a new life."""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.invariants.erasing import Clock, Stage, check
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.rebuilt import State, in_memory, of_picture, rebuilt_from
from tests.resolver.tally import how_many
from tests.resolver.test_stores import held
from tests.resolver.test_stores import rebuilt_from as rebuilt_from_store

pytestmark = pytest.mark.histories
DEFAULTS = {"pure": 600, "sqlite": 60, "neo4j": 12}


class Remembering(MemoryStore):
    """A store in memory with a clock that the test moves."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock  # type: ignore[method-assign]  # a clock for a clock


def in_memory_stage() -> Stage:
    """One tenant's graph in dictionaries."""
    clock = Clock(NOW)
    store = Remembering(clock)

    async def state(_: Tenant) -> State:
        return in_memory(store)

    async def rebuilt(_: Tenant) -> State:
        return of_picture(rebuilt_from(store))

    return Stage(cast("Store", store), clock, state, rebuilt)


async def test_the_erased_stay_erased_whatever_is_said() -> None:
    """In memory: after an erasure nothing of it comes back by replaying what was said, and a login begins a new life."""
    seen = Counter[str]()
    for seed in range(how_many("pure", DEFAULTS["pure"])):
        try:
            seen += await check(in_memory_stage(), seed, "t")
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise
    assert min(seen["turned away"], seen["new lives"], seen["erased"]) > 0


async def check_store(store: Store, clock: Clock, kind: str) -> None:
    """As many histories as the run asks for, each a tenant of its own."""
    seen, run = Counter[str](), secrets.token_hex(4)
    for seed in range(how_many(kind, DEFAULTS[kind])):
        clock.now, name = NOW, f"erasure {seed} {run}"
        await store.create_tenant(name)
        try:
            seen += await check(Stage(store, clock, held, rebuilt_from_store), seed, name)
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise
        assert seen["erased"] == 0 or await store.blocked(name) >= 0
    assert min(seen["turned away"], seen["new lives"], seen["erased"]) > 0


async def test_the_erased_stay_erased_on_sqlite(tmp_path: Path) -> None:
    """On SQLite nothing of the erased comes back by replaying what was said, and a login begins a new life."""
    clock = Clock(NOW)
    async with open_store(f"sqlite:///{tmp_path / 'erasure.db'}", secret=b"s" * 32, clock=clock) as store:
        await check_store(store, clock, "sqlite")


async def test_the_erased_stay_erased_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j nothing of the erased comes back by replaying what was said, and a login begins a new life."""
    from tests.stores.harness import SECRET  # noqa: PLC0415  # the server may hold another test's store

    clock = Clock(NOW)
    async with open_store(neo4j_uri, secret=SECRET, clock=clock) as store:
        await check_store(store, clock, "neo4j")
