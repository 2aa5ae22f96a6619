"""Rows that cannot be applied, alone and among 500: each has its own outcome, the good ones are applied, nothing is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from graph.evidence import ResolutionSource
from graph.record import record_resolutions
from graph.results import Outcome
from graph.rows import Row
from tests.api.asking import Api, Json, at, item
from tests.hard_cases.brands import NOON, Brands
from tests.hard_cases.orders import Step, in_every_order, play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import HOUR, bind, day, record, register

RECORD = """mutation ($input: RecordResolutionsInput!) { recordResolutions(input: $input) {
  applied unchanged quarantined rejected errors { code }
  results { index outcome customerId isNewCustomer customer { openIds { value } } error { code path } } } }"""
GOOD: Json = {"appId": "mini", "source": "CODE2SESSION", "observedAt": day(2)}
MALFORMED: tuple[tuple[Json, str, list[str]], ...] = (
    ({"openId": "v", "isSnapshotUser": True}, "SNAPSHOT_USER", ["isSnapshotUser"]),
    ({"openId": "o" * 65}, "INVALID_INPUT", ["openId"]),
    ({"openId": "微信用户"}, "INVALID_INPUT", ["openId"]),
    ({"openId": ""}, "INVALID_INPUT", ["openId"]),
    ({"openId": "o", "unionId": "u u"}, "INVALID_INPUT", ["unionId"]),
    ({"openId": "o", "unionId": "u" * 65}, "INVALID_INPUT", ["unionId"]),
    ({"openId": "o", "observedAt": "2027-01-01T00:00:00Z"}, "INVALID_INPUT", ["observedAt"]),
    ({"openId": "o", "externalIds": [{"namespace": "Not One", "value": "1"}]}, "INVALID_INPUT", ["externalIds", "0", "namespace"]),
)


def refused(row: Json, code: str, path: list[str]) -> Step:
    """A row that is rejected with this code at this part of the input."""

    async def do(api: Api) -> None:
        payload = (await api.ask(RECORD, input={"items": [GOOD | row]}))["recordResolutions"]
        (result,) = payload["results"]
        assert ("REJECTED", {"code": code, "path": path}) == (result["outcome"], result["error"])
        assert (1, None, None) == (payload["rejected"], result["customer"], result["customerId"])

    return Step(f"{code} {path}", do)


async def test_a_malformed_row_is_rejected_and_not_stored(brands: Brands) -> None:
    """A malformed row or a snapshot user is REJECTED with the reason, and leaves nothing behind, whatever comes before or after."""
    steps = [record("mini a u", on=1), record("serv b u", on=2), *(refused(*one) for one in MALFORMED)]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a serv:b wxA:u"] == seen.partition
    assert ([], ()) == (seen.conflicts, seen.waiting)


async def test_a_snapshot_user_is_dropped_though_known(brands: Brands) -> None:
    """A snapshot user's row moves no time of the OpenID that it names, and its external ids claim nothing."""
    row = {"openId": "a", "unionId": "u", "isSnapshotUser": True, "externalIds": [{"namespace": "member", "value": "7"}]}
    known = record("mini a u", on=1)
    seen = await in_every_order(brands, known, refused(row, "SNAPSHOT_USER", ["isSnapshotUser"]))
    assert await in_every_order(brands, known) == seen
    assert 1 == seen.people[0].uses[0].times


WAITING = "{ quarantine(first: 5) { totalCount nodes { reason appId times } } }"


async def replayed(api: Api) -> int:
    """How many rows no longer wait after all were tried again."""
    return int((await api.done("replayQuarantine", "replayed"))["replayed"])


async def test_a_malformed_row_of_wechat_waits(brands: Brands) -> None:
    """A malformed row from WeChat itself waits, counts when it comes again and stays when replayed; a snapshot user's is dropped."""
    api = await brands.fresh()
    row = Row(app_id="mini", open_id="o", union_id="u \ufffd\x00", observed=at(day(2)), source=ResolutionSource.USER_INFO_BATCH)
    results = await record_resolutions(api.tenant, [row, replace(row, is_snapshot_user=True)], keeps_malformed=True)
    assert [(Outcome.QUARANTINED, "INVALID_INPUT"), (Outcome.REJECTED, "SNAPSHOT_USER")] == [
        (one.outcome, one.error and one.error.code.name) for one in results
    ]
    await record_resolutions(api.tenant, [replace(row, observed=at(day(3)))], keeps_malformed=True)
    for _ in range(2):
        waiting = (await api.ask(WAITING))["quarantine"]
        assert {"totalCount": 1, "nodes": [{"reason": "MALFORMED", "appId": "mini", "times": 2}]} == waiting
        assert [] == (await picture(api)).partition
        assert 0 == await replayed(api)


