"""From store to store by a file: partition, ids, conflicts, quarantine, registry and decisions are the same on the other side."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from graph.node import Key
from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.resolver.facts import Decided
from tests.resolver.histories import story
from tests.resolver.live import LiveTeller
from tests.resolver.memory_store import NOW
from tests.resolver.operations import Register, Revoke, shuffled
from tests.resolver.tally import dealt
from tests.resolver.telling import WatchedTenant
from tests.stores.harness import SECRET
from tests.transfer.moving import brought_in, exported, unlike

pytestmark = pytest.mark.histories
ONE_IN = 6
"""Of so many histories one is told: of some a touchpoint stays unknown, so they are this test's own. `make test-long` tells all."""


@dataclass(frozen=True)
class Side:
    """A store, and the back door to it."""

    store: Store
    read: Callable[[str], Everything]


async def told(store: Store, name: str, seed: int) -> Tenant:
    """A tenant with a history; of every third one a touchpoint is not registered, so that whole rows wait."""
    await store.create_tenant(name)
    tenant, one, chance = WatchedTenant(store, name, Counter()), story(seed), random.Random(seed)
    teller = LiveTeller(tenant, one.world, chance)
    await teller.prepare()
    operations = shuffled(one.operations, chance)
    untold = [each for each in operations if seed % 3 == 0 and _of(each, one.world.apps[-1])]
    untold += [Revoke(each.key) for each in untold if isinstance(each, Decided)]
    await teller.tell([each for each in operations if each not in untold])
    return tenant


def _of(operation: object, app: str) -> bool:
    """Whether it cannot be told while this touchpoint is not known; rows of it can."""
    return operation == Register(app) or (app in repr(operation) and type(operation).__name__ != "Row")


async def check(sides: list[Side], seed: int, folder: Path) -> None:
    """Tell the first side a history, take it to the others in turn, and back; the second time changes nothing."""
    name = f"moving {seed} {secrets.token_hex(4)}"
    tenant = await told(sides[0].store, name, seed)
    origin = await asyncio.to_thread(sides[0].read, name)
    for number, (one, two) in enumerate(pairwise(sides)):
        path = folder / f"{seed}-{number}.jsonl"
        await exported(Tenant(one.store, name), path)
        assert 0 == (await brought_in(two.store, name, path)).rejected, f"history {seed}"
        there = await asyncio.to_thread(two.read, name)
        assert [] == unlike(origin, there), f"history {seed}"
        assert [] == differences(there, tenant.keys), f"history {seed}"
        assert await followed(one.store, name) == await followed(two.store, name), f"history {seed}"
        await brought_in(two.store, name, path)
        again = await asyncio.to_thread(two.read, name)
        assert [] == unlike(there, again), f"history {seed}"
        assert there.sequence == again.sequence, f"history {seed}"


async def followed(store: Store, name: str) -> dict[Key, Key]:
    """By whom the ids of those who are no more are followed."""
    async with store.reading(name) as reading:
        return {one.key: one.witness for one in await reading.holdings(None, 10_000) if one.witness}


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN))
async def test_from_sqlite_to_sqlite(seeds: range, tmp_path: Path) -> None:
    """What is brought into an empty file is the same graph, and bringing it in again changes nothing and reports nothing."""
    stores = [open_store(f"sqlite:///{tmp_path / name}.db", secret=SECRET, clock=lambda: NOW) for name in ("one", "two")]
    async with stores[0] as one, stores[1] as two:
        sides = [
            Side(one, lambda name: from_sqlite(tmp_path / "one.db", name)),
            Side(two, lambda name: from_sqlite(tmp_path / "two.db", name)),
        ]
        for seed in seeds:
            await check(sides, seed, tmp_path)


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN))
async def test_from_sqlite_to_neo4j_and_back(seeds: range, tmp_path: Path, neo4j_uri: str) -> None:
    """A graph that went from SQLite to Neo4j and into another file is the same in all three."""
    urls = [f"sqlite:///{tmp_path / 'one.db'}", neo4j_uri, f"sqlite:///{tmp_path / 'two.db'}"]
    stores = [open_store(url, secret=SECRET, clock=lambda: NOW) for url in urls]
    async with stores[0] as one, stores[1] as middle, stores[2] as two:
        sides = [
            Side(one, lambda name: from_sqlite(tmp_path / "one.db", name)),
            Side(middle, lambda name: from_neo4j(neo4j_uri, name)),
            Side(two, lambda name: from_sqlite(tmp_path / "two.db", name)),
        ]
        for seed in seeds:
            await check(sides, seed, tmp_path)
