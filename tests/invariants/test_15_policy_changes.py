"""Invariants 1, 2 and 15 under changing identity policies: what came first cannot be told, and a dry run gives what then happens."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from graph import policy_walk, set_policy
from graph.stores import Store, open_store
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.resolver.changing import ChangingTeller, Moved, check_in_memory, secrets_in
from tests.resolver.histories import story
from tests.resolver.memory_store import NOW
from tests.resolver.names import Names
from tests.resolver.operations import said, shuffled
from tests.resolver.rebuilt import expected
from tests.resolver.reference import truth
from tests.resolver.tally import TALLIES, dealt
from tests.resolver.telling import WatchedTenant
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
ONE_IN = {"pure": 16, "sqlite": 8, "neo4j": 6}
"""Of so many histories one is told: policies change in the telling, so they are this property's own. `make test-long` tells all."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds three customers, so that every job has many and can be left between any two."""
    monkeypatch.setattr(policy_walk, "PAGE", 3)
    monkeypatch.setattr(set_policy, "BUDGET", 600.0)


@pytest.mark.parametrize("seeds", dealt("pure", ONE_IN["pure"]))
async def test_15_policies_in_memory(seeds: range) -> None:
    """Whatever policies held before, customers and conflicts end as under the last one alone; as foreseen, and as a rebuild makes them."""
    for seed in seeds:
        await check_in_memory(seed, TALLIES["pure"])


async def check(store: Store, kind: str, seeds: range, read: Callable[[str], Everything]) -> None:
    """The same on a real store, read by the back door."""
    run = secrets.token_hex(4)  # the same server may hold another run's
    for seed in seeds:
        name, one, chance = f"policies {seed} {run}", story(seed), random.Random(seed)
        await store.create_tenant(name)
        tenant = WatchedTenant(store, name, TALLIES[kind])
        teller = ChangingTeller(tenant, one.world, chance)
        await teller.prepare()
        await teller.tell(shuffled(one.operations, chance))
        before = await asyncio.to_thread(read, name)
        foreseen = await teller.foresee()
        job = await teller.end()
        after = await asyncio.to_thread(read, name)
        moved = Moved.between(*({key: member.customer for key, member in stored.members.items()} for stored in (before, after)))
        assert (moved.merges, moved.splits) == (foreseen.merges, foreseen.splits) == (job.merges, job.splits), f"history {seed}"
        assert [] == differences(after, tenant.keys), f"history {seed}"
        names = Names(tenant.keys)
        right = expected(truth(said(one.operations), one.world.rules, names.key), names.key)
        assert right.people == {key: (member.account, member.customer) for key, member in after.members.items()}, f"history {seed}"
        assert set() == secrets_in(after.rollups, after.members, after.registry.policy), f"history {seed}"


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN["sqlite"]))
async def test_15_policies_on_sqlite(seeds: range, tmp_path: Path) -> None:
    """The same holds of what lies in SQLite."""
    path = tmp_path / "policies.db"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "sqlite", seeds, lambda name: from_sqlite(path, name))


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN["neo4j"]))
async def test_15_policies_on_neo4j(seeds: range, neo4j_uri: str) -> None:
    """The same holds of what lies in Neo4j."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "neo4j", seeds, lambda name: from_neo4j(neo4j_uri, name))
