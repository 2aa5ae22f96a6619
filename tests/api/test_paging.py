"""Connections: complete, without doubles, both ways; totals counted only when asked; wrong arguments told with a code."""

from __future__ import annotations

import pytest

from graph.accounts import Registry
from graph.stores import Aggregate, CustomerFilter, Page, Slice
from tests.api.asking import Api, Json

CONNECTIONS = {
    "customers": "node { id }",
    "entities": "node { id }",
    "openPlatforms": "node { id }",
    "touchpoints": "node { id }",
    "conflicts": "node { id }",
    "quarantine": "node { id }",
    "jobs": "node { id }",
    "apiKeys": "node { id }",
}
PAGE = "edges {{ cursor {} }} nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount"
MANY = 7


async def fill_everything(api: Api) -> None:
    """At least seven of everything that is paged."""
    for number in range(MANY):
        await api.done("registerEntity", entityId=f"entity-{number}", name="Name", kind="COMPANY")
        await api.done("registerOpenPlatform", openAppId=f"wxopen-{number}", name="Name", entityId="entity-0")
        await api.done("registerTouchpoint", appId=f"wx-{number}", name="Name", kind="MINI_PROGRAM")
        await api.done("createApiKey", name=f"key {number}", scopes=["READ"])
        await api.record(f"wxmini open-{number} union-{number}", f"wxmini twin-{number} union-{number}", f"wxwaiting-{number} open -")


async def walk(api: Api, field: str, node: str, size: int, *, is_backward: bool) -> tuple[list[str], list[Json]]:
    """Every id on all pages in the order of the connection, and what each page said of itself."""
    names = ("last", "before") if is_backward else ("first", "after")
    document = f"query ($n: Int, $at: String) {{ {field}({names[0]}: $n, {names[1]}: $at) {{ {PAGE.format(node)} }} }}"
    ids: list[str] = []
    infos: list[Json] = []
    cursor = None
    while True:
        page = (await api.ask(document, n=size, at=cursor))[field]
        here = [edge["node"]["id"] for edge in page["edges"]]
        assert here == [one["id"] for one in page["nodes"]]
        cursors = [edge["cursor"] for edge in page["edges"]]
        info = page["pageInfo"]
        assert [info["startCursor"], info["endCursor"]] == ([cursors[0], cursors[-1]] if cursors else [None, None])
        ids = here + ids if is_backward else ids + here
        infos.append(info | {"total": page["totalCount"]})
        if not info["hasPreviousPage" if is_backward else "hasNextPage"]:
            return ids, infos
        cursor = info["startCursor" if is_backward else "endCursor"]


@pytest.mark.parametrize("field", CONNECTIONS)
async def test_both_ways(brand: Api, field: str) -> None:
    """Pages of 3 forward, of 3 backward and one of 100 hold the same nodes in the same order, each once, as many as are counted."""
    await fill_everything(brand)
    (whole, (alone,)) = await walk(brand, field, CONNECTIONS[field], 100, is_backward=False)
    forward, going = await walk(brand, field, CONNECTIONS[field], 3, is_backward=False)
    backward, coming = await walk(brand, field, CONNECTIONS[field], 3, is_backward=True)
    assert len(set(whole)) == len(whole) >= MANY
    assert whole == forward == backward
    assert {len(whole)} == {info["total"] for info in (alone, *going, *coming)}
    assert [False] + [True] * (len(going) - 1) == [info["hasPreviousPage"] for info in going]
    assert [False] + [True] * (len(coming) - 1) == [info["hasNextPage"] for info in coming]