async def test_a_malformed_row_is_applied_when_its_cause_is_gone(brands: Brands) -> None:
    """A row of WeChat's from a machine whose clock ran ahead waits; replayed once that time has come it counts as seen then."""
    api = await brands.fresh()
    row = Row(app_id="mini", open_id="o", union_id="u", observed=NOON + HOUR, source=ResolutionSource.USER_INFO_BATCH)
    await record_resolutions(api.tenant, [row], keeps_malformed=True)
    assert (0, ("MALFORMED mini",), []) == (await replayed(api), (await picture(api)).waiting, (await picture(api)).partition)
    api.clock.now += HOUR
    assert (1, (), ["mini:o wxA:u"]) == (await replayed(api), (await picture(api)).waiting, (await picture(api)).partition)
    assert "2026-03-15T05:00:00Z" == (await picture(api)).people[0].first


COUNTED = ("APPLIED", "UNCHANGED", "QUARANTINED", "REJECTED")
PEOPLE = 60
GOOD_ROWS = [
    (f"{app_id} {app_id}{person} u{person}", day(first + visit, person))
    for visit in range(4)
    for person in range(PEOPLE)
    for app_id, first in (("mini", 1), ("serv", 6))
]
"""Sixty people who used two touchpoints, each on four days."""
ODD: tuple[tuple[Json, str], ...] = (
    ({"openId": "empty", "unionId": ""}, "APPLIED"),
    ({"openId": "blank", "unionId": "  \t"}, "APPLIED"),
    ({"openId": "padded", "unionId": " padded-u\n"}, "APPLIED"),
    ({"appId": "serv", "openId": "beside", "unionId": "padded-u", "observedAt": day(3)}, "APPLIED"),
    ({"appId": "ghost", "openId": "g", "unionId": "u0"}, "QUARANTINED without customer"),
    ({"appId": "loose", "openId": "l", "unionId": "u1"}, "QUARANTINED"),
    *((row, f"REJECTED {code}") for row, code, _ in MALFORMED),
)


def the_500() -> tuple[list[Json], list[str]]:
    """500 items, bad ones among good ones, and the outcome that each must have whatever the order; of good ones APPLIED, once an OpenID."""
    items = [item(row, when) for row, when in GOOD_ROWS]
    items += [item("mini extra extra-u", day(5, minute)) for minute in range(500 - len(GOOD_ROWS) - len(ODD))]
    expected = ["good"] * len(items)
    for place, (row, outcome) in enumerate(ODD):
        items.insert(place * 33 + 2, GOOD | row)
        expected.insert(place * 33 + 2, outcome)
    return items, expected


def said(result: Json) -> str:
    """The outcome, with the error's code, or that nobody is answered though it is not rejected."""
    if result["error"]:
        return f"{result['outcome']} {result['error']['code']}"
    return str(result["outcome"]) if result["customer"] else f"{result['outcome']} without customer"


async def test_500_items_with_bad_ones_among_them(brands: Brands) -> None:
    """Of 500 items each has its own outcome, in the order of the input; forwards and backwards the same people come of them."""
    items, expected = the_500()
    pictures = []
    for order in (1, -1):
        api = await brands.fresh()
        payload = (await api.ask(RECORD, input={"items": items[::order]}))["recordResolutions"]
        assert [] == payload["errors"]
        assert list(range(500)) == [one["index"] for one in payload["results"]]
        outcomes = [said(one) for one in payload["results"]]
        for wanted, outcome, row in zip(expected[::order], outcomes, items[::order], strict=True):
            assert outcome in ({"APPLIED", "UNCHANGED"} if wanted == "good" else {wanted}), row
        count = Counter(outcome.split()[0] for outcome in outcomes)
        counted = [payload[name] for name in ("applied", "unchanged", "quarantined", "rejected")]
        assert [PEOPLE * 2 + 1 + 4, 500 - PEOPLE * 2 - 5 - 10, 2, 8] == [count[name] for name in COUNTED] == counted
        pictures.append(await picture(api))
        await play(api, [register("ghost"), bind("ghost", "wxA"), bind("loose", "wxA")])
        pictures.append(await picture(api))
    assert pictures[:2] == pictures[2:]
    told, released = pictures[:2]
    people = [f"mini:mini{person} serv:serv{person} wxA:u{person}" for person in range(PEOPLE)]
    others = ["mini:blank", "mini:empty", "mini:extra wxA:extra-u", "mini:padded serv:beside wxA:padded-u"]
    assert sorted([*people, *others, "loose:l"]) == told.partition
    assert ("NO_BINDING_COVERS_IT loose", "UNKNOWN_TOUCHPOINT ghost") == told.waiting
    people[:2] = ["ghost:g mini:mini0 serv:serv0 wxA:u0", "loose:l mini:mini1 serv:serv1 wxA:u1"]
    assert sorted([*people, *others]) == released.partition
    assert () == released.waiting
    assert {4} == {use.times for person in released.people for use in person.uses if use.open_id.startswith("serv:serv")}
