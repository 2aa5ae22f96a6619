"""Correcting and retracting what was asserted about a binding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.binding import bind_touchpoint, correct_binding, move_touchpoint, retract_binding
from graph.bindings import BindingPath, BindingState
from graph.node import moment
from graph.registry import override_limit
from tests.graph.registry_brand import (
    FEBRUARY,
    MARCH_2,
    MARCH_9,
    MARCH_10,
    STORES,
    WHY,
    Brand,
    epochs,
    opened_brand,
    said,
)


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


async def test_correcting_changes_only_what_is_given(brand: Brand) -> None:
    """The platform without the time, the time without the platform; the id stays, and the path."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2, path=BindingPath.API)
    elsewhere, _ = await correct_binding(brand.tenant, made.id, open_app_id="wxopen_b", reason=WHY)
    earlier, _ = await correct_binding(brand.tenant, made.id, at=FEBRUARY, reason="Told otherwise.")

    assert [("wxopen_b", FEBRUARY)] == await epochs(brand)
    assert [(made.id, MARCH_2, WHY), (made.id, FEBRUARY, "Told otherwise.")] == [
        (binding.id, binding.starts, binding.reason) for binding in (elsewhere, earlier)
    ]
    assert BindingPath.API is earlier.path


async def test_correcting_to_null(brand: Brand) -> None:
    """A null time means since ever, a null platform that it was bound to nothing; an unbinding can become a binding."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2)
    since_ever, _ = await correct_binding(brand.tenant, made.id, at=None, reason=WHY)
    assert (None, "wxopen_a") == (since_ever.started_at, since_ever.open_platform.open_app_id if since_ever.open_platform else None)

    nothing, _ = await correct_binding(brand.tenant, made.id, open_app_id=None, at=MARCH_9, reason=WHY)
    assert (None, moment(MARCH_9), None) == (nothing.open_platform, nothing.started_at, nothing.touchpoint.binding)

    await correct_binding(brand.tenant, made.id, open_app_id="wxopen_b", reason=WHY)
    assert [("wxopen_b", MARCH_9)] == await epochs(brand)


async def test_a_correction_may_change_the_order_of_assertions(brand: Brand) -> None:
    """Epochs follow the times that stand, whichever assertion they were first given to."""
    first, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2)
    await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_9)
    await correct_binding(brand.tenant, first.id, at=MARCH_10, reason=WHY)

    assert [("wxopen_b", MARCH_9), ("wxopen_a", MARCH_10)] == await epochs(brand)


async def test_correcting_to_what_stands_changes_nothing(brand: Brand) -> None:
    """A correction told twice is answered alike, without a job or a new version."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    first, job = await correct_binding(brand.tenant, made.id, open_app_id="wxopen_b", at=MARCH_2, reason=WHY)
    version = await brand.version()
    again, no_job = await correct_binding(brand.tenant, made.id, open_app_id="wxopen_b", at=MARCH_2, reason="Said again.")

    assert (True, None) == (job is not None, no_job)
    assert (first, version) == (again, await brand.version())


async def test_a_correction_is_recorded_over_a_limit(brand: Brand) -> None:
    """A correction says what happened: it is never refused for a limit, but flagged."""
    await override_limit(brand.tenant, "mini_program_same", open_app_id="wxopen_b", value=0, reason=WHY, author="ops")
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    corrected, _ = await correct_binding(brand.tenant, made.id, open_app_id="wxopen_b", reason=WHY)

    assert corrected.is_over_limit
    assert [True] == [binding.is_over_limit for binding in (await brand.tenant.view()).bindings]


async def test_a_correction_says_what_and_why(brand: Brand) -> None:
    """Without anything to correct, or without a reason, nothing is done."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")

    assert ("INVALID_INPUT", None) == await said(correct_binding(brand.tenant, made.id, reason=WHY))
    assert ("INVALID_INPUT", ["reason"]) == await said(correct_binding(brand.tenant, made.id, at=None, reason=" "))
    assert ("INVALID_INPUT", ["reason"]) == await said(retract_binding(brand.tenant, made.id, reason=""))
    assert ("NOT_FOUND", ["openAppId"]) == await said(correct_binding(brand.tenant, made.id, open_app_id="wxnone", reason=WHY))


async def test_retracting_restores_what_was_without_it(brand: Brand) -> None:
    """Add, then retract, is the identity; what was retracted stays readable."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=FEBRUARY)
    before = await epochs(brand)
    moved, _ = await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_2)
    retracted, job = await retract_binding(brand.tenant, moved.id, reason=WHY)

    assert before == await epochs(brand)
    assert (BindingState.RETRACTED, WHY, True) == (retracted.state, retracted.reason, job is not None)
    assert [moved.id] == [one.id for one in retracted.touchpoint.binding_history if one.state is BindingState.RETRACTED]


async def test_retracting_again_changes_nothing(brand: Brand) -> None:
    """It succeeds, gives the same binding with its first reason, and no job."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    first, _ = await retract_binding(brand.tenant, made.id, reason=WHY)
    version = await brand.version()
    again, job = await retract_binding(brand.tenant, made.id, reason="Said again.")

    assert (first, None, version) == (again, job, await brand.version())
    assert WHY == again.reason


async def test_what_was_retracted_cannot_be_corrected(brand: Brand) -> None:
    """It is INVALID_INPUT: what is right is recorded anew."""
    made, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    await retract_binding(brand.tenant, made.id, reason=WHY)

    assert ("INVALID_INPUT", ["bindingId"]) == await said(correct_binding(brand.tenant, made.id, at=None, reason=WHY))
