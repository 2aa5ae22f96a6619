"""What a steward does where evidence alone cannot tell: with a preview, whatever has arrived in which order, and undone without a trace."""

from __future__ import annotations

import re

from graph.changes import ChangeKind
from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import Step, in_every_order
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import record

EFFECT = "effect { before { customerId identifiers } after { customerId identifiers } }"
DUPLICATES = """query ($first: Int, $last: Int, $before: String) {
  conflicts(filter: {kinds: [TWO_VALUES_ONE_NAMESPACE], namespace: "member", states: [OPEN]}, first: $first, last: $last, before: $before) {
    totalCount pageInfo { startCursor } nodes { id namespace state breaks refused { id target { id } } kept { id }
      customers { id externalIds { namespace value } } } } }"""
CONFLICTS = "{ conflicts(first: 100) { nodes { id kind state resolvedAt refused { id kind } } } }"
CUSTOMER = "query ($by: CustomerBy!) { customer(by: $by) { id openIds { id } unionIds { id } externalIds { id } } }"


def by(name: str) -> Json:
    """Whoever has `mini:a`, `wxA:u` or `member:7`."""
    scope, _, value = name.partition(":")
    if scope in {"member", "phone", "crm"}:
        return {"externalId": {"namespace": scope, "value": value}}
    if scope.startswith("wx"):
        return {"unionId": {"openAppId": scope, "value": value}}
    return {"openId": {"appId": scope, "value": value}}


def same(a: str, b: str, *, after: tuple[Step, ...] = ()) -> Step:
    """Two declared SAME."""
    return _declared("declareSame", a, b, after)


def different(a: str, b: str, *, after: tuple[Step, ...] = ()) -> Step:
    """Two declared DIFFERENT."""
    return _declared("declareDifferent", a, b, after)


def revoked(a: str, b: str, *, after: tuple[Step, ...]) -> Step:
    """The standing decision on two revoked, SAME or DIFFERENT."""

    async def do(api: Api) -> None:
        asked = "query ($id: ID!) { decisions(filter: {customerId: $id, isRevoked: false}) { nodes { id a { id } b { id } } } }"
        ends = [await id_of(api, name) for name in (a, b)]
        found = (await api.ask(asked, id=(await customer(api, a))["id"]))["decisions"]["nodes"]
        (which,) = [one["id"] for one in found if {one["a"]["id"], one["b"]["id"]} == set(ends)]
        await api.done("revokeDecision", decisionId=which, reason="It was wrong.")

    return Step(f"revoke {a} {b}", do, after)


def _declared(mutation: str, a: str, b: str, after: tuple[Step, ...]) -> Step:
    async def do(api: Api) -> None:
        given = {"a": by(a), "b": by(b), "reason": "Asked at the till."}
        foretold = await api.done(mutation, EFFECT, dryRun=True, **given)
        assert foretold["effect"] == (await api.done(mutation, EFFECT, **given))["effect"]

    return Step(f"{mutation} {a} {b}", do, after)


async def customer(api: Api, name: str) -> Json:
    """Who has this identifier."""
    found: Json = (await api.ask(CUSTOMER, by=by(name)))["customer"]
    return found


async def id_of(api: Api, name: str) -> str:
    """An identifier's id: every one that is named here is the only one of its kind and value that its customer has."""
    keys = api.tenant.keys
    scope, _, value = name.partition(":")
    if scope in {"member", "phone", "crm"}:
        return f"xid_{keys.external_id(scope, value)}"
    return f"uid_{keys.union_id(scope, value)}" if scope.startswith("wx") else f"oid_{keys.open_id(scope, value)}"


TWO_NUMBERS = (record("mini a u member:1", on=1), record("serv b u member:2", on=2), record("other c - member:2", on=3))


async def test_one_union_id_two_member_numbers_one_person(brands: Brands) -> None:
    """One UnionID with two member numbers: shown side by side, foretold, joined by a SAME, and undone by its revocation."""
    apart = await in_every_order(brands, *TWO_NUMBERS)
    assert ["member:1 mini:a serv:b wxA:u", "member:2 other:c"] == apart.partition
    decided = same("member:1", "member:2", after=TWO_NUMBERS)
    joined = await in_every_order(brands, *TWO_NUMBERS, decided)
    assert ["member:1 member:2 mini:a other:c serv:b wxA:u"] == joined.partition
    assert [] == joined.conflicts
    undone = await in_every_order(brands, *TWO_NUMBERS, decided, revoked("member:1", "member:2", after=(decided,)))
    assert apart == undone


async def test_a_generic_union_id_leaves_again(brands: Brands) -> None:
    """A UnionID that too many share, joined to somebody by a SAME, is alone again when that is revoked."""
    crowd = record(*(f"mini {name} u" for name in "abcdef"), "serv x -", on=1)
    alone = await in_every_order(brands, crowd)
    assert ["mini:a", "mini:b", "mini:c", "mini:d", "mini:e", "mini:f", "serv:x", "wxA:u"] == alone.partition
    decided = same("wxA:u", "serv:x", after=(crowd,))
    joined = await in_every_order(brands, crowd, decided)
    assert "serv:x wxA:u" in joined.partition
    undone = await in_every_order(brands, crowd, decided, revoked("wxA:u", "serv:x", after=(decided,)))
    assert alone == undone


