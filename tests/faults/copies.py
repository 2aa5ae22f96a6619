"""The properties of comparing, copying and caps in small: a few dozen histories each, stopped at the first that does not hold."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import TypeVar, cast

from graph.decisions import Decision
from graph.entomb import restore_erasures
from graph.erase import Order, erase_customer
from graph.errors import Refused
from graph.link import By
from graph.node import Key
from graph.quarantine import Quarantined
from graph.rebuild import Part, Picture, apart
from graph.receipts import ErasureReceipt
from graph.restoring import Parts, Testimony, begin, end, restore_decisions, restore_evidence, restore_job, restore_registry
from graph.state import Identifier, Label
from graph.stores import Store
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from tests.invariants.test_16_no_cap_drops_data import IN_MEMORY, play
from tests.invariants.told import told
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.rebuilt import picture_of
from tests.resolver.telling import WatchedTenant

T = TypeVar("T")


async def no_cap_drops_data(seeds: Iterable[int]) -> None:
    """What became generic or was shed is stored all the while, and joins again when it fits."""
    for seed in seeds:
        await play(WatchedTenant(cast("Store", MemoryStore()), "t", Counter()), seed, IN_MEMORY)


async def whatever_is_wrong_is_seen(seeds: Iterable[int]) -> None:
    """A comparison finds one thing that does not follow, in whatever part of the derived state it is, and names it alone."""
    for seed in seeds:
        store = MemoryStore()
        await told(cast("Store", store), "t", seed)
        right, chance = picture_of(store), random.Random(seed)
        for part, wrong in _spoilt(right, chance):
            assert [part] == [one.part for one in apart(wrong, right)], f"history {seed}"


def _spoilt(right: Picture, chance: random.Random) -> Iterable[tuple[Part, Picture]]:
    """The same picture with one thing wrong in it, once for each part that it has."""
    plain = {key: one for key, one in right.members.items() if not one.crowded}
    if plain:
        member = plain[chance.choice(sorted(plain))]
        yield Part.IDENTIFIER, replace(right, members={**right.members, member.key: replace(member, times=member.times + 1)})
    row = right.customers[chance.choice(sorted(right.customers))]
    yield Part.CUSTOMER, replace(right, customers={**right.customers, row.key: replace(row, has_shed=not row.has_shed)})
    said = right.rollups[chance.choice(sorted(right.rollups))]
    yield Part.EVIDENCE, replace(right, rollups={**right.rollups, said.rollup.key: replace(said, settled=not said.settled)})
    if right.conflicts:
        yield Part.CONFLICT, replace(right, conflicts=_without_one(right.conflicts, chance))
    if right.waiting:
        yield Part.WAITING, replace(right, waiting=_without_one(right.waiting, chance))


def _without_one(things: Mapping[Key, T], chance: random.Random) -> dict[Key, T]:
    left = dict(things)
    del left[chance.choice(sorted(left))]
    return left


async def copies_change_nothing(seeds: Iterable[int]) -> None:
    """What is brought into another store is the same graph there, however often it is brought in."""
    for seed in seeds:
        store, other = MemoryStore(), MemoryStore()
        await told(cast("Store", store), "t", seed)
        for _ in range(2):
            await _copied(store, Tenant(cast("Store", other), "t"), random.Random(seed))
            assert [] == list(apart(picture_of(other), picture_of(store))), f"history {seed}"
            assert _said(store) == _said(other), f"history {seed}"
            assert _standing(store) == _standing(other), f"history {seed}"


async def erased_in_one_is_erased_in_all(seeds: Iterable[int]) -> None:
    """Who is erased where a copy was made of goes there with the next copy; an older copy that comes afterwards brings nobody back."""
    for seed in seeds:
        store, before, late, early, chance = MemoryStore(), MemoryStore(), MemoryStore(), MemoryStore(), random.Random(seed)
        await told(cast("Store", store), "t", seed)
        tenant = Tenant(cast("Store", store), "t")
        store.clock = count(NOW).__next__  # type: ignore[method-assign]  # no two are erased at once
        for into in (before, late):
            await _copied(store, Tenant(cast("Store", into), "t"), chance)
        for key in chance.sample(sorted(store.members), 2):
            if member := store.members.get(key):
                order = Order(by=By(id=f"cus_{member.customer}"), reason="test", author="test", backup_days=1)
                with contextlib.suppress(Refused):  # others claim it
                    await erase_customer(tenant, order)
        for one, into in ((store, late), (store, early), (before, early)):
            await _copied(one, Tenant(cast("Store", into), "t"), chance)
        for into in (late, early):
            assert [] == list(apart(picture_of(into), picture_of(store))), f"history {seed}"
            assert _said(store) == _said(into), f"history {seed}"
            assert _standing(store) == _standing(into), f"history {seed}"


def _said(store: MemoryStore) -> dict[Key, object]:
    return {key: stored.rollup for key, stored in store.rollups.items()}


def _standing(store: MemoryStore) -> dict[Key, object]:
    return {key: node for key, node in store.nodes_.items() if isinstance(node, Decision)}


async def _copied(store: MemoryStore, tenant: Tenant, chance: random.Random) -> None:
    """All of it in a random order, a few at a time."""
    is_new = not cast("MemoryStore", tenant.store).members
    job = await begin(tenant, restore_job(tenant, "an export", 0))
    await restore_registry(tenant, list(store.registered.values()), store.policy, job, is_new=is_new)
    decided = [node for node in store.nodes_.values() if isinstance(node, Decision)]
    parts: list[Testimony | Quarantined] = [
        *_testimonies(store),
        *(n for n in store.nodes_.values() if isinstance(n, Quarantined) and n.row),
    ]
    chance.shuffle(parts)
    stones, receipts = ([n for n in store.nodes_.values() if isinstance(n, kind)] for kind in (Tombstone, ErasureReceipt))
    await restore_erasures(tenant, cast("list[Tombstone]", stones), cast("list[ErasureReceipt]", receipts), job)
    await restore_decisions(tenant, decided, job)
    for at in range(0, len(parts), 5):
        few = Parts()
        for part in parts[at : at + 5]:
            few.add(part)
        await restore_evidence(tenant, few, job)
    await end(tenant, job)


def _testimonies(store: MemoryStore) -> Iterable[Testimony]:
    open_ids = {
        key: Identifier(key=key, label=one.label, scope=one.scope, value=one.value)
        for key, one in store.members.items()
        if one.label is Label.OPEN_ID
    }
    for by in {stored.rollup.a for stored in store.rollups.values()}:
        rollups = tuple(stored.rollup for stored in store.rollups.values() if stored.rollup.a == by)
        named = {by, *(rollup.b for rollup in rollups)} & open_ids.keys()
        yield Testimony(by=by, rollups=rollups, open_ids=tuple(open_ids[key] for key in sorted(named)))
