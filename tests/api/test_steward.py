"""The steward's desk by its API: what a decision names, what it previews, what is refused, what is listed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from graph.apikeys import Scope
from graph.node import Key
from tests.api.asking import Api, Json

EFFECT = "effect { before { customerId identifiers } after { customerId identifiers } }"
SIDE = """{ __typename id ... on OpenID { value customer { id } } ... on UnionID { openAppId value customer { id } }
    ... on ExternalID { namespace number: value customer { id } } }"""
DECISIONS = f"""query ($filter: DecisionFilter, $first: Int, $after: String, $last: Int, $before: String) {{
    decisions(filter: $filter, first: $first, after: $after, last: $last, before: $before) {{
        totalCount nodes {{ id kind reason author decidedAt revokedAt a {SIDE} b {SIDE} }} pageInfo {{ endCursor startCursor }} }} }}"""
WHO = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { id value } externalIds { id namespace } unionIds { id } } }"
STEPS = """query { conflicts { nodes { kind state refused { id source { id } target { id } } kept { id kind } } } }"""


def open_id(value: str, app_id: str = "wxmini") -> Json:
    """Whoever has this OpenID."""
    return {"openId": {"appId": app_id, "value": value}}


def member(number: str) -> Json:
    """Whoever has this member number."""
    return {"externalId": {"namespace": "member", "value": number}}


async def id_of(api: Api, by: Json) -> str:
    """A customer's id now."""
    customer = (await api.ask(WHO, by=by))["customer"]
    return str(customer["id"])


async def same(api: Api, a: Json, b: Json, *, fields: str = "decision { id }", **more: object) -> Json:
    """Two declared SAME."""
    return await api.done("declareSame", fields, a=a, b=b, reason="It is one person.", **more)


async def refused(api: Api, mutation: str, **given: object) -> list[tuple[str, list[str] | None]]:
    """Codes and paths of the errors."""
    payload = await api.do(mutation, f"decision {{ id }} {EFFECT}", **given)
    assert (None, None) == (payload["decision"], payload["effect"])
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_a_rehearsal_foretells_exactly_who_changes(brand: Api) -> None:
    """A dryRun stores nothing and lists the customers affected, before and after, and nobody else; the real call does what it said."""
    results = await brand.record("wxmini a u member:1", "wxmini b v member:2", "wxmini c w member:3")
    ids = [one["customerId"] for one in results]
    foretold = await same(brand, open_id("a"), member("2"), fields=f"decision {{ id }} isDryRun {EFFECT}", dryRun=True)
    assert (None, True) == (foretold["decision"], foretold["isDryRun"])
    assert sorted(ids[:2]) == sorted(one["customerId"] for one in foretold["effect"]["before"])
    (after,) = foretold["effect"]["after"]
    assert (6, ids[0]) == (len(after["identifiers"]), after["customerId"])
    assert ids == [await id_of(brand, open_id(one)) for one in "abc"]
    assert 0 == (await brand.ask(DECISIONS))["decisions"]["totalCount"]
    real = await same(brand, open_id("a"), member("2"), fields=f"decision {{ id kind author }} isDryRun {EFFECT}")
    assert (foretold["effect"], False) == (real["effect"], real["isDryRun"])
    assert {"kind": "SAME", "author": "tests"} == {name: real["decision"][name] for name in ("kind", "author")}
    assert [ids[0], ids[0], ids[2]] == [await id_of(brand, open_id(one)) for one in "abc"]


async def test_a_revocation_restores_and_says_who_and_why(brand: Api) -> None:
    """Revoked, a decision does nothing any more; it keeps who revoked it, when and why; revoking again changes nothing."""
    ids = [one["customerId"] for one in await brand.record("wxmini a u", "wxmini b v")]
    made = await same(brand, {"id": ids[0]}, {"id": ids[1]}, fields=f"decision {{ id }} {EFFECT}")
    brand.clock.now += 60_000
    given = {"decisionId": made["decision"]["id"], "reason": "They are sisters."}
    fields = f"decision {{ id revokedAt revokedBy revokedReason }} {EFFECT}"
    foretold = await brand.done("revokeDecision", fields, dryRun=True, **given)
    assert (None, None) == (foretold["decision"]["revokedAt"], foretold["decision"]["revokedBy"])
    revoked = await brand.done("revokeDecision", fields, **given)
    assert foretold["effect"] == revoked["effect"]
    assert {"before": made["effect"]["after"], "after": made["effect"]["before"]} == revoked["effect"]
    assert ids == [await id_of(brand, open_id(one)) for one in "ab"]
    expected = {"id": made["decision"]["id"], "revokedAt": "2026-03-15T04:01:00Z", "revokedBy": "tests", "revokedReason": given["reason"]}
    assert expected == revoked["decision"]
    again = await brand.done("revokeDecision", fields, decisionId=given["decisionId"], reason="Once more.")
    assert (expected, {"before": [], "after": []}) == (again["decision"], again["effect"])


