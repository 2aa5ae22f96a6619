"""Every deliberate fault turns the property red that it names; without faults the properties hold."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import pytest

from tests.faults import erasure_faults, faults_of_copies, invariant_faults, properties
from tests.faults.feed_faults import FEED, IDS
from tests.faults.invariant_properties import CHECKS
from tests.faults.policy_faults import ALL as FAULTS
from tests.invariants.told import in_memory_holds

HISTORIES = 400
"""A fault must show in so many histories; most show in the first dozen."""


async def check(name: str, seeds: Iterable[int]) -> None:
    """Run the property of this name."""
    if name in CHECKS:
        check_one, worth = CHECKS[name]
        await in_memory_holds(check_one, seeds, worth)
        return
    outcome = getattr(properties, name)(seeds)
    if inspect.isawaitable(outcome):
        await outcome


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_fault_turns_its_property_red(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the rule does not go unnoticed."""
    patch, noticed_by = FAULTS[name]
    patch(monkeypatch)
    with pytest.raises(AssertionError, match="history"):
        await check(noticed_by, range(HISTORIES))


@pytest.mark.parametrize("name", sorted({noticed_by for _, noticed_by in FAULTS.values()}))
async def test_without_faults_the_properties_hold(name: str) -> None:
    """A property that is red anyway would notice nothing."""
    await check(name, range(40))


def test_there_are_enough_faults() -> None:
    """At least twelve ways of being wrong were tried."""
    assert len(FAULTS) >= 12
    noticing = {noticed_by for _, noticed_by in FAULTS.values()}
    assert {faults_of_copies.COPIED, faults_of_copies.SEEN, erasure_faults.ERASED, FEED, IDS, *invariant_faults.NOTICED} <= noticing
