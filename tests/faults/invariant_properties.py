"""The invariants in small and in memory: the very checks of their named tests. Faults name these functions."""

from __future__ import annotations

from tests.invariants.test_01_order_does_not_matter import one_after_another_equals_the_reference
from tests.invariants.test_02_incremental_equals_rebuild import incremental_equals_rebuild
from tests.invariants.test_03_one_place import everybody_has_one_place
from tests.invariants.test_04_slots_and_decisions import slots_and_decisions_hold
from tests.invariants.test_05_one_platform import one_platform_holds_an_app
from tests.invariants.test_06_every_end_in_its_epoch import every_end_is_in_its_epoch
from tests.invariants.test_07_every_membership_has_a_chain import every_membership_has_a_chain
from tests.invariants.test_08_undo import added_and_retracted_is_as_before, decided_and_revoked_is_as_before
from tests.invariants.test_09_feed import the_feed_tells_the_membership
from tests.invariants.test_10_ids import old_ids_lead_on
from tests.invariants.test_14_moves_take_nothing import moves_take_nothing
from tests.invariants.test_15_rehearsals import a_rehearsal_foretells
from tests.invariants.told import Check

_WORTHS: tuple[tuple[Check, str], ...] = (
    (one_after_another_equals_the_reference, "histories"),
    (incremental_equals_rebuild, "histories"),
    (everybody_has_one_place, "histories"),
    (slots_and_decisions_hold, "SAMEs"),
    (one_platform_holds_an_app, "held"),
    (every_end_is_in_its_epoch, "waits"),
    (every_membership_has_a_chain, "chains"),
    (decided_and_revoked_is_as_before, "changes"),
    (added_and_retracted_is_as_before, "changes"),
    (the_feed_tells_the_membership, "changes"),
    (old_ids_lead_on, "retired"),
    (moves_take_nothing, "moves"),
    (a_rehearsal_foretells, "effects"),
)
CHECKS = {check.__name__: (check, worth) for check, worth in _WORTHS}
"""By name: what each named test holds its histories against, and what makes a history worth it."""
