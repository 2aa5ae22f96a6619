"""Identities brought in: one outcome an item, the good ones applied whatever stands beside them."""

from __future__ import annotations

from collections import Counter

from app.ingest.ports import LoginAnswer, MissingUnionIdReason
from graph.errors import Refused, SimpleError, UserErrorCode, WeChatRefused
from graph.results import Outcome, Result
from tests.api.asking import Api, Json, item

RECORD = """
mutation ($input: RecordResolutionsInput!) { recordResolutions(input: $input) {
  applied unchanged quarantined rejected errors { code path }
  results { index outcome customerId isNewCustomer customer { id state touchpoints { openId { value } } unionIds { value } }
            conflict { kind customers { id } } error { __typename code path message } }
} }
"""
GOOD = {"appId": "wxmini", "source": "CODE2SESSION"}
BAD: tuple[tuple[Json, str, str | None, list[str] | None], ...] = (
    ({"appId": "wxnobody", "openId": "u"}, "QUARANTINED", None, None),
    ({"appId": "wxshop", "openId": "unbound", "unionId": "union-x"}, "QUARANTINED", None, None),
    ({"openId": "empty-union", "unionId": ""}, "APPLIED", None, None),
    ({"appId": "wxserv", "openId": "padded-union", "unionId": " union-1\n"}, "APPLIED", None, None),
    ({"openId": "snapshot", "isSnapshotUser": True}, "REJECTED", "SNAPSHOT_USER", ["isSnapshotUser"]),
    ({"appId": "微信", "openId": "u"}, "REJECTED", "INVALID_INPUT", ["appId"]),
    ({"openId": "o" * 65}, "REJECTED", "INVALID_INPUT", ["openId"]),
    ({"openId": "微信用户"}, "REJECTED", "INVALID_INPUT", ["openId"]),
    ({"openId": ""}, "REJECTED", "INVALID_INPUT", ["openId"]),
    ({"openId": "bad-union", "unionId": "ü"}, "REJECTED", "INVALID_INPUT", ["unionId"]),
    ({"openId": "future", "observedAt": "2026-03-15T05:00:00Z"}, "REJECTED", "INVALID_INPUT", ["observedAt"]),
    (
        {"openId": "odd", "externalIds": [{"namespace": "Member!", "value": "1"}]},
        "REJECTED",
        "INVALID_INPUT",
        ["externalIds", "0", "namespace"],
    ),
    ({"openId": "odd", "externalIds": [{"namespace": "phone", "value": "x"}]}, "REJECTED", "INVALID_INPUT", ["externalIds", "0", "value"]),
)


async def test_500_items_with_bad_ones_among_them(brand: Api) -> None:
    """Of 500 items each has its own outcome in order; the good ones are applied, nothing is lost, the bad ones say why."""
    items = [GOOD | {"openId": f"good-{number}", "unionId": f"union-{number}"} for number in range(500 - len(BAD))]
    expected: list[tuple[str, str | None, list[str] | None]] = [("APPLIED", None, None)] * len(items)
    for place, (bad, outcome, code, path) in enumerate(BAD):
        items.insert(place * 40 + 3, GOOD | bad)
        expected.insert(place * 40 + 3, (outcome, code, path))

    payload = (await brand.ask(RECORD, input={"items": items}))["recordResolutions"]

    def said(one: Json) -> tuple[str, str | None, list[str] | None]:
        error = one["error"] or {"code": None, "path": None}
        return one["outcome"], error["code"], error["path"]

    assert [] == payload["errors"]
    assert list(range(500)) == [one["index"] for one in payload["results"]]
    assert expected == [said(one) for one in payload["results"]]
    count = Counter(outcome for outcome, _, _ in expected)
    assert (count["APPLIED"], 0, 2, 9) == tuple(payload[name] for name in ("applied", "unchanged", "quarantined", "rejected"))
    for one in payload["results"]:
        assert (one["customer"] is None) == (one["customerId"] is None)
        assert one["customer"] is None or one["customer"]["id"] == one["customerId"]
    padded = payload["results"][3 * 40 + 3]["customer"]
    assert {"good-1", "padded-union"} == {use["openId"]["value"] for use in padded["touchpoints"]}
    stored = await brand.ask("{ customers { totalCount } quarantine { nodes { reason appId } } }")
    # The 487 good ones, the one with an empty UnionID and the unbound one; the padded UnionID is a good one's.
    assert 487 + 1 + 1 == stored["customers"]["totalCount"]
    assert {("UNKNOWN_TOUCHPOINT", "wxnobody"), ("NO_BINDING_COVERS_IT", "wxshop")} == {
        (one["reason"], one["appId"]) for one in stored["quarantine"]["nodes"]
    }


