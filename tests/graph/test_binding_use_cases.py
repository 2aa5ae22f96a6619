"""Binding, unbinding and moving: what is asserted, what is refused, and what is to be re-scoped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from graph.binding import bind_touchpoint, correct_binding, move_touchpoint, retract_binding, unbind_touchpoint
from graph.bindings import BindingPath, BindingState, SubjectRelation, TouchpointKind
from graph.errors import AlreadyBound
from graph.jobs import JobState
from graph.node import Millis, moment
from graph.registry import register_touchpoint
from graph.tenant import Tenant
from tests.graph.registry_brand import (
    FEBRUARY,
    HOUR,
    MARCH_2,
    MARCH_8,
    MARCH_9,
    MARCH_10,
    NOON,
    STORES,
    WHY,
    Brand,
    epochs,
    held_after,
    opened_brand,
    refusal,
    said,
)

Step = Callable[[Tenant], Awaitable[object]]


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


async def test_the_first_binding_holds_since_ever_and_a_later_one_from_now(brand: Brand) -> None:
    """Without `at`, a touchpoint's first assertion starts with time itself, every later one now."""
    first, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    brand.clock.now += HOUR
    moved, _ = await move_touchpoint(brand.tenant, "wxshop", "wxopen_b")
    brand.clock.now += HOUR
    unbound, _ = await unbind_touchpoint(brand.tenant, "wxshop")
    brand.clock.now += HOUR
    again, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")

    expected = [None, moment(NOON + HOUR), moment(NOON + 2 * HOUR), moment(NOON + 3 * HOUR)]
    assert expected == [binding.started_at for binding in (first, moved, unbound, again)]


async def test_a_retracted_assertion_is_none(brand: Brand) -> None:
    """Where all that was said was taken back, the next assertion is a first one again."""
    wrong, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_2)
    await retract_binding(brand.tenant, wrong.id, reason=WHY)
    right, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")

    assert None is right.started_at


async def test_at_is_kept_to_the_millisecond(brand: Brand) -> None:
    """A given time counts for a first binding too, now included."""
    first, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2 + 1)
    moved, _ = await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=NOON)

    assert [(moment(MARCH_2 + 1), moment(NOON)), (moment(NOON), None)] == [
        (binding.started_at, binding.ended_at) for binding in (await brand.tenant.view()).bindings
    ]
    assert first.ended_at is None  # it was published before it ended
    assert BindingState.ACTIVE is moved.state


async def test_what_is_published(brand: Brand) -> None:
    """A binding comes back with its edges, in the registry that holds it."""
    binding, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", path=BindingPath.API)

    assert ("wxshop", "wxopen_a", BindingPath.API, SubjectRelation.SAME, BindingState.ACTIVE, False) == (
        binding.touchpoint.app_id,
        binding.open_platform.open_app_id if binding.open_platform else None,
        binding.path,
        binding.relation,
        binding.state,
        binding.is_over_limit,
    )
    assert binding == binding.touchpoint.binding
    assert binding.id.startswith("bnd_")


async def test_an_unbinding_is_an_assertion_of_its_own(brand: Brand) -> None:
    """It has an id, leads to no Open Platform account, and leaves the touchpoint without a binding."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    unbinding, _ = await unbind_touchpoint(brand.tenant, "wxshop", at=MARCH_2)

    assert (None, None, None) == (unbinding.open_platform, unbinding.relation, unbinding.touchpoint.binding)
    assert unbinding.id.startswith("bnd_")


async def test_late_assertions_in_every_order(brand: Brand) -> None:
    """The same three facts give the same history, in whatever order they are told."""
    steps: list[tuple[str, Millis]] = [("wxopen_a", MARCH_2), ("", MARCH_9), ("wxopen_b", MARCH_10)]
    told = 0
    for number, order in enumerate(permutations(steps)):
        app_id = f"wxlate{number}"
        await brand.touchpoint(app_id)
        for platform, when in order:
            await _tell(brand, app_id, platform, when)
        told += steps == await epochs(brand, app_id)

    assert told == 6


async def test_a_late_binding_ends_where_the_next_assertion_begins(brand: Brand) -> None:
    """A binding told late fills the time up to what was known already."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_9)
    late, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2)

    assert [("wxopen_a", MARCH_2), ("wxopen_b", MARCH_9)] == await epochs(brand)
    assert (moment(MARCH_9), BindingState.ENDED) == (late.ended_at, late.state)


