"""The form of answers and refusals, methods, and daily quotas."""

import pytest

from app.sandbox.brand import Brand, TouchpointKind
from app.sandbox.server import sandbox_app
from tests.sandbox.caller import RID, Caller, HeldClock

GETS = [
    "/cgi-bin/token",
    "/sns/oauth2/access_token",
    "/sns/oauth2/refresh_token",
    "/sns/userinfo",
    "/sns/auth",
    "/cgi-bin/user/get",
    "/cgi-bin/user/info",
    "/cgi-bin/open/have",
    "/cgi-bin/open/sameentity",
]
POSTS = ["/cgi-bin/stable_token", "/cgi-bin/user/info/batchget", "/cgi-bin/open/get"]


@pytest.mark.parametrize("path", GETS)
async def test_wants_get(sandbox: Caller, path: str) -> None:
    """POST to a GET endpoint gets 43001."""
    assert 43001 == (await sandbox.post(path, {}))["errcode"]


@pytest.mark.parametrize("path", POSTS)
async def test_wants_post(sandbox: Caller, path: str) -> None:
    """GET to a POST endpoint gets 43002."""
    assert 43002 == (await sandbox.get(path))["errcode"]


async def test_posted_js_code(sandbox: Caller) -> None:
    """jscode2session by POST misses the appid: 41002."""
    assert 41002 == (await sandbox.post("/sns/jscode2session", {"appid": "wx"}))["errcode"]


async def test_refusals_come_as_plain_text_with_a_rid(sandbox: Caller) -> None:
    """A refusal is HTTP 200, text/plain, with errcode and a rid of its own that starts with the time."""
    first, second = [await sandbox.http.get("/cgi-bin/user/get", params={"access_token": "x"}) for _ in range(2)]
    rids = [RID.search(one.json()["errmsg"]) for one in (first, second)]

    assert 200 == first.status_code
    assert first.headers["content-type"].startswith("text/plain")
    assert {"errcode", "errmsg"} == set(first.json())
    assert rids[0] is not None
    assert rids[1] is not None
    assert int(sandbox.clock.now) == int(rids[0][1], 16)
    assert rids[0][0] != rids[1][0]


async def test_content_types_of_success(sandbox: Caller) -> None:
    """Successes of /sns are labelled as plain text too, those of /cgi-bin as JSON."""
    program = sandbox.touchpoint(TouchpointKind.MINI_PROGRAM)
    parameters = {"appid": program.app_id, "secret": program.secret}
    session = {"js_code": await sandbox.log_in(program, person=1), "grant_type": "authorization_code"}
    login = await sandbox.http.get("/sns/jscode2session", params=parameters | session)
    token = await sandbox.http.get("/cgi-bin/token", params=parameters | {"grant_type": "client_credential"})

    assert "openid" in login.json()
    assert login.headers["content-type"].startswith("text/plain")
    assert token.headers["content-type"].startswith("application/json")
    assert "errcode" not in token.json()


async def test_quota(brand: Brand) -> None:
    """Beyond the daily limit a call gets 45009, per account and path, until midnight in China."""
    clock = HeldClock()
    sandbox = Caller(brand, clock, sandbox_app(brand, clock=clock, daily_limits={"/cgi-bin/open/have": 2}))
    account, other = sandbox.touchpoint(TouchpointKind.SERVICE_ACCOUNT), sandbox.touchpoint(TouchpointKind.MINI_PROGRAM)
    token = await sandbox.token(account)

    assert [0, 0, 45009] == [await sandbox.errcode(token) for _ in range(3)]
    assert 0 == await sandbox.errcode(await sandbox.token(other))
    assert "total" in await sandbox.get("/cgi-bin/user/get", access_token=token)
    # 16:00 in UTC is midnight in China.
    clock.now += (57_600 - clock.now) % 86_400 - 1
    assert 45009 == await sandbox.errcode(await sandbox.token(account))
    clock.now += 1
    assert 0 == await sandbox.errcode(await sandbox.token(account))


async def test_quota_for_everything(brand: Brand) -> None:
    """One limit for all paths counts logins as well."""
    clock = HeldClock()
    sandbox = Caller(brand, clock, sandbox_app(brand, clock=clock, daily_limit=1))
    program = sandbox.touchpoint(TouchpointKind.MINI_PROGRAM)
    codes = [await sandbox.log_in(program, person=1) for _ in range(2)]

    assert "openid" in await sandbox.exchange(program, codes[0])
    assert 45009 == (await sandbox.exchange(program, codes[1]))["errcode"]
