"""Filters of customers give what a plain scan gives."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.crowd import crowded, walk
from tests.hard_cases.steps import day

SCAN = """{ customers(first: 100) { nodes { id state lastSeenAt
  touchpoints { touchpoint { appId } } conflicts { state } openIds { value } } } }"""
SIFT = "query ($filter: CustomerFilter) { customers(filter: $filter, first: 100) { totalCount nodes { id } } }"
SOME_APPS: tuple[list[str] | None, ...] = (None, ["mini"], ["serv", "mini"], ["other"], ["late1"], ["nowhere"])
NAMES = ("usedAll", "usedNone", "state", "hasOpenConflict", "seenSince")
FILTERS = [
    {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    for values in product(SOME_APPS[:4], SOME_APPS[:4], (None, "PROVISIONAL", "IDENTIFIED"), (None, True, False), (None, day(6), day(8, 2)))
]
"""Every combination, of which each test takes its part; touchpoints that nobody used come by themselves."""


def fits(customer: Json, which: Json) -> bool:
    """What the filter means, said plainly."""
    used = {use["touchpoint"]["appId"] for use in customer["touchpoints"]}
    has_conflict = any(one["state"] == "OPEN" for one in customer["conflicts"])
    return (
        set(which.get("usedAll", ())) <= used
        and not used & set(which.get("usedNone", ()))
        and which.get("state", customer["state"]) == customer["state"]
        and which.get("hasOpenConflict", has_conflict) == has_conflict
        and _moment(str(which.get("seenSince", customer["lastSeenAt"]))) <= _moment(customer["lastSeenAt"])
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def differences(api: Api, scanned: list[Json], filters: list[Json]) -> list[tuple[Json, list[str], list[str]]]:
    """The filters that do not give what the scan gives, with both answers."""
    wrong = []
    for which in filters:
        expected = sorted(one["id"] for one in scanned if fits(one, which))
        found = (await api.ask(SIFT, filter=which))["customers"]
        if (expected, len(expected)) != ([one["id"] for one in found["nodes"]], found["totalCount"]):
            wrong.append((which, expected, [one["id"] for one in found["nodes"]]))
    return wrong


@pytest.mark.parametrize("told_backward", [False, True])
async def test_every_filter_gives_what_a_scan_gives(brands: Brands, told_backward: bool) -> None:  # noqa: FBT001  # a parameter
    """The conditions, alone and together, give exactly the customers that fit, and their number."""
    api = await crowded(brands, backward=told_backward)
    scanned = (await api.ask(SCAN))["customers"]["nodes"]
    alone = [{name: apps} for name in ("usedAll", "usedNone") for apps in SOME_APPS if apps]
    assert [] == await differences(api, scanned, [*alone, *FILTERS[int(told_backward) :: 11]])


BY_HAND: tuple[tuple[Json, list[str]], ...] = (
    ({"usedAll": ["mini"]}, ["a+a+j", "b", "d+d", "d2", "g", "l"]),
    ({"usedAll": ["serv", "mini"]}, ["a+a+j", "d+d"]),
    ({"usedAll": ["mini"], "usedNone": ["serv"]}, ["b", "d2", "g", "l"]),
    ({"usedNone": ["mini", "serv", "loose"]}, ["", "", "a", "c", "f"]),
    ({"usedAll": ["nowhere"]}, []),
    ({"state": "PROVISIONAL"}, ["", "c", "e", "h", "i", "j", "l"]),
    ({"hasOpenConflict": True}, ["", "", "f", "m"]),
    ({"seenSince": day(12)}, ["", "", "f", "l", "m"]),
    ({"seenSince": day(8, 2), "hasOpenConflict": False}, ["a+a+j", "j", "l"]),
)
"""What fits, by the customers' OpenIDs; the story is in crowd.py."""


@pytest.mark.parametrize("told_backward", [False, True])
async def test_the_story_has_customers_on_both_sides_of_every_filter(brands: Brands, told_backward: bool) -> None:  # noqa: FBT001
    """Each condition by itself leaves some customers out and some in, so that the scan means something; named by hand."""
    api = await crowded(brands, backward=told_backward)
    by_id = {one["id"]: "+".join(sorted(held["value"] for held in one["openIds"])) for one in (await api.ask(SCAN))["customers"]["nodes"]}
    for which, expected in BY_HAND:
        found = (await api.ask(SIFT, filter=which))["customers"]["nodes"]
        assert (which, expected) == (which, sorted(by_id[one["id"]] for one in found))


async def test_filtered_pages_walk_both_ways(brands: Brands) -> None:
    """A filtered collection pages forward and backward alike, and ends where the filter does."""
    api = await crowded(brands)
    scanned = (await api.ask(SCAN))["customers"]["nodes"]
    for which in ('usedAll: ["mini"]', "state: IDENTIFIED", "hasOpenConflict: true", 'usedNone: ["mini"]', f'seenSince: "{day(6)}"'):
        arguments = f", filter: {{{which}}}"
        forward, total = await walk(api, "customers", 2, arguments=arguments)
        backward, _ = await walk(api, "customers", 2, backward=True, arguments=arguments)
        ids = [one["id"] for page in forward for one in page]
        assert ids == [one["id"] for page in backward[::-1] for one in page]
        assert 0 < total == len(ids) < len(scanned)
