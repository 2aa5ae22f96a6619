"""The brand's side: registered, changed, bound, moved, corrected, and asked for."""

from __future__ import annotations

import pytest

from tests.api.asking import Api, Json

ENTITY = "entity { entityId name kind region creditCode }"
PLATFORM = "openPlatform { openAppId name isQualified qualifiedUntil createdVia entity { entityId } }"
TOUCHPOINT = "touchpoint { appId kind name originalId entity { entityId } binding { id } }"
BINDING = (
    "binding { id state startedAt endedAt relation path isOverLimit openPlatform { openAppId } touchpoint { appId } } job { id kind state }"
)


def code(payload: Json) -> list[tuple[str, list[str] | None]]:
    """What was refused, and where."""
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_registering_again_changes_the_given_fields_alone(api: Api) -> None:
    """Absent leaves a field as it is, null clears it, a value sets it."""
    given: Json = {"entityId": "acme", "name": "Acme", "kind": "COMPANY", "creditCode": "91110000100000000A"}
    made = (await api.done("registerEntity", ENTITY, **given))["entity"]
    assert made == given | {"region": "MAINLAND"}
    assert made | {"name": "New"} == (await api.done("registerEntity", ENTITY, entityId="acme", name="New"))["entity"]
    cleared = (await api.done("registerEntity", ENTITY, entityId="acme", creditCode=None))["entity"]
    assert made | {"name": "New", "creditCode": None} == cleared

    given = {"openAppId": "wxopen", "name": "Open", "entityId": "acme", "isQualified": True, "qualifiedUntil": "2026-12-31"}
    platform = (await api.done("registerOpenPlatform", PLATFORM, **given))["openPlatform"]
    assert ("2026-12-31", True, "CONSOLE", {"entityId": "acme"}) == tuple(
        platform[name] for name in ("qualifiedUntil", "isQualified", "createdVia", "entity")
    )
    assert (
        platform | {"name": "Other"} == (await api.done("registerOpenPlatform", PLATFORM, openAppId="wxopen", name="Other"))["openPlatform"]
    )
    cleared = (await api.done("registerOpenPlatform", PLATFORM, openAppId="wxopen", qualifiedUntil=None))["openPlatform"]
    assert (None, True) == (cleared["qualifiedUntil"], cleared["isQualified"])

    given = {"appId": "wx1", "kind": "SERVICE_ACCOUNT", "name": "Shop", "originalId": "gh_1", "entityId": "acme"}
    touchpoint = (await api.done("registerTouchpoint", TOUCHPOINT, **given))["touchpoint"]
    shown = {name: value for name, value in given.items() if name != "entityId"}
    assert shown | {"entity": {"entityId": "acme"}, "binding": None} == touchpoint
    cleared = (await api.done("registerTouchpoint", TOUCHPOINT, appId="wx1", entityId=None, originalId=None))["touchpoint"]
    assert touchpoint | {"entity": None, "originalId": None} == cleared


async def test_a_first_registration_needs_its_fields(api: Api) -> None:
    """A first registration names each field that it lacks; null for what cannot be cleared, and unknown neighbours, are refused."""
    assert [("INVALID_INPUT", ["name"]), ("INVALID_INPUT", ["kind"])] == code(await api.do("registerEntity", ENTITY, entityId="acme"))
    assert [("INVALID_INPUT", ["name"])] == code(await api.do("registerEntity", ENTITY, entityId="acme", name=None, kind="COMPANY"))
    unknown = await api.do("registerTouchpoint", TOUCHPOINT, appId="wx1", name="x", kind="STORE", entityId="nobody")
    assert (None, [("NOT_FOUND", ["entityId"])]) == (unknown["touchpoint"], code(unknown))
    assert [("NOT_FOUND", ["entityId"])] == code(
        await api.do("registerOpenPlatform", PLATFORM, openAppId="wxopen", name="x", entityId="nobody")
    )


async def test_affiliations_are_directed(brand: Api) -> None:
    """An accepted affiliation makes the other entity's touchpoints RELATED, one way only, on its days."""
    await brand.done("registerEntity", entityId="sister", name="Sister", kind="COMPANY")
    await brand.done("registerTouchpoint", appId="wxsister", name="Sister's", kind="MINI_PROGRAM", entityId="sister")
    bound = await brand.done("bindTouchpoint", BINDING, appId="wxsister", openAppId="wxopen1", hasHappened=True)
    assert "DIFFERENT" == bound["binding"]["relation"]
    made = await brand.done("relateEntities", "relation { entity { entityId } startsOn endsOn }", entityId="acme", relatedEntityId="sister")
    assert {"entity": {"entityId": "sister"}, "startsOn": None, "endsOn": None} == made["relation"]
    document = '{ touchpoint(appId: "wxsister") { binding { relation } } entities { nodes { entityId related { entity { entityId } } } } }'
    answer = await brand.ask(document)
    assert "RELATED" == answer["touchpoint"]["binding"]["relation"]
    assert {"acme": [{"entity": {"entityId": "sister"}}], "sister": []} == {
        one["entityId"]: one["related"] for one in answer["entities"]["nodes"]
    }
    ended = {"entityId": "acme", "relatedEntityId": "sister", "startsOn": "2026-01-01", "endsOn": "2026-03-14"}
    await brand.done("relateEntities", "relation { endsOn }", **ended)
    assert "DIFFERENT" == (await brand.ask(document))["touchpoint"]["binding"]["relation"]
    assert [("NOT_FOUND", ["relatedEntityId"])] == code(
        await brand.do("relateEntities", "relation { endsOn }", entityId="acme", relatedEntityId="nobody")
    )


