"""Operators who know better than our table of WeChat's limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from graph.limits import Certainty
from graph.registry import override_limit
from tests.graph.registry_brand import STORES, Brand, opened_brand, said


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


async def test_an_override_counts_for_one_account_or_for_all(brand: Brand) -> None:
    """An override for one Open Platform account beats the one for all; taking it back uncovers that one, then the default."""
    rule, why = "mini_program_same", "The service desk said so."
    everywhere = await override_limit(brand.tenant, rule, value=60, reason=why, author="ops")
    here = await override_limit(brand.tenant, rule, open_app_id="wxopen_a", is_unlimited=True, reason=why, author="ops")
    assert [(60, True, 50), (None, True, 50)] == [(one.value, one.is_overridden, one.default_value) for one in (everywhere, here)]
    assert (Certainty.REPORTED, date(2026, 3, 15)) == (here.certainty, here.as_of)
    assert here.source.startswith("Override by ops, 2026-03-15: The service desk said so.\n")

    uncovered = await override_limit(brand.tenant, rule, open_app_id="wxopen_a", is_reset=True, reason=why, author="ops")
    default = await override_limit(brand.tenant, rule, is_reset=True, reason=why, author="ops")
    again = await override_limit(brand.tenant, rule, is_reset=True, reason=why, author="ops")
    assert [(60, True), (50, False), (50, False)] == [(one.value, one.is_overridden) for one in (uncovered, default, again)]


async def test_a_later_override_replaces_the_earlier(brand: Brand) -> None:
    """There is one override for an account and a rule: the last one, 0 included."""
    await override_limit(brand.tenant, "mini_program_same", is_unlimited=True, reason="Told so.", author="ops")
    last = await override_limit(brand.tenant, "mini_program_same", value=0, reason="Told otherwise.", author="ops")

    assert (0, 1) == (last.value, len((await brand.tenant.view()).registry.overrides))


@pytest.mark.parametrize(
    "change, path",
    [
        ({}, ["change"]),
        ({"value": 1, "is_unlimited": True}, ["change"]),
        ({"is_unlimited": True, "is_reset": True}, ["change"]),
        ({"is_unlimited": False}, ["change"]),
        ({"value": 1, "is_reset": False}, ["change"]),
        ({"value": -1}, ["change", "value"]),
        ({"value": 2**31}, ["change", "value"]),
        ({"value": 1, "reason": " "}, ["reason"]),
    ],
)
async def test_an_override_says_exactly_one_thing_and_why(brand: Brand, change: dict[str, int], path: list[str]) -> None:
    """A value of 0 or more, or unlimited, or a reset; always with a reason."""
    given = {"reason": "Told so.", "author": "ops"} | change

    assert ("INVALID_INPUT", path) == await said(override_limit(brand.tenant, "mini_program_same", **given))  # type: ignore[arg-type]  # wrong on purpose
