"""App-level tokens: the rules of wechat.md 4.1 and 4.2."""

import pytest

from app.sandbox.brand import TouchpointKind
from tests.sandbox.caller import Caller

SERVICE = TouchpointKind.SERVICE_ACCOUNT


async def test_plain_token_has_a_life(sandbox: Caller) -> None:
    """A token works for 7,200 seconds and is then refused with 42001."""
    token = await sandbox.plain_token(sandbox.touchpoint(SERVICE))
    sandbox.clock.now += 7_199
    assert 0 == await sandbox.errcode(token)
    sandbox.clock.now += 1

    assert 42001 == await sandbox.errcode(token)


async def test_plain_token_replaces_its_former(sandbox: Caller) -> None:
    """A new plain token lets the former one work for five minutes more, then it gets 40001."""
    account = sandbox.touchpoint(SERVICE)
    former, newer = await sandbox.plain_token(account), await sandbox.plain_token(account)
    assert former != newer
    sandbox.clock.now += 299
    assert 0 == await sandbox.errcode(former)
    sandbox.clock.now += 1

    assert 40001 == await sandbox.errcode(former)
    assert 0 == await sandbox.errcode(newer)


async def test_stable_token_stays(sandbox: Caller) -> None:
    """Asked again the stable endpoint gives the same token with a shrinking expires_in."""
    account = sandbox.touchpoint(SERVICE)
    first = await sandbox.stable(account)
    sandbox.clock.now += 1_000

    assert {"access_token": first["access_token"], "expires_in": 6_200} == await sandbox.stable(account)


async def test_stable_token_overlaps_at_its_end(sandbox: Caller) -> None:
    """In its last five minutes a new one is given out, and both work for five minutes."""
    account = sandbox.touchpoint(SERVICE)
    old = await sandbox.token(account)
    sandbox.clock.now += 6_899
    assert old == await sandbox.token(account)
    sandbox.clock.now += 1
    new = await sandbox.token(account)
    assert old != new
    sandbox.clock.now += 299
    assert (0, 0) == (await sandbox.errcode(old), await sandbox.errcode(new))
    sandbox.clock.now += 1

    assert (42001, 0) == (await sandbox.errcode(old), await sandbox.errcode(new))


async def test_endpoints_are_isolated(sandbox: Caller) -> None:
    """Plain tokens do not disturb the stable one, nor a forced refresh the plain one."""
    account = sandbox.touchpoint(SERVICE)
    stable = await sandbox.token(account)
    await sandbox.plain_token(account)
    plain = await sandbox.plain_token(account)
    sandbox.clock.now += 400
    assert 0 == await sandbox.errcode(stable)
    await sandbox.stable(account, force=True)

    assert (40001, 0) == (await sandbox.errcode(stable), await sandbox.errcode(plain))


async def test_accounts_are_isolated(sandbox: Caller) -> None:
    """One account's tokens do not disturb another's."""
    first, second = sandbox.touchpoint(SERVICE), sandbox.touchpoint(SERVICE, 1)
    token = await sandbox.token(first)
    await sandbox.stable(second, force=True)

    assert 0 == await sandbox.errcode(token)
    assert token != await sandbox.token(second)


async def test_forced_refresh_waits_thirty_seconds(sandbox: Caller) -> None:
    """A forced refresh within 30 seconds of the last one gives the same token."""
    account = sandbox.touchpoint(SERVICE)
    first = (await sandbox.stable(account, force=True))["access_token"]
    sandbox.clock.now += 29
    assert first == (await sandbox.stable(account, force=True))["access_token"]
    sandbox.clock.now += 1

    assert first != (await sandbox.stable(account, force=True))["access_token"]


async def test_twenty_forced_refreshes_a_day(sandbox: Caller) -> None:
    """The twenty-first forced refresh of a day gets 45009, and after midnight in China it works again."""
    account = sandbox.touchpoint(SERVICE)
    for _ in range(20):
        assert "access_token" in await sandbox.stable(account, force=True)
        sandbox.clock.now += 30

    assert 45009 == (await sandbox.stable(account, force=True))["errcode"]
    assert "access_token" in await sandbox.stable(account)
    sandbox.clock.now += 86_400
    assert "access_token" in await sandbox.stable(account, force=True)


@pytest.mark.parametrize(
    "changed, errcode",
    [
        ({"appid": "wx0000000000000000"}, 40013),
        ({"appid": None}, 41002),
        ({"secret": "0" * 32}, 40125),
        ({"secret": None}, 41004),
        ({"grant_type": "authorization_code"}, 40002),
    ],
)
async def test_wrong_credentials(sandbox: Caller, changed: dict[str, str | None], errcode: int) -> None:
    """Both endpoints refuse an unknown AppID, a wrong secret, a wrong grant type, and what is missing."""
    account = sandbox.touchpoint(SERVICE)
    right: dict[str, str | None] = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.secret}
    sent = {name: value for name, value in (right | changed).items() if value is not None}

    assert errcode == (await sandbox.get("/cgi-bin/token", **sent))["errcode"]
    assert errcode == (await sandbox.post("/cgi-bin/stable_token", sent))["errcode"]


async def test_app_ids_are_case_sensitive(sandbox: Caller) -> None:
    """An AppID in capitals is another, unknown one."""
    account = sandbox.touchpoint(SERVICE)
    answer = await sandbox.get("/cgi-bin/token", grant_type="client_credential", appid=account.app_id.upper(), secret=account.secret)

    assert 40013 == answer["errcode"]


async def test_tokens_nobody_issued(sandbox: Caller) -> None:
    """No token gets 41001, one of the wrong form 40014, an invented one of the right form 40001."""
    assert 41001 == (await sandbox.get("/cgi-bin/open/have"))["errcode"]
    assert 40014 == await sandbox.errcode("short")
    assert 40001 == await sandbox.errcode("92_" + "a" * 132)


async def test_user_tokens_open_no_app_api(sandbox: Caller) -> None:
    """A web-authorisation token is no app-level token, whatever its field is called."""
    account = sandbox.touchpoint(SERVICE)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=1))

    assert await sandbox.errcode(grant["access_token"]) in {40001, 40014}


async def test_expired_by_the_door(sandbox: Caller) -> None:
    """The door kills an account's tokens: they get 42001, and the stable endpoint gives a new one."""
    account, other = sandbox.touchpoint(SERVICE), sandbox.touchpoint(SERVICE, 1)
    plain, stable, kept = await sandbox.plain_token(account), await sandbox.token(account), await sandbox.token(other)

    assert {"appId": account.app_id, "expired": 2} == await sandbox.post("/sandbox/tokens/expire", {"appId": account.app_id})
    assert [42001, 42001, 0] == [await sandbox.errcode(one) for one in (plain, stable, kept)]
    assert stable != await sandbox.token(account)


async def test_tokens_look_like_tokens(sandbox: Caller) -> None:
    """Tokens have the usual length and fit the 512 characters that WeChat asks to reserve."""
    account = sandbox.touchpoint(SERVICE)

    assert 130 <= len(await sandbox.token(account)) <= 160
    assert 130 <= len(await sandbox.plain_token(account)) <= 160