async def test_a_touchpoints_open_ids_both_ways(brand: Api) -> None:
    """The OpenIDs of a touchpoint are all there in the order of their ids, in pages of 2 forward and backward."""
    await brand.record(*(f"wxmini open-{number} -" for number in range(5)), "wxserv other -")
    document = """query ($first: Int, $after: String, $last: Int, $before: String) { touchpoint(appId: "wxmini") {
        openIds(first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { id value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    async def page(**arguments: object) -> Json:
        found: Json = (await brand.ask(document, **arguments))["touchpoint"]["openIds"]
        return found

    whole = await page()
    assert (5, [f"open-{n}" for n in range(5)]) == (whole["totalCount"], sorted(one["value"] for one in whole["nodes"]))
    assert sorted(one["id"] for one in whole["nodes"]) == [one["id"] for one in whole["nodes"]]
    first = await page(first=2)
    second = await page(first=2, after=first["pageInfo"]["endCursor"])
    last = await page(last=2)
    before = await page(last=2, before=last["pageInfo"]["startCursor"])
    assert whole["nodes"] == [*first["nodes"], *second["nodes"], whole["nodes"][4]]
    assert whole["nodes"] == [whole["nodes"][0], *before["nodes"], *last["nodes"]]
    assert (True, False) == (before["pageInfo"]["hasPreviousPage"] and before["pageInfo"]["hasNextPage"], last["pageInfo"]["hasNextPage"])


async def test_a_cursor_is_of_one_connection(brand: Api) -> None:
    """A cursor of any other connection, the change feed's too, is refused with a code: its page would be a wrong one."""
    await fill_everything(brand)
    fields = [*CONNECTIONS, "changes", "customerIdMap"]
    asked = " ".join(f"{field}(first: 1) {{ pageInfo {{ endCursor }} }}" for field in fields)
    cursors = {
        field: page["pageInfo"]["endCursor"] for field, page in (await brand.ask(f"{{ {asked} }}")).items() if page["pageInfo"]["endCursor"]
    }
    assert set(fields) - {"conflicts", "jobs"} <= cursors.keys()
    for field in fields:
        document = f"query ($at: String) {{ {field}(first: 1, after: $at) {{ nodes {{ id }} }} }}"
        for other, cursor in cursors.items():
            _, errors = await brand.execute(document, {"at": cursor})
            codes = [(one.extensions or {})["code"] for one in errors]
            assert codes == ([] if field == other else ["BAD_USER_INPUT"]), (field, other)


async def test_a_cursor_survives_what_is_added(brand: Api) -> None:
    """A page begun before others were added goes on where it was: nothing doubles, nothing that was there is skipped."""
    await brand.record(*(f"wxmini open-{number} -" for number in range(6)))
    before = (await brand.ask("{ customers(first: 100) { nodes { id } } }"))["customers"]["nodes"]
    first = (await brand.ask("{ customers(first: 3) { nodes { id } pageInfo { endCursor } } }"))["customers"]
    await brand.record(*(f"wxserv new-{number} -" for number in range(20)))
    document = "query ($after: String) { customers(first: 100, after: $after) { nodes { id } } }"
    rest = (await brand.ask(document, after=first["pageInfo"]["endCursor"]))["customers"]["nodes"]
    seen = [one["id"] for one in (*first["nodes"], *rest)]
    assert len(set(seen)) == len(seen)
    assert {one["id"] for one in before} <= set(seen)


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: -1",
        "first: 101",
        "last: 101",
        "first: 5, last: 5",
        'first: 5, before: "x"',
        'after: "x", last: 5',
        'after: ""',
        'after: "not a cursor"',
        'after: "bm90IGEga2V5"',
        'after: "ZXZlbiBtb3Jl="',
        'before: "///"',
        'after: "微"',
    ],
)
@pytest.mark.parametrize("field", ["customers", "conflicts", "jobs"])
async def test_wrong_arguments(api: Api, field: str, arguments: str) -> None:
    """Sizes beyond 1 to 100, both directions at once, and what is no cursor are BAD_USER_INPUT."""
    assert "BAD_USER_INPUT" == await api.code(f"{{ {field}({arguments}) {{ nodes {{ id }} }} }}")


async def test_null_is_as_good_as_absent(brand: Api) -> None:
    """Paging arguments that are null mean what absent ones mean: the first 20."""
    await brand.record(*(f"wxmini open-{number} -" for number in range(21)))
    document = "{ customers(first: null, after: null, last: null, before: null, filter: null) { nodes { id } pageInfo { hasNextPage } } }"
    page = (await brand.ask(document))["customers"]
    assert (20, True) == (len(page["nodes"]), page["pageInfo"]["hasNextPage"])


async def test_totals_are_counted_only_when_selected(brand: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked to count where totalCount is selected, by alias and fragment too, and nowhere else."""
    pages: list[bool] = []
    answer = brand.counting._store.customer_page

    async def seen(tenant: str, which: CustomerFilter, page: Page) -> tuple[Registry, Slice[Aggregate]]:
        pages.append(page.is_counted)
        return await answer(tenant, which, page)

    monkeypatch.setattr(brand.counting._store, "customer_page", seen)
    for document in (
        "{ customers { nodes { id } } }",
        "{ customers { n: totalCount } }",
        "query { customers { ...f } } fragment f on CustomerConnection { ... { totalCount } }",
    ):
        await brand.ask(document)
    assert [False, True, True] == pages
