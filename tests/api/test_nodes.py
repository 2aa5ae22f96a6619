"""Whatever has an id answers to it, to its own tenant alone."""

from __future__ import annotations

import pytest

from graph.apikeys import Scope
from graph.stores import Store
from tests.api.asking import Api, Json, StandingClock

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


async def ids_of_everything(api: Api) -> Json:
    """An id of each kind, by its type."""
    await api.record("wxmini open-a union-1 member:7", "wxmini open-b union-1", "wxwaiting open -")
    await api.done("createApiKey", name="a key", scopes=["READ"])
    a, b = ({"openId": {"appId": "wxmini", "value": value}} for value in ("open-a", "open-b"))
    await api.done("declareDifferent", a=a, b=b, reason="They came together.")
    await api.record("wxmini to-be-erased -")
    lost = {"openId": {"appId": "wxmini", "value": "to-be-erased"}}
    await api.done("eraseCustomer", by=lost, reason="Asked by letter.")
    await api.done("setIdentityPolicy", genericAfter=6, reason="Families share phones.")
    data = await api.ask("""{
        customers(first: 100) { nodes { id accounts { id } openIds { id } unionIds { id } externalIds { id } } }
        entities { nodes { id } } openPlatforms { nodes { id } } touchpoints { nodes { id bindingHistory { id } } }
        conflicts { nodes { id } } quarantine { nodes { id } } jobs(filter: {kinds: [RESCOPE]}) { nodes { id } } apiKeys { nodes { id } }
        changes(first: 1) { nodes { id } } decisions { nodes { id } } erasureReceipts { nodes { id } } policyChanges { nodes { id } } }""")
    people = data["customers"]["nodes"]
    return {
        "Customer": people[0]["id"],
        "WeChatAccount": people[0]["accounts"][0]["id"],
        "OpenID": people[0]["openIds"][0]["id"],
        "UnionID": next(one["unionIds"][0]["id"] for one in people if one["unionIds"]),
        "ExternalID": next(one["externalIds"][0]["id"] for one in people if one["externalIds"]),
        "Entity": data["entities"]["nodes"][0]["id"],
        "OpenPlatform": data["openPlatforms"]["nodes"][0]["id"],
        "Touchpoint": data["touchpoints"]["nodes"][0]["id"],
        "Binding": data["touchpoints"]["nodes"][0]["bindingHistory"][0]["id"],
        "Conflict": data["conflicts"]["nodes"][0]["id"],
        "Quarantined": data["quarantine"]["nodes"][0]["id"],
        "Job": data["jobs"]["nodes"][0]["id"],
        "ApiKey": data["apiKeys"]["nodes"][0]["id"],
        "Change": data["changes"]["nodes"][0]["id"],
        "Decision": data["decisions"]["nodes"][0]["id"],
        "ErasureReceipt": data["erasureReceipts"]["nodes"][0]["id"],
        "PolicyChange": data["policyChanges"]["nodes"][0]["id"],
    }


async def test_every_kind_by_its_id(brand: Api) -> None:
    """Every type that implements Node is answered for its id, alone and among others, in order."""
    ids = await ids_of_everything(brand)
    implementing = await brand.ask('{ __type(name: "Node") { possibleTypes { name } } }')
    assert set(ids) == {one["name"] for one in implementing["__type"]["possibleTypes"]}
    for kind, one in ids.items():
        assert {"__typename": kind, "id": one} == (await brand.ask(NODE, id=one))["node"]
    brand.counting.asked.clear()
    wanted = [*reversed(ids.values()), "cus_nobody", *ids.values()]
    nodes = (await brand.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=wanted))["nodes"]
    assert [None if one == "cus_nobody" else one for one in wanted] == [node and node["id"] for node in nodes]
    assert {"registry": 2, "customers": 1, "conflicts": 1, "nodes": 1} == brand.counting.asked


async def test_details_are_there_by_id_too(brand: Api) -> None:
    """A node has all its fields: a job its touchpoint, an identifier its customer, a conflict its customers."""
    ids = await ids_of_everything(brand)
    document = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Job { touchpoint { appId } } ... on OpenID { customer { id } }
        ... on UnionID { openPlatform { openAppId } } ... on Conflict { customers { id } } ... on Quarantined { hint } } }"""
    job, open_id, union_id, conflict, waiting = (
        await brand.ask(document, ids=[ids[kind] for kind in ("Job", "OpenID", "UnionID", "Conflict", "Quarantined")])
    )["nodes"]
    assert job["touchpoint"]["appId"] in {"wxmini", "wxserv", "wxshop"}
    assert open_id["customer"]["id"].startswith("cus_")
    assert {"openAppId": "wxopen1"} == union_id["openPlatform"]
    assert 2 == len(conflict["customers"])
    assert "registerTouchpoint" in waiting["hint"]


@pytest.mark.parametrize(
    "nothing", ["", "cus", "cus_", "cus_short", "nope_" + "x" * 22, "cus_" + "x" * 22, "use_" + "x" * 22, "微信_" + "x" * 22]
)
async def test_malformed_ids_are_unknown_ids(api: Api, nothing: str) -> None:
    """What is no id, or nobody's, is answered with null and no error."""
    assert {"node": None} == await api.ask(NODE, id=nothing)


