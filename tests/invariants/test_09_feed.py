"""Invariant 9: the change feed is gap-free, and replaying it from its beginning rebuilds the membership."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest

from graph.state import PREFIX, Member
from tests.invariants.desk import Desk
from tests.invariants.replay import Membership, check_numbers, replayed
from tests.invariants.told import Told

pytestmark = pytest.mark.histories


def membership(members: Iterable[Member]) -> Membership:
    """Who is in which customer."""
    found: dict[str, set[str]] = defaultdict(set)
    for member in members:
        found[member.customer].add(f"{PREFIX[member.label]}_{member.key}")
    return {customer: frozenset(held) for customer, held in found.items()}


async def the_feed_tells_the_membership(desk: Desk) -> None:
    """Count the feed's numbers, and hold its replay against the store's customers."""
    changes = await desk.changes()
    check_numbers(changes)
    assert membership(await desk.members()) == replayed(changes)
    desk.tenant.tally["changes"] += len(changes)


async def test_09_the_feed_tells_the_membership(told: Told) -> None:
    """In every history the feed's numbers have no gap, and its replay is the membership."""
    await told.hold(the_feed_tells_the_membership, worth="changes")
