"""Invariant 1: permuting, duplicating or re-batching what is said gives the same partition, ids and conflicts, those of the reference."""

from __future__ import annotations

import pytest

from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.operations import said
from tests.resolver.rebuilt import expected
from tests.resolver.reference import truth

pytestmark = pytest.mark.histories


async def one_after_another_equals_the_reference(desk: Desk) -> None:
    """Compare everybody and every conflict, and what real stores answer for each key, with a plain count of what was said."""
    if desk.is_live:  # what is recorded there depends on who was who by then
        return
    right = expected(truth(said(desk.story.operations), desk.story.world.rules, desk.names.key), desk.names.key)
    assert right == await desk.state()
    if not desk.memory:
        _, answers = await desk.tenant.store.customers(desk.tenant.name, list(right.people))
        assert [customer for _, customer in right.people.values()] == [one.row.key if one else None for one in answers]


async def test_01_order_does_not_matter(told: Told) -> None:
    """Any order of use cases, with some of them twice and in batches of chance, ends in what the reference says."""
    await told.hold(one_after_another_equals_the_reference)
