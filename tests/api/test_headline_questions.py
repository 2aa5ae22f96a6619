"""The two questions that the product is for."""

from __future__ import annotations

from tests.api.asking import Api

USED = """
query ($by: CustomerBy!) { customer(by: $by) { id state touchpoints {
  touchpoint { appId name binding { openPlatform { openAppId } } } openId { value } unionId { value }
  firstSeenAt lastSeenAt timesSeen sources
} } }
"""
REMAINING = """
{ openPlatform(openAppId: "wxopen1") { limits { kinds relation path availability limit used remaining limitedBy
  components { kind limit used remaining effect rule { name certainty source asOf isOverridden } } } } }
"""


async def test_which_touchpoints_a_customer_used(brand: Api) -> None:
    """All touchpoints that one UnionID ties together are answered for any of its identifiers, latest use first."""
    await brand.record("wxmini open-a union-1 member:7", when="2026-03-01T00:00:00Z")
    await brand.record("wxserv open-b union-1", "wxshop open-c - member:7", when="2026-03-02T08:00:00+08:00")
    await brand.record("wxmini open-a union-1", when="2026-03-03T00:00:00Z")

    answer = (await brand.ask(USED, by={"openId": {"appId": "wxserv", "value": "open-b"}}))["customer"]

    assert ["wxmini", "wxserv", "wxshop"] == [
        answer["touchpoints"][0]["touchpoint"]["appId"],
        *sorted(use["touchpoint"]["appId"] for use in answer["touchpoints"][1:]),
    ]
    assert answer["touchpoints"][0] == {
        "touchpoint": {"appId": "wxmini", "name": "wxmini", "binding": {"openPlatform": {"openAppId": "wxopen1"}}},
        "openId": {"value": "open-a"},
        "unionId": {"value": "union-1"},
        "firstSeenAt": "2026-03-01T00:00:00Z",
        "lastSeenAt": "2026-03-03T00:00:00Z",
        "timesSeen": 2,
        "sources": ["CODE2SESSION"],
    }
    assert answer["state"] == "IDENTIFIED"
    for by in (
        {"id": answer["id"]},
        {"unionId": {"openAppId": "wxopen1", "value": "union-1"}},
        {"externalId": {"namespace": "member", "value": " 7 "}},
        {"openId": {"appId": "wxshop", "value": "open-c"}},
    ):
        assert answer == (await brand.ask(USED, by=by))["customer"]


async def test_one_question_to_the_store_for_the_first(brand: Api) -> None:
    """Who used what is one question to the store, by OpenID, UnionID or external id alike."""
    await brand.record("wxmini open-a union-1 member:7")
    for by in (
        {"openId": {"appId": "wxmini", "value": "open-a"}},
        {"unionId": {"openAppId": "wxopen1", "value": "union-1"}},
        {"externalId": {"namespace": "member", "value": "7"}},
    ):
        brand.counting.asked.clear()
        await brand.ask(USED, by=by)
        assert {"customers": 1} == brand.counting.asked


async def test_how_many_accounts_may_still_be_bound(brand: Api) -> None:
    """Each limit says what remains, which component gives that, and where the number is from; 1 of 50 mini programs is used."""
    limits = (await brand.ask(REMAINING))["openPlatform"]["limits"]
    limit = next(one for one in limits if one["kinds"] == ["MINI_PROGRAM"] and (one["relation"], one["path"]) == ("SAME", "CONSOLE"))

    assert (50, 1, 49, "BOUND_AT_ONCE", "LIMITED") == tuple(
        limit[name] for name in ("limit", "used", "remaining", "limitedBy", "availability")
    )
    assert ["BOUND_AT_ONCE", "TOTAL_WALL"] == [one["kind"] for one in limit["components"]]
    wall = limit["components"][1]
    assert (100, 2, 98, "WARNS") == tuple(wall[name] for name in ("limit", "used", "remaining", "effect"))
    assert all(one["rule"]["source"] and one["rule"]["asOf"] and one["rule"]["certainty"] for one in limit["components"])


async def test_one_question_to_the_store_for_the_second(brand: Api) -> None:
    """How many accounts remain is one question to the store, for one Open Platform account or for all."""
    for document in (REMAINING, "{ openPlatforms { nodes { limits { remaining components { rule { source } } } } } }"):
        brand.counting.asked.clear()
        await brand.ask(document)
        assert {"registry": 1} == brand.counting.asked