async def test_a_decision_names_identifiers(brand: Api) -> None:
    """Through a customer id it names that customer's seed of now; through an OpenID or an external id that one; a UnionID by its text."""
    (old,) = await brand.record("wxmini old u", when="2026-03-01T00:00:00Z")
    await brand.record("wxmini young v member:2", when="2026-03-02T00:00:00Z")
    await brand.record("wxserv older u", when="2026-02-01T00:00:00Z")
    for by, value in (
        ({"id": old["customerId"]}, "older"),
        (open_id("old"), "old"),
        ({"unionId": {"openAppId": "wxopen1", "value": "u"}}, "u"),
    ):
        made = (await same(brand, by, member("2"), fields=f"decision {{ a {SIDE} b {SIDE} }}"))["decision"]
        assert (value, "member", "2") == (made["a"]["value"], made["b"]["namespace"], made["b"]["number"])


async def test_a_union_id_is_meant_in_every_scope(brand: Api) -> None:
    """A decision on a UnionID is on its text: it is shown as the one first seen and joins all that have it."""
    await brand.done("bindTouchpoint", appId="wxshop", openAppId="wxopen2")
    await brand.rescoped()
    await brand.record("wxshop b u", when="2026-03-01T00:00:00Z")
    await brand.record("wxmini a u", "wxmini c w", when="2026-03-02T00:00:00Z")
    u = {"unionId": {"openAppId": "wxopen1", "value": "u"}}
    made = await same(brand, u, open_id("c"), fields=f"decision {{ a {SIDE} }}")
    assert ("UnionID", "wxopen2") == (made["decision"]["a"]["__typename"], made["decision"]["a"]["openAppId"])
    assert 1 == len({await id_of(brand, one) for one in (open_id("a"), open_id("b", "wxshop"), open_id("c"))})


async def test_what_cannot_be_decided(brand: Api) -> None:
    """Both sides one identifier is INVALID_INPUT, somebody unknown NOT_FOUND, a reason is needed; nothing is stored."""
    (a,) = await brand.record("wxmini a u member:1")
    for mutation in ("declareSame", "declareDifferent"):
        for one, other, expected in (
            (open_id("a"), open_id("a"), ("INVALID_INPUT", ["b"])),
            (open_id("a"), {"id": a["customerId"]}, ("INVALID_INPUT", ["b"])),
            (open_id("nobody"), open_id("a"), ("NOT_FOUND", ["a"])),
            (open_id("a"), {"id": "cus_nobody"}, ("NOT_FOUND", ["b"])),
            (open_id("a"), member("9"), ("NOT_FOUND", ["b"])),
            (open_id("a"), {"externalId": {"namespace": "No such", "value": "x"}}, ("NOT_FOUND", ["b"])),
        ):
            assert [expected] == await refused(brand, mutation, a=one, b=other, reason="So.")
        assert [("INVALID_INPUT", ["reason"])] == await refused(brand, mutation, a=open_id("a"), b=member("1"), reason=" ")
    assert [("NOT_FOUND", ["decisionId"])] == await refused(brand, "revokeDecision", decisionId="dec_" + "x" * 22, reason="So.")
    assert [("NOT_FOUND", ["decisionId"])] == await refused(brand, "revokeDecision", decisionId=a["customerId"], reason="So.")
    assert [("NOT_FOUND", ["evidenceId"])] == await refused(brand, "retractEvidence", evidenceId="evd_" + "x" * 22, reason="So.")
    assert 0 == (await brand.ask(DECISIONS))["decisions"]["totalCount"]


async def test_the_same_decision_again_is_the_one_that_stands(brand: Api) -> None:
    """Decided again, from either side, a standing decision is answered as it is and nothing changes; revoked, it is made anew."""
    await brand.record("wxmini a u", "wxmini b v")
    first = await same(brand, open_id("a"), open_id("b"), fields="decision { id reason }")
    again = await brand.done("declareSame", f"decision {{ id reason }} {EFFECT}", a=open_id("b"), b=open_id("a"), reason="Once more.")
    assert (first["decision"], {"before": [], "after": []}) == (again["decision"], again["effect"])
    await brand.done("revokeDecision", decisionId=first["decision"]["id"], reason="No.")
    anew = await same(brand, open_id("a"), open_id("b"))
    assert anew["decision"]["id"] != first["decision"]["id"]


