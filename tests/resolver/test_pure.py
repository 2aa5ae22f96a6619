"""The rule in random histories without any store: in every order the pure functions, given all at once, say what the reference says."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from graph.keys import Keys
from tests.resolver.facts import Said
from tests.resolver.histories import Story, story
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names
from tests.resolver.operations import said
from tests.resolver.rebuilt import State, decisions, evidence, expected, identifiers, rebuilt
from tests.resolver.reference import truth
from tests.resolver.tally import dealt

pytestmark = pytest.mark.histories


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


def all_at_once_equals_the_reference(seeds: Iterable[int]) -> None:
    """Each of these histories, stopped at the first that does not hold."""
    for seed in seeds:
        try:
            check_pure(story(seed), random.Random(seed))
        except BaseException as error:
            error.add_note(f"history {seed}")
            raise


@pytest.mark.parametrize("seeds", dealt("pure"))
def test_all_at_once_equals_the_reference(seeds: range) -> None:
    """Permuting, duplicating or re-batching what was said gives the partition, ids and conflicts of the reference."""
    all_at_once_equals_the_reference(seeds)


def test_the_same_number_tells_the_same_history() -> None:
    """A history that failed can be told again by its number."""
    assert story(7) == story(7)
    assert Keys(b"secret of the tests", "t").union_text("a") == MemoryStore().made.union_text("a")
