"""What the change feed says of merges, splits and renamings, whatever came first: old ids resolve, and each identifier has its new id."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.feed import ITEM, applied, read
from tests.hard_cases.orders import play
from tests.hard_cases.steps import link, move, record, unlink

IDS = "{ customers(first: 100) { nodes { id openIds { id } unionIds { id } externalIds { id } } } }"
CUSTOMER = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { value } history(first: 100) { nodes { id kind } } } }"


async def now(api: Api) -> dict[str, list[str]]:
    """Customers' ids with the ids of their identifiers, as they are answered."""
    nodes = (await api.ask(IDS))["customers"]["nodes"]
    return {one["id"]: sorted(held["id"] for kind in ("openIds", "unionIds", "externalIds") for held in one[kind]) for one in nodes}


async def open_id(api: Api, app_id: str, value: str) -> Json:
    """Who has an OpenID."""
    found: Json = (await api.ask(CUSTOMER, by={"openId": {"appId": app_id, "value": value}}))["customer"]
    return found


async def resolved(api: Api, customer_id: str) -> str:
    """The id of whoever an id resolves to, by each way there is to ask."""
    by = (await api.ask(CUSTOMER, by={"id": customer_id}))["customer"]
    node = (await api.ask("query ($id: ID!) { node(id: $id) { id } }", id=customer_id))["node"]
    assert by["id"] == node["id"]
    return str(by["id"])


@pytest.mark.parametrize("rows", [("mini a u", "serv b u"), ("serv b u", "mini a u")])
async def test_a_merge(brands: Brands, rows: tuple[str, str]) -> None:
    """An OpenID first and its UnionID later: one MERGED change that names both former ids, and both resolve to its customer."""
    api = await brands.fresh()
    await play(api, [record("mini a -", "serv b -", on=1)])
    former = sorted(await now(api))
    _, cursor = await read(api)
    await play(api, [record(*rows, on=2)])
    changes, _ = await read(api, cursor)
    (merged,) = [one for one in changes if one["kind"] == "MERGED"]
    assert former == sorted(merged["previousCustomerIds"])
    assert [merged["customerId"]] * 2 == [await resolved(api, one) for one in former]
    assert {merged["customerId"]: sorted(merged["identifierIds"])} == await now(api)


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_split(brands: Brands, *, is_late: bool) -> None:
    """When what joined two is taken back, SPLIT changes of one transaction map every identifier to its new id, and both ids resolve."""
    api = await brands.fresh()
    steps = [record("mini a -", on=1), record("serv b -", on=2), link("mini:a", "member:7", on=3), link("serv:b", "member:7", on=4)]
    await play(api, steps if not is_late else [steps[1], steps[3], steps[0], steps[2]])
    (whole,) = await now(api)
    before, cursor = await read(api)
    await play(api, [unlink("serv:b", "member:7", on=5)])
    changes, _ = await read(api, cursor)
    assert {"SPLIT"} == {one["kind"] for one in changes}
    assert 1 == len({one["transactionId"] for one in changes})
    assert [[whole]] * 2 == [one["previousCustomerIds"] for one in changes]
    ids = await now(api)
    assert ids == applied(changes, applied(before))
    new = {identifier: one["customerId"] for one in changes for identifier in one["identifierIds"]}
    assert new == {identifier: await resolved(api, customer) for customer, held in ids.items() for identifier in held}
    assert {(await open_id(api, "mini", "a"))["id"], (await open_id(api, "serv", "b"))["id"]} == set(ids)
    assert whole == await resolved(api, whole)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_renaming(brands: Brands, order: tuple[int, ...]) -> None:
    """When an older sighting comes to light the id moves: RENAMED or what else befell it, and the old id resolves."""
    api = await brands.fresh()
    await play(api, [record("mini b u", on=5), record("serv a u", on=6)])
    (old,) = await now(api)
    _, cursor = await read(api)
    late = [record("serv a -", on=2), record("serv a u", on=3)]
    await play(api, [late[place] for place in order])
    changes, _ = await read(api, cursor)
    (renamed,) = [one for one in changes if one["kind"] == "RENAMED"]
    (new,) = await now(api)
    assert ([old], new) == (renamed["previousCustomerIds"], renamed["customerId"])
    assert new == await resolved(api, old)


@pytest.mark.parametrize("is_unlinked_first", [False, True])
async def test_an_id_whose_identifier_is_gone(brands: Brands, *, is_unlinked_first: bool) -> None:
    """A member number that was refused is a customer; taken back it ENDS, its id leads to who gave it, and the number to nobody."""
    api = await brands.fresh()
    steps = [record("mini a u member:7", on=1), record("serv a u member:8", on=2)]
    await play(api, steps if not is_unlinked_first else steps[::-1])
    alone = next(key for key, held in (await now(api)).items() if len(held) == 1)
    _, cursor = await read(api)
    number, giver = ("member:8", "serv:a")
    await play(api, [unlink(giver, number, on=3)])
    changes, _ = await read(api, cursor)
    assert [("ENDED", alone, [])] == [(one["kind"], one["customerId"], one["identifierIds"]) for one in changes if not one["identifierIds"]]
    (left,) = await now(api)
    assert left == await resolved(api, alone)
    asked = await api.ask(CUSTOMER, by={"externalId": {"namespace": "member", "value": "8"}})
    assert {"customer": None} == asked
    await play(api, [record("serv a u member:8", on=4)])
    assert alone == await resolved(api, alone)


@pytest.mark.parametrize("moved_first", [False, True])
async def test_the_feed_through_a_move(brands: Brands, *, moved_first: bool) -> None:
    """Whatever a moved touchpoint does to customers, applying the feed gives the map that is answered."""
    api = await brands.fresh()
    rows, moved = record("mini a u", "serv b u", "mini a v", on=6), move("mini", "wxB", on=4)
    await play(api, [moved, rows] if moved_first else [rows, moved])
    changes, _ = await read(api)
    assert await now(api) == applied(changes)


async def test_a_history(brands: Brands) -> None:
    """A customer's history is what its present identifiers lived through, and nothing of whom it was parted from afterwards."""
    api = await brands.fresh()
    await play(
        api, [record("mini a -", on=1), record("serv b -", on=2), link("mini:a", "member:7", on=3), link("serv:b", "member:7", on=4)]
    )
    await play(api, [unlink("serv:b", "member:7", on=5), record("serv b v", on=6), record("mini a u", on=7)])
    every, _ = await read(api)
    for app_id, value, told in (
        ("mini", "a", ["CREATED", "GREW", "MERGED", "SPLIT", "GREW"]),
        ("serv", "b", ["CREATED", "MERGED", "SPLIT", "GREW"]),
    ):
        customer = await open_id(api, app_id, value)
        mine = set((await now(api))[customer["id"]])
        assert [one["id"] for one in every if mine & set(one["identifierIds"])] == [one["id"] for one in customer["history"]["nodes"]]
        assert told == [one["kind"] for one in customer["history"]["nodes"]]


async def test_a_change_by_its_id(brands: Brands) -> None:
    """A change is answered for its id, with the customer that has its id now; not to another brand."""
    api, other = await brands.fresh(), await brands.fresh()
    await play(api, [record("mini a -", on=1), record("serv b u", on=2), record("mini a u", on=3)])
    (first, *_), _ = await read(api)
    question = f"query ($id: ID!) {{ node(id: $id) {{ ... on Change {{ {ITEM} customer {{ id }} }} }} }}"
    assert first == (await api.ask(question, id=first["id"]))["node"]
    assert first["customer"]["id"] == await resolved(api, first["customerId"])
    assert {"node": None} == await other.ask(question, id=first["id"])