@pytest.mark.parametrize("is_rehearsal", [False, True])
async def test_contradictions_are_refused_naming_the_others(brand: Api, *, is_rehearsal: bool) -> None:
    """What SAMEs join, no DIFFERENT may part, nor the other way round; named are those on the way, of which any one may be revoked."""
    await brand.record("wxmini x t", "wxmini a u", "wxmini b v", "wxmini c w", "wxmini d y")
    _, *chain = [await decided(brand, "declareSame", one, other) for one, other in ("xa", "ab", "bc")]
    given = {"reason": "So.", "dryRun": is_rehearsal}
    assert chain == await contradicted(brand, "declareDifferent", a=open_id("a"), b=open_id("c"), **given)
    apart = await decided(brand, "declareDifferent", "d", "a")
    assert [apart, *chain[::-1]] == await contradicted(brand, "declareSame", a=open_id("d"), b=open_id("c"), **given)
    assert 4 == (await brand.ask(DECISIONS))["decisions"]["totalCount"]
    for one, mutation, a, b in ((chain[0], "declareDifferent", "a", "c"), (apart, "declareSame", "d", "a")):
        await brand.done("revokeDecision", decisionId=one, reason="No.")
        await brand.done(mutation, a=open_id(a), b=open_id(b), **given)


async def decided(api: Api, mutation: str, one: str, other: str) -> str:
    """The id of a decision that was taken."""
    made = await api.done(mutation, "decision { id }", a=open_id(one), b=open_id(other), reason="So.")
    return str(made["decision"]["id"])


async def contradicted(api: Api, mutation: str, **given: object) -> list[str]:
    """The ids of the decisions that a refusal names, in order."""
    (error,) = (await api.do(mutation, "", **given))["errors"]
    assert "CONTRADICTING_DECISION" == error["code"]
    return re.findall(r"dec_[\w-]+", error["message"])


async def test_contradictions_by_way_of_what_is_no_more(brand: Api) -> None:
    """A chain of SAMEs over external ids that no evidence names any more still forbids to part its ends."""
    await brand.record("wxmini a u", "wxmini b v", "wxserv c - member:1", "wxserv d - member:2")
    for one, other in ((open_id("a"), member("1")), (member("1"), member("2")), (member("2"), open_id("b"))):
        await same(brand, one, other)
    for value, number in (("c", "1"), ("d", "2")):
        link = {"customer": open_id(value, "wxserv"), "externalId": {"namespace": "member", "value": number}}
        await brand.done("unlinkExternalIds", items=[link])
    assert {"customer": None} == await brand.ask(WHO, by=member("1"))
    assert [("CONTRADICTING_DECISION", None)] == await refused(brand, "declareDifferent", a=open_id("a"), b=open_id("b"), reason="So.")
    payload = await same(brand, open_id("a"), open_id("b"), fields="effect { before { customerId } }")
    assert 2 == len(payload["effect"]["before"])


async def refused_claim(brand: Api) -> tuple[str, str]:
    """A second member number that was refused: the ids of the refused claim and of the WeChat link that keeps its claimant."""
    await brand.record("wxmini a u member:1", when="2026-03-01T00:00:00Z")
    await brand.record("wxserv b u member:2", when="2026-03-02T00:00:00Z")
    (conflict,) = (await brand.ask(STEPS))["conflicts"]["nodes"]
    return conflict["refused"]["id"], next(step["id"] for step in conflict["kept"] if step["kind"] == "RESOLVED_AS")


async def test_retracted_evidence_counts_no_more(brand: Api) -> None:
    """The pair of a step is taken back, foretold and undone like any decision; what it refused or joined follows; later sights too."""
    claim, _ = await refused_claim(brand)
    given = {"evidenceId": claim, "reason": "A slip at the till."}
    fields = f"decision {{ id kind a {SIDE} b {SIDE} }} {EFFECT}"
    foretold = await brand.done("retractEvidence", fields, dryRun=True, **given)
    made = await brand.done("retractEvidence", fields, **given)
    assert (None, foretold["effect"]) == (foretold["decision"], made["effect"])
    assert "RETRACT" == made["decision"]["kind"]
    assert ("b", "member", "2") == (made["decision"]["a"]["value"], made["decision"]["b"]["namespace"], made["decision"]["b"]["number"])
    assert made["decision"]["b"]["customer"] is None
    assert ["RESOLVED"] == [one["state"] for one in (await brand.ask(STEPS))["conflicts"]["nodes"]]
    assert {"customer": None} == await brand.ask(WHO, by=member("2"))
    await brand.record("wxserv b u member:2", when="2026-03-10T00:00:00Z")
    assert {"customer": None} == await brand.ask(WHO, by=member("2"))
    again = await brand.done("retractEvidence", "decision { id }", **given)
    assert made["decision"]["id"] == again["decision"]["id"]
    await brand.done("revokeDecision", decisionId=made["decision"]["id"], reason="It was right.")
    assert ["OPEN"] == [one["state"] for one in (await brand.ask(STEPS))["conflicts"]["nodes"]]


