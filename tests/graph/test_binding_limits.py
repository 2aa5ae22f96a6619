"""What WeChat's limits refuse when something is bound or moved, now or late."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from graph.accounts import Binding
from graph.binding import bind_touchpoint, move_touchpoint, unbind_touchpoint
from graph.bindings import BindingPath, TouchpointKind
from graph.errors import BindingLimitReached
from graph.limits import LimitComponentKind
from graph.registry import override_limit, register_open_platform, relate_entities
from tests.graph.limit_cases import CASES, Accounts, LimitCase
from tests.graph.registry_brand import (
    FEBRUARY,
    HOUR,
    MARCH_2,
    MARCH_8,
    MARCH_9,
    MARCH_10,
    STORES,
    WHY,
    Brand,
    at,
    held_after,
    opened_brand,
    refusal,
    said,
)


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_worked_cases_bind_what_remains_and_no_more(brand: Brand, case: LimitCase) -> None:
    """As many may be bound as remain; the next is refused with the limit that bites, and recorded and flagged if WeChat did it already."""
    names = (f"wxcase{number}" for number in count())
    await _build(brand, case, names)
    for _ in range(case.remaining):
        await _bind(brand, case, await _newcomer(brand, case.kind, case.relation, names))
    one_more = await _newcomer(brand, case.kind, case.relation, names)
    error = await refusal(_bind(brand, case, one_more))

    code = "NOT_QUALIFIED" if case.limited_by == "QUALIFICATION" else "BINDING_LIMIT_REACHED"
    assert (code, ["openAppId"]) == (error.code.value, error.path)
    assert isinstance(error, BindingLimitReached)
    assert (0, case.limited_by, case.path) == (
        error.limit.remaining,
        error.limit.limited_by.value if error.limit.limited_by else None,
        error.limit.path.value,
    )
    assert "hasHappened" in error.message
    assert (await _bind(brand, case, one_more, has_happened=True)).is_over_limit


async def test_a_move_meets_the_limits_of_where_it_goes(brand: Brand) -> None:
    """A full account takes no touchpoint from another, unless WeChat did it already."""
    await override_limit(brand.tenant, "mini_program_same", open_app_id="wxopen_b", value=1, reason=WHY, author="ops")
    await bind_touchpoint(brand.tenant, "wxclub", "wxopen_b")
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_a")

    assert ("BINDING_LIMIT_REACHED", ["toOpenAppId"]) == await said(move_touchpoint(brand.tenant, "wxshop", "wxopen_b"))
    moved, _ = await move_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_9, has_happened=True)
    assert moved.is_over_limit


async def test_an_unqualified_account_is_named_as_such(brand: Brand) -> None:
    """Where qualification alone is lacking the code is NOT_QUALIFIED; where more is lacking, the first rule that refuses is named."""
    await register_open_platform(brand.tenant, "wxopen_b", is_qualified=False)
    await brand.touchpoint("wxservice", TouchpointKind.SERVICE_ACCOUNT)
    await brand.touchpoint("wxalien", TouchpointKind.WEBSITE_APP, "stranger")

    assert ("NOT_QUALIFIED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxservice", "wxopen_b"))
    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxalien", "wxopen_b"))


async def test_a_limit_that_only_lowers_refuses_nothing(brand: Brand) -> None:
    """The month's count of mini programs of different subjects lowers what remains and refuses no binding, nor flags it."""
    await override_limit(brand.tenant, "mini_program_new_different", value=0, reason=WHY, author="ops")
    await brand.touchpoint("wxalien", entity_id="stranger")
    bound, _ = await bind_touchpoint(brand.tenant, "wxalien", "wxopen_a", at=MARCH_9)

    assert False is bound.is_over_limit


async def test_the_wall_in_the_console_refuses_nothing(brand: Brand) -> None:
    """The wall of all accounts together is an error by API, and only a warning in the console."""
    await override_limit(brand.tenant, "total_wall", value=0, reason=WHY, author="ops")

    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", path=BindingPath.API))
    assert "wxopen_a" == await held_after(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a"))


async def test_a_related_subject_binds_in_the_console_only(brand: Brand) -> None:
    """By API a related subject counts as a different one, which the API refuses."""
    await relate_entities(brand.tenant, "acme", "stranger")
    await brand.touchpoint("wxsister", entity_id="stranger")

    error = await refusal(bind_touchpoint(brand.tenant, "wxsister", "wxopen_a", path=BindingPath.API))
    assert isinstance(error, BindingLimitReached)
    assert LimitComponentKind.API_PATH is error.limit.limited_by
    assert "wxopen_a" == await held_after(bind_touchpoint(brand.tenant, "wxsister", "wxopen_a"))


async def test_a_late_binding_meets_the_limits_of_its_own_time(brand: Brand) -> None:
    """What ended before now is checked as of when it began: a place that was taken then, or a month that was used up."""
    await override_limit(brand.tenant, "mini_program_same", open_app_id="wxopen_a", value=1, reason=WHY, author="ops")
    await bind_touchpoint(brand.tenant, "wxclub", "wxopen_a", at=MARCH_2)
    await unbind_touchpoint(brand.tenant, "wxclub", at=MARCH_9)
    await bind_touchpoint(brand.tenant, "wxshop", "wxopen_b", at=MARCH_10)

    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_8))
    assert "wxopen_a" == await held_after(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_9))


