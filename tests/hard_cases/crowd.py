"""A brand with enough of everything to page through and to filter: customers, conflicts, rows that wait, jobs."""

from __future__ import annotations

from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import Step, play
from tests.hard_cases.steps import bind, move, record, register

STORY: tuple[Step, ...] = (
    record("mini a ua member:1", "serv a ua", "other a xa", "mini b ub", "other c -", on=1),
    record("mini d ud", "serv d ud", "serv e - member:2", "other f xf", "mini g ug", on=3),
    record("mini d2 ud", "serv b ub2", "mini b ub2", "mini g ug2", on=6),
    record("loose h xh", "loose i xi", "loose j -", "other j xj member:1", "serv m um member:5", on=8),
    record("unknown1 k u", "unknown2 k u", "unknown3 k u", "mini l -", "serv m um member:6", "other f xf2", on=12),
)
"""In March 2026, with conflicts that the move resolves and others that stand, and UnionIDs and whole rows that wait."""
REGISTERED = (register("late1"), register("late2"), register("late3"))
TOLD = (*REGISTERED, bind("late1", "wxA", after=REGISTERED), bind("late2", "wxB", after=REGISTERED), move("mini", "wxB", on=5))


async def crowded(brands: Brands, *, backward: bool = False) -> Api:
    """The same story, from its beginning or from its end. Who asks for it only reads, so each is told once a store."""
    name = "backward" if backward else "forward"
    if name not in brands.told:
        brands.told[name] = await brands.fresh()
        await play(brands.told[name], [*TOLD[:5], *STORY, TOLD[5]] if not backward else [*STORY[::-1], *TOLD])
    return brands.told[name]


async def walk(api: Api, what: str, size: int, *, backward: bool = False, arguments: str = "") -> tuple[list[list[Json]], int]:
    """A connection's pages in the order in which they were asked for, and its total. What a page says of its place must be so."""
    pages: list[list[Json]] = []
    cursor: str | None = None
    names = ("last", "before") if backward else ("first", "after")
    while True:
        here = f"{names[0]}: {size}" + (f', {names[1]}: "{cursor}"' if cursor else "") + arguments
        document = "{ %s(%s) { totalCount nodes { id } edges { cursor node { id } } pageInfo { %s } } }"
        fields = "hasNextPage hasPreviousPage startCursor endCursor"
        page = (await api.ask(document % (what, here, fields)))[what]
        info, edges = page["pageInfo"], page["edges"]
        assert page["nodes"] == [edge["node"] for edge in edges]
        assert [info["startCursor"], info["endCursor"]] == ([edges[0]["cursor"], edges[-1]["cursor"]] if edges else [None, None])
        goes_on, came_from = (info["hasPreviousPage"], info["hasNextPage"]) if backward else (info["hasNextPage"], info["hasPreviousPage"])
        assert (cursor is not None) == came_from
        pages.append(page["nodes"])
        if not goes_on:
            return pages, page["totalCount"]
        assert size == len(edges)
        cursor = info["startCursor"] if backward else info["endCursor"]