@pytest.mark.parametrize("mutation", ["revokeDecision", "retractEvidence"])
async def test_what_goes_meanwhile_is_not_found(brand: Api, monkeypatch: pytest.MonkeyPatch, mutation: str) -> None:
    """What is said about somebody who is erased between the look and the turn is unknown: the steward is told, and nothing is kept."""
    evidence, _ = await refused_claim(brand)
    await brand.record("wxmini c w")
    decision = (await same(brand, open_id("a"), open_id("c")))["decision"]["id"]
    store = brand.counting._store
    look = {"revokeDecision": "nodes", "retractEvidence": "evidence"}[mutation]
    ask = getattr(store, look)

    async def erased_then(tenant: str, keys: Sequence[Key]) -> object:
        found = await ask(tenant, keys)
        monkeypatch.setattr(store, look, ask)
        await brand.done("eraseCustomer", "receipt { id }", by=open_id("a"), reason="As asked.")
        return found

    monkeypatch.setattr(store, look, erased_then)
    field, given = {"revokeDecision": ("decisionId", decision), "retractEvidence": ("evidenceId", evidence)}[mutation]
    assert [("NOT_FOUND", [field])] == await refused(brand, mutation, reason="Too late.", **{field: given})
    assert 0 == (await brand.ask(DECISIONS))["decisions"]["totalCount"]


async def test_a_decision_is_no_evidence(brand: Api) -> None:
    """The step of a SAME is answered with the decision to revoke."""
    await brand.record("wxmini a u", "wxmini b v")
    made = (await same(brand, open_id("a"), open_id("b")))["decision"]["id"]
    payload = await brand.do("retractEvidence", "decision { id }", evidenceId=made.replace("dec_", "evd_"), reason="So.")
    assert ["INVALID_INPUT"] == [error["code"] for error in payload["errors"]]
    assert made in payload["errors"][0]["message"]


async def test_decisions_are_listed(brand: Api) -> None:
    """All of them, both ways, by customer and by whether they stand; their sides cost one question, and none where nobody looks."""
    results = await brand.record("wxmini a u", "wxmini b v", "wxmini c w", "wxmini d x")
    made = [(await same(brand, open_id(one), open_id(other)))["decision"]["id"] for one, other in ("ab", "cd")]
    made.append((await brand.done("declareDifferent", "decision { id }", a=open_id("a"), b=open_id("c"), reason="So."))["decision"]["id"])
    await brand.done("revokeDecision", decisionId=made[1], reason="No.")

    async def listed(**given: object) -> list[str]:
        found = (await brand.ask(DECISIONS, **given))["decisions"]
        assert len(found["nodes"]) == min(found["totalCount"], 2 if "first" in given or "last" in given else 20)
        return [node["id"] for node in found["nodes"]]

    assert sorted(made) == await listed()
    assert sorted(made)[:2] == await listed(first=2)
    assert sorted(made)[1:] == await listed(last=2)
    assert sorted((made[0], made[2])) == await listed(filter={"isRevoked": False})
    assert [made[1]] == await listed(filter={"isRevoked": True})
    assert sorted((made[0], made[2])) == await listed(filter={"customerId": results[1]["customerId"]})
    assert [made[1]] == await listed(filter={"customerId": results[3]["customerId"], "isRevoked": True})
    assert [] == await listed(filter={"customerId": "cus_" + "x" * 22})
    brand.counting.asked.clear()
    node = await brand.ask(f"query ($id: ID!) {{ node(id: $id) {{ ... on Decision {{ kind a {SIDE} b {SIDE} }} }} }}", id=made[0])
    assert {"nodes": 1, "named": 1} == brand.counting.asked
    assert ["a", "b"] == [node["node"][side]["value"] for side in "ab"]
    brand.counting.asked.clear()
    await brand.ask("{ decisions { nodes { id kind } } }")
    assert {"page": 1} == brand.counting.asked


async def test_the_desk_is_the_steward_s(brand: Api) -> None:
    """Without the scope STEWARD nothing is decided, not even for show."""
    given = {"input": {"a": open_id("a"), "b": open_id("b"), "reason": "So.", "dryRun": True}}
    document = "mutation ($input: DeclareSameInput!) { declareSame(input: $input) { isDryRun } }"
    _, errors = await brand.execute(document, given, scopes=set(Scope) - {Scope.STEWARD})
    assert ["FORBIDDEN"] == [(error.extensions or {})["code"] for error in errors]
