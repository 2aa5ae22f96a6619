"""Pages forward and backward are the same list."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.crowd import crowded, walk

COLLECTIONS = {"customers": 17, "conflicts": 5, "quarantine": 5, "jobs": 6}
"""What can be paged through, and how many there are."""


def flat(pages: list[list[Json]]) -> list[str]:
    """All ids in order."""
    return [one["id"] for page in pages for one in page]


@pytest.mark.parametrize("told_backward", [False, True])
async def test_backward_pages_are_the_forward_ones_reversed(brands: Brands, told_backward: bool) -> None:  # noqa: FBT001  # a parameter
    """Walked backward in pages of any size, a collection is what it is forward: nothing twice, nothing left out, sorted, counted."""
    api = await crowded(brands, backward=told_backward)
    for what, count in COLLECTIONS.items():
        for size in (1, 3, 100):
            forward, total = await walk(api, what, size)
            backward, total_backward = await walk(api, what, size, backward=True)
            ids = flat(forward)
            assert ids == flat(backward[::-1]), what
            assert (what, count, count, count) == (what, len(set(ids)), total, total_backward)
            assert sorted(ids) == ids


OPEN_IDS = """query ($app: String!, $first: Int, $after: String, $last: Int, $before: String) { touchpoint(appId: $app) {
  openIds(first: $first, after: $after, last: $last, before: $before) { totalCount nodes { id value }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


async def open_ids(api: Api, app_id: str, *, backward: bool) -> list[list[Json]]:
    """A touchpoint's OpenIDs in pages of two."""
    pages, cursor = [], None
    while True:
        place = {"last": 2, "before": cursor} if backward else {"first": 2, "after": cursor}
        page = (await api.ask(OPEN_IDS, app=app_id, **place))["touchpoint"]["openIds"]
        pages.append(page["nodes"])
        info = page["pageInfo"]
        if not (info["hasPreviousPage"] if backward else info["hasNextPage"]):
            assert page["totalCount"] == sum(map(len, pages))
            return pages
        cursor = info["startCursor"] if backward else info["endCursor"]


@pytest.mark.parametrize("told_backward", [False, True])
async def test_open_ids_of_a_touchpoint_page_both_ways(brands: Brands, told_backward: bool) -> None:  # noqa: FBT001  # a parameter
    """A touchpoint's OpenIDs walked backward are those walked forward."""
    api = await crowded(brands, backward=told_backward)
    for app_id, expected in {"mini": "a b d d2 g l", "serv": "a b d e m", "other": "a c f j", "loose": "h i j", "late1": ""}.items():
        forward, backward = [await open_ids(api, app_id, backward=way) for way in (False, True)]
        assert expected.split() == sorted(one["value"] for page in forward for one in page)
        assert flat(forward) == flat(backward[::-1])


@pytest.mark.parametrize("given", ["first: 2, last: 2", "first: 0", "last: 101", 'after: "nonsense"', 'first: 2, before: "x"'])
async def test_a_page_that_is_none_is_refused(brands: Brands, given: str) -> None:
    """Pages in both directions at once, of no item or of more than 100, and cursors of nothing are refused."""
    api = await brands.fresh()
    for what in COLLECTIONS:
        assert "BAD_USER_INPUT" == await api.code(f"{{ {what}({given}) {{ nodes {{ id }} }} }}")