async def test_a_late_binding_that_still_holds_meets_the_limits_of_now_too(brand: Brand) -> None:
    """Where there was room when it began and there is none now, it is refused."""
    await override_limit(brand.tenant, "mini_program_same", open_app_id="wxopen_a", value=1, reason=WHY, author="ops")
    await bind_touchpoint(brand.tenant, "wxclub", "wxopen_a", at=MARCH_9)

    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxshop", "wxopen_a", at=MARCH_2))


async def test_a_late_binding_uses_up_its_own_month(brand: Brand) -> None:
    """The month's quota is that of the month in which a binding began, not of the month in which it is told."""
    await override_limit(brand.tenant, "official_account_new_different", value=1, reason=WHY, author="ops")
    for app_id in ("wxone", "wxtwo", "wxthree"):
        await brand.touchpoint(app_id, TouchpointKind.SERVICE_ACCOUNT, "stranger")
    await bind_touchpoint(brand.tenant, "wxone", "wxopen_a", at=MARCH_9)

    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxtwo", "wxopen_a", at=MARCH_2))
    assert "wxopen_a" == await held_after(bind_touchpoint(brand.tenant, "wxtwo", "wxopen_a", at=FEBRUARY))
    assert ("BINDING_LIMIT_REACHED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxthree", "wxopen_a"))


async def test_a_qualification_that_lapsed_since_counts_for_then(brand: Brand) -> None:
    """A binding dated into the time of the qualification is checked as a qualified account's, while it lasted."""
    await register_open_platform(brand.tenant, "wxopen_a", qualified_until=date(2026, 3, 5))
    await brand.touchpoint("wxservice", TouchpointKind.SERVICE_ACCOUNT)
    await bind_touchpoint(brand.tenant, "wxservice", "wxopen_b", at=MARCH_9)

    assert ("NOT_QUALIFIED", ["openAppId"]) == await said(bind_touchpoint(brand.tenant, "wxservice", "wxopen_a", at=MARCH_8))
    assert "wxopen_a" == await held_after(bind_touchpoint(brand.tenant, "wxservice", "wxopen_a", at=MARCH_2))


async def _build(brand: Brand, case: LimitCase, names: Iterator[str]) -> None:
    """Register what a worked case says was bound, as having happened."""
    await register_open_platform(
        brand.tenant,
        "wxcase",
        name="Case",
        entity_id="acme",
        is_qualified=case.is_qualified,
        qualified_until=date.fromisoformat(case.qualified_until) if case.qualified_until else None,
        created_via=BindingPath(case.created_via),
    )
    await brand.entity("sister")
    await relate_entities(brand.tenant, "acme", "sister")
    brand.clock.now = at(case.now)
    for accounts in case.bound:
        await _bound(brand, accounts, names)


async def _bound(brand: Brand, accounts: Accounts, names: Iterator[str]) -> None:
    """Touchpoints alike, bound and, where the case says so, unbound."""
    path = BindingPath(accounts.path)
    for _ in range(accounts.number):
        app_id = await _newcomer(brand, accounts.kind, accounts.relation, names)
        await bind_touchpoint(brand.tenant, app_id, "wxcase", at=at(accounts.starts), path=path, has_happened=True)
        if accounts.ends:
            await unbind_touchpoint(brand.tenant, app_id, at=at(accounts.ends))


async def _newcomer(brand: Brand, kind: str, relation: str, names: Iterator[str]) -> str:
    """A touchpoint of this kind, of a subject that stands so to the Open Platform account's."""
    app_id = next(names)
    entity = {"SAME": "acme", "RELATED": "sister", "DIFFERENT": "stranger", "UNKNOWN": None}[relation]
    await brand.touchpoint(app_id, TouchpointKind(kind), entity)
    return app_id


async def _bind(brand: Brand, case: LimitCase, app_id: str, *, has_happened: bool = False) -> Binding:
    """Bind as the case asks, an hour after the last."""
    brand.clock.now += HOUR  # of what begins at one instant, the order of random keys says which is over the limit
    path = BindingPath(case.path)
    return (await bind_touchpoint(brand.tenant, app_id, "wxcase", at=brand.clock.now, path=path, has_happened=has_happened))[0]
