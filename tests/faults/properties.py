"""The properties of the rule in small: a few dozen histories each, stopped at the first that does not hold. Faults name them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import cast

import pytest

from graph import policy_walk
from graph.bindings import TouchpointKind
from graph.errors import Refused
from graph.evidence import ResolutionSource
from graph.node import Key
from graph.record import Call, record_calls
from graph.registry import register_touchpoint
from graph.requests import Asked
from graph.results import Result
from graph.rows import Row
from graph.state import PREFIX
from graph.stores import Store
from tests.faults.copies import (  # noqa: F401  # faults name them here
    copies_change_nothing,
    incremental_equals_rebuild,
    no_cap_drops_data,
    whatever_is_wrong_is_seen,
)
from tests.invariants import test_04_slots_and_decisions, test_07_every_membership_has_a_chain, test_08_undo, test_15_rehearsals
from tests.invariants.erasing import check as check_erasure
from tests.invariants.replay import replayed
from tests.invariants.test_11_erasure import in_memory_stage
from tests.invariants.told import in_memory_holds
from tests.resolver.changing import check_in_memory
from tests.resolver.histories import story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names
from tests.resolver.operations import said, shuffled
from tests.resolver.rebuilt import decisions, evidence, expected, identifiers, in_memory, rebuilt
from tests.resolver.reference import truth
from tests.resolver.telling import Teller, WatchedTenant


async def every_membership_has_a_chain(seeds: Iterable[int]) -> None:
    """Invariant 7, in memory."""
    await in_memory_holds(test_07_every_membership_has_a_chain.every_membership_has_a_chain, seeds, "chains")


async def slots_and_decisions_hold(seeds: Iterable[int]) -> None:
    """Invariant 4, in memory."""
    await in_memory_holds(test_04_slots_and_decisions.slots_and_decisions_hold, seeds, "SAMEs")


async def decided_and_revoked_is_as_before(seeds: Iterable[int]) -> None:
    """Invariant 8 of decisions, in memory."""
    await in_memory_holds(test_08_undo.decided_and_revoked_is_as_before, seeds, "changes")


async def added_and_retracted_is_as_before(seeds: Iterable[int]) -> None:
    """Invariant 8 of evidence, in memory."""
    await in_memory_holds(test_08_undo.added_and_retracted_is_as_before, seeds, "changes")


async def a_rehearsal_foretells(seeds: Iterable[int]) -> None:
    """Invariant 15 of decisions, in memory."""
    await in_memory_holds(test_15_rehearsals.a_rehearsal_foretells, seeds, "effects")


def all_at_once_equals_the_reference(seeds: Iterable[int]) -> None:
    """Whatever is said, in whatever order: the pure functions and the reference agree."""
    for seed in seeds:
        one, names, chance = story(seed), Names(MemoryStore().made), random.Random(seed)
        everything = said(one.operations)
        facts = sorted(everything.facts, key=repr)
        chance.shuffle(facts)
        registry = names.registry(one.world, everything.bound)
        rollups = [evidence(fact, names) for fact in facts]
        found = rebuilt(registry, names.keys, identifiers(facts, names), rollups, decisions(everything, names))
        assert expected(truth(everything, one.world.rules, names.key), names.key) == found, f"history {seed}"


async def requests_are_applied_once(seeds: Iterable[int]) -> None:
    """Calls that come again and again, some gathered into one turn: each is applied once and answered the same, or refused as another."""
    for seed in seeds:
        chance, store = random.Random(seed), MemoryStore()
        tenant = WatchedTenant(cast("Store", store), "t", Counter())
        await register_touchpoint(tenant, "wxapp0", kind=TouchpointKind.MINI_PROGRAM, name="App")
        calls = {f"r{n}": [_row(chance, n) for _ in range(chance.randint(1, 3))] for n in range(4)}
        first: dict[str, list[Result]] = {}
        for _ in range(4):
            named = [(name, chance.random() < 0.2) for name in chance.choices(sorted(calls), k=3)]
            named = [(name, is_other) for name, is_other in named if name in first or not is_other]
            given = [[replace(row, observed=2000) for row in calls[name]] if is_other else calls[name] for name, is_other in named]
            asked = [Call(rows=rows, request=Asked.of(name, rows, store.made)) for (name, _), rows in zip(named, given, strict=True)]
            for (name, is_other), answer in zip(named, await record_calls(tenant, asked), strict=True):
                assert isinstance(answer, Refused) == is_other, f"history {seed}"
                assert is_other or first.setdefault(name, cast("list[Result]", answer)) == answer, f"history {seed}"
        seen = Counter(store.made.open_id("wxapp0", row.open_id) for name in first for row in calls[name])
        assert {key: member.times for key, member in store.members.items()} == seen, f"history {seed}"


def _row(chance: random.Random, request: int) -> Row:
    return Row(app_id="wxapp0", open_id=f"o{request}{chance.randint(0, 1)}", observed=1000, source=ResolutionSource.PUSH)


async def one_after_another_equals_the_reference(seeds: Iterable[int]) -> None:
    """Whatever is said, in whatever order: what a store ends up with and the reference agree."""
    for seed in seeds:
        one, store, chance = story(seed), MemoryStore(), random.Random(seed)
        teller = Teller(WatchedTenant(cast("Store", store), "t", Counter()), one.world, chance)
        await teller.prepare()
        await teller.tell(shuffled(one.operations, chance))
        names = Names(store.made)
        assert expected(truth(said(one.operations), one.world.rules, names.key), names.key) == in_memory(store), f"history {seed}"


async def policies_leave_no_trace(seeds: Iterable[int]) -> None:
    """Whatever policies held before the last one, and whatever became of their jobs: nothing tells of them, and the last was foreseen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_walk, "PAGE", 3)
        for seed in seeds:
            await check_in_memory(seed, Counter())


async def the_feed_tells_the_membership(seeds: Iterable[int]) -> None:
    """Invariant 9: no gap, transactions whole, and a replay that gives who is whose."""
    for seed in seeds:
        store = await _told(seed)
        assert list(range(1, len(store.changes_) + 1)) == [change.sequence for change in store.changes_], f"history {seed}"
        told = replayed(store.changes_)
        held: dict[str, set[str]] = defaultdict(set)
        for key, member in store.members.items():
            held[member.customer].add(f"{PREFIX[member.label]}_{key}")
        assert held == {customer: set(members) for customer, members in told.items()}, f"history {seed}"
        for _, together in groupby(store.changes_, key=lambda change: change.transaction):
            left = [change.changes_left for change in together]
            assert list(range(len(left) - 1, -1, -1)) == left, f"history {seed}"


async def old_ids_lead_on(seeds: Iterable[int]) -> None:
    """Invariant 10: every id that the feed ever said leads to a customer that is there."""
    for seed in seeds:
        store = await _told(seed)
        issued = {Key(key) for change in store.changes_ for key in (change.customer_key, *change.previous)}
        found = {key: store.members.get(store.former.get(key, key)) for key in issued}
        assert [] == [key for key, member in found.items() if member is None or member.customer not in store.customers_], f"history {seed}"


async def the_erased_stay_erased(seeds: Iterable[int]) -> None:
    """Invariant 11: nothing of the erased is left or comes back, others keep what is theirs, and a login begins a new life."""
    for seed in seeds:
        try:
            await check_erasure(in_memory_stage(), seed, "t")
        except Exception as error:
            raise AssertionError(f"history {seed}") from error


async def _told(seed: int) -> MemoryStore:
    one, store, chance = story(seed), MemoryStore(), random.Random(seed)
    teller = Teller(WatchedTenant(cast("Store", store), "t", Counter()), one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    return store