async def test_a_prefix_is_part_of_the_id(brand: Api) -> None:
    """The key of one thing behind another's prefix is nothing, but for a customer and an account, which any identifier of theirs names."""
    ids = await ids_of_everything(brand)
    key = ids["ExternalID"].partition("_")[2]
    assert "Customer" == (await brand.ask(NODE, id=f"cus_{key}"))["node"]["__typename"]
    for prefix in ("acc", "oid", "uid", "tp", "cfl", "job"):
        assert {"node": None} == await brand.ask(NODE, id=f"{prefix}_{key}")


async def test_more_than_100_ids_are_too_many(api: Api) -> None:
    """101 ids are BAD_USER_INPUT."""
    assert "BAD_USER_INPUT" == await api.code("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["cus_x"] * 101)


async def test_keys_are_shown_by_id_to_whoever_may_list_them(brand: Api) -> None:
    """A key's node needs READ and no more, as the list of keys does."""
    ids = await ids_of_everything(brand)
    data, errors = await brand.execute(NODE, {"id": ids["ApiKey"]}, scopes=[Scope.READ])
    assert ({"node": {"id": ids["ApiKey"], "__typename": "ApiKey"}}, []) == (data, errors)


async def test_a_foreign_id_is_an_unknown_one(brand: Api, store: Store, clock: StandingClock) -> None:
    """Whatever another tenant has is answered as unknown: by id, by WeChat's ids, by cursor, in lists and to mutations."""
    ids = await ids_of_everything(brand)
    other = Api(store, clock, tenant="other")
    nodes = (await other.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=list(ids.values())))["nodes"]
    assert [None] * len(ids) == nodes
    cursor = (await brand.ask("{ customers(first: 1) { pageInfo { endCursor } } }"))["customers"]["pageInfo"]["endCursor"]
    document = """query ($id: ID!, $cursor: String) { byId: customer(by: {id: $id}) { id }
        byOpenId: customer(by: {openId: {appId: "wxmini", value: "open-a"}}) { id }
        entity(entityId: "acme") { id } openPlatform(openAppId: "wxopen1") { id } touchpoint(appId: "wxmini") { id }
        customers(after: $cursor) { totalCount nodes { id } } conflicts { totalCount } quarantine { totalCount } jobs { totalCount }
        touchpoints { totalCount } entities { totalCount } apiKeys { totalCount } decisions { totalCount }
        ofThem: decisions(filter: {customerId: $id}) { totalCount } }"""
    assert await other.ask(document, id=ids["Customer"], cursor=cursor) == {
        **dict.fromkeys(("byId", "byOpenId", "entity", "openPlatform", "touchpoint")),
        "customers": {"totalCount": 0, "nodes": []},
        **{name: {"totalCount": 0} for name in ("conflicts", "quarantine", "jobs", "touchpoints", "entities", "apiKeys")},
        **{name: {"totalCount": 0} for name in ("decisions", "ofThem")},
    }
    for mutation, given in (
        ("retractBinding", {"bindingId": ids["Binding"], "reason": "x"}),
        ("cancelJob", {"jobId": ids["Job"]}),
        ("revokeApiKey", {"id": ids["ApiKey"]}),
        ("revokeDecision", {"decisionId": ids["Decision"], "reason": "x"}),
        ("declareSame", {"a": {"id": ids["Customer"]}, "b": {"id": ids["Customer"]}, "reason": "x"}),
        ("bindTouchpoint", {"appId": "wxmini", "openAppId": "wxopen1"}),
        ("registerTouchpoint", {"appId": "new", "name": "x", "kind": "STORE", "entityId": "acme"}),
    ):
        assert ["NOT_FOUND"] == [error["code"] for error in (await other.do(mutation, "", **given))["errors"]]
    assert 0 == (await other.done("replayQuarantine", "replayed", ids=[ids["Quarantined"]]))["replayed"]
    link = {"customer": {"id": ids["Customer"]}, "externalId": {"namespace": "member", "value": "8"}}
    linked = await other.done("linkExternalIds", "results { outcome error { code } }", items=[link])
    assert [{"outcome": "REJECTED", "error": {"code": "NOT_FOUND"}}] == linked["results"]
    assert ids["Customer"] == (await brand.ask(NODE, id=ids["Customer"]))["node"]["id"]
