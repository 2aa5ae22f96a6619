"""Member numbers and phones: what they join, what they may not join, and whose claim a link is."""

from __future__ import annotations

from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import Step, in_every_order, play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import day, link, record, unlink

PHONE = "phone:13800138000"
CLAIM = """{ conflicts { nodes { refused {
  sources firstSeenAt source { ... on OpenID { value } } target { ... on ExternalID { value } } } } } }"""
ID = "query ($by: CustomerBy!) { customer(by: $by) { id } }"


async def link_to_id(api: Api, customer_id: str, member: str, on: int) -> None:
    """A member number linked to whoever an id resolves to."""
    said = {"customer": {"id": customer_id}, "externalId": {"namespace": "member", "value": member}, "observedAt": day(on)}
    payload = await api.done("linkExternalIds", "results { outcome }", items=[said])
    assert [{"outcome": "APPLIED"}] == payload["results"]


async def test_a_link_through_a_customer_id_is_the_seed_s_claim(brands: Brands) -> None:
    """A link through any id of a customer is a claim by the current seed, source MANUAL; the earliest one is kept."""
    for links in ((("7", 4), ("8", 6)), (("8", 6), ("7", 4))):
        api = await brands.fresh()
        (young, old) = await api.record("mini young -", when=day(3)), await api.record("serv old -", when=day(1))
        await api.record("mini young u", "serv old u", when=day(3))
        for member, on in links:
            await link_to_id(api, young[0]["customerId"], member, on)
        seen = await picture(api)
        assert ["member:7 mini:young serv:old wxA:u", "member:8"] == seen.partition
        assert ["TWO_VALUES_ONE_NAMESPACE serv:old > member:8"] == seen.conflicts
        (conflict,) = (await api.ask(CLAIM))["conflicts"]["nodes"]
        claim = {"sources": ["MANUAL"], "firstSeenAt": "2026-03-06T00:00:00Z", "source": {"value": "old"}, "target": {"value": "8"}}
        assert claim == conflict["refused"]
        assert old[0]["customerId"] == (await api.ask(ID, by={"id": young[0]["customerId"]}))["customer"]["id"]


async def test_linked_and_recorded_external_ids_join_alike(brands: Brands) -> None:
    """A member number that one customer was recorded with and another one linked to makes them one."""
    known = record("serv b v", on=2)
    seen = await in_every_order(brands, record("mini a u member:7", on=1), known, link("serv:b", "member:7", on=3, after=(known,)))
    assert ["member:7 mini:a serv:b wxA:u wxA:v"] == seen.partition


async def test_one_union_id_with_two_member_numbers(brands: Brands) -> None:
    """Two member numbers of one WeChat user are not merged: the first keeps its place, the second is a Conflict with both customers."""
    steps = [record("mini a u member:1", on=1), record("serv b u member:2", on=2), record("other c - member:2", on=3)]
    seen = await in_every_order(brands, *steps)
    assert ["member:1 mini:a serv:b wxA:u", "member:2 other:c"] == seen.partition
    assert ["TWO_VALUES_ONE_NAMESPACE serv:b > member:2"] == seen.conflicts
    (conflict,) = seen.disputes
    assert (("mini:a", "other:c"), 1) == (conflict.sides, conflict.count)
    assert {"mini:a > member:1", "mini:a > wxA:u", "serv:b > wxA:u"} == set(conflict.kept)
    assert [1, 1] == [person.disputes for person in seen.people]


async def test_one_member_number_with_two_union_ids(brands: Brands) -> None:
    """Two UnionIDs of one platform with one member number are two WeChat accounts of one customer, and no conflict."""
    steps = [record("mini a u", on=1), record("mini b v", on=2), record("mini a - member:7", on=3), record("serv c v member:7", on=4)]
    seen = await in_every_order(brands, *steps)
    assert ["member:7 mini:a mini:b serv:c wxA:u wxA:v"] == seen.partition
    assert ("mini:a wxA:u", "mini:b serv:c wxA:v") == seen.people[0].accounts
    assert [] == seen.conflicts


async def test_a_recycled_phone(brands: Brands) -> None:
    """Two people with member numbers and one phone keep their numbers; the phone stays with the first, its second link is a Conflict."""
    steps = [
        record("mini a u member:1", on=1),
        record(f"serv a2 u {PHONE}", on=2),
        record("mini b v member:2", on=8),
        record(f"serv b2 v {PHONE}", on=9),
    ]
    seen = await in_every_order(brands, *steps)
    assert ["member:1 mini:a phone: serv:a2 wxA:u", "member:2 mini:b serv:b2 wxA:v"] == seen.partition
    assert ["TWO_VALUES_ONE_NAMESPACE serv:b2 > phone:"] == seen.conflicts
    assert [("mini:a", "mini:b")] == [one.sides for one in seen.disputes]


async def test_a_phone_joins_until_member_numbers_say_otherwise(brands: Brands) -> None:
    """One phone joins two WeChat users; when each turns out to have a member number of their own, they part again."""
    steps: list[Step] = [record(f"mini a u {PHONE}", on=1), record(f"mini b v {PHONE}", on=2)]
    seen = await in_every_order(brands, *steps)
    assert ["mini:a mini:b phone: wxA:u wxA:v"] == seen.partition
    seen = await in_every_order(brands, *steps, record("mini a u member:1", on=5), record("mini b v member:2", on=6))
    assert ["member:1 mini:a phone: wxA:u", "member:2 mini:b wxA:v"] == seen.partition


async def test_phones_are_compared_in_one_form(brands: Brands) -> None:
    """A phone with and without its country code, with blanks or without, is one phone."""
    for order in ((0, 1, 2), (2, 1, 0)):
        api = await brands.fresh()
        ways = ("13800138000", "+86 138-0013-8000", " 138 0013 8000 ")
        rows = [
            {"appId": "mini", "openId": f"p{place}", "source": "CODE2SESSION", "observedAt": day(place + 1)}
            | {"externalIds": [{"namespace": "phone", "value": ways[place]}]}
            for place in order
        ]
        await api.done("recordResolutions", "applied", items=rows)
        assert ["mini:p0 mini:p1 mini:p2 phone:"] == (await picture(api)).partition


async def test_an_unlink_undoes_what_its_claim_joined(brands: Brands) -> None:
    """Taken back, a member number joins nothing any more; a claim seen later than the unlink counts again."""
    claims = (record("mini a u member:7", on=1), record("mini b v member:7", on=2))
    taken = unlink("mini:b", "member:7", on=5, after=claims)
    seen = await in_every_order(brands, *claims, taken)
    assert ["mini:a wxA:u", "mini:b wxA:v"] == seen.partition
    again = await in_every_order(brands, *claims, taken, record("mini b v member:7", on=6, after=claims))
    assert ["member:7 mini:b wxA:v", "mini:a wxA:u"] == again.partition


async def test_linking_nobody_or_to_a_stranger_is_rejected(brands: Brands) -> None:
    """A link to an OpenID that nobody has seen is REJECTED as NOT_FOUND and creates nothing, before and after others come."""
    api = await brands.fresh()
    stranger = {"customer": {"openId": {"appId": "mini", "value": "x"}}, "externalId": {"namespace": "member", "value": "7"}}
    for _ in range(2):
        payload = await api.done("linkExternalIds", "results { outcome customerId error { code } }", items=[stranger])
        assert [{"outcome": "REJECTED", "customerId": None, "error": {"code": "NOT_FOUND"}}] == payload["results"]
        await play(api, [record("mini a u", on=1)])
    assert ["mini:a wxA:u"] == (await picture(api)).partition
