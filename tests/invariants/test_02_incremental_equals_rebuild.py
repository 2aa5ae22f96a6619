"""Invariant 2: what a store ends up with, change by change, is what a rebuild from its evidence gives."""

from __future__ import annotations

import pytest

from tests.invariants.desk import Desk
from tests.invariants.told import Told

pytestmark = pytest.mark.histories


async def incremental_equals_rebuild(desk: Desk) -> None:
    """Rebuild from what lies in the store, and on a real one from what it hands out, too."""
    assert [] == await desk.differences()
    assert await desk.rebuilt(await desk.decisions()) == await desk.state()


async def test_02_incremental_equals_rebuild(told: Told) -> None:
    """Recomputing only the raw components that a change touches leaves everything derived as a rebuild from the evidence makes it."""
    await told.hold(incremental_equals_rebuild)