async def test_a_late_move_between_two_epochs(brand: Brand) -> None:
    """A move told late splits the epoch that covers its time and leaves what follows alone."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    await unbind_touchpoint(brand.tenant, "wxshop", at=MARCH_10)
    await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_2)

    assert ["wxopen_a", "wxopen_b", ""] == [platform for platform, _ in await epochs(brand)]


@pytest.mark.parametrize("platform", ["wxopen_a", "wxopen_b"])
@pytest.mark.parametrize("when", [None, MARCH_2, NOON])
async def test_binding_what_is_bound_is_refused(brand: Brand, platform: str, when: Millis | None) -> None:
    """Where an epoch of any platform, the same one too, covers the time, ALREADY_BOUND gives its binding and says what to do."""
    held, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2)
    error = await refusal(bind_touchpoint(brand.tenant, "wxshop", platform, at=when))

    assert ("ALREADY_BOUND", ["appId"]) == (error.code.value, error.path)
    assert isinstance(error, AlreadyBound)
    assert (held.id, "wxopen_a") == (error.binding.id, error.binding.open_platform.open_app_id if error.binding.open_platform else None)
    assert "moveTouchpoint" in error.message


async def test_a_move_to_the_same_account_is_refused(brand: Brand) -> None:
    """A touchpoint cannot be moved to where it is at that time; it can, to where it was before."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_9)

    assert ("ALREADY_BOUND", ["toOpenAppId"]) == await said(move_touchpoint(brand.tenant, "wxshop", "wxopen_b"))
    assert ("ALREADY_BOUND", ["toOpenAppId"]) == await said(move_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2))
    assert "wxopen_a" == await held_after(move_touchpoint(brand.tenant, "wxshop", "wxopen_a"))


@pytest.mark.parametrize("when", [None, MARCH_2])
async def test_what_is_not_bound_can_neither_move_nor_be_unbound(brand: Brand, when: Millis | None) -> None:
    """Where no epoch of a platform covers the time, NOT_BOUND says what to do."""
    await bind_touchpoint(brand.tenant, "wxclub", "wxopen_a", at=MARCH_8)
    await unbind_touchpoint(brand.tenant, "wxclub", at=MARCH_9)
    for app_id in ("wxshop", "wxclub"):
        error = await refusal(move_touchpoint(brand.tenant, app_id, "wxopen_a", at=when))
        assert ("NOT_BOUND", ["appId"]) == (error.code.value, error.path)
        assert "bindTouchpoint" in error.message
        assert ("NOT_BOUND", ["appId"]) == await said(unbind_touchpoint(brand.tenant, app_id, at=when))


async def test_two_assertions_cannot_begin_at_one_instant(brand: Brand) -> None:
    """A second assertion of the same instant is OVERLAPPING_BINDING, for every use case that would make one; it says to correct."""
    first, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2)
    unbinding, _ = await unbind_touchpoint(brand.tenant, "wxshop", at=MARCH_9)

    error = await refusal(bind_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_9))
    assert ("OVERLAPPING_BINDING", ["at"]) == (error.code.value, error.path)
    assert "correctBinding" in error.message
    assert ("OVERLAPPING_BINDING", ["at"]) == await said(move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_2))
    assert ("OVERLAPPING_BINDING", ["at"]) == await said(unbind_touchpoint(brand.tenant, "wxshop", at=MARCH_2))
    assert ("OVERLAPPING_BINDING", ["at"]) == await said(correct_binding(brand.tenant, unbinding.id, at=MARCH_2, reason=WHY))

    await retract_binding(brand.tenant, first.id, reason=WHY)
    again, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_2)
    assert moment(MARCH_2) == again.started_at


@pytest.mark.parametrize("when", [NOON + 1, -1])
async def test_history_holds_nothing_of_the_future(brand: Brand, when: Millis) -> None:
    """A time to come, or one before 1970, is INVALID_INPUT."""
    held, _ = await bind_touchpoint(brand.tenant, "wxclub", "wxopen_a")

    assert ("INVALID_INPUT", ["at"]) == await said(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=when))
    assert ("INVALID_INPUT", ["at"]) == await said(move_touchpoint(brand.tenant, "wxclub", "wxopen_b", at=when))
    assert ("INVALID_INPUT", ["at"]) == await said(unbind_touchpoint(brand.tenant, "wxclub", at=when))
    assert ("INVALID_INPUT", ["at"]) == await said(correct_binding(brand.tenant, held.id, at=when, reason=WHY))


