"""Login codes and user-level tokens: the rules of wechat.md 4.3 to 4.7, and snapshot users of 3.3."""

from base64 import b64decode

import pytest

from app.sandbox.brand import TouchpointKind
from app.sandbox.people import UnionIdQuirk
from tests.sandbox.caller import Caller

PROGRAM, SERVICE = TouchpointKind.MINI_PROGRAM, TouchpointKind.SERVICE_ACCOUNT
ALL_LOGINS = [PROGRAM, TouchpointKind.MINI_GAME, SERVICE, TouchpointKind.MOBILE_APP, TouchpointKind.WEBSITE_APP]


def plain_person(sandbox: Caller, number: int = 0) -> int:
    """A person whose UnionID is shown as it is and who sees no snapshot pages."""
    people = (sandbox.brand.person(one) for one in range(sandbox.brand.people))
    return [one.number for one in people if one.quirk is UnionIdQuirk.PLAIN and not one.snapshot_at][number]


async def test_mini_program_session(sandbox: Caller) -> None:
    """jscode2session answers OpenID, UnionID and a session key of 16 bytes, and no errcode."""
    program, person = sandbox.touchpoint(PROGRAM), plain_person(sandbox)
    answer = await sandbox.exchange(program, await sandbox.log_in(program, person=person))

    assert {"openid", "unionid", "session_key"} == set(answer)
    assert sandbox.brand.open_id(person, program.app_id) == answer["openid"]
    assert sandbox.brand.union_id(person, program.app_id) == answer["unionid"]
    assert 16 == len(b64decode(answer["session_key"]))


async def test_session_key_changes_with_each_login(sandbox: Caller) -> None:
    """Each login has a session key of its own."""
    program = sandbox.touchpoint(PROGRAM)
    keys = {(await sandbox.exchange(program, await sandbox.log_in(program, person=1)))["session_key"] for _ in range(3)}

    assert 3 == len(keys)


async def test_web_token(sandbox: Caller) -> None:
    """The OAuth exchange answers a user-level token with scope, OpenID and UnionID; is_snapshotuser is absent for real users."""
    account, person = sandbox.touchpoint(SERVICE), plain_person(sandbox)
    answer = await sandbox.exchange(account, await sandbox.log_in(account, person=person))

    assert {"access_token", "expires_in", "refresh_token", "openid", "scope", "unionid"} == set(answer)
    assert (7200, "snsapi_userinfo") == (answer["expires_in"], answer["scope"])
    assert sandbox.brand.open_id(person, account.app_id) == answer["openid"]
    assert sandbox.brand.union_id(person, account.app_id) == answer["unionid"]


async def test_website_scope(sandbox: Caller) -> None:
    """A website's login has the scope snsapi_login."""
    site = sandbox.touchpoint(TouchpointKind.WEBSITE_APP)

    assert "snsapi_login" == (await sandbox.exchange(site, await sandbox.log_in(site, person=1)))["scope"]


@pytest.mark.parametrize("kind", ALL_LOGINS)
async def test_codes_work_once(sandbox: Caller, kind: TouchpointKind) -> None:
    """A code exchanged a second time gets 40163."""
    touchpoint = sandbox.touchpoint(kind)
    code = await sandbox.log_in(touchpoint, person=1)
    assert "openid" in await sandbox.exchange(touchpoint, code)

    assert 40163 == (await sandbox.exchange(touchpoint, code))["errcode"]


@pytest.mark.parametrize(
    "kind, life, errcode",
    [
        (PROGRAM, 300, 40029),
        (TouchpointKind.MINI_GAME, 300, 40029),
        (SERVICE, 300, 42003),
        (TouchpointKind.MOBILE_APP, 600, 42003),
        (TouchpointKind.WEBSITE_APP, 600, 42003),
    ],
)
async def test_codes_expire(sandbox: Caller, kind: TouchpointKind, life: int, errcode: int) -> None:
    """A code lives five minutes, at apps and websites ten."""
    touchpoint = sandbox.touchpoint(kind)
    first, second = await sandbox.log_in(touchpoint, person=1), await sandbox.log_in(touchpoint, person=2)
    sandbox.clock.now += life - 1
    assert "openid" in await sandbox.exchange(touchpoint, first)
    sandbox.clock.now += 1

    assert errcode == (await sandbox.exchange(touchpoint, second))["errcode"]


async def test_codes_of_another_app(sandbox: Caller) -> None:
    """A code of another touchpoint gets 40029, and that attempt does not spend it."""
    first, second = sandbox.touchpoint(PROGRAM), sandbox.touchpoint(PROGRAM, 1)
    code = await sandbox.log_in(first, person=1)

    assert 40029 == (await sandbox.exchange(second, code))["errcode"]
    assert 40029 == (await sandbox.exchange(first, "0" * 32))["errcode"]
    assert "openid" in await sandbox.exchange(first, code)


