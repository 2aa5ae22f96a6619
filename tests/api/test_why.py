"""Why two identifiers are together: the shortest chain of what counts, and nothing that does not."""

from __future__ import annotations

from tests.api.asking import Api, Json, item

STEP = "id kind sources firstSeenAt lastSeenAt source { __typename id } target { __typename id }"
WHY = f"query ($by: CustomerBy!, $a: ID!, $b: ID!) {{ customer(by: $by) {{ why(source: $a, target: $b) {{ {STEP} }} }} }}"
IDS = """query { customers(first: 100) { nodes { openIds { id appId value } unionIds { id openAppId value }
    externalIds { id namespace value } } } }"""


async def ids(api: Api) -> dict[str, str]:
    """Every identifier's id by its value; of external ids with the namespace before it."""
    found: dict[str, str] = {}
    for one in (await api.ask(IDS))["customers"]["nodes"]:
        found |= {held["value"]: held["id"] for held in (*one["openIds"], *one["unionIds"])}
        found |= {f"{held['namespace']}:{held['value']}": held["id"] for held in one["externalIds"]}
    return found


async def why(api: Api, value: str, a: str, b: str, app_id: str = "wxmini") -> list[Json] | None:
    """The steps from one id to another, of whoever has an OpenID."""
    by = {"openId": {"appId": app_id, "value": value}}
    steps: list[Json] | None = (await api.ask(WHY, by=by, a=a, b=b))["customer"]["why"]
    return steps


async def chain(api: Api, value: str, a: str, b: str) -> list[str]:
    """The same by values: `KIND source target`."""
    known = await ids(api)
    value_of = {some_id: name for name, some_id in known.items()}
    steps = await why(api, value, known[a], known[b])
    return [f"{one['kind']} {value_of[one['source']['id']]} {value_of[one['target']['id']]}" for one in steps or []]


async def test_a_chain_with_sources_and_times(brand: Api) -> None:
    """Each step of the shortest chain tells who was seen with what, from which sources, and first and last when."""
    await brand.record("wxmini a u member:1", when="2026-03-01T00:00:00Z")
    await brand.record("wxmini a u", when="2026-03-05T00:00:00Z")
    await brand.record("wxserv b u", when="2026-03-02T00:00:00Z")
    known = await ids(brand)
    first, second, third = await why(brand, "a", known["member:1"], known["b"]) or []
    times = {"sources": ["CODE2SESSION"], "firstSeenAt": "2026-03-01T00:00:00Z"}
    a = {"__typename": "OpenID", "id": known["a"]}
    claimed = {"source": a, "target": {"__typename": "ExternalID", "id": known["member:1"]}, "lastSeenAt": "2026-03-01T00:00:00Z"}
    assert {"id": first["id"], "kind": "CLAIMS"} | times | claimed == first
    resolved = {"source": a, "target": {"__typename": "UnionID", "id": known["u"]}, "lastSeenAt": "2026-03-05T00:00:00Z"}
    assert {"id": second["id"], "kind": "RESOLVED_AS"} | times | resolved == second
    assert ("RESOLVED_AS", known["b"], known["u"]) == (third["kind"], third["source"]["id"], third["target"]["id"])
    assert all(step["id"].startswith("evd_") for step in (first, second, third))


async def test_a_step_is_as_old_as_its_oldest_source(brand: Api) -> None:
    """A weaker source that saw the pair earlier dates the step, whatever else of it the strongest one tells."""
    row = "wxmini a u member:1"
    await brand.record(row, when="2026-03-05T00:00:00Z")
    earlier = item(row, "2026-03-01T00:00:00Z") | {"source": "IMPORT"}
    await brand.done("recordResolutions", "results { outcome }", items=[earlier])
    known = await ids(brand)
    for other in ("u", "member:1"):
        (step,) = await why(brand, "a", known["a"], known[other]) or []
        told = (step["sources"], step["firstSeenAt"], step["lastSeenAt"])
        assert (["CODE2SESSION", "IMPORT"], "2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z") == told


