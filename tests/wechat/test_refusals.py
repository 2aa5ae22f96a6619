"""What becomes of WeChat's refusals: typed, with remedy, and never repeated."""

from datetime import UTC, datetime

import pytest

from app.wechat.client import WeChatClient
from app.wechat.errors import (
    ApiNotGranted,
    CredentialsMissing,
    CredentialsRefused,
    LoginCodeInvalid,
    MalformedAnswer,
    OpenIdUnknown,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    UserBlocked,
    WeChatError,
)
from tests.wechat.scripted import (
    APP,
    CODE,
    FOLLOWERS,
    OPEN_ID,
    RID,
    SESSION,
    STABLE_TOKEN,
    USER_INFO,
    ScriptedWeChat,
    refused,
)


@pytest.mark.parametrize(
    "expected, errcode",
    [
        (OpenIdUnknown, 40003),
        (CredentialsRefused, 40013),
        (CredentialsRefused, 40164),
        (CredentialsRefused, 89503),
        (CredentialsRefused, 45035),
        (ApiNotGranted, 48001),
        (ApiNotGranted, 61007),
        (WeChatError, 50002),
        (WeChatError, 47001),
        (WeChatError, 99999),
    ],
)
async def test_permanent_refusals_are_typed_and_never_repeated(
    client: WeChatClient, wechat: ScriptedWeChat, expected: type[WeChatError], errcode: int
) -> None:
    """Each code has its exception with remedy, rid, path and AppID, and is asked once."""
    wechat.on(USER_INFO, refused(errcode))

    with pytest.raises(expected) as caught:
        await client.user_info(APP, OPEN_ID)
    assert (expected, errcode, RID, USER_INFO, APP) == (type(caught.value), *facts(caught.value))
    assert (1, False) == (wechat.counts[USER_INFO], caught.value.is_retryable)
    assert caught.value.remedy in str(caught.value)


def facts(error: WeChatError) -> tuple[int | None, str | None, str, str]:
    """Return what support asks for."""
    return error.errcode, error.rid, error.path, error.app_id


@pytest.mark.parametrize("errcode", [40001, 40125, 40164])
async def test_credentials_refused_at_the_token(client: WeChatClient, wechat: ScriptedWeChat, errcode: int) -> None:
    """Where the secret was sent, 40001 speaks of the secret; there is no retry."""
    wechat.on(STABLE_TOKEN, refused(errcode))

    with pytest.raises(CredentialsRefused):
        await client.prove(APP)
    assert 1 == wechat.counts[STABLE_TOKEN]


async def test_the_white_list_error_names_the_address(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """The operator has to type the address that WeChat saw, so the remedy quotes it."""
    wechat.on(STABLE_TOKEN, refused(40164, "invalid ip 203.0.113.7, not in whitelist"))

    with pytest.raises(CredentialsRefused, match=r"203\.0\.113\.7"):
        await client.prove(APP)


async def test_unknown_touchpoint_is_not_asked(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """Without a secret WeChat is not asked, and the remedy says how to give one."""
    with pytest.raises(CredentialsMissing):
        await client.user_info("wx0000000000000000", OPEN_ID)
    assert [] == wechat.asked


async def test_empty_code_is_not_sent(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A blank code cannot be valid and costs no call."""
    with pytest.raises(LoginCodeInvalid):
        await client.code_to_session(APP, " ")
    assert [] == wechat.asked


async def test_blocked_user(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """40226 refuses the login with its own type."""
    wechat.on(SESSION, refused(40226))

    with pytest.raises(UserBlocked):
        await client.code_to_session(APP, CODE)


async def test_quota_ends_at_midnight_in_china(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """45009 stops the path until 00:00 in Shanghai: at 06:00 there on the 22nd, that is 16:00 UTC of the same day."""
    wechat.on(FOLLOWERS, refused(45009))

    with pytest.raises(QuotaExhausted) as caught:
        await client.followers(APP)
    assert (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), 1) == (caught.value.until, wechat.counts[FOLLOWERS])


async def test_rate_says_when_it_ends(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """45011 ends with the minute; a login that cannot wait so long gets the moment instead."""
    wechat.on(SESSION, refused(45011))

    with pytest.raises(RateLimited) as caught:
        await client.code_to_session(APP, CODE)
    assert (datetime(2026, 11, 21, 22, 1, tzinfo=UTC), 1) == (caught.value.until, wechat.counts[SESSION])


@pytest.mark.parametrize("reply", [{}, {"errcode": 0, "errmsg": "ok"}, {"openid": ""}])
async def test_success_without_the_field_is_malformed(client: WeChatClient, wechat: ScriptedWeChat, reply: dict[str, object]) -> None:
    """A 200 without errcode and without what we came for is neither success nor "not found", and is not repeated."""
    wechat.on(USER_INFO, reply)

    with pytest.raises(MalformedAnswer):
        await client.user_info(APP, OPEN_ID)
    assert 1 == wechat.counts[USER_INFO]


@pytest.mark.parametrize("status", [412, 413, 414])
async def test_gateway_refusals_are_not_repeated(client: WeChatClient, wechat: ScriptedWeChat, status: int) -> None:
    """412, 413 and 414 are a mistake of ours."""
    wechat.on(USER_INFO, status)

    with pytest.raises(RequestRefused):
        await client.user_info(APP, OPEN_ID)
    assert 1 == wechat.counts[USER_INFO]
