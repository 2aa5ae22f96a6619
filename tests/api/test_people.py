"""Customers and conflicts as they are asked for: by any name, by filter, and with the edges that lead to others."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, Json


@pytest.fixture
async def crowd(brand: Api) -> Api:
    """Ann on both bound touchpoints, Bob on one, Cy on the unbound one with a member number, and a twin in conflict with Bob."""
    await brand.record("wxmini ann-1 union-ann", "wxserv ann-2 union-ann", when="2026-03-01T00:00:00Z")
    await brand.record("wxmini bob union-bob", when="2026-03-02T00:00:00Z")
    await brand.record("wxmini twin union-bob", when="2026-03-03T00:00:00Z")
    await brand.record("wxshop cy - member:7", when="2026-03-04T00:00:00Z")
    return brand


def first_open_id(customer: Json) -> str:
    """Who it is."""
    return min(str(one["value"]) for one in customer["openIds"])


FILTERS: tuple[tuple[Json, list[str]], ...] = (
    ({}, ["ann-1", "bob", "cy", "twin"]),
    ({"usedAll": ["wxmini"]}, ["ann-1", "bob", "twin"]),
    ({"usedAll": ["wxmini", "wxserv"]}, ["ann-1"]),
    ({"usedAll": ["wxmini"], "usedNone": ["wxserv"]}, ["bob", "twin"]),
    ({"usedNone": ["wxmini"]}, ["cy"]),
    ({"usedAll": ["wxnobody"]}, []),
    ({"usedNone": ["wxnobody"]}, ["ann-1", "bob", "cy", "twin"]),
    ({"usedAll": []}, ["ann-1", "bob", "cy", "twin"]),
    ({"state": "PROVISIONAL"}, ["cy", "twin"]),
    ({"state": "IDENTIFIED"}, ["ann-1", "bob"]),
    ({"hasOpenConflict": True}, ["bob", "twin"]),
    ({"hasOpenConflict": False}, ["ann-1", "cy"]),
    ({"seenSince": "2026-03-03T00:00:00Z"}, ["bob", "cy", "twin"]),
    ({"seenSince": "2026-03-03T08:00:00.001+08:00"}, ["cy"]),
    ({"state": None, "usedAll": None, "hasOpenConflict": None}, ["ann-1", "bob", "cy", "twin"]),
    ({"usedAll": ["wxmini"], "hasOpenConflict": True, "state": "IDENTIFIED"}, ["bob"]),
)


async def test_customers_by_filter(crowd: Api) -> None:
    """Each condition, and all together; an AppID that nobody registered was used by nobody."""
    document = "query ($filter: CustomerFilter) { customers(filter: $filter) { totalCount nodes { openIds { value } } } }"
    for which, expected in FILTERS:
        found = (await crowd.ask(document, filter=which))["customers"]
        assert (which, expected) == (which, sorted(map(first_open_id, found["nodes"])))
        assert len(expected) == found["totalCount"]
    assert "BAD_USER_INPUT" == await crowd.code(document, filter={"usedAll": ["wxmini"] * 101})


async def test_customers_by_names(crowd: Api) -> None:
    """Many customers in the order of their names, doubles too, null where nobody is known; one question to the store."""
    keys = [
        {"openId": {"appId": "wxmini", "value": "bob"}},
        {"unionId": {"openAppId": "wxopen1", "value": "union-ann"}},
        {"openId": {"appId": "wxmini", "value": "nobody"}},
        {"unionId": {"openAppId": "wxopen2", "value": "union-ann"}},
        {"id": "cus_malformed"},
        {"openId": {"appId": "wxserv", "value": "ann-2"}},
    ]
    document = "query ($keys: [CustomerBy!]!) { customersBy(keys: $keys) { openIds { value } } }"
    crowd.counting.asked.clear()
    found = (await crowd.ask(document, keys=keys))["customersBy"]
    assert {"customers": 1} == crowd.counting.asked
    assert ["bob", "ann-1", None, None, None, "ann-1"] == [one and first_open_id(one) for one in found]
    assert [] == (await crowd.ask(document, keys=[]))["customersBy"]
    assert "BAD_USER_INPUT" == await crowd.code(document, keys=keys[:1] * 101)


async def test_a_customer_is_named_in_exactly_one_way(crowd: Api) -> None:
    """Two names, none, or a null name are refused before anything is asked; an external id that cannot be one is nobody's."""
    document = "query ($by: CustomerBy!) { customer(by: $by) { id } }"
    both = {"id": "cus_x", "externalId": {"namespace": "member", "value": "7"}}
    assert ["BAD_USER_INPUT"] * 3 == [await crowd.code(document, by=by) for by in (both, {}, {"id": None})]
    assert "GRAPHQL_VALIDATION_FAILED" == await crowd.code("{ customer(by: {}) { id } }")
    assert None is (await crowd.ask(document, by={"externalId": {"namespace": "phone", "value": "no phone"}}))["customer"]
    assert None is not (await crowd.ask(document, by={"externalId": {"namespace": "member", "value": "7"}}))["customer"]


async def test_old_customer_ids_resolve(crowd: Api) -> None:
    """The id that a customer had before a merge gives whoever holds that identifier now."""
    ids = [
        (await crowd.ask("query ($by: CustomerBy!) { customer(by: $by) { id } }", by={"openId": {"appId": app_id, "value": value}}))[
            "customer"
        ]["id"]
        for app_id, value in (("wxmini", "ann-1"), ("wxshop", "cy"))
    ]
    await crowd.record("wxserv ann-2 union-ann member:7")
    answers = [(await crowd.ask("query ($by: CustomerBy!) { customer(by: $by) { id } }", by={"id": one}))["customer"] for one in ids]
    assert answers[0] == answers[1]
    assert answers[0] is not None
    nodes = (await crowd.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids))["nodes"]
    assert [answers[0], answers[0]] == nodes


