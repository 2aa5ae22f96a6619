"""Histories of the long run that once did not hold: they are told in every run."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest

from graph import policy_walk
from graph.stores import Store
from tests.invariants.desk import Desk
from tests.invariants.erasing import check as the_erased_stay_erased
from tests.invariants.test_07_every_membership_has_a_chain import every_membership_has_a_chain
from tests.invariants.test_08_undo import decided_and_revoked_is_as_before
from tests.invariants.test_10_ids import old_ids_lead_on
from tests.invariants.test_11_erasure import in_memory_stage
from tests.invariants.told import Check, checked, told
from tests.resolver.changing import check_overtaken
from tests.resolver.memory_store import MemoryStore

pytestmark = pytest.mark.histories
ONCE_FAILED: list[tuple[Check, int]] = [
    (every_membership_has_a_chain, 3872),  # an account that would have been too large, whose parts share a member number
    (every_membership_has_a_chain, 7125),
    (decided_and_revoked_is_as_before, 3310),  # a SAME on a generic UnionID
    (old_ids_lead_on, 10705),  # somebody whom only a claim said directly ever named
]


@pytest.mark.parametrize("check, seed", ONCE_FAILED)
async def test_what_once_failed_holds(check: Check, seed: int) -> None:
    """Each is told as it was, and what did not hold then does."""
    desk: Desk = await told(cast("Store", MemoryStore()), "t", seed)
    await checked(desk, check, Counter())


# A UnionID's claim where no evidence names it, taken back by its claimant, by a steward; a phone of many that was joined to one who went;
# a UnionID that was gone and is found again by the turn that erases whom it led to.
@pytest.mark.parametrize("seed", [2673, 4251, 17564, 1366, 1438])
async def test_who_once_left_something_leaves_nothing(seed: int) -> None:
    """Each is told as it was, and of whoever is erased nothing is left."""
    await the_erased_stay_erased(in_memory_stage(), seed, "t")


@pytest.mark.parametrize("seed", [492])  # a crowd's value, taken out by a job that was half done when the namespace was in clear again
async def test_what_was_left_half_done_holds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told as it was, and what a rebuild makes of the evidence is stored."""
    monkeypatch.setattr(policy_walk, "PAGE", 3)
    await check_overtaken(seed)