async def test_wrong_credentials_do_not_spend_a_code(sandbox: Caller) -> None:
    """A wrong secret gets 40125, an unknown AppID 40013, and the code still works."""
    program = sandbox.touchpoint(PROGRAM)
    code = await sandbox.log_in(program, person=1)
    right = {"appid": program.app_id, "secret": program.secret, "js_code": code, "grant_type": "authorization_code"}

    assert 40125 == (await sandbox.get("/sns/jscode2session", **right | {"secret": "x"}))["errcode"]
    assert 40013 == (await sandbox.get("/sns/jscode2session", **right | {"appid": "wx0"}))["errcode"]
    assert "openid" in await sandbox.get("/sns/jscode2session", **right)


@pytest.mark.parametrize("left_out, errcode", [("appid", 41002), ("secret", 41004), ("js_code", 41008), ("grant_type", 40002)])
async def test_missing_parameters(sandbox: Caller, left_out: str, errcode: int) -> None:
    """Each parameter that is missing has its errcode."""
    program = sandbox.touchpoint(PROGRAM)
    right = {"appid": program.app_id, "secret": program.secret, "js_code": "x", "grant_type": "authorization_code"}

    assert (
        errcode
        == (await sandbox.get("/sns/jscode2session", **{name: value for name, value in right.items() if name != left_out}))["errcode"]
    )


@pytest.mark.parametrize(
    "kind, path",
    [
        (TouchpointKind.SUBSCRIPTION_ACCOUNT, "/sns/oauth2/access_token"),
        (PROGRAM, "/sns/oauth2/access_token"),
        (SERVICE, "/sns/jscode2session"),
    ],
)
async def test_kinds_without_the_right(sandbox: Caller, kind: TouchpointKind, path: str) -> None:
    """Subscription accounts have no web authorisation; mini programs and pages do not have each other's login."""
    assert 48001 == (await sandbox.exchange(sandbox.touchpoint(kind), "0" * 32, path))["errcode"]


async def test_unbound_touchpoint_shows_no_union_id(sandbox: Caller) -> None:
    """A touchpoint bound nowhere gives the OpenID alone."""
    unbound = next(one for one in sandbox.brand.touchpoints if sandbox.brand.bound_to(one.app_id) is None)
    answer = await sandbox.exchange(unbound, await sandbox.log_in(unbound, person=1, snapshot=False))

    assert sandbox.brand.open_id(1, unbound.app_id) == answer["openid"]
    assert "unionid" not in answer


@pytest.mark.parametrize("quirk", list(UnionIdQuirk))
async def test_union_id_quirks(sandbox: Caller, quirk: UnionIdQuirk) -> None:
    """The UnionID is plain, padded with a blank, empty or absent, always the same way for a person."""
    program = sandbox.touchpoint(PROGRAM)
    person = next(one for one in range(sandbox.brand.people) if sandbox.brand.crowd.quirk(one) is quirk)
    union_id = sandbox.brand.union_id(person, program.app_id)
    assert union_id is not None
    expected = {
        UnionIdQuirk.PLAIN: union_id,
        UnionIdQuirk.PADDED: " " + union_id,
        UnionIdQuirk.EMPTY: "",
        UnionIdQuirk.ABSENT: None,
    }[quirk]

    for _ in range(2):
        assert expected == (await sandbox.exchange(program, await sandbox.log_in(program, person=person))).get("unionid")


async def test_base_scope(sandbox: Caller) -> None:
    """Under snsapi_base only followers come with a UnionID, and userinfo is refused with 48001."""
    account = sandbox.touchpoint(SERVICE)
    plain = [one for one in range(300) if sandbox.brand.crowd.quirk(one) is UnionIdQuirk.PLAIN]
    follower = next(one for one in plain if sandbox.brand.crowd.follows(one, account.app_id))
    stranger = next(one for one in plain if not sandbox.brand.crowd.follows(one, account.app_id))
    known = await sandbox.exchange(account, await sandbox.log_in(account, person=follower, scope="snsapi_base"))
    unknown = await sandbox.exchange(account, await sandbox.log_in(account, person=stranger, scope="snsapi_base"))

    assert sandbox.brand.union_id(follower, account.app_id) == known["unionid"]
    assert "unionid" not in unknown
    assert "snsapi_base" == unknown["scope"]
    assert 48001 == (await sandbox.get("/sns/userinfo", access_token=known["access_token"], openid=known["openid"]))["errcode"]


