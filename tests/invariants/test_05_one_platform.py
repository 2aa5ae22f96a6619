"""Invariant 5: at any moment at most one Open Platform account holds an AppID, whatever assertions arrived in whatever order."""

from __future__ import annotations

import pytest

from graph.accounts import Touchpoint, View
from graph.node import SINCE_EVER, Key, Millis
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.operations import said
from tests.resolver.reference import LONG_AGO, epoch

pytestmark = pytest.mark.histories


async def one_platform_holds_an_app(desk: Desk) -> None:
    """Around every moment at which something begins: what is published, what is derived, and the plain word of the reference."""
    view, bound = await desk.tenant.view(), said(desk.story.operations).bound
    platforms = {desk.tenant.keys.open_platform(one): one for one in desk.story.world.platforms}
    for touchpoint in view.touchpoints:
        begins = [one.starts for one in touchpoint.binding_history if one.starts != SINCE_EVER]
        for at in sorted({LONG_AGO, *(begin + step for begin in begins for step in (-1, 0, 1))}):
            right, _ = epoch(bound, touchpoint.app_id, at)
            held = view.registry.history(touchpoint.key).at(at).platform_key
            assert right == (platforms[held] if held else None)
            assert ({held} if held else set()) == _published(view, touchpoint, at)
            desk.tenant.tally["held"] += held is not None


def _published(view: View, touchpoint: Touchpoint, at: Millis) -> set[Key]:
    """Who holds it then, by the bindings as they are shown."""
    mine = (one for one in view.bindings if one.touchpoint_key == touchpoint.key and not one.is_retracted)
    return {one.platform_key for one in mine if one.platform_key and one.starts <= at < one.ends}


async def test_05_one_platform_holds_an_app(told: Told) -> None:
    """A history of bindings never says two things of one moment, and what is shown of it is what counts."""
    await told.hold(one_platform_holds_an_app, worth="held")
