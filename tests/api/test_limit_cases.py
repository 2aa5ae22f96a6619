"""The worked cases of WeChat's limits, registered and asked through GraphQL."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, Json, StandingClock, at
from tests.graph.limit_cases import CASES, Accounts, Component, LimitCase

OWNER = {"SAME": "owner", "RELATED": "affiliate", "DIFFERENT": "stranger", "UNKNOWN": None}
LIMITS = """
{ openPlatform(openAppId: "wxopen") { limits { kinds relation path availability remaining limitedBy
  components { kind limit used remaining resetsAt effect note rule { name certainty source asOf value isOverridden } } } } }
"""


async def register(api: Api, case: LimitCase) -> None:
    """Make known what a case tells of, as WeChat did it already."""
    for entity_id in ("owner", "affiliate", "stranger"):
        await api.done("registerEntity", entityId=entity_id, name=entity_id, kind="COMPANY")
    await api.done("relateEntities", entityId="owner", relatedEntityId="affiliate")
    said: Json = {"isQualified": case.is_qualified, "createdVia": case.created_via}
    if case.qualified_until:
        said["qualifiedUntil"] = case.qualified_until
    await api.done("registerOpenPlatform", openAppId="wxopen", name="Brand", entityId="owner", **said)
    number = 0
    for accounts in case.bound:
        for _ in range(accounts.number):
            number += 1
            await bind(api, accounts, f"wx{number:03}")


async def bind(api: Api, accounts: Accounts, app_id: str) -> None:
    """One touchpoint of a case, bound, and unbound where the case says so."""
    await api.done("registerTouchpoint", appId=app_id, name=app_id, kind=accounts.kind, entityId=OWNER[accounts.relation])
    await api.done("bindTouchpoint", appId=app_id, openAppId="wxopen", at=accounts.starts, path=accounts.path, hasHappened=True)
    if accounts.ends:
        await api.done("unbindTouchpoint", appId=app_id, at=accounts.ends)


def expected(one: Component) -> Json:
    """A component as GraphQL must answer it."""
    return {
        "kind": one.kind,
        "limit": one.limit,
        "used": one.used,
        "remaining": one.remaining,
        "effect": one.effect,
        "resetsAt": one.resets_at,
        "notes": [*one.rule.notes, *one.more_notes],
        "rule": {
            "name": one.rule.name,
            "certainty": one.rule.certainty,
            "source": one.rule.source,
            "asOf": one.rule.as_of,
            "value": one.limit,
            "isOverridden": False,
        },
    }


def seen(one: Json) -> Json:
    """A component as GraphQL answered it; of each note its first word, which is for programs."""
    notes = [line.partition(":")[0] for line in (one["note"] or "").splitlines()]
    return {name: value for name, value in one.items() if name != "note"} | {"notes": notes}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_worked_case(api: Api, clock: StandingClock, case: LimitCase) -> None:
    """Each worked case gives what remains, what limits it, and of every component limit, used, remaining, effect, certainty, source."""
    clock.now = at(case.now)
    await register(api, case)

    limits = (await api.ask(LIMITS))["openPlatform"]["limits"]

    counted = "SAME" if case.relation == "SAME" or (case.relation == "RELATED" and case.path == "CONSOLE") else "DIFFERENT"
    found = next(one for one in limits if case.kind in one["kinds"] and (one["relation"], one["path"]) == (counted, case.path))
    assert [expected(one) for one in case.components] == [seen(one) for one in found["components"]]
    assert (case.remaining, case.limited_by, "LIMITED") == (found["remaining"], found["limitedBy"], found["availability"])


@pytest.mark.parametrize("case", [case for case in CASES if case.remaining == 0], ids=lambda case: case.name)
async def test_a_binding_beyond_is_refused(api: Api, clock: StandingClock, case: LimitCase) -> None:
    """Where nothing remains, one more binding is refused with the limit that bites; has it happened, it is recorded and flagged."""
    clock.now = at(case.now)
    await register(api, case)
    await api.done("registerTouchpoint", appId="wxmore", name="One more", kind=case.kind, entityId=OWNER[case.relation])
    more = {"appId": "wxmore", "openAppId": "wxopen", "path": case.path, "at": case.now}
    refusal = (
        "mutation ($input: BindTouchpointInput!) { bindTouchpoint(input: $input) { binding { id } errors {"
        " __typename code path ... on BindingLimitReached { limit { remaining limitedBy } } } } }"
    )

    refused = (await api.ask(refusal, input=more))["bindTouchpoint"]
    happened = await api.done("bindTouchpoint", "binding { isOverLimit state }", **more, hasHappened=True)

    code = "NOT_QUALIFIED" if case.limited_by == "QUALIFICATION" else "BINDING_LIMIT_REACHED"
    limit = {"remaining": 0, "limitedBy": case.limited_by}
    assert [{"__typename": "BindingLimitReached", "code": code, "path": ["openAppId"], "limit": limit}] == refused["errors"]
    assert refused["binding"] is None
    assert {"isOverLimit": True, "state": "ACTIVE"} == happened["binding"]


async def test_an_override_says_so(brand: Api) -> None:
    """An operator's number takes the place of WeChat's, marked as reported by them; taken back, WeChat's page counts again."""
    fields = "rule { name value defaultValue isOverridden certainty asOf source }"
    said = {"rule": "mini_program_same", "reason": "WeChat's service desk allowed it."}

    rule = (await brand.done("overrideLimit", fields, **said, change={"value": 60}))["rule"]
    assert ("mini_program_same", 60, 50, True, "REPORTED", "2026-03-15") == tuple(
        rule[name] for name in ("name", "value", "defaultValue", "isOverridden", "certainty", "asOf")
    )
    rules = (await brand.ask("{ bindingRules { name value isOverridden } }"))["bindingRules"]
    assert {"name": "mini_program_same", "value": 60, "isOverridden": True} in rules
    rule = (await brand.done("overrideLimit", fields, **said, change={"isUnlimited": True}))["rule"]
    assert (None, True) == (rule["value"], rule["isOverridden"])
    rule = (await brand.done("overrideLimit", fields, **said, change={"isReset": True}))["rule"]
    assert (50, False, "DOCUMENTED") == (rule["value"], rule["isOverridden"], rule["certainty"])
    refused = await brand.do("overrideLimit", fields, rule="no_such_rule", reason="x", change={"value": 1})
    assert ["NOT_FOUND"] == [error["code"] for error in refused["errors"]]