async def test_who_is_not_there_has_no_chain(brand: Api) -> None:
    """An id of another customer, of nobody, with another prefix or malformed gives null; an identifier is with itself by no step."""
    await brand.record("wxmini a u", "wxmini b v")
    known = await ids(brand)
    for other in (known["b"], "oid_" + "x" * 22, known["u"].replace("uid_", "oid_"), known["a"].replace("oid_", "cus_"), "", "oid_x"):
        assert await why(brand, "a", known["a"], other) is None
        assert await why(brand, "a", other, known["a"]) is None
    assert [] == await why(brand, "a", known["a"], known["a"])


async def test_a_decision_is_a_step(brand: Api) -> None:
    """A SAME joins two, and is told with its time and no source; a claim that it overruled is no reason, and revoked it is none either."""
    await brand.record("wxmini a u member:1", "wxmini b v member:2", when="2026-03-01T00:00:00Z")
    link = {"customer": {"openId": {"appId": "wxmini", "value": "b"}}, "externalId": {"namespace": "member", "value": "1"}}
    await brand.done("linkExternalIds", items=[link])
    a, b = ({"openId": {"appId": "wxmini", "value": value}} for value in "ab")
    made = await brand.done("declareSame", "decision { id }", a=a, b=b, reason="One person.")
    assert ["DECLARED_SAME a b", "CLAIMS a member:1"] == await chain(brand, "a", "b", "member:1")
    known = await ids(brand)
    (step,) = await why(brand, "a", known["a"], known["b"]) or []
    assert (made["decision"]["id"][4:], [], "2026-03-15T04:00:00Z") == (step["id"][4:], step["sources"], step["firstSeenAt"])
    await brand.done("revokeDecision", decisionId=made["decision"]["id"], reason="Two persons.")
    assert await why(brand, "a", known["a"], known["b"]) is None


async def test_what_was_refused_is_no_step(brand: Api) -> None:
    """A WeChat link between two accounts that a member number joined was refused: the chain goes by the number."""
    await brand.record("wxmini a u member:7", when="2026-03-01T00:00:00Z")
    await brand.record("wxserv b v member:7", when="2026-03-02T00:00:00Z")
    await brand.record("wxserv b u", when="2026-03-03T00:00:00Z")
    assert ["CLAIMS a member:7", "CLAIMS b member:7"] == (await chain(brand, "a", "a", "b"))
    assert ["RESOLVED_AS a u", "CLAIMS a member:7", "CLAIMS b member:7"] == await chain(brand, "a", "u", "b")


async def test_generic_identifiers_are_no_way(brand: Api) -> None:
    """A phone that too many share leads to nobody, though a SAME joins it to one of them."""
    await brand.record(*(f"wxmini p{n} u{n} crm:shared" for n in range(7)))
    one, phone = {"openId": {"appId": "wxmini", "value": "p1"}}, {"externalId": {"namespace": "crm", "value": "shared"}}
    await brand.done("declareSame", a=one, b=phone, reason="It is theirs.")
    assert ["DECLARED_SAME p1 crm:shared"] == await chain(brand, "p1", "p1", "crm:shared")


async def test_one_question_for_each_customer(brand: Api) -> None:
    """However often a customer is asked why, it costs one question; customers that nobody asks cost none."""
    await brand.record("wxmini a u member:1", "wxmini b v", when="2026-03-01T00:00:00Z")
    known = await ids(brand)
    brand.counting.asked.clear()
    steps = f"why(source: $a, target: $u) {{ {STEP} }} again: why(source: $u, target: $a) {{ {STEP} }}"
    document = f"query ($a: ID!, $u: ID!) {{ customers {{ nodes {{ id {steps} }} }} }}"
    nodes = (await brand.ask(document, a=known["a"], u=known["u"]))["customers"]["nodes"]
    assert [False, True] == sorted(node["why"] is not None for node in nodes)
    assert all(node["why"] == node["again"] for node in nodes)
    assert {"customer_page": 1, "page": 1} == brand.counting.asked
