"""Invariant 14: a move dated after its evidence never lowers the touchpoints listed for a customer."""

from __future__ import annotations

from collections import defaultdict

import pytest

from graph.binding import move_touchpoint, retract_binding
from graph.node import Key
from graph.state import Label
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.histories import DAY
from tests.resolver.telling import Teller

pytestmark = pytest.mark.histories
LATER = 90 * DAY
"""After all that a history tells."""


async def moves_take_nothing(desk: Desk) -> None:
    """Move every touchpoint that is bound to another account; whoever is known still has all their touchpoints, and all that they were."""
    before, state, moved = await _used(desk), await desk.state(), []
    registry = await desk.tenant.store.registry(desk.tenant.name)
    for touchpoint in registry.touchpoints.values():
        held = registry.history(touchpoint.key).at(LATER).platform_key
        others = [one for one in registry.open_platforms.values() if one.key != held]
        if held:
            to = desk.chance.choice(sorted(others, key=lambda one: one.open_app_id)).open_app_id
            moved += [(await move_touchpoint(desk.tenant, touchpoint.app_id, to, at=LATER, has_happened=True))[0]]
    worker = Teller(desk.tenant, desk.story.world, desk.chance)
    await worker.work()
    after = await _used(desk)
    assert all(apps <= after[who] for who, apps in before.items())
    assert state == await desk.state()
    desk.tenant.tally["moves"] += len(moved)
    for binding in moved:
        await retract_binding(desk.tenant, binding.id, reason="put back")
    await worker.work()


async def _used(desk: Desk) -> dict[Key, set[str]]:
    """The touchpoints listed for the customer of each OpenID."""
    used: dict[Key, set[str]] = defaultdict(set)
    open_ids = [member for member in await desk.members() if member.label is Label.OPEN_ID]
    for member in open_ids:
        used[member.customer].add(member.scope)
    return {member.key: used[member.customer] for member in open_ids}


async def test_14_moves_take_nothing(told: Told) -> None:
    """What was seen before a move stays as it was."""
    await told.hold(moves_take_nothing, worth="moves")
