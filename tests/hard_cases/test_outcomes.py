"""What is answered to a row about a pair that is known: APPLIED where it changed more than times, UNCHANGED where it did not."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, item
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import day, link, move, record, unlink

RESULTS = "results { outcome isNewCustomer conflict { kind } }"
WAYS = [pytest.param(None, id="perhaps touched"), pytest.param("request", id="with a request's id")]
"""A row without a request's id may be a touch; one with an id takes a turn. The answer is the same."""


async def recorded(api: Api, *rows: str, on: int, request: str | None = None) -> list[str]:
    """The outcomes of rows that were seen on a day."""
    request_id = None if request is None else f"{request}-{on}"
    payload = await api.done("recordResolutions", RESULTS, items=[item(row, day(on)) for row in rows], requestId=request_id)
    return [one["outcome"] for one in payload["results"]]


async def linked(api: Api, open_id: str, member: str, on: int) -> str:
    """The outcome of a link to whoever has an OpenID of mini."""
    by = {"openId": {"appId": "mini", "value": open_id}}
    said = {"customer": by, "externalId": {"namespace": "member", "value": member}, "observedAt": day(on)}
    return str((await api.done("linkExternalIds", RESULTS, items=[said]))["results"][0]["outcome"])


@pytest.mark.parametrize("request_id", WAYS)
async def test_a_claim_that_counts_again_is_news(brands: Brands, request_id: str | None) -> None:
    """After an unlink a claim on record is UNCHANGED while taken back, and APPLIED when a later one wins and joins two people."""
    api = await brands.fresh()
    await play(api, [record("mini b v member:7", on=2), unlink("mini:b", "member:7", on=5), record("mini a u member:7", on=6)])
    assert ["member:7 mini:a wxA:u", "mini:b wxA:v"] == (await picture(api)).partition
    outcomes = [await recorded(api, "mini b v member:7", on=on, request=request_id) for on in (4, 7, 8)]
    assert [["UNCHANGED"], ["APPLIED"], ["UNCHANGED"]] == outcomes
    assert ["member:7 mini:a mini:b wxA:u wxA:v"] == (await picture(api)).partition


async def test_a_link_that_counts_again_or_begins_earlier_is_news(brands: Brands) -> None:
    """A link on record is APPLIED where it is older than known, or later than the unlink; else UNCHANGED."""
    api = await brands.fresh()
    await play(api, [record("mini a u", on=1), link("mini:a", "member:7", on=3)])
    assert ["UNCHANGED", "APPLIED", "UNCHANGED"] == [await linked(api, "a", "7", on=on) for on in (4, 2, 3)]
    await play(api, [unlink("mini:a", "member:7", on=6)])
    assert ["mini:a wxA:u"] == (await picture(api)).partition
    assert ["UNCHANGED", "APPLIED", "UNCHANGED"] == [await linked(api, "a", "7", on=on) for on in (5, 7, 8)]
    assert ["member:7 mini:a wxA:u"] == (await picture(api)).partition


@pytest.mark.parametrize("request_id", WAYS)
async def test_a_claim_knows_no_bindings(brands: Brands, request_id: str | None) -> None:
    """After a move a row is UNCHANGED where its UnionID was seen since, though its claim was last seen before the move."""
    api = await brands.fresh()
    await play(api, [record("mini a u member:7", on=1), move("mini", "wxB", on=5), record("mini a v", on=6)])
    assert ["UNCHANGED"] == await recorded(api, "mini a v member:7", on=7, request=request_id)


@pytest.mark.parametrize("request_id", WAYS)
async def test_a_union_id_that_reaches_another_epoch_is_news(brands: Brands, request_id: str | None) -> None:
    """A known UnionID is APPLIED when it is first seen under another binding than before; between two known times it is UNCHANGED."""
    api = await brands.fresh()
    await play(api, [record("mini a u", on=2), move("mini", "wxB", on=5)])
    outcomes = [await recorded(api, "mini a u", on=on, request=request_id) for on in (3, 6, 7, 4, 1)]
    assert [["UNCHANGED"], ["APPLIED"], ["UNCHANGED"], ["UNCHANGED"], ["APPLIED"]] == outcomes


async def test_a_migration_may_make_the_customer(brands: Brands) -> None:
    """A follower of whom nothing was known is a new customer, and the same answer of WeChat again is UNCHANGED."""
    api = await brands.fresh()
    said = {"fromAppId": "old", "toAppId": "serv", "items": [{"fromOpenId": "o", "toOpenId": "n"}]}
    answers = [(await api.done("recordMigrations", RESULTS, **said))["results"][0] for _ in range(2)]
    assert [("APPLIED", True), ("UNCHANGED", False)] == [(one["outcome"], one["isNewCustomer"]) for one in answers]


async def test_the_row_that_makes_a_union_id_generic_says_so(brands: Brands) -> None:
    """The row with which too many OpenIDs of one touchpoint share a UnionID answers with the conflict that it opened."""
    api = await brands.fresh()
    kinds = []
    for number in range(6):
        payload = await api.done("recordResolutions", RESULTS, items=[item(f"mini p{number} u", day(number + 1))])
        kinds += [one["conflict"] and one["conflict"]["kind"] for one in payload["results"]]
    assert [None, *["TWO_OPENIDS_ONE_TOUCHPOINT"] * 4, "GENERIC_IDENTIFIER"] == kinds


async def test_a_row_that_parts_others_answers_with_their_conflict(brands: Brands) -> None:
    """A conflict that a row opens is its answer also where the link that is refused is one of somebody else's, who was in its customer."""
    api = await brands.fresh()
    await play(api, [record("mini a - member:1", on=1), record("serv b - crm:c", on=2), record("mini a - crm:c", on=3)])
    payload = await api.done("recordResolutions", RESULTS, items=[item("serv b - member:2", day(4)), item("mini z -", day(4))])
    kinds = [one["conflict"] and one["conflict"]["kind"] for one in payload["results"]]
    assert ["TWO_VALUES_ONE_NAMESPACE", None] == kinds
