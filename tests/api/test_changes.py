"""The change feed as pages, a customer's history, and the map of ids: cursors that stay good for ever, and one question for all edges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.api.changes import cursor_at
from app.api.connection import cursor_of
from graph.apikeys import Scope
from tests.api.asking import Api, Json

PAGE = "nodes { id customerId identifierIds } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
AFTER = f"query ($n: Int, $at: String) {{ changes(first: $n, after: $at) {{ {PAGE} }} }}"
BEFORE = f"query ($n: Int, $at: String) {{ changes(last: $n, before: $at) {{ {PAGE} }} }}"
SOME = cursor_of(f"{1:016d}{'x' * 8}")
MAP = """query ($at: String) { customerIdMap(first: 2, after: $at) {
  nodes { id customerId identifierIds } edges { cursor } pageInfo { hasNextPage endCursor } feedCursor } }"""


async def page(api: Api, document: str, size: int, at: str | None = None) -> Json:
    """A page of the feed."""
    found: Json = (await api.ask(document, n=size, at=at))["changes"]
    assert [edge["cursor"] for edge in found["edges"]][:1] == ([found["pageInfo"]["startCursor"]] if found["nodes"] else [])
    return found


async def test_both_ways(brand: Api) -> None:
    """Pages forward and backward hold the same changes in the same order, each once, and say what lies beyond."""
    await brand.record(*(f"wxmini open-{number} -" for number in range(7)))
    whole = await page(brand, AFTER, 100)
    assert 7 == len(whole["nodes"])
    first = await page(brand, AFTER, 3)
    second = await page(brand, AFTER, 100, first["pageInfo"]["endCursor"])
    assert whole["nodes"] == first["nodes"] + second["nodes"]
    assert (True, False) == (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"])
    assert (False, True) == (second["pageInfo"]["hasNextPage"], second["pageInfo"]["hasPreviousPage"])
    last = await page(brand, BEFORE, 3)
    assert whole["nodes"][-3:] == last["nodes"]
    assert whole["nodes"][:4] == (await page(brand, BEFORE, 5, last["pageInfo"]["startCursor"]))["nodes"]


async def test_an_empty_page_keeps_the_cursor(brand: Api) -> None:
    """Whoever keeps `endCursor` of every page, empty ones too, misses nothing and reads nothing twice."""
    kept = (await page(brand, AFTER, 5))["pageInfo"]["endCursor"]
    assert kept == (await page(brand, BEFORE, 5))["pageInfo"]["endCursor"]
    read: list[str] = []
    for number in range(4):
        await brand.record(*(f"wxmini open-{number}-{n} -" for n in range(number)))
        here = await page(brand, AFTER, 100, kept)
        kept = here["pageInfo"]["endCursor"]
        read += [node["id"] for node in here["nodes"]]
    assert [node["id"] for node in (await page(brand, AFTER, 100))["nodes"]] == read
    assert 6 == len(read)


@pytest.mark.parametrize(
    "cursor", ["", "x", "bm90IGEga2V5", SOME + "=", cursor_of("1" * 15), cursor_of("0" * 16 + "x" * 8), cursor_of("1" * 17 + "x" * 8), "微"]
)
@pytest.mark.parametrize("field", ["changes", 'customer(by: {openId: {appId: "wxmini", value: "a"}}) { history'])
async def test_a_wrong_cursor(brand: Api, field: str, cursor: str) -> None:
    """What is no cursor of the feed is told so."""
    await brand.record("wxmini a -")
    closing = "}" if "history" in field else ""
    assert "BAD_USER_INPUT" == await brand.code(f"query ($at: String) {{ {field}(after: $at) {{ nodes {{ id }} }} {closing} }}", at=cursor)


async def test_a_cursor_past_the_end(brand: Api) -> None:
    """A cursor that this feed cannot have given yet is refused: the store was put back, and what was read before may never have been."""
    await brand.record("wxmini a -")
    assert "CURSOR_AHEAD_OF_FEED" == await brand.code(AFTER, n=5, at=cursor_of(f"{2:016d}{'x' * 8}"))
    last = (await page(brand, AFTER, 5))["pageInfo"]["endCursor"]
    assert [] == (await page(brand, AFTER, 5, last))["nodes"]


async def test_a_cursor_of_another_feed(brand: Api) -> None:
    """A cursor stands for what its change says: a store that was put back and went on otherwise gives another change the same number."""
    await brand.record("wxmini a -", "wxmini b -", "wxmini c -")
    for document in (AFTER, BEFORE):
        assert "CURSOR_OF_ANOTHER_FEED" == await brand.code(document, n=5, at=cursor_of(f"{2:016d}{'x' * 8}"))
    first, second, third = await brand.tenant.store.changes(brand.tenant.name, 0, 3)
    at = cursor_at(second)
    assert [third.id] == [node["id"] for node in (await page(brand, AFTER, 5, at))["nodes"]]
    assert [first.id] == [node["id"] for node in (await page(brand, BEFORE, 5, at))["nodes"]]
    assert "CURSOR_OF_ANOTHER_FEED" == await brand.code(AFTER, n=5, at=cursor_of(f"{2:016d}"))  # as cursors were before they had marks
    assert "CURSOR_OF_ANOTHER_FEED" == await brand.code(AFTER, n=5, at=cursor_of(f"{2:016d}{'2' * 8}"))
    others = (replace(second, occurred=second.occurred + 1), replace(second, customer_key=third.customer_key))
    assert ["CURSOR_OF_ANOTHER_FEED"] * 2 == [await brand.code(AFTER, n=5, at=cursor_at(other)) for other in others]


async def test_the_customer_of_a_change(brand: Api) -> None:
    """`customer` is loaded with one question for all changes of a page, and only when it is selected."""
    await brand.record("wxmini a -", "wxserv b -", "wxmini c -")
    await brand.record("wxmini a u", "wxserv b u")
    brand.counting.asked.clear()
    await brand.ask("{ changes(first: 100) { nodes { kind customerId } } }")
    assert {"change_page": 1} == dict(brand.counting.asked)
    brand.counting.asked.clear()
    nodes = (await brand.ask("{ changes(first: 100) { nodes { kind customerId customer { id openIds { value } } } } }"))["changes"]["nodes"]
    assert {"change_page": 1, "customers": 1} == dict(brand.counting.asked)
    assert ["a", "b"] == sorted(one["value"] for one in nodes[0]["customer"]["openIds"])
    assert 2 == len({one["customer"]["id"] for one in nodes})


async def test_a_history_in_pages(brand: Api) -> None:
    """A history pages both ways, is loaded once in an operation however often it is asked for, and costs statements by merges."""
    await brand.record("wxmini a -", when="2026-03-01T00:00:00Z")
    for number in range(5):
        await brand.record(f"wxmini a u phone:1380013800{number}", when=f"2026-03-0{number + 2}T00:00:00Z")
    by = '(by: {openId: {appId: "wxmini", value: "a"}})'
    brand.counting.asked.clear()
    found = await brand.ask(f"""{{ customer{by} {{ all: history(first: 100) {{ edges {{ cursor }} nodes {{ id kind }} }}
      head: history(first: 2) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }}
      tail: history(last: 2) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage }} }} }} }}""")
    assert {"customers": 1, "changes_of": 1} == dict(brand.counting.asked)
    customer = found["customer"]
    ids = [one["id"] for one in customer["all"]["nodes"]]
    assert ["CREATED", "GREW", "GREW", "GREW", "GREW", "GREW"] == [one["kind"] for one in customer["all"]["nodes"]]
    assert ids[:2] == [one["id"] for one in customer["head"]["nodes"]]
    assert ids[-2:] == [one["id"] for one in customer["tail"]["nodes"]]
    assert {"hasNextPage": False, "hasPreviousPage": True} == customer["tail"]["pageInfo"]
    rest = f"query ($at: String) {{ customer{by} {{ history(after: $at, first: 3) {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }} }}"
    here = (await brand.ask(rest, at=customer["head"]["pageInfo"]["endCursor"]))["customer"]["history"]
    assert (ids[2:5], True) == ([one["id"] for one in here["nodes"]], here["pageInfo"]["hasNextPage"])


async def test_too_many_histories(brand: Api) -> None:
    """More histories than one operation may ask for are refused, not read."""
    await brand.record(*(f"wxmini open-{number} -" for number in range(99)))
    await brand.record("wxserv one -", "wxserv two -")
    document = (
        "{ a: customers(first: 100) { nodes { history { nodes { id } } } } b: customers(last: 100) { nodes { history { nodes { id } } } } }"
    )
    data, errors = await brand.execute(document)
    assert {"QUERY_TOO_COSTLY"} == {(error.extensions or {})["code"] for error in errors}
    assert data is None


async def test_the_map_of_ids(brand: Api) -> None:
    """The map has every customer once with all its identifiers, and each page a feed cursor that covers what was written before it."""
    await brand.record(*(f"wxmini open-{number} union-{number} member:{number}" for number in range(5)))
    entries: list[Json] = []
    at, cursors = None, []
    while True:
        here = (await brand.ask(MAP, at=at))["customerIdMap"]
        entries += here["nodes"]
        cursors.append(here["feedCursor"])
        if not here["pageInfo"]["hasNextPage"]:
            break
        at = here["pageInfo"]["endCursor"]
    assert 3 == len(cursors)
    assert {cursors[0]} == set(cursors)
    people = (await brand.ask("{ customers(first: 100) { nodes { id openIds { id } unionIds { id } externalIds { id } } } }"))["customers"]
    whole = {
        one["id"]: sorted(held["id"] for kind in ("openIds", "unionIds", "externalIds") for held in one[kind]) for one in people["nodes"]
    }
    assert whole == {one["customerId"]: one["identifierIds"] for one in entries}
    assert [] == (await page(brand, AFTER, 5, cursors[0]))["nodes"]


@pytest.mark.parametrize("field", ["changes", "customerIdMap"])
async def test_needs_read(api: Api, field: str) -> None:
    """Without the scope READ nothing is shown."""
    _, errors = await api.execute(f"{{ {field} {{ pageInfo {{ endCursor }} }} }}", scopes=[Scope.INGEST])
    assert ["FORBIDDEN"] == [(error.extensions or {})["code"] for error in errors]