CONFLICTS = """query ($filter: ConflictFilter) { conflicts(filter: $filter) { totalCount nodes {
    id kind state breaks refusedCount openedAt resolvedAt
    refused { kind sources source { ... on OpenID { value customer { id } } } target { ... on UnionID { value customer { id } } } }
    kept { source { ... on OpenID { value } } target { ... on UnionID { value } } }
    customers { id openIds { value } } } } }"""


async def test_a_conflict_shows_both_sides(crowd: Api) -> None:
    """A conflict says what was refused, what was kept and who stands on its sides, each loaded with one question."""
    crowd.counting.asked.clear()
    found = (await crowd.ask(CONFLICTS))["conflicts"]
    assert {"conflict_page": 1, "customers": 1} == crowd.counting.asked
    assert 1 == found["totalCount"]
    (conflict,) = found["nodes"]
    assert ("TWO_OPENIDS_ONE_TOUCHPOINT", "OPEN", 1, None) == tuple(
        conflict[name] for name in ("kind", "state", "refusedCount", "resolvedAt")
    )
    assert ("twin", "union-bob") == (conflict["refused"]["source"]["value"], conflict["refused"]["target"]["value"])
    assert [{"source": {"value": "bob"}, "target": {"value": "union-bob"}}] == conflict["kept"]
    owners = {first_open_id(one): one["id"] for one in conflict["customers"]}
    assert ["bob", "twin"] == sorted(owners)
    assert (owners["twin"], owners["bob"]) == (
        conflict["refused"]["source"]["customer"]["id"],
        conflict["refused"]["target"]["customer"]["id"],
    )


CONFLICT_FILTERS: tuple[tuple[Json, int], ...] = (
    ({"states": ["OPEN"]}, 1),
    ({"states": ["RESOLVED"]}, 0),
    ({"kinds": ["TWO_OPENIDS_ONE_TOUCHPOINT", "TOO_LARGE"]}, 1),
    ({"kinds": ["TOO_LARGE"]}, 0),
    ({"kinds": []}, 1),
    ({"appId": "wxmini"}, 1),
    ({"appId": "wxserv"}, 0),
    ({"appId": "wxnobody"}, 0),
)


async def test_conflicts_by_filter(crowd: Api) -> None:
    """By state, kind and the touchpoint of an OpenID that they are about; an empty list is no condition."""
    for which, count in CONFLICT_FILTERS:
        assert (which, count) == (which, (await crowd.ask(CONFLICTS, filter=which))["conflicts"]["totalCount"])


async def test_other_customers_are_loaded_only_when_selected(crowd: Api) -> None:
    """A page of customers is one question; those on the other side of their conflicts are one more, when selected and not before."""
    for selected, asked in (
        ("id openIds { value customer { id } } conflicts { id kind }", {"customer_page": 1}),
        ("conflicts { customers { id } }", {"customer_page": 1, "customers": 1}),
        ("conflicts { refused { source { ... on OpenID { customer { id } } } } }", {"customer_page": 1, "customers": 1}),
    ):
        crowd.counting.asked.clear()
        await crowd.ask(f"{{ customers {{ nodes {{ {selected} }} }} }}")
        assert asked == crowd.counting.asked


async def test_another_side_is_filled_however_deep(crowd: Api) -> None:
    """From Bob through the conflict to the twin, and from there through the same conflict back to Bob."""
    document = """{ customer(by: {openId: {appId: "wxmini", value: "bob"}}) { id conflicts { customers { openIds { value } conflicts {
        customers { openIds { value } } } } refused { source { ... on OpenID { value customer { openIds { value } } } } } } } }"""
    bob = (await crowd.ask(document))["customer"]
    (conflict,) = bob["conflicts"]
    assert ["bob", "twin"] == sorted(map(first_open_id, conflict["customers"]))
    assert "twin" == first_open_id(conflict["refused"]["source"]["customer"])
    for one in conflict["customers"]:
        assert ["bob", "twin"] == sorted(map(first_open_id, one["conflicts"][0]["customers"]))


async def test_open_ids_of_a_touchpoint_cost_what_is_selected(crowd: Api) -> None:
    """Plain fields of a page of OpenIDs are one statement; whose they are, and their UnionIDs, are one more."""
    document = '{ touchpoint(appId: "wxmini") { openIds { nodes { value %s } } } }'
    crowd.counting.asked.clear()
    await crowd.ask(document % "firstSeenAt touchpoint { appId }")
    assert {"registry": 1, "open_id_page": 1} == crowd.counting.asked
    crowd.counting.asked.clear()
    page = (await crowd.ask(document % "customer { openIds { value } } unionIds { value }"))["touchpoint"]["openIds"]
    assert {"registry": 1, "open_id_page": 1, "customers": 1} == crowd.counting.asked
    assert [("ann-1", "ann-1", ["union-ann"]), ("bob", "bob", ["union-bob"]), ("twin", "twin", ["union-bob"])] == sorted(
        (one["value"], first_open_id(one["customer"]), [union["value"] for union in one["unionIds"]]) for one in page["nodes"]
    )


async def test_open_ids_within_customers_are_no_n_plus_1(crowd: Api) -> None:
    """However often a touchpoint appears in an answer, its page of OpenIDs is loaded once: a statement for each touchpoint."""
    crowd.counting.asked.clear()
    await crowd.ask("{ customers { nodes { touchpoints { touchpoint { openIds(first: 1) { nodes { value } } } } } } }")
    assert {"customer_page": 1, "open_id_page": 3} == crowd.counting.asked