async def test_the_same_again_changes_nothing(brand: Api) -> None:
    """The same items again are UNCHANGED, of the same customers, and nobody is new."""
    rows = [f"wxmini open-{number} union-{number}" for number in range(5)]
    first, again = await brand.record(*rows), await brand.record(*rows)
    assert [(one["customerId"], "UNCHANGED", False) for one in first] == [
        (one["customerId"], one["outcome"], one["isNewCustomer"]) for one in again
    ]


async def test_more_than_500_are_refused_whole(brand: Api) -> None:
    """501 items are refused in the payload, and not one of them is applied."""
    items = [GOOD | {"openId": f"open-{number}"} for number in range(501)]
    payload = (await brand.ask(RECORD, input={"items": items}))["recordResolutions"]
    assert [{"code": "INVALID_INPUT", "path": ["items"]}] == payload["errors"]
    assert ([], 0) == (payload["results"], payload["applied"])
    assert {"customers": {"totalCount": 0}} == await brand.ask("{ customers { totalCount } }")


async def test_customers_of_results_are_loaded_only_when_selected(brand: Api) -> None:
    """Customers of all results are one question to the store, and none where only ids are selected."""
    rows = [item(f"wxmini open-{number} union-{number}") for number in range(20)]
    mutation = "mutation ($i: RecordResolutionsInput!) { recordResolutions(input: $i) { results { %s } } }"
    await brand.ask(mutation % "customerId outcome", i={"items": rows})
    assert 0 == brand.counting.asked["customers"]
    answer = await brand.ask(mutation % "customer { id }", i={"items": rows})
    assert 1 == brand.counting.asked["customers"]
    assert 20 == len({one["customer"]["id"] for one in answer["recordResolutions"]["results"]})


async def test_a_conflict_is_answered_with_its_customers(brand: Api) -> None:
    """A UnionID with two OpenIDs of one touchpoint opens a conflict, which the result shows with the customers on its sides."""
    await brand.record("wxmini open-a union-1")
    payload = (await brand.ask(RECORD, input={"items": [item("wxmini open-b union-1")]}))["recordResolutions"]
    conflict = payload["results"][0]["conflict"]
    assert "TWO_OPENIDS_ONE_TOUCHPOINT" == conflict["kind"]
    assert 2 == len({one["id"] for one in conflict["customers"]})


async def test_what_waits_is_released_by_registering(brand: Api) -> None:
    """A row of an unknown touchpoint waits whole, and is somebody as soon as the touchpoint is registered."""
    await brand.record("wxlate open-1 union-1", "wxmini open-2 union-1")
    await brand.done("registerTouchpoint", appId="wxlate", name="Late", kind="SERVICE_ACCOUNT")
    woken = brand.woken
    await brand.done("bindTouchpoint", appId="wxlate", openAppId="wxopen1")
    assert woken + 1 == brand.woken
    await brand.rescoped()
    document = (
        '{ customer(by: {openId: {appId: "wxlate", value: "open-1"}}) { touchpoints { touchpoint { appId } } } quarantine { totalCount } }'
    )
    answer = await brand.ask(document)
    assert {"wxlate", "wxmini"} == {use["touchpoint"]["appId"] for use in answer["customer"]["touchpoints"]}
    assert {"totalCount": 0} == answer["quarantine"]


async def test_replaying_releases_only_what_can_be_applied(brand: Api) -> None:
    """ReplayQuarantine gives how many no longer wait: none while the cause stands, by id or all; unknown ids are passed over."""
    await brand.record("wxlate open-1 -")
    waiting = (await brand.ask("{ quarantine { nodes { id } } }"))["quarantine"]["nodes"]
    assert 0 == (await brand.done("replayQuarantine", "replayed"))["replayed"]
    assert 0 == (await brand.done("replayQuarantine", "replayed", ids=[waiting[0]["id"], "qua_nothing", "cus_" + "x" * 22]))["replayed"]
    await brand.done("registerTouchpoint", appId="wxlate", name="Late", kind="SERVICE_ACCOUNT")
    assert 1 == (await brand.done("replayQuarantine", "replayed", ids=[waiting[0]["id"]]))["replayed"]


async def test_external_ids_join_and_part(brand: Api) -> None:
    """A member number linked to two customers makes them one; taken back from one of them, they are two again."""
    first, second = await brand.record("wxmini open-a union-1", "wxmini open-b union-2")
    member = {"namespace": "member", "value": "7"}
    links = [{"customer": {"id": one["customerId"]}, "externalId": member} for one in (first, second)]
    fields = "results { outcome customerId customer { externalIds { namespace value } } error { code } }"

    linked = (await brand.done("linkExternalIds", fields, items=links))["results"]
    assert ["APPLIED", "APPLIED"] == [one["outcome"] for one in linked]
    assert {1} == {len({one["customerId"] for one in linked})}
    assert [{"namespace": "member", "value": "7"}] == linked[1]["customer"]["externalIds"]

    brand.clock.now += 1000
    by_open_id = {"openId": {"appId": "wxmini", "value": "open-b"}}
    await brand.done("unlinkExternalIds", fields, items=[{"customer": by_open_id, "externalId": member}])
    left = await brand.ask("{ customers { totalCount } }")
    assert {"customers": {"totalCount": 2}} == left
    unknown = [{"customer": {"id": "cus_" + "x" * 22}, "externalId": member}]
    rejected = (await brand.done("linkExternalIds", fields, items=unknown))["results"]
    assert [("REJECTED", {"code": "NOT_FOUND"})] == [(one["outcome"], one["error"]) for one in rejected]


