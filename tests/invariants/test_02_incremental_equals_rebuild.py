"""Invariant 2: what a store ends up with, change by change, is what a rebuild from its evidence gives."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from graph.rebuild import apart
from graph.stores import Store, open_store
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.resolver.histories import story
from tests.resolver.live import LiveTeller
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.operations import shuffled
from tests.resolver.rebuilt import picture_of, rebuilt_from
from tests.resolver.tally import how_many
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
SHARES = 4
"""Tests into which the histories are dealt out, so that a failure shows early and several cores can help."""


async def told(store: Store, name: str, seed: int) -> WatchedTenant:
    """A tenant that was told a history in a random order; every second one by use cases that look at who is who at the time."""
    tenant, one, chance = WatchedTenant(store, name, Counter()), story(seed), random.Random(seed)
    teller = (LiveTeller if seed % 2 else Teller)(tenant, one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    return tenant


@pytest.mark.parametrize("share", range(SHARES))
async def test_the_pure_functions_end_where_a_rebuild_does(share: int) -> None:
    """Recomputing only the raw components that a change touches leaves everything derived as a rebuild from the evidence makes it."""
    for seed in range(share, how_many("pure", 2000), SHARES):
        store = MemoryStore()
        await told(cast("Store", store), "t", seed)
        assert [] == list(apart(picture_of(store), rebuilt_from(store))), f"history {seed}"


async def check(store: Store, kind: str, default: int, read: Callable[[str], Everything]) -> None:
    """Tell histories to a real store, and look at each by the back door."""
    run = secrets.token_hex(4)  # the same server may hold another run's
    for seed in range(how_many(kind, default)):
        name = f"rebuilt {seed} {run}"
        await store.create_tenant(name)
        tenant = await told(store, name, seed)
        assert [] == differences(await asyncio.to_thread(read, name), tenant.keys), f"history {seed}"


async def test_sqlite_ends_where_a_rebuild_does(tmp_path: Path) -> None:
    """On SQLite what lies in the file after any history is what a rebuild from its evidence gives, and what its feed tells."""
    path = tmp_path / "rebuilt.db"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "sqlite", 300, lambda tenant: from_sqlite(path, tenant))


async def test_neo4j_ends_where_a_rebuild_does(neo4j_uri: str) -> None:
    """On Neo4j what lies in the graph after any history is what a rebuild from its evidence gives, and what its feed tells."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "neo4j", 60, lambda tenant: from_neo4j(neo4j_uri, tenant))