async def test_a_binding_history(brand: Api) -> None:
    """Bound since ever, moved, unbound and bound again: epochs without a gap, each assertion with its state; each wakes the worker."""
    day = "2026-03-{:02}T00:00:00Z"
    woken = brand.woken
    moved = await brand.done("moveTouchpoint", BINDING, appId="wxmini", toOpenAppId="wxopen2", at=day.format(1))
    assert ("ACTIVE", "wxopen2", day.format(1), None, "SAME") == (
        moved["binding"]["state"],
        moved["binding"]["openPlatform"]["openAppId"],
        moved["binding"]["startedAt"],
        moved["binding"]["endedAt"],
        moved["binding"]["relation"],
    )
    assert {"kind": "RESCOPE", "state": "QUEUED"} == {name: moved["job"][name] for name in ("kind", "state")}
    unbound = await brand.done(
        "unbindTouchpoint", "binding { openPlatform { openAppId } relation startedAt } job { kind }", appId="wxmini", at=day.format(5)
    )
    assert {"openPlatform": None, "relation": None, "startedAt": day.format(5)} == unbound["binding"]
    assert {"kind": "RESCOPE"} == unbound["job"]
    await brand.done("bindTouchpoint", BINDING, appId="wxmini", openAppId="wxopen1", at=day.format(9), path="API")
    assert woken + 3 == brand.woken

    document = """{ touchpoint(appId: "wxmini") { binding { path } bindingHistory { startedAt endedAt state openPlatform { openAppId } } }
        openPlatform(openAppId: "wxopen2") { bindings { id } bindingHistory { startedAt } } }"""
    answer = await brand.ask(document)
    assert [
        (None, day.format(1), "ENDED", {"openAppId": "wxopen1"}),
        (day.format(1), day.format(5), "ENDED", {"openAppId": "wxopen2"}),
        (day.format(5), day.format(9), "ENDED", None),
        (day.format(9), None, "ACTIVE", {"openAppId": "wxopen1"}),
    ] == [tuple(one.values()) for one in answer["touchpoint"]["bindingHistory"]]
    assert {"path": "API"} == answer["touchpoint"]["binding"]
    assert {"bindings": [], "bindingHistory": [{"startedAt": day.format(1)}]} == answer["openPlatform"]


async def test_bindings_are_corrected_and_retracted(brand: Api) -> None:
    """A correction changes what is given, null `at` means since ever; a retracted assertion counts no more but stays in the history."""
    moved = (await brand.done("moveTouchpoint", BINDING, appId="wxmini", toOpenAppId="wxopen2", at="2026-03-01T00:00:00Z"))["binding"]
    why = {"bindingId": moved["id"], "reason": "The console says so."}
    corrected = (await brand.done("correctBinding", BINDING, **why, at="2026-02-01T08:00:00+08:00"))["binding"]
    assert moved | {"startedAt": "2026-02-01T00:00:00Z"} == corrected
    assert [("OVERLAPPING_BINDING", ["at"])] == code(await brand.do("correctBinding", BINDING, **why, at=None))
    assert [("INVALID_INPUT", None)] == code(await brand.do("correctBinding", BINDING, **why))
    unbound = (await brand.done("correctBinding", BINDING, **why, openAppId=None))["binding"]
    assert (None, "2026-02-01T00:00:00Z") == (unbound["openPlatform"], unbound["startedAt"])
    retracted = await brand.done("retractBinding", BINDING, **why)
    assert "RETRACTED" == retracted["binding"]["state"]
    answer = (
        await brand.ask('{ touchpoint(appId: "wxmini") { binding { openPlatform { openAppId } } bindingHistory { state reason } } }')
    )["touchpoint"]
    assert {"openPlatform": {"openAppId": "wxopen1"}} == answer["binding"]
    assert [("ACTIVE", None), ("RETRACTED", "The console says so.")] == [(one["state"], one["reason"]) for one in answer["bindingHistory"]]
    for nothing in ("bnd_nothing", "bnd_" + "x" * 22, moved["id"].replace("bnd_", "tp_")):
        assert [("NOT_FOUND", ["bindingId"])] == code(await brand.do("retractBinding", BINDING, bindingId=nothing, reason="x"))


