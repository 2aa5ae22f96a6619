"""Histories that are told once and looked at by every invariant: telling one takes far longer than looking at it."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

from graph.stores import Store, open_store
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.invariants.desk import Desk
from tests.resolver.histories import story
from tests.resolver.live import LiveTeller
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.operations import shuffled
from tests.resolver.tally import ONE_IN_WORTH, TALLIES, WORTHS
from tests.resolver.telling import Teller, WatchedTenant
from tests.stores.harness import SECRET

LIVE = 5
"""One history in so many is told once more, by use cases that look at who is who: a rebuild can judge it, the reference cannot."""
Check = Callable[[Desk], Awaitable[None]]
BackDoor = Callable[[str], Everything]


class Told:
    """A share of the histories as one store holds them. A check leaves them as they are, or puts back what it changes."""

    def __init__(self, desks: list[Desk]) -> None:
        self.desks = desks

    async def hold(self, check: Check, worth: str = "histories") -> None:
        """Check every one. What makes one worth checking must come up now and then in the whole run."""
        tally: Counter[str] = Counter()
        for desk in list(self.desks):
            try:
                await checked(desk, check, tally)
            except BaseException:
                self.desks.remove(desk)  # what was not put back is no fault of another invariant
                raise
        for store in {type(desk.tenant.store).__name__ for desk in self.desks}:
            WORTHS[f"{check.__name__} ({store}): {worth} came up"].update(histories=tally["histories"], worth=tally[worth])


async def in_memory_holds(check: Check, seeds: Iterable[int], worth: str = "histories") -> None:
    """Tell histories to a store in memory, and check each at once: the first that does not hold is the last that is told."""
    tally: Counter[str] = Counter()
    for seed in seeds:
        await checked(await told(cast("Store", MemoryStore()), "t", seed), check, tally)
    assert round(tally["histories"] / ONE_IN_WORTH) <= tally[worth], f"{worth} came up {tally[worth]} times"


async def checked(desk: Desk, check: Check, tally: Counter[str]) -> None:
    """Check one. Chance is its own, so that it does the same whatever was checked before."""
    desk.tenant.tally, desk.chance = tally, random.Random(f"{check.__name__} {desk.seed}")
    tally["histories"] += 1
    try:
        await check(desk)
    except BaseException as error:
        error.add_note(f"history {desk.seed}, {'told live' if desk.is_live else 'told plainly'}")
        raise


async def told(store: Store, name: str, seed: int, tally: Counter[str] | None = None, *, is_live: bool = False) -> Desk:
    """A tenant that was told a history in a random order. Its name is part of every key, so the same name ties the same way."""
    tenant, one, chance = WatchedTenant(store, name, Counter() if tally is None else tally), story(seed), random.Random(seed)
    if not isinstance(cast("object", store), MemoryStore):
        await store.create_tenant(name)
    teller = (LiveTeller if is_live else Teller)(tenant, one.world, chance)
    try:
        await teller.prepare()
        await teller.tell(shuffled(one.operations, chance))
    except BaseException as error:
        error.add_note(f"history {seed}")
        raise
    tenant.tally["histories"] += not is_live
    return Desk(tenant, one, seed, is_live=is_live)


async def in_memory(seeds: range) -> Told:
    """Each history in a store of its own."""
    return Told([await told(cast("Store", MemoryStore()), "t", seed, TALLIES["pure"], is_live=live) for seed, live in _tellings(seeds)])


@asynccontextmanager
async def on_sqlite(seeds: range, folder: Path) -> AsyncIterator[Told]:
    """Each history in a tenant of its own."""
    path = folder / "told.db"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
        yield await _told(store, "sqlite", seeds, "", lambda name: from_sqlite(path, name))


@asynccontextmanager
async def on_neo4j(seeds: range, uri: str) -> AsyncIterator[Told]:
    """The same; the server may hold another run's."""
    async with open_store(uri, secret=SECRET, clock=lambda: NOW) as store:
        yield await _told(store, "neo4j", seeds, secrets.token_hex(4), lambda name: from_neo4j(uri, name))


async def _told(store: Store, kind: str, seeds: range, run: str, read: BackDoor) -> Told:
    desks = []
    for seed, is_live in _tellings(seeds):
        name = f"{'live' if is_live else 'history'} {seed} {run}"
        desks.append(await told(store, name, seed, TALLIES[kind], is_live=is_live))
        desks[-1].read = partial(asyncio.to_thread, read, name)
    return Told(desks)


def _tellings(seeds: range) -> list[tuple[int, bool]]:
    return [(seed, live) for seed in seeds for live in (False, True) if not live or seed % LIVE == 0]
