"""Which Open Platform account holds a touchpoint: the rules of wechat.md 4.10."""

from app.sandbox.brand import TouchpointKind
from tests.sandbox.caller import Caller


async def test_bound_touchpoint(sandbox: Caller) -> None:
    """open/get names the holder, have says so, and sameentity is true for the holder's own company."""
    program = sandbox.touchpoint(TouchpointKind.MINI_PROGRAM)
    token, holder = await sandbox.token(program), sandbox.brand.bound_to(program.app_id)
    ok = {"errcode": 0, "errmsg": "ok"}

    assert {"open_appid": holder, **ok} == await sandbox.post("/cgi-bin/open/get", {"appid": program.app_id}, access_token=token)
    assert {"open_appid": holder, **ok} == await sandbox.post("/cgi-bin/open/get", {}, access_token=token)
    assert {"have_open": True, **ok} == await sandbox.get("/cgi-bin/open/have", access_token=token)
    assert {"same_entity": True, **ok} == await sandbox.get("/cgi-bin/open/sameentity", access_token=token)


async def test_other_companies_touchpoints(sandbox: Caller) -> None:
    """The answer of sameentity is false for a related company's touchpoint as for a stranger's."""
    mall, game = sandbox.touchpoint(TouchpointKind.MINI_PROGRAM, 1), sandbox.touchpoint(TouchpointKind.MINI_GAME)

    for touchpoint in (mall, game):
        answer = await sandbox.get("/cgi-bin/open/sameentity", access_token=await sandbox.token(touchpoint))
        assert answer["same_entity"] is False


async def test_unbound_touchpoint(sandbox: Caller) -> None:
    """An unbound touchpoint gets 89002 from get and sameentity, and a plain no from have."""
    unbound = next(one for one in sandbox.brand.touchpoints if sandbox.brand.bound_to(one.app_id) is None)
    token = await sandbox.token(unbound)

    assert 89002 == (await sandbox.post("/cgi-bin/open/get", {"appid": unbound.app_id}, access_token=token))["errcode"]
    assert 89002 == (await sandbox.get("/cgi-bin/open/sameentity", access_token=token))["errcode"]
    assert (await sandbox.get("/cgi-bin/open/have", access_token=token))["have_open"] is False


async def test_foreign_token(sandbox: Caller) -> None:
    """An AppID that does not match the token gets 40013; kinds the API does not speak of get 48001."""
    first, second = sandbox.touchpoint(TouchpointKind.MINI_PROGRAM), sandbox.touchpoint(TouchpointKind.MINI_PROGRAM, 1)
    app = sandbox.touchpoint(TouchpointKind.MOBILE_APP)
    answer = await sandbox.post("/cgi-bin/open/get", {"appid": second.app_id}, access_token=await sandbox.token(first))

    assert 40013 == answer["errcode"]
    assert 48001 == (await sandbox.get("/cgi-bin/open/have", access_token=await sandbox.token(app)))["errcode"]