async def test_duplicate_members_side_by_side(brands: Brands) -> None:
    """Open conflicts of two member numbers list both customers, from either end; decided, they are gone, and revoked they are back."""
    for order in (TWO_NUMBERS, TWO_NUMBERS[::-1]):
        api = await brands.fresh()
        for step in (*order, record("mini d v member:3", "serv e v member:4", "mini f w crm:1", on=4)):
            await step.does(api)
        found = (await api.ask(DUPLICATES))["conflicts"]
        assert 2 == found["totalCount"]
        numbers = [sorted(one["value"] for person in node["customers"] for one in person["externalIds"]) for node in found["nodes"]]
        assert [["1", "2"], ["3", "4"]] == sorted(numbers)
        assert {("member", "OPEN", "member")} == {
            (node["namespace"], node["state"], person["externalIds"][0]["namespace"])
            for node in found["nodes"]
            for person in node["customers"]
        }
        last = (await api.ask(DUPLICATES, last=1))["conflicts"]
        before = (await api.ask(DUPLICATES, last=1, before=last["pageInfo"]["startCursor"]))["conflicts"]
        assert [node["id"] for node in found["nodes"]] == [node["id"] for page in (before, last) for node in page["nodes"]]
        decided = same("member:1", "member:2")
        await decided.does(api)
        assert 1 == (await api.ask(DUPLICATES))["conflicts"]["totalCount"]
        await revoked("member:1", "member:2", after=()).does(api)
        again = (await api.ask(DUPLICATES))["conflicts"]
        assert [node["id"] for node in found["nodes"]] == [node["id"] for node in again["nodes"]]


async def test_a_recycled_phone_is_about_member_numbers(brands: Brands) -> None:
    """A phone that would join two member numbers is a conflict of the namespace member, for that is what it would break."""
    phone = "phone:13800138000"
    steps = (record("mini a u member:1", on=1), record(f"serv a2 u {phone}", on=2), record("mini b v member:2", f"serv b2 v {phone}", on=8))
    for order in (steps, steps[::-1]):
        api = await brands.fresh()
        for step in order:
            await step.does(api)
        (conflict,) = (await api.ask(DUPLICATES))["conflicts"]["nodes"]
        assert "One customer would have more values of one namespace than the identity policy allows." == conflict["breaks"]
        assert 2 == len(conflict["customers"])


async def test_a_wrong_merge_is_retracted(brands: Brands) -> None:
    """A claim that joined two people is taken back: they part, the feed maps every identifier to its new customer, and old ids resolve."""
    steps = (record("mini a u member:7", on=1), record("serv b v member:7", on=2))
    for order in (steps, steps[::-1]):
        api = await brands.fresh()
        for step in order:
            await step.does(api)
        before = await picture(api)
        assert ["member:7 mini:a serv:b wxA:u wxA:v"] == before.partition
        old = await customer(api, "serv:b")
        asked = "query ($by: CustomerBy!, $a: ID!, $b: ID!) { customer(by: $by) { why(source: $a, target: $b) { id kind } } }"
        ends = [await id_of(api, name) for name in ("serv:b", "member:7")]
        (claim,) = (await api.ask(asked, by=by("serv:b"), a=ends[0], b=ends[1]))["customer"]["why"]
        given = {"evidenceId": claim["id"], "reason": "Typed in by mistake."}
        foretold = await api.done("retractEvidence", EFFECT, dryRun=True, **given)
        sequence = len(await api.store.changes(api.name, 0, 1000))
        made = await api.done("retractEvidence", f"decision {{ id }} {EFFECT}", **given)
        assert foretold["effect"] == made["effect"]
        assert ["member:7 mini:a wxA:u", "serv:b wxA:v"] == (await picture(api)).partition
        await assert_mapped(api, sequence, made["effect"])
        assert old["id"] == (await customer(api, "mini:a"))["id"]
        assert old["id"] != (await customer(api, "serv:b"))["id"]
        await api.done("revokeDecision", decisionId=made["decision"]["id"], reason="It was right.")
        assert before == await picture(api)


async def test_a_wrong_merge_is_parted(brands: Brands) -> None:
    """Two who are not one are declared DIFFERENT: they part whatever joins them, later logins too, and are joined when it is revoked."""
    steps = (record("mini a u member:7", on=1), record("serv b v member:7", on=2))
    apart = different("mini:a", "serv:b", after=steps)
    seen = await in_every_order(brands, *steps, apart, record("serv b v member:7", on=9, after=(*steps, apart)))
    assert ["member:7 mini:a wxA:u", "serv:b wxA:v"] == seen.partition
    assert ["DECLARED_DIFFERENT serv:b > member:7"] == seen.conflicts
    together = await in_every_order(brands, *steps)
    assert together == await in_every_order(brands, *steps, apart, revoked("mini:a", "serv:b", after=(apart,)))
    api = await brands.fresh()
    for step in steps:
        await step.does(api)
    sequence = len(await api.store.changes(api.name, 0, 1000))
    given = {"a": by("mini:a"), "b": by("serv:b"), "reason": "Two people."}
    effect = (await api.done("declareDifferent", EFFECT, **given))["effect"]
    await assert_mapped(api, sequence, effect)