async def test_migrations_join_old_and_new(brand: Api) -> None:
    """What changeopenid answered makes old and new OpenID one customer; unknown accounts are refused as a whole."""
    await brand.done("registerTouchpoint", appId="wxold", name="Old", kind="SERVICE_ACCOUNT")
    await brand.record("wxold old-1 -", "wxserv new-1 union-1")
    moved = {"fromAppId": "wxold", "toAppId": "wxserv", "items": [{"fromOpenId": "old-1", "toOpenId": "new-1"}]}
    fields = "results { outcome customer { openIds { value migratedTo { value } } } }"
    payload = await brand.done("recordMigrations", fields, **moved)
    assert [{"value": "new-1", "migratedTo": None}, {"value": "old-1", "migratedTo": {"value": "new-1"}}] == sorted(
        payload["results"][0]["customer"]["openIds"], key=lambda one: one["value"]
    )
    refused = await brand.do("recordMigrations", fields, **moved | {"fromAppId": "wxnobody"})
    assert [("NOT_FOUND", ["fromAppId"])] == [(error["code"], error["path"]) for error in refused["errors"]]


LOGIN = "customer { id } openId { value customer { id } } isNewCustomer isSnapshotUser missingUnionIdReason"


async def test_a_login_answers_the_customer(brand: Api) -> None:
    """A login code gives the customer, the OpenID, and why no UnionID came."""
    (known,) = await brand.record("wxmini open-a -")
    key = brand.tenant.keys.open_id("wxmini", "open-a")
    result = Result(outcome=Outcome.APPLIED, customer=key, is_new_customer=True)
    brand.logins.answer = LoginAnswer(result=result, open_id=key, missing_union_id_reason=MissingUnionIdReason.SCOPE_TOO_SMALL)

    payload = await brand.done("exchangeLoginCode", LOGIN, appId="wxmini", code="c", externalIds=[{"namespace": "crm", "value": "1"}])

    customer = {"id": known["customerId"]}
    assert payload == {
        "customer": customer,
        "openId": {"value": "open-a", "customer": customer},
        "isNewCustomer": True,
        "isSnapshotUser": False,
        "missingUnionIdReason": "SCOPE_TOO_SMALL",
        "errors": [],
    }
    assert [("wxmini", "c", "crm")] == [(app_id, code, ids[0].namespace) for app_id, code, ids in brand.logins.asked]


async def test_a_refused_login_says_what_wechat_said(brand: Api) -> None:
    """WeChat's refusal comes as WeChatRefused with errcode and rid; a used code has a code of its own; nobody is answered."""
    brand.logins.answer = Refused(
        WeChatRefused(message="No.", code=UserErrorCode.WECHAT_REFUSED, errcode=40029, rid="rid-1", is_retryable=False)
    )
    document = """mutation { exchangeLoginCode(input: {appId: "wxmini", code: "c"}) { customer { id } openId { value }
        errors { __typename code ... on WeChatRefused { errcode rid isRetryable } } } }"""
    payload = (await brand.ask(document))["exchangeLoginCode"]
    assert [{"__typename": "WeChatRefused", "code": "WECHAT_REFUSED", "errcode": 40029, "rid": "rid-1", "isRetryable": False}] == payload[
        "errors"
    ]
    assert payload["customer"] is payload["openId"] is None
    brand.logins.answer = Refused(SimpleError(message="Used.", code=UserErrorCode.LOGIN_CODE_USED))
    assert ["LOGIN_CODE_USED"] == [
        error["code"] for error in (await brand.do("exchangeLoginCode", LOGIN, appId="wxmini", code="c"))["errors"]
    ]


async def test_a_snapshot_user_is_nobody(brand: Api) -> None:
    """A snapshot user's login answers nobody and says so."""
    brand.logins.answer = LoginAnswer(
        result=None, open_id=None, is_snapshot_user=True, missing_union_id_reason=MissingUnionIdReason.SNAPSHOT_USER
    )
    payload = await brand.done("exchangeLoginCode", LOGIN, appId="wxmini", code="c")
    assert (None, None, True, "SNAPSHOT_USER") == tuple(
        payload[name] for name in ("customer", "openId", "isSnapshotUser", "missingUnionIdReason")
    )
