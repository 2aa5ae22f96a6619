"""Requests with an id: applied once, and for a day answered the same whenever they come again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from graph.requests import KEPT
from graph.stores.mapping import to_row
from graph.upkeep import forget_requests
from tests.api.asking import Api, Json, item
from tests.hard_cases.brands import Brands
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import day

FIELDS = """applied unchanged quarantined rejected
  results { index outcome customerId isNewCustomer conflict { id } error { message code path } }"""
ROWS = ("mini a u member:7", "serv b u", "loose c w", "late d x", "mini b!d -", "mini e -")
REQUEST = "order-4711/retry"


async def record(api: Api, *rows: str, request: str | None = REQUEST, on: int = 2) -> Json:
    """One call with a request's id."""
    return await api.do("recordResolutions", FIELDS, items=[item(row, day(on)) for row in rows], requestId=request)


async def times(api: Api) -> int:
    """How often mini:a was seen."""
    return (await picture(api)).of("mini:a").uses[0].times


async def test_the_same_request_is_applied_once(brands: Brands) -> None:
    """Sent again, a request is answered the same to the letter, new customers and errors included, and nothing moves."""
    api = await brands.fresh()
    first = await record(api, *ROWS)
    assert (3, 0, 2, 1) == tuple(first[name] for name in ("applied", "unchanged", "quarantined", "rejected"))
    assert [True, True, True, False, False, True] == [one["isNewCustomer"] for one in first["results"]]
    before = await picture(api)
    assert first == await record(api, *ROWS)
    assert before == await picture(api)
    waiting = (await api.ask("{ quarantine(first: 10) { nodes { times } } }"))["quarantine"]["nodes"]
    assert [1, 1] == [one["times"] for one in waiting]


async def test_without_an_id_it_counts_again(brands: Brands) -> None:
    """The same items without an id, or with another one, are another sighting; an absent id is none."""
    api = await brands.fresh()
    for request in (REQUEST, None, None, "another"):
        await record(api, "mini a u", request=request)
    assert 4 == await times(api)


async def test_what_only_moves_times_is_applied_once(brands: Brands) -> None:
    """A request that says nothing new counts once, too, and says UNCHANGED each time."""
    api = await brands.fresh()
    await record(api, "mini a u", request=None)
    answers = [await record(api, "mini a u", on=3) for _ in range(3)]
    assert ["UNCHANGED"] * 3 == [answer["results"][0]["outcome"] for answer in answers]
    assert 2 == await times(api)


async def test_another_request_under_the_same_id_is_refused(brands: Brands) -> None:
    """The same id with other items is INVALID_INPUT and names the time of its first use; nothing of it is applied."""
    api = await brands.fresh()
    await record(api, "mini a u")
    before = await picture(api)
    brands.clock.now += 60_000
    for rows in (("mini z y",), ("mini a u", "mini z y"), ("mini a -",), ("mini a u member:9",), ()):
        refused = await record(api, *rows)
        assert ([], 0) == (refused["results"], refused["applied"])
        (error,) = refused["errors"]
        assert ("INVALID_INPUT", ["requestId"]) == (error["code"], error["path"])
        assert "2026-03-15T04:00:00Z" in error["message"]
    assert before == await picture(api)


async def test_an_empty_request_has_its_id_too(brands: Brands) -> None:
    """A request without items uses its id up like any other."""
    api = await brands.fresh()
    assert [] == (await record(api))["errors"] == (await record(api))["errors"]
    assert ["INVALID_INPUT"] == [error["code"] for error in (await record(api, "mini a u"))["errors"]]


@pytest.mark.parametrize("request_id", ["", " ", "two words", "x" * 129, "ü", "a\n", "a\u0000"])
async def test_what_is_no_id(brands: Brands, request_id: str) -> None:
    """An id has 1 to 128 printable ASCII characters without blanks; with any other nothing is applied."""
    api = await brands.fresh()
    refused = await record(api, "mini a u", request=request_id)
    assert [("INVALID_INPUT", ["requestId"])] == [(error["code"], error["path"]) for error in refused["errors"]]
    assert () == (await picture(api)).people
    assert [] == (await record(api, "mini a u", request="~" * 128))["errors"]


