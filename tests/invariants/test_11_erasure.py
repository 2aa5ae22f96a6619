"""Invariant 11: what was erased does not come back, under any binding; only a login begins a new life."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.invariants.erasing import Clock, Stage, check
from tests.resolver.held import held
from tests.resolver.held import rebuilt_from as rebuilt_from_store
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.rebuilt import State, in_memory, of_picture, rebuilt_from
from tests.resolver.tally import dealt
from tests.stores import neo4j_door, sqlite_door

pytestmark = pytest.mark.histories
ONE_IN = {"pure": 6, "sqlite": 4, "neo4j": 6}
"""Of so many histories one is told: an erasure ends a history, so they are this property's own. `make test-long` tells all."""


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

    return Stage(cast("Store", store), clock, state, rebuilt, lambda: repr(vars(store)))


@pytest.mark.parametrize("seeds", dealt("pure", ONE_IN["pure"]))
async def test_11_the_erased_stay_erased(seeds: range) -> None:
    """In memory: after an erasure nothing of it comes back by replaying what was said, and a login begins a new life."""
    seen = Counter[str]()
    for seed in seeds:
        try:
            seen += await check(in_memory_stage(), seed, "t")
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise
    assert_worth(seen, seeds)


def assert_worth(seen: Counter[str], seeds: range) -> None:
    """What the property is about came up in one history of twenty at least."""
    worth = ("turned away", "new lives", "erased", "rows that went", "jobs that came too late")
    assert round(len(seeds) / 20) <= min(seen[name] for name in worth)


async def check_store(store: Store, clock: Clock, seeds: range, spelled: Callable[[str], str]) -> None:
    """Each history in a tenant of its own."""
    seen, run = Counter[str](), secrets.token_hex(4)
    for seed in seeds:
        clock.now, name = NOW, f"erasure {seed} {run}"
        await store.create_tenant(name)
        try:
            seen += await check(Stage(store, clock, held, rebuilt_from_store, partial(spelled, name)), seed, name)
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise
    assert_worth(seen, seeds)


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN["sqlite"]))
async def test_11_the_erased_stay_erased_on_sqlite(seeds: range, tmp_path: Path) -> None:
    """On SQLite nothing of the erased comes back by replaying what was said, and a login begins a new life."""
    clock = Clock(NOW)
    path = tmp_path / "erasure.db"
    async with open_store(f"sqlite:///{path}", secret=b"s" * 32, clock=clock) as store:
        await check_store(store, clock, seeds, partial(sqlite_door.spelled, path))


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN["neo4j"]))
async def test_11_the_erased_stay_erased_on_neo4j(seeds: range, neo4j_uri: str) -> None:
    """On Neo4j nothing of the erased comes back by replaying what was said, and a login begins a new life."""
    from tests.stores.harness import SECRET  # noqa: PLC0415  # the server may hold another test's store

    clock = Clock(NOW)
    async with open_store(neo4j_uri, secret=SECRET, clock=clock) as store:
        await check_store(store, clock, seeds, partial(neo4j_door.spelled, neo4j_uri))
