"""What cannot be applied yet: a touchpoint that nobody registered, a UnionID that no known binding covers."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, item
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import in_every_order, play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import bind, correct, day, policy, record, register

RECORD = """mutation ($input: RecordResolutionsInput!) { recordResolutions(input: $input) {
  quarantined results { outcome customerId customer { openIds { value } externalIds { value } unionIds { value } } } } }"""
WAITING = "{ quarantine { nodes { id reason appId times hint receivedAt } } }"


async def test_an_unknown_touchpoint_s_row_waits_whole(brands: Brands) -> None:
    """A row of an unregistered touchpoint is QUARANTINED whole: no customer, no claim, one entry however often it came."""
    seen = await in_every_order(brands, *(record("late a u member:7", on=on) for on in (2, 6)), record("mini b v member:7", on=4))
    assert ["member:7 mini:b wxA:v"] == seen.partition
    assert ("UNKNOWN_TOUCHPOINT late",) == seen.waiting


async def test_an_unknown_touchpoint_s_entry_counts(brands: Brands) -> None:
    """The same row again counts in the entry that waits; its first time is kept, and the hint says what to do."""
    for days in ((2, 6), (6, 2)):
        api = await brands.fresh()
        await play(api, [record("late a u", on=on) for on in days])
        (waiting,) = (await api.ask(WAITING))["quarantine"]["nodes"]
        assert (2, "2026-03-02T00:00:00Z", "late") == (waiting["times"], waiting["receivedAt"], waiting["appId"])
        assert "registerTouchpoint" in waiting["hint"]


async def test_registering_the_touchpoint_releases_its_rows(brands: Brands) -> None:
    """Registered and bound before or after its rows came, a touchpoint's people are the same, external ids and times included."""
    registered = register("late")
    steps = [
        record("late a u member:7", "mini b u", "mini c w member:8", on=3),
        record("late a u member:7", "late d - member:8", on=9),
        registered,
        bind("late", "wxA", after=(registered,)),
    ]
    seen = await in_every_order(brands, *steps)
    assert ["late:a member:7 mini:b wxA:u", "late:d member:8 mini:c wxA:w"] == seen.partition
    assert ([], ()) == (seen.conflicts, seen.waiting)
    (use, _) = seen.of("late:a").uses
    assert (2, "2026-03-03T00:00:00Z", "2026-03-09T00:00:00Z") == (use.times, use.first, use.last)


async def test_registered_but_not_bound(brands: Brands) -> None:
    """A released row whose touchpoint is bound to nothing counts with its OpenID and claims; its UnionID waits on."""
    seen = await in_every_order(brands, record("late a u member:7", on=3), record("mini b v member:7", on=4), register("late"))
    assert ["late:a member:7 mini:b wxA:v"] == seen.partition
    assert ("NO_BINDING_COVERS_IT late",) == seen.waiting


async def waiting_rows(api: Api) -> list[tuple[str, list[str]]]:
    """Record an uncovered UnionID; gives outcome and the answered customer's identifiers."""
    payload = (await api.ask(RECORD, input={"items": [item("loose a u member:7", day(3))]}))["recordResolutions"]
    assert 1 == payload["quarantined"]
    return [
        (one["outcome"], [held["value"] for kind in ("openIds", "externalIds", "unionIds") for held in one["customer"][kind]])
        for one in payload["results"]
    ]


async def test_an_uncovered_union_id_waits_and_its_customer_is_answered(brands: Brands) -> None:
    """The outcome is QUARANTINED with the customer filled, the same when it comes again; the hint says that it is bound somewhere."""
    api = await brands.fresh()
    assert [("QUARANTINED", ["a", "7"])] == await waiting_rows(api)
    assert [("QUARANTINED", ["a", "7"])] == await waiting_rows(api)
    (waiting,) = (await api.ask(WAITING))["quarantine"]["nodes"]
    assert ("NO_BINDING_COVERS_IT", "loose") == (waiting["reason"], waiting["appId"])
    assert waiting["hint"].startswith("WeChat returned a UnionID, so this account is bound somewhere: register the binding")


async def test_an_uncovered_union_id_s_entry_counts(brands: Brands) -> None:
    """The same UnionID again counts in its entry, as a whole row's does."""
    api = await brands.fresh()
    await play(api, [record("loose a u", on=on) for on in (2, 6)])
    (waiting,) = (await api.ask(WAITING))["quarantine"]["nodes"]
    assert 2 == waiting["times"]


async def test_claims_count_while_the_union_id_waits(brands: Brands) -> None:
    """Without a known binding the OpenID and its external ids join as they would anywhere."""
    seen = await in_every_order(brands, record("loose a u member:7", on=3), record("mini b v member:7", on=5))
    assert ["loose:a member:7 mini:b wxA:v"] == seen.partition
    assert [["loose:a=", "mini:b=wxA:v"]] == seen.uses
    assert ("NO_BINDING_COVERS_IT loose",) == seen.waiting


