"""Invariant 16: a cap drops nothing: what became generic or was shed joins again when it fits, and all of it stays readable meanwhile."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from graph.node import Key
from graph.stores import Store, open_store
from tests.resolver.facts import Claimed, Decided, Name, Seen
from tests.resolver.held import held
from tests.resolver.histories import Story, story
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.operations import Operation, Row
from tests.resolver.rebuilt import State, evidence, in_memory
from tests.resolver.tally import dealt
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
ONE_IN = {"pure": 4, "sqlite": 4, "neo4j": 6}
"""Of so many histories one is told: they are flooded, so they are this property's own. `make test-long` tells all."""
LONG = 7
"""Links of a chain that makes a small component too large, two identifiers each."""
Reads = tuple[Callable[[WatchedTenant], Awaitable[State]], Callable[[WatchedTenant, Key], Awaitable[set[Key]]]]
"""What a tenant holds, and the evidence of one of its identifiers."""


def crowd(one: Story, ext: Name) -> list[Row]:
    """So many strangers give the same external id that it is generic."""
    app, most = one.world.apps[0], one.world.rules.generic_after
    return [Row(Seen(("open", app, f"stranger{n}"), "PUSH", 99_000), (ext,)) for n in range(most + 1)]


def chain(one: Story, ext: Name) -> list[Row]:
    """Strangers who hang together by external ids of two each, the first of them by a given one."""
    app = one.world.apps[0]
    links = [ext, *(("ext", "loyalty", f"link{n}") for n in range(LONG))]
    return [Row(Seen(("open", app, f"stranger{n}"), "PUSH", 99_000), (links[n], links[n + 1])) for n in range(LONG)]


def gone(rows: list[Row], ext: Name) -> list[Operation]:
    """What takes the strangers' claims on it back."""
    claiming = [row.seen.who for row in rows if ext in row.exts]
    return [Decided(f"undone{n:016d}", "RETRACT", who, ext, 99_500) for n, who in enumerate(claiming)]


async def play(tenant: WatchedTenant, seed: int, reads: Reads) -> None:
    """Tell a history, flood one of its external ids, take the flood back."""
    one, chance, (state, said_by) = story(seed), random.Random(seed), reads
    exts = sorted({ext for row in one.operations if isinstance(row, Row) for ext in row.exts})
    if not exts:
        return
    teller, ext = Teller(tenant, one.world, chance), chance.choice(exts)
    flood = chance.choice([crowd, chain])(one, ext)
    await teller.prepare()
    await teller.tell(one.operations)
    before = await state(tenant)
    await teller.tell(flood)
    during = await state(tenant)
    tenant.tally["parted"] += any(during.people[key][1] != customer for key, (_, customer) in before.people.items())
    for row in flood:
        mine = {evidence(row.seen, teller.names).key, *(evidence(claim, teller.names).key for claim in claims(row))}
        assert mine <= await said_by(tenant, teller.names.key(row.seen.who)), f"history {seed}"
    await teller.tell(gone(flood, ext))
    after = await state(tenant)
    assert before.people == {key: place for key, place in after.people.items() if key in before.people}, f"history {seed}"
    assert before.conflicts == {row for row in after.conflicts if before.people.keys() >= set(row[1])}, f"history {seed}"


def claims(row: Row) -> list[Claimed]:
    """What a row says beside having seen somebody."""
    return [Claimed(row.seen.who, ext, row.seen.source, row.seen.at) for ext in row.exts]


async def check(store: Store, name: str, seeds: range, reads: Reads) -> None:
    """Play with a tenant for each number."""
    tally: Counter[str] = Counter()
    for seed in seeds:
        await store.create_tenant(f"{name} {seed}")
        await play(WatchedTenant(store, f"{name} {seed}", tally), seed, reads)
    was_worth_it(tally, seeds)


def was_worth_it(tally: Counter[str], seeds: range) -> None:
    """Somebody was parted now and then, by both caps, else there was nothing to come back."""
    assert round(len(seeds) / 20) <= min(tally["parted"], tally["generic conflicts"], tally["sheds"])


async def by_questions(tenant: WatchedTenant, key: Key) -> set[Key]:
    """The evidence of an identifier, as the product reads it."""
    _, [found] = await tenant.store.customers(tenant.name, [key])
    assert found is not None
    return {stored.rollup.key for stored in found.rollups}


async def _state(tenant: WatchedTenant) -> State:
    return in_memory(cast("MemoryStore", tenant.store))


async def _said_by(tenant: WatchedTenant, key: Key) -> set[Key]:
    return set(cast("MemoryStore", tenant.store).at[key])


IN_MEMORY: Reads = (_state, _said_by)


@pytest.mark.parametrize("seeds", dealt("pure", ONE_IN["pure"]))
async def test_16_the_pure_functions_drop_nothing(seeds: range) -> None:
    """What a crowd or a chain of strangers parts is stored all the while, and is together again once they are taken back."""
    tally: Counter[str] = Counter()
    for seed in seeds:
        await play(WatchedTenant(cast("Store", MemoryStore()), "t", tally), seed, IN_MEMORY)
    was_worth_it(tally, seeds)


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN["sqlite"]))
async def test_16_sqlite_drops_nothing(seeds: range, tmp_path: Path) -> None:
    """On SQLite what a crowd or a chain of strangers parts is readable all the while, and is together again once they are taken back."""
    async with open_store(f"sqlite:///{tmp_path / 'caps.db'}", secret=SECRET, clock=lambda: NOW) as store:
        await check(store, "caps", seeds, (held, by_questions))


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN["neo4j"]))
async def test_16_neo4j_drops_nothing(seeds: range, neo4j_uri: str) -> None:
    """On Neo4j what a crowd or a chain of strangers parts is readable all the while, and is together again once they are taken back."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check(store, f"caps {secrets.token_hex(4)}", seeds, (held, by_questions))
