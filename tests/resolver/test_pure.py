"""The rule in random histories without a database: in every order and batching the pure functions say what the reference says."""

from __future__ import annotations

import random
from itertools import groupby
from typing import cast

import pytest

from graph.keys import Keys
from graph.stores import Store
from tests.resolver.facts import Said
from tests.resolver.histories import Story, story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names
from tests.resolver.operations import said, shuffled
from tests.resolver.rebuilt import State, decisions, evidence, expected, identifiers, in_memory, rebuilt
from tests.resolver.reference import truth
from tests.resolver.tally import SHARES, TALLIES, share_of
from tests.resolver.telling import Teller, WatchedTenant

pytestmark = pytest.mark.histories
EACH_SHARE = pytest.mark.parametrize("share", range(SHARES["pure"]))


def answer(one: Story, names: Names) -> State:
    """What the reference says of a history."""
    return expected(truth(said(one.operations), one.world.rules, names.key), names.key)


def derived_at_once(one: Story, everything: Said, names: Names, chance: random.Random) -> State:
    """What the pure functions make of it: in a random order, some of it twice."""
    facts = [fact for fact in everything.facts for _ in range(1 + (chance.random() < 0.1))]
    facts.sort(key=lambda _: chance.random())
    standing = sorted(decisions(everything, names), key=lambda _: chance.random())
    registry = names.registry(one.world, everything.bound)
    return rebuilt(registry, names.keys, identifiers(facts, names), [evidence(fact, names) for fact in facts], standing)


def check_pure(one: Story, chance: random.Random) -> None:
    """Two orders at once."""
    names = Names(MemoryStore().made)
    right = answer(one, names)
    for _ in range(2):
        assert right == derived_at_once(one, said(one.operations), names, chance)


async def told(one: Story, chance: random.Random) -> MemoryStore:
    """A store in memory that was told a history in a random order."""
    store = MemoryStore()
    tenant = WatchedTenant(cast("Store", store), "t", TALLIES["pure"])
    teller = Teller(tenant, one.world, chance)
    await teller.prepare()
    await teller.tell(shuffled(one.operations, chance))
    return store


@EACH_SHARE
def test_all_at_once_equals_the_reference(share: int) -> None:
    """Permuting, duplicating or re-batching what was said gives the partition, ids and conflicts of the reference."""
    for seed in share_of("pure", share):
        try:
            check_pure(story(seed), random.Random(seed))
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise


@EACH_SHARE
async def test_one_after_another_equals_the_reference(share: int) -> None:
    """Recomputing only the raw components that a change touches ends where the reference does, in any order of use cases."""
    for seed in share_of("pure", share):
        one = story(seed)
        store = await told(one, random.Random(seed))
        TALLIES["pure"]["histories"] += 1
        assert answer(one, Names(store.made)) == in_memory(store), f"history {seed}"
        assert {key: customer for key, (_, customer) in in_memory(store).people.items()} == replayed(store), f"history {seed}"


def replayed(store: MemoryStore) -> dict[str, str]:
    """Who is whose by the change feed alone, whose changes of one transaction belong together."""
    assert list(range(1, len(store.changes_) + 1)) == [change.sequence for change in store.changes_]
    customers: dict[str, list[str]] = {}
    for _, together in groupby(store.changes_, key=lambda change: change.transaction):
        changes = list(together)
        for former in {former for change in changes for former in change.previous}:
            customers.pop(former, None)
        customers |= {change.customer_key: change.identifiers for change in changes if change.identifiers}
    return {one.partition("_")[2]: customer for customer, members in customers.items() for one in members}


def test_the_same_number_tells_the_same_history() -> None:
    """A history that failed can be told again by its number."""
    assert story(7) == story(7)
    assert Keys(b"secret of the tests", "t").union_text("a") == MemoryStore().made.union_text("a")