async def test_user_info(sandbox: Caller) -> None:
    """The call userinfo gives nickname and UnionID; sex and region are empty since 2021."""
    account, person = sandbox.touchpoint(SERVICE), plain_person(sandbox)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=person))
    answer = await sandbox.get("/sns/userinfo", access_token=grant["access_token"], openid=grant["openid"], lang="zh_CN")

    assert sandbox.brand.person(person).nickname == answer["nickname"]
    assert grant["unionid"] == answer["unionid"]
    assert (0, "", []) == (answer["sex"], answer["city"], answer["privilege"])


async def test_user_token_checks(sandbox: Caller) -> None:
    """Both userinfo and auth refuse an invented token (40001), another OpenID (40003) and, after two hours, the token (42001)."""
    account = sandbox.touchpoint(SERVICE)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=1, snapshot=False))
    token, open_id = grant["access_token"], grant["openid"]
    assert {"errcode": 0, "errmsg": "ok"} == await sandbox.get("/sns/auth", access_token=token, openid=open_id)
    for path in ("/sns/auth", "/sns/userinfo"):
        assert 40001 == (await sandbox.get(path, access_token="92_invented", openid=open_id))["errcode"]
        other = sandbox.brand.open_id(2, account.app_id)
        assert 40003 == (await sandbox.get(path, access_token=token, openid=other))["errcode"]
    sandbox.clock.now += 7_200

    for path in ("/sns/auth", "/sns/userinfo"):
        assert 42001 == (await sandbox.get(path, access_token=token, openid=open_id))["errcode"]


async def test_refresh(sandbox: Caller) -> None:
    """A refresh renews a living token, replaces a dead one, never tells the UnionID, and ends after 30 days."""
    account = sandbox.touchpoint(SERVICE)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=1, snapshot=False))
    ask = {"appid": account.app_id, "grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    sandbox.clock.now += 7_000
    assert grant["access_token"] == (await sandbox.get("/sns/oauth2/refresh_token", **ask))["access_token"]
    sandbox.clock.now += 7_199
    assert 0 == (await sandbox.get("/sns/auth", access_token=grant["access_token"], openid=grant["openid"]))["errcode"]
    sandbox.clock.now += 1
    renewed = await sandbox.get("/sns/oauth2/refresh_token", **ask)
    assert grant["access_token"] != renewed["access_token"]
    assert {"access_token", "expires_in", "refresh_token", "openid", "scope"} == set(renewed)
    assert 42001 == (await sandbox.get("/sns/auth", access_token=grant["access_token"], openid=grant["openid"]))["errcode"]
    sandbox.clock.now += 30 * 86_400

    assert 42002 == (await sandbox.get("/sns/oauth2/refresh_token", **ask))["errcode"]


async def test_refresh_refusals(sandbox: Caller) -> None:
    """An invented refresh token and one of another app get 40030, a missing one 41003."""
    account, other = sandbox.touchpoint(SERVICE), sandbox.touchpoint(SERVICE, 1)
    grant = await sandbox.exchange(account, await sandbox.log_in(account, person=1, snapshot=False))
    ask = {"appid": account.app_id, "grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}

    assert 40030 == (await sandbox.get("/sns/oauth2/refresh_token", **ask | {"refresh_token": "x"}))["errcode"]
    assert 40030 == (await sandbox.get("/sns/oauth2/refresh_token", **ask | {"appid": other.app_id}))["errcode"]
    assert 41003 == (await sandbox.get("/sns/oauth2/refresh_token", **ask | {"refresh_token": ""}))["errcode"]


async def test_snapshot_users(sandbox: Caller) -> None:
    """Snapshot users carry the flag, an OpenID each, one UnionID together, and are refused at userinfo."""
    account = sandbox.touchpoint(SERVICE)
    answers = [await sandbox.exchange(account, await sandbox.log_in(account, person=one, snapshot=True)) for one in range(5)]

    assert [1] * 5 == [one["is_snapshotuser"] for one in answers]
    assert 5 == len({one["openid"] for one in answers})
    assert 1 == len({one["unionid"] for one in answers})
    assert sandbox.brand.open_id(0, account.app_id) != answers[0]["openid"]
    first = answers[0]
    assert 48001 == (await sandbox.get("/sns/userinfo", access_token=first["access_token"], openid=first["openid"]))["errcode"]


async def test_who_sees_snapshot_pages(sandbox: Caller) -> None:
    """Without being told so, the people of whom it is true are shown a snapshot page, except under the base scope."""
    person = next(one for one in map(sandbox.brand.person, range(sandbox.brand.people)) if one.snapshot_at)
    account = sandbox.brand.touchpoint(person.snapshot_at[0])
    assert account is not None
    usual = await sandbox.exchange(account, await sandbox.log_in(account, person=person.number))
    base = await sandbox.exchange(account, await sandbox.log_in(account, person=person.number, scope="snsapi_base"))

    assert 1 == usual["is_snapshotuser"]
    assert "is_snapshotuser" not in base