async def assert_mapped(api: Api, after: int, effect: Json) -> None:
    """The feed's new items are one SPLIT for each customer that there is now, with all its identifiers, and every one knows who it was."""
    changes = await api.store.changes(api.name, after, 1000)
    told = {f"cus_{one.customer_key}": sorted(one.identifiers) for one in changes}
    assert {one["customerId"]: one["identifiers"] for one in effect["after"]} == told
    assert {ChangeKind.SPLIT} == {one.kind for one in changes}
    assert 1 == len({one.transaction for one in changes})
    assert {one["customerId"] for one in effect["before"]} == {f"cus_{key}" for one in changes for key in one.previous}


async def test_a_same_never_tears_apart(brands: Brands) -> None:
    """A SAME joins whole customers, member numbers of their own or not, and whoever was together before stays together."""
    steps = (record("mini a u member:1", on=1), record("serv a2 u", on=2), record("mini b v member:2", on=3), record("serv b2 v", on=4))
    seen = await in_every_order(brands, *steps, same("serv:a2", "mini:b", after=steps))
    assert ["member:1 member:2 mini:a mini:b serv:a2 serv:b2 wxA:u wxA:v"] == seen.partition


async def test_different_wins_over_same(brands: Brands) -> None:
    """Where a SAME would bring together whom a DIFFERENT keeps apart, it is the SAME that is a conflict, until the DIFFERENT is revoked."""
    steps = (record("mini a u", "serv a2 u", on=1), record("mini b v", "serv b2 v", on=2))
    decided = (different("mini:a", "mini:b", after=steps), same("serv:a2", "serv:b2", after=steps))
    seen = await in_every_order(brands, *steps, *decided)
    assert ["mini:a serv:a2 wxA:u", "mini:b serv:b2 wxA:v"] == seen.partition
    assert ["DECLARED_DIFFERENT serv:a2 > serv:b2"] == seen.conflicts
    after = await in_every_order(brands, *steps, *decided, revoked("mini:a", "mini:b", after=decided))
    assert ["mini:a mini:b serv:a2 serv:b2 wxA:u wxA:v"] == after.partition
    assert [] == after.conflicts


async def test_contradictions_are_refused_in_any_order(brands: Brands) -> None:
    """Of decisions that contradict each other the last one is refused, whichever it is, naming the others, which stand."""
    pairs = [("declareSame", "mini:a", "mini:b"), ("declareSame", "mini:b", "mini:c"), ("declareDifferent", "mini:a", "mini:c")]
    for order in (pairs, pairs[::-1], [pairs[0], pairs[2], pairs[1]]):
        api = await brands.fresh()
        await record("mini a u", "mini b v", "mini c w", on=1).does(api)
        made = []
        for mutation, a, b in order:
            payload = await api.do(mutation, "decision { id }", a=by(a), b=by(b), reason="So.")
            made.append(payload["decision"] and payload["decision"]["id"])
        assert [False, False, True] == [one is None for one in made]
        assert ["CONTRADICTING_DECISION"] == [error["code"] for error in payload["errors"]]
        assert set(made[:2]) == set(re.findall(r"dec_[\w-]+", payload["errors"][0]["message"]))


async def test_conflicts_open_and_resolve_with_their_cause(brands: Brands) -> None:
    """A conflict stays the same one while it resolves, because the evidence is retracted or the policy overruled, and opens again."""
    for order in (TWO_NUMBERS, TWO_NUMBERS[::-1]):
        api = await brands.fresh()
        for step in order:
            await step.does(api)
        (conflict,) = (await api.ask(CONFLICTS))["conflicts"]["nodes"]
        assert ("OPEN", None) == (conflict["state"], conflict["resolvedAt"])
        for mutation, given in (
            ("retractEvidence", {"evidenceId": conflict["refused"]["id"]}),
            ("declareSame", {"a": by("mini:a"), "b": by("other:c")}),
        ):
            made = await api.done(mutation, "decision { id }", reason="So.", **given)
            (now,) = (await api.ask(CONFLICTS))["conflicts"]["nodes"]
            assert (conflict["id"], "RESOLVED") == (now["id"], now["state"])
            assert now["resolvedAt"]
            await api.done("revokeDecision", decisionId=made["decision"]["id"], reason="Not so.")
            (now,) = (await api.ask(CONFLICTS))["conflicts"]["nodes"]
            assert (conflict["id"], "OPEN", None) == (now["id"], now["state"], now["resolvedAt"])