async def test_tenants_have_their_own_ids(brands: Brands) -> None:
    """Another brand's request under the same id is another request."""
    first, second = await brands.fresh(), await brands.fresh()
    await record(first, "mini a u")
    assert 1 == (await record(second, "mini z y"))["applied"]


async def test_after_a_day_an_id_is_free(brands: Brands) -> None:
    """A day later to the millisecond the same request is applied anew, whether or not its record was dropped already."""
    for is_dropped in (False, True):
        api = await brands.fresh()
        await record(api, "mini a u")
        brands.clock.now += KEPT - 1
        await forget_requests(api.store)
        await record(api, "mini a u")
        assert 1 == await times(api)
        brands.clock.now += 1
        if is_dropped:
            assert 1 <= await forget_requests(api.store)
            assert 0 == await forget_requests(api.store)
        assert 1 == (await record(api, "mini a u"))["unchanged"]
        assert 2 == await times(api)


async def test_upkeep_spares_an_id_that_is_used_anew(brands: Brands) -> None:
    """A record that was made anew after a day is not dropped with the old ones."""
    api = await brands.fresh()
    await record(api, "mini a u")
    brands.clock.now += KEPT
    await record(api, "mini a u")
    await forget_requests(api.store)
    await record(api, "mini a u")
    assert 2 == await times(api)


async def test_the_same_request_at_once(brands: Brands) -> None:
    """However many send it at the same moment, through one process or several, one is applied and all are answered the same."""
    api = await brands.fresh()
    doors = [api, api, *(Api(brands.store, brands.clock, tenant=api.name) for _ in range(2))]
    answers = await asyncio.gather(*(record(door, *ROWS) for door in doors * 2))
    assert [answers[0]] * 8 == answers
    assert 1 == await times(api)


async def test_gathered_requests_keep_their_own_answers(brands: Brands) -> None:
    """Requests that share a turn are each answered for themselves: new, known, used for other items, and without an id."""
    api = await brands.fresh()
    known = await record(api, "mini k u")
    calls = [
        ("warm -", None),
        ("mini a v", "one"),
        ("mini b w", "two"),
        ("mini a v", "one"),
        ("mini z z", "two"),
        ("mini k u", REQUEST),
        ("mini k u", None),
        ("late d x", "three"),
    ]
    answers = await asyncio.gather(*(record(api, *([row] if row != "warm -" else ["mini warm -"]), request=name) for row, name in calls))
    _, one, two, again, other, same, plain, waits = answers
    assert one == again
    assert (1, 1) == (one["applied"], two["applied"])
    assert ([], ["requestId"]) == (other["results"], other["errors"][0]["path"])
    assert known == same
    assert (1, 1) == (plain["unchanged"], waits["quarantined"])
    assert ["mini:a wxA:v", "mini:b wxA:w", "mini:k wxA:u", "mini:warm"] == (await picture(api)).partition
    assert one == await record(api, "mini a v", request="one")


async def test_a_record_holds_no_identifier(brands: Brands) -> None:
    """Neither the id of a request nor anything of its items stands in what is kept: keys, outcomes and errors."""
    api = await brands.fresh()
    await record(api, *ROWS, "mini f - phone:+8613800000000", "mini g - phone:nonsense")
    brands.clock.now += KEPT
    old = [key for name, key in await api.store.old_requests(brands.clock.now + 1, 1000) if name == api.name]
    (kept,) = [to_row(node) for node in await api.store.nodes(api.name, old) if node]
    text = repr(kept)
    assert all(secret not in text for secret in (REQUEST, "4711", "member:7", "13800000000", "nonsense", "b!d"))
    assert datetime(2026, 3, 15, 4, tzinfo=UTC) == datetime.fromtimestamp(int(str(kept["made"])) / 1000, UTC)
