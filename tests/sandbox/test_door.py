"""The sandbox's own door."""

import tomllib

import pytest

from app.sandbox.brand import TouchpointKind
from app.sandbox.table import table_rows
from tests.sandbox.caller import START, Caller

PROGRAM = TouchpointKind.MINI_PROGRAM


async def test_visitors_come_in_turn(sandbox: Caller) -> None:
    """Without a person the next one who uses the touchpoint logs in."""
    game = sandbox.touchpoint(TouchpointKind.MINI_GAME)
    players = [one for one in range(sandbox.brand.people) if sandbox.brand.crowd.uses(one, game.app_id)]
    visitors = [(await sandbox.post("/sandbox/login", {"appId": game.app_id}))["person"] for _ in range(5)]

    assert players[:5] == visitors


@pytest.mark.parametrize(
    "wish",
    [
        {"appId": "wx0"},
        {},
        {"person": 10**6},
        {"person": -1},
        {"person": "seven"},
        {"scope": "snsapi_everything"},
        {"kind": TouchpointKind.STORE},
        {"kind": TouchpointKind.SUBSCRIPTION_ACCOUNT},
        {"kind": PROGRAM, "snapshot": True},
        {"scope": "snsapi_base", "snapshot": True},
    ],
)
async def test_senseless_logins(sandbox: Caller, wish: dict[str, object]) -> None:
    """A login that cannot happen gets HTTP 400 with the reason."""
    kind = wish.pop("kind", TouchpointKind.SERVICE_ACCOUNT)
    if (wish and "appId" not in wish) or kind is not TouchpointKind.SERVICE_ACCOUNT:
        wish["appId"] = sandbox.touchpoint(TouchpointKind(str(kind))).app_id
    answer = await sandbox.http.post("/sandbox/login", json=wish)

    assert 400 == answer.status_code
    assert {"error"} == set(answer.json())


async def test_body_must_be_an_object(sandbox: Caller) -> None:
    """A body that is no JSON object gets HTTP 400."""
    assert [400, 400] == [(await sandbox.http.post("/sandbox/login", content=one)).status_code for one in (b"[]", b"{")]


async def test_brand(sandbox: Caller) -> None:
    """The brand is described with touchpoints, secrets and bindings."""
    described = await sandbox.get("/sandbox/brand")

    assert {one.app_id: one.secret for one in sandbox.brand.touchpoints} == {
        one["appId"]: one["secret"] for one in described["touchpoints"]
    }
    assert [sandbox.brand.bound_to(one.app_id) for one in sandbox.brand.touchpoints] == [one["boundTo"] for one in described["touchpoints"]]
    assert (3, 1, 3, 12) == tuple(len(described[one]) for one in ("entities", "relations", "openPlatforms", "bindings"))
    assert {"entityId", "relatedEntityId", "startsOn", "endsOn"} == set(described["relations"][0])


async def test_truth_about_a_person(sandbox: Caller) -> None:
    """A person's truth holds the ids that logins then give, and the UnionIDs before a move."""
    truth = await sandbox.get("/sandbox/people/3")
    mall = sandbox.touchpoint(PROGRAM, 1)
    told = next(one for one in truth["touchpoints"] if one["appId"] == mall.app_id)
    answer = await sandbox.exchange(mall, await sandbox.log_in(mall, person=3))

    assert 12 == len(truth["touchpoints"])
    assert (answer["openid"], answer["unionid"]) == (told["openId"], told["unionId"])
    assert list(sandbox.brand.earlier_union_ids(3, mall.app_id)) == told["earlierUnionIds"]
    assert 404 == (await sandbox.http.get(f"/sandbox/people/{sandbox.brand.people}")).status_code


async def test_clock(sandbox: Caller) -> None:
    """The clock moves forward, tokens age with it, and it never moves back."""
    account = sandbox.touchpoint(TouchpointKind.SERVICE_ACCOUNT)
    token = await sandbox.token(account)

    assert {"now": START + 7_200} == await sandbox.post("/sandbox/clock", {"advance": 7_200})
    assert 42001 == await sandbox.errcode(token)
    assert 400 == (await sandbox.http.post("/sandbox/clock", json={"advance": -1})).status_code


async def test_user_tokens_expire_too(sandbox: Caller) -> None:
    """Expiring a touchpoint's tokens ends its users' tokens as well."""
    account = sandbox.touchpoint(TouchpointKind.SERVICE_ACCOUNT)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=1, snapshot=False))
    await sandbox.post("/sandbox/tokens/expire", {"appId": account.app_id})

    assert 42001 == (await sandbox.get("/sns/auth", access_token=grant["access_token"], openid=grant["openid"]))["errcode"]


async def test_credentials_and_table(sandbox: Caller) -> None:
    """The door hands out the credentials file and the brand's table."""
    credentials = tomllib.loads((await sandbox.http.get("/sandbox/credentials")).text)
    lines = (await sandbox.http.get("/sandbox/table")).text.splitlines()

    assert 12 == len(credentials["touchpoints"])
    assert 1 + sum(1 for _ in table_rows(sandbox.brand)) == len(lines)