async def test_what_is_bound_cannot_be_bound(brand: Api) -> None:
    """Binding what is bound answers the binding that stands; moving or unbinding what is not bound says so."""
    document = """mutation { bindTouchpoint(input: {appId: "wxmini", openAppId: "wxopen2"}) { binding { id } job { id }
        errors { __typename code path ... on AlreadyBound { binding { openPlatform { openAppId } } } } } }"""
    payload = (await brand.ask(document))["bindTouchpoint"]
    standing = {"openPlatform": {"openAppId": "wxopen1"}}
    assert [{"__typename": "AlreadyBound", "code": "ALREADY_BOUND", "path": ["appId"], "binding": standing}] == payload["errors"]
    assert payload["binding"] is payload["job"] is None
    assert [("NOT_BOUND", ["appId"])] == code(await brand.do("moveTouchpoint", BINDING, appId="wxshop", toOpenAppId="wxopen1"))
    assert [("NOT_BOUND", ["appId"])] == code(await brand.do("unbindTouchpoint", "binding { id }", appId="wxshop"))
    assert [("NOT_FOUND", ["openAppId"])] == code(await brand.do("bindTouchpoint", BINDING, appId="wxshop", openAppId="wxnowhere"))
    assert [("NOT_FOUND", ["appId"])] == code(await brand.do("bindTouchpoint", BINDING, appId="wxnobody", openAppId="wxopen1"))
    late = {"appId": "wxshop", "openAppId": "wxopen1", "at": "2026-03-16T00:00:00Z"}
    assert [("INVALID_INPUT", ["at"])] == code(await brand.do("bindTouchpoint", BINDING, **late))


@pytest.mark.parametrize(
    "which, expected",
    [
        ({}, ["wxmini", "wxserv", "wxshop"]),
        ({"kinds": ["MINI_PROGRAM"]}, ["wxmini", "wxshop"]),
        ({"kinds": []}, ["wxmini", "wxserv", "wxshop"]),
        ({"entityId": "acme"}, ["wxmini", "wxserv", "wxshop"]),
        ({"entityId": "nobody"}, []),
        ({"openAppId": "wxopen1"}, ["wxmini", "wxserv"]),
        ({"openAppId": "wxopen2"}, []),
        ({"isBound": True}, ["wxmini", "wxserv"]),
        ({"isBound": False}, ["wxshop"]),
        ({"isBound": None, "kinds": None}, ["wxmini", "wxserv", "wxshop"]),
        ({"kinds": ["MINI_PROGRAM"], "isBound": True}, ["wxmini"]),
    ],
)
async def test_touchpoints_by_filter(brand: Api, which: Json, expected: list[str]) -> None:
    """By kind, entity, Open Platform account and whether it is bound, all together; counted as they are filtered."""
    document = "query ($filter: TouchpointFilter) { touchpoints(filter: $filter) { totalCount nodes { appId } } }"
    found = (await brand.ask(document, filter=which))["touchpoints"]
    assert (len(expected), expected) == (found["totalCount"], [one["appId"] for one in found["nodes"]])


async def test_by_wechats_own_ids(brand: Api) -> None:
    """Entity, Open Platform account and touchpoint by their own ids, with their neighbours; null where nothing is registered."""
    document = """query ($e: String!, $o: String!, $a: String!) {
        entity(entityId: $e) { openPlatforms { openAppId } touchpoints { appId } }
        openPlatform(openAppId: $o) { entity { entityId } bindings { touchpoint { appId } } }
        touchpoint(appId: $a) { entity { entityId } } }"""
    assert {
        "entity": {
            "openPlatforms": [{"openAppId": "wxopen1"}, {"openAppId": "wxopen2"}],
            "touchpoints": [{"appId": "wxmini"}, {"appId": "wxserv"}, {"appId": "wxshop"}],
        },
        "openPlatform": {
            "entity": {"entityId": "acme"},
            "bindings": [{"touchpoint": {"appId": "wxmini"}}, {"touchpoint": {"appId": "wxserv"}}],
        },
        "touchpoint": {"entity": {"entityId": "acme"}},
    } == await brand.ask(document, e="acme", o="wxopen1", a="wxshop")
    assert {"entity": None, "openPlatform": None, "touchpoint": None} == await brand.ask(document, e="x", o="x", a="x")


async def test_the_identity_policy(api: Api) -> None:
    """Namespaces in rank order with their slots, and the two thresholds."""
    policy = (
        await api.ask("{ identityPolicy { genericAfter largestComponent namespaces { namespace maxPerCustomer isSensitive normaliser } } }")
    )["identityPolicy"]
    assert (5, 200) == (policy["genericAfter"], policy["largestComponent"])
    assert [("member", 1), ("wecom", 1), ("crm", None), ("phone", None), ("email", None)] == [
        (one["namespace"], one["maxPerCustomer"]) for one in policy["namespaces"]
    ]
    assert {"namespace": "phone", "maxPerCustomer": None, "isSensitive": True, "normaliser": "PHONE_E164"} in policy["namespaces"]
