"""Where an invariant is tried: random histories told to a store in memory, to SQLite and to Neo4j, each to a tenant of its own."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from graph.node import Key
from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.resolver.histories import story
from tests.resolver.live import LiveTeller
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.operations import shuffled
from tests.resolver.tally import how_many
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

SHARES = {"pure": 10, "sqlite": 10, "neo4j": 10}
"""An invariant tells one in so many of the histories that a run asks for: there are many invariants."""
DEFAULTS = {"pure": 2000, "sqlite": 300, "neo4j": 60}
FIRST = 50_000
"""Other histories than those of the rule's own tests."""


@dataclass(frozen=True)
class Told:
    """A history that was told."""

    seed: int
    tenant: Tenant

    @property
    def memory(self) -> MemoryStore:
        """The store, where it is the one in memory."""
        return cast("MemoryStore", self.tenant.store)


def seeds(kind: str) -> range:
    """Which histories to tell."""
    return range(FIRST, FIRST + max(1, how_many(kind, DEFAULTS[kind]) // SHARES[kind]))


def in_memory() -> AsyncIterator[Told]:
    """Each history in a store of its own."""
    return _each(lambda: cast("Store", MemoryStore()), seeds("pure"), lambda _: "t")


async def on_sqlite(folder: Path) -> AsyncIterator[Told]:
    """Each history in a brand of its own."""
    async with open_store(f"sqlite:///{folder}/invariant.db", secret=SECRET, clock=lambda: NOW) as store:
        async for told in _each(lambda: store, seeds("sqlite"), lambda seed: f"history {seed}"):
            yield told


async def on_neo4j(uri: str) -> AsyncIterator[Told]:
    """Each history in a brand of its own; the server may hold another run's."""
    run = secrets.token_hex(4)
    async with open_store(uri, secret=SECRET, clock=lambda: NOW) as store:
        async for told in _each(lambda: store, seeds("neo4j"), lambda seed: f"history {seed} {run}"):
            yield told


async def _each(store_of: Callable[[], Store], which: range, name_of: Callable[[int], str]) -> AsyncIterator[Told]:
    for seed in which:
        store = store_of()
        tenant = WatchedTenant(store, name_of(seed), Counter())
        if not isinstance(store, MemoryStore):
            await store.create_tenant(tenant.name)
        one, chance = story(seed), random.Random(seed)
        # Every other history is told by use cases that look at who is who: they claim things of customers by their ids.
        teller = (Teller, LiveTeller)[seed % 2](tenant, one.world, chance)
        await teller.prepare()
        await teller.tell(shuffled(one.operations, chance))
        yield Told(seed, tenant)


def key_of_member(identifier: str) -> Key:
    """The key in an identifier's id."""
    return Key(identifier.partition("_")[2])
