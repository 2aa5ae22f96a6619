"""The properties of the rule in small: a few dozen histories each, stopped at the first that does not hold. Faults name them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import cast

from graph.stores import Store
from tests.resolver.histories import story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names
from tests.resolver.operations import said, shuffled
from tests.resolver.rebuilt import decisions, evidence, expected, identifiers, in_memory, rebuilt
from tests.resolver.reference import truth
from tests.resolver.telling import Teller, WatchedTenant


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


async def one_after_another_equals_the_reference(seeds: Iterable[int]) -> None:
    """Whatever is said, in whatever order: what a store ends up with and the reference agree."""
    for seed in seeds:
        one, store, chance = story(seed), MemoryStore(), random.Random(seed)
        teller = Teller(WatchedTenant(cast("Store", store), "t", Counter()), one.world, chance)
        await teller.prepare()
        await teller.tell(shuffled(one.operations, chance))
        names = Names(store.made)
        assert expected(truth(said(one.operations), one.world.rules, names.key), names.key) == in_memory(store), f"history {seed}"