@pytest.mark.parametrize(
    "call, path",
    [
        pytest.param(lambda tenant: bind_touchpoint(tenant, "wxnone", "wxopen_a"), "appId", id="bind: touchpoint"),
        pytest.param(lambda tenant: bind_touchpoint(tenant, "wxshop", "wxnone"), "openAppId", id="bind: platform"),
        pytest.param(lambda tenant: move_touchpoint(tenant, "wxnone", "wxopen_a"), "appId", id="move: touchpoint"),
        pytest.param(lambda tenant: move_touchpoint(tenant, "wxshop", "wxnone"), "toOpenAppId", id="move: platform"),
        pytest.param(lambda tenant: unbind_touchpoint(tenant, "wxnone"), "appId", id="unbind: touchpoint"),
        pytest.param(lambda tenant: correct_binding(tenant, "bnd_" + "x" * 22, at=0, reason=WHY), "bindingId", id="correct: unknown"),
        pytest.param(lambda tenant: correct_binding(tenant, "nonsense", at=0, reason=WHY), "bindingId", id="correct: no id"),
        pytest.param(lambda tenant: retract_binding(tenant, "bnd_" + "x" * 22, reason=WHY), "bindingId", id="retract: unknown"),
        pytest.param(lambda tenant: retract_binding(tenant, "cus_" + "x" * 22, reason=WHY), "bindingId", id="retract: another's id"),
    ],
)
async def test_what_is_not_registered_is_not_found(brand: Brand, call: Step, path: str) -> None:
    """An AppID, open_appid or binding id that this tenant does not know is NOT_FOUND, at its own field."""
    assert ("NOT_FOUND", [path]) == await said(call(brand.tenant))


async def test_what_is_refused_leaves_no_trace(brand: Brand) -> None:
    """A refused change makes no version, no binding and no job."""
    held, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    before = await brand.version(), len(await brand.jobs())
    await said(bind_touchpoint(brand.tenant, "wxshop", "wxopen_b"))
    await said(move_touchpoint(brand.tenant, "wxclub", "wxopen_b"))
    await said(correct_binding(brand.tenant, held.id, open_app_id="wxnone", reason=WHY))

    assert before == (await brand.version(), len(await brand.jobs()))


async def test_every_change_of_history_asks_for_a_rescope(brand: Brand) -> None:
    """Each change gives a queued job of its own, and dates the touchpoint's scope with the version that it made."""
    tenant = brand.tenant
    asked = len(await brand.jobs("wxshop"))
    bound, _ = await bind_touchpoint(tenant, "wxshop", "wxopen_a")
    steps: Sequence[Step] = (
        lambda tenant: move_touchpoint(tenant, "wxshop", "wxopen_b", at=MARCH_2),
        lambda tenant: unbind_touchpoint(tenant, "wxshop", at=MARCH_10),
        lambda tenant: correct_binding(tenant, bound.id, at=FEBRUARY, reason=WHY),
        lambda tenant: retract_binding(tenant, bound.id, reason=WHY),
    )
    for number, step in enumerate(steps, start=2):
        brand.clock.now += HOUR
        await step(tenant)
        view = await tenant.view()
        assert view.registry.version == view.touchpoint(tenant.keys.touchpoint("wxshop")).scope_version
        assert asked + number == len(await brand.jobs("wxshop"))

    assert [(JobState.QUEUED, NOON + number * HOUR) for number in range(5)] == [
        (job.state, job.started) for job in (await brand.jobs("wxshop"))[asked:]
    ]


async def test_the_job_comes_back_with_its_touchpoint(brand: Brand) -> None:
    """The job that a change asked for is the one that is stored, with its edge."""
    _, job = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")

    assert job is not None
    assert "wxshop" == (job.touchpoint.app_id if job.touchpoint else None)
    assert job.key in {stored.key for stored in await brand.jobs("wxshop")}


async def test_another_touchpoints_scope_stays(brand: Brand) -> None:
    """A change of one history makes no other touchpoint's evidence stale."""
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    await bind_touchpoint(brand.tenant, "wxclub", "wxopen_a")
    view = await brand.tenant.view()

    assert [view.registry.version, 0, view.registry.version - 1] == [touchpoint.scope_version for touchpoint in view.touchpoints]


async def test_registering_a_bound_touchpoint_again_keeps_its_scope(brand: Brand) -> None:
    """A new name or kind leaves the history, its version and its binding alone."""
    held, _ = await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")
    version = await brand.version()
    touchpoint = await register_touchpoint(brand.tenant, "wxshop", kind=TouchpointKind.MINI_GAME)

    assert (version, held.id) == (touchpoint.scope_version, touchpoint.binding.id if touchpoint.binding else None)


async def _tell(brand: Brand, app_id: str, platform: str, when: Millis) -> None:
    """Assert one fact of a history with whichever use case takes it; what is not known to be bound is unbound by a correction."""
    registry = (await brand.tenant.view()).registry
    is_bound = registry.history(brand.tenant.keys.touchpoint(app_id)).at(when).platform_key is not None
    if platform and is_bound:
        await move_touchpoint(brand.tenant, app_id, platform, at=when)
    elif platform:
        await bind_touchpoint(brand.tenant, app_id, platform, at=when)
    elif is_bound:
        await unbind_touchpoint(brand.tenant, app_id, at=when)
    else:
        made, _ = await bind_touchpoint(brand.tenant, app_id, "wxopen_a", at=when)
        await correct_binding(brand.tenant, made.id, open_app_id=None, reason=WHY)