async def test_registering_the_binding_releases_the_union_id(brands: Brands) -> None:
    """A binding told before, between or after the sightings it covers gives the same customers, and nothing waits."""
    seen = await in_every_order(brands, record("loose a u member:7", on=3), record("mini b u", on=5), bind("loose", "wxA"))
    assert ["loose:a member:7 mini:b wxA:u"] == seen.partition
    assert [["loose:a=wxA:u", "mini:b=wxA:u"]] == seen.uses
    assert ([], ()) == (seen.conflicts, seen.waiting)


async def test_a_binding_that_covers_one_end_releases_that_end(brands: Brands) -> None:
    """Seen before and after its binding began, a UnionID counts from there on, and the earlier end waits."""
    steps = [record("loose a u", on=3), record("loose a u", "mini b u", on=8), bind("loose", "wxA", on=5)]
    seen = await in_every_order(brands, *steps)
    assert ["loose:a mini:b wxA:u"] == seen.partition
    assert ("NO_BINDING_COVERS_IT loose",) == seen.waiting


async def test_correcting_the_binding_releases_the_rest(brands: Brands) -> None:
    """A binding corrected to begin earlier covers what waited for it."""
    bound = bind("loose", "wxA", on=5)
    steps = [record("loose a u", on=3), record("loose a u", "mini b u", on=8), bound, correct("loose", 5, at=None, after=(bound,))]
    seen = await in_every_order(brands, *steps)
    assert ["loose:a mini:b wxA:u"] == seen.partition
    assert () == seen.waiting


async def test_what_was_released_waits_again_when_its_binding_is_taken_back(brands: Brands) -> None:
    """Corrected to begin later, a binding gives its earlier sightings back to quarantine, and nothing is lost."""
    bound = bind("loose", "wxA", on=2)
    steps = [record("loose a u", "mini b u", on=3), bound, correct("loose", 2, at=day(5), after=(bound,))]
    seen = await in_every_order(brands, *steps)
    assert ["loose:a", "mini:b wxA:u"] == seen.partition
    assert ("NO_BINDING_COVERS_IT loose",) == seen.waiting


async def test_replaying_by_hand_changes_nothing_that_the_job_did_not(brands: Brands) -> None:
    """A replay before the binding is known releases nothing; with it, replay or job release all, whichever runs first."""
    for job_first in (True, False):
        api = await brands.fresh()
        await play(api, [record("loose a u", "mini b u", on=3)])
        assert 0 == (await api.done("replayQuarantine", "replayed"))["replayed"]
        await bind("loose", "wxA").does(api)
        if job_first:
            await api.rescoped()
        assert int(not job_first) == (await api.done("replayQuarantine", "replayed"))["replayed"]
        await api.rescoped()
        seen = await picture(api)
        assert (["loose:a mini:b wxA:u"], ()) == (seen.partition, seen.waiting)


@pytest.mark.parametrize(
    "other, left, last",
    [
        ("loose b w", ["loose:a", "loose:b", "wxA:v", "wxA:w"], "2026-03-06T00:00:00Z"),  # beside a virtual visitor
        ("loose c v", ["loose:a", "loose:b", "loose:c", "wxA:v"], "2026-03-06T00:01:00Z"),  # shared by two already
    ],
)
async def test_a_shared_union_id_is_dated_by_a_correction(brands: Brands, other: str, left: list[str], last: str) -> None:
    """A correction that gives one more OpenID a UnionID that is, or comes to be, shared leaves that alone, with the dates of all."""
    strict = policy(genericAfter=1)
    bound = bind("loose", "wxA", on=5, after=(strict,))
    shared = record("loose b v", other, on=6, after=(strict,))
    steps = [strict, bound, shared, record("loose a v", on=3, after=(strict,)), correct("loose", 5, at=day(1), after=(bound,))]
    seen = await in_every_order(brands, *steps)
    assert left == seen.partition
    assert ("2026-03-03T00:00:00Z", last) == (seen.of("wxA:v").first, seen.of("wxA:v").last)


async def test_a_crowds_union_id_is_dated_by_a_later_start(brands: Brands) -> None:
    """A correction by which a UnionID that many share is known for less long moves its first date, too."""
    strict = policy(genericAfter=1)
    bound = bind("loose", "wxA", on=5, after=(strict,))
    shared = record("loose b v", "loose c v", on=9, after=(strict,))
    early = [record("loose a v", on=on, after=(strict,)) for on in (3, 8)]
    seen = await in_every_order(brands, strict, bound, shared, *early, correct("loose", 5, at=day(7), after=(bound,)))
    assert ["loose:a", "loose:b", "loose:c", "wxA:v"] == seen.partition
    assert ("2026-03-07T00:00:00Z", "2026-03-09T00:01:00Z") == (seen.of("wxA:v").first, seen.of("wxA:v").last)
