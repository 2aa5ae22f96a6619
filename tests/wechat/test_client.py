"""The questions of the client and how it treats tokens, batches and snapshot users, against a scripted WeChat."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest

from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from app.wechat.errors import (
    ApiNotGranted,
    MalformedAnswer,
    TokenRejected,
)
from app.wechat.messages import LoginSource
from tests.wechat import scripted
from tests.wechat.scripted import (
    APP,
    BATCH,
    CODE,
    FOLLOWERS,
    OAUTH,
    OPEN_ID,
    OTHER_TOKEN,
    SECRET,
    SESSION,
    SESSION_ANSWER,
    STABLE_TOKEN,
    TOKEN,
    TOKEN_ANSWER,
    UNION_ID,
    USER_INFO,
    USER_TOKEN,
    USERINFO,
    ManualClock,
    ScriptedWeChat,
    refused,
)

INFO: dict[str, object] = {"subscribe": 1, "openid": OPEN_ID, "unionid": UNION_ID, "subscribe_time": 1795300000}
OTHER_TOKEN_ANSWER: dict[str, object] = {"access_token": OTHER_TOKEN, "expires_in": 7200}


def oauth_answer(**fields: object) -> dict[str, object]:
    """Return the answer to an OAuth code."""
    return {"access_token": USER_TOKEN, "expires_in": 7200, "refresh_token": "92_rT5yU", "openid": OPEN_ID, **fields}


async def test_mini_program_login(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A code becomes OpenID and UnionID; code and secret travel as WeChat documents, by GET."""
    wechat.on(SESSION, SESSION_ANSWER)
    identity = await client.code_to_session(APP, CODE)

    assert (OPEN_ID, UNION_ID, LoginSource.CODE2SESSION) == (identity.open_id, identity.union_id, identity.source)
    assert {"appid": APP, "secret": SECRET, "js_code": CODE, "grant_type": "authorization_code"} == dict(wechat.asked[0].url.params)
    assert "GET" == wechat.asked[0].method


async def test_login_without_union_id_is_normal(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A missing UnionID is no error."""
    wechat.on(SESSION, {"openid": OPEN_ID, "session_key": "x", "errcode": 0})

    assert (await client.code_to_session(APP, CODE)).union_id is None


async def test_web_login_asks_for_a_missing_union_id(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """With a userinfo scope and no UnionID, /sns/userinfo is asked with the user's own token."""
    wechat.on(OAUTH, oauth_answer(scope="snsapi_userinfo"))
    wechat.on(USERINFO, {"openid": OPEN_ID, "nickname": "小林", "unionid": UNION_ID})
    identity = await client.exchange_oauth_code(APP, CODE)

    assert (UNION_ID, LoginSource.USERINFO) == (identity.union_id, identity.source)
    assert [USER_TOKEN] == wechat.tokens_sent_to(USERINFO)
    assert 0 == wechat.counts[STABLE_TOKEN]


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "snsapi_base"},
        {"scope": "snsapi_userinfo", "unionid": UNION_ID},
        {"scope": "snsapi_userinfo", "is_snapshotuser": 1},
        {},
    ],
)
async def test_userinfo_is_not_asked_where_it_is_of_no_use(client: WeChatClient, wechat: ScriptedWeChat, fields: dict[str, object]) -> None:
    """A base scope is refused there, a known UnionID needs no question, a snapshot user has no true answer."""
    wechat.on(OAUTH, oauth_answer(**fields))
    await client.exchange_oauth_code(APP, CODE)

    assert 0 == wechat.counts[USERINFO]


async def test_snapshot_user_is_named_as_one(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """The flag reaches the caller, who must keep both ids out of the graph."""
    wechat.on(OAUTH, oauth_answer(scope="snsapi_userinfo", unionid=UNION_ID, is_snapshotuser="1"))

    assert (await client.exchange_oauth_code(APP, CODE)).is_snapshot_user is True


@pytest.mark.parametrize("reply", [refused(48001), {"openid": "oSomebodyElse", "unionid": UNION_ID}, 502])
async def test_a_login_survives_a_refused_userinfo(client: WeChatClient, wechat: ScriptedWeChat, reply: scripted.Answer) -> None:
    """The code is spent by then: OpenID without UnionID is worth more than an error."""
    wechat.on(OAUTH, oauth_answer(scope="snsapi_userinfo"))
    wechat.on(USERINFO, reply)
    identity = await client.exchange_oauth_code(APP, CODE)

    assert (OPEN_ID, None) == (identity.open_id, identity.union_id)


async def test_followers_page_by_page(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """The first page is asked without next_openid, the next one behind the last OpenID."""
    wechat.on(FOLLOWERS, {"total": 2, "count": 2, "data": {"openid": ["oA", "oB"]}, "next_openid": "oB"}, {"total": 2, "count": 0})
    first = await client.followers(APP)
    last = await client.followers(APP, after=first.next_open_id)

    assert (("oA", "oB"), False, (), True) == (first.open_ids, first.is_last, last.open_ids, last.is_last)
    assert [None, "oB"] == [request.url.params.get("next_openid") for request in wechat.asked if request.url.path == FOLLOWERS]


async def test_user_info(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """One OpenID is told with UnionID and follow state."""
    wechat.on(USER_INFO, INFO)
    info = await client.user_info(APP, OPEN_ID)

    assert (UNION_ID, True, datetime.fromtimestamp(1795300000, UTC)) == (info.union_id, info.is_follower, info.followed_at)


async def test_user_info_about_somebody_else_is_malformed(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """An answer about another OpenID is never taken for the one asked."""
    wechat.on(USER_INFO, {**INFO, "openid": "oSomebodyElse"})

    with pytest.raises(MalformedAnswer):
        await client.user_info(APP, OPEN_ID)


async def test_twenty_callers_fetch_one_token(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """Twenty questions at once cost one token, fetched by stable_token without force."""
    wechat.on(USER_INFO, INFO)
    await asyncio.gather(*(client.user_info(APP, OPEN_ID) for _ in range(20)))

    assert {STABLE_TOKEN: 1, USER_INFO: 20} == wechat.counts
    body = json.loads(wechat.asked[0].content)
    assert {"grant_type": "client_credential", "appid": APP, "secret": SECRET, "force_refresh": False} == body


@pytest.mark.parametrize("errcode", [40001, 40014, 42001, "42001"], ids=repr)
async def test_dead_token_is_replaced_and_the_call_repeated_once(client: WeChatClient, wechat: ScriptedWeChat, errcode: object) -> None:
    """A token that WeChat refuses is refreshed once, and the call repeated with the new one."""
    wechat.on(STABLE_TOKEN, TOKEN_ANSWER, OTHER_TOKEN_ANSWER)
    wechat.on(USER_INFO, refused(errcode), INFO)

    assert UNION_ID == (await client.user_info(APP, OPEN_ID)).union_id
    assert [TOKEN, OTHER_TOKEN] == wechat.tokens_sent_to(USER_INFO)
    assert 2 == wechat.counts[STABLE_TOKEN]


async def test_a_second_refusal_of_a_fresh_token_is_final(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """The call is repeated once, never more."""
    wechat.on(STABLE_TOKEN, TOKEN_ANSWER, OTHER_TOKEN_ANSWER)
    wechat.on(USER_INFO, refused(42001))

    with pytest.raises(TokenRejected):
        await client.user_info(APP, OPEN_ID)
    assert {STABLE_TOKEN: 2, USER_INFO: 2} == wechat.counts


async def test_the_same_token_again_is_permanent(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """If WeChat hands out the refused token once more, the call is not repeated and no refresh is forced."""
    wechat.on(USER_INFO, refused(40001))

    with pytest.raises(TokenRejected, match="hands out"):
        await client.user_info(APP, OPEN_ID)
    assert {STABLE_TOKEN: 2, USER_INFO: 1} == wechat.counts
    assert b'"force_refresh":true' not in b"".join(request.content for request in wechat.asked)


def batch_reply(bad: set[str], holes: set[str]) -> scripted.Reply:
    """Return a WeChat that fails a batch with a bad OpenID, leaves out holes and answers in reverse order."""

    def reply(request: httpx.Request) -> scripted.Answer:
        asked = [user["openid"] for user in json.loads(request.content)["user_list"]]
        if bad & set(asked):
            return refused(40003)
        return {"user_info_list": [{"subscribe": 1, "openid": open_id} for open_id in reversed(asked) if open_id not in holes]}

    return reply


async def test_one_bad_open_id_costs_only_itself(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A batch that fails is halved until the bad ones stand alone; holes are named; nobody is lost or doubled."""
    open_ids = [f"o{number:027}" for number in range(100)]
    bad, holes = {open_ids[0], open_ids[42], open_ids[99]}, {open_ids[7], open_ids[43]}
    wechat.on(BATCH, batch_reply(bad, holes))
    answer = await client.user_infos(APP, open_ids)

    assert dict.fromkeys(bad, 40003) == answer.refused
    assert tuple(sorted(holes)) == answer.missing
    assert sorted(set(open_ids) - bad - holes) == sorted(info.open_id for info in answer.found)
    assert 60 > wechat.counts[BATCH]


@pytest.mark.parametrize("errcode", [40031, 40032])
async def test_batches_are_halved_for_their_list_too(client: WeChatClient, wechat: ScriptedWeChat, errcode: int) -> None:
    """40031 and 40032 speak of the list, and are cured by halving it."""
    wechat.on(BATCH, refused(errcode), batch_reply(set(), set()))

    assert ["oA", "oB"] == [info.open_id for info in (await client.user_infos(APP, ["oA", "oB"])).found]


async def test_batches_match_by_open_id_and_ignore_strangers(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """Order and duplicates mean nothing; an OpenID that was not asked for is dropped."""
    wechat.on(BATCH, {"user_info_list": [{"openid": "oB", "unionid": "uB"}, {"openid": "oX"}, {"openid": "oA", "unionid": "uA"}]})
    answer = await client.user_infos(APP, ["oA", "oB", "oA"])

    assert {"oA": "uA", "oB": "uB"} == {info.open_id: info.union_id for info in answer.found}
    assert [{"openid": "oA", "lang": "zh_CN"}, {"openid": "oB", "lang": "zh_CN"}] == json.loads(wechat.asked[1].content)["user_list"]


async def test_limits_of_a_batch(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """More than 100 is a mistake of the caller, none at all costs no call."""
    with pytest.raises(ValueError, match="at most 100"):
        await client.user_infos(APP, [f"o{number}" for number in range(101)])

    assert () == (await client.user_infos(APP, [])).found
    assert [] == wechat.asked


async def test_a_batch_refused_for_another_reason_is_not_halved(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """Halving cures no missing permission."""
    wechat.on(BATCH, refused(48001))

    with pytest.raises(ApiNotGranted):
        await client.user_infos(APP, ["oA", "oB"])
    assert 1 == wechat.counts[BATCH]


async def test_calls_keep_to_the_rate(wechat: ScriptedWeChat, clock: ManualClock) -> None:
    """With 20 a second and a full bucket, 25 calls and their token take at least 0.2 s."""
    wechat.on(USER_INFO, INFO)
    loop = asyncio.get_running_loop()
    async with wechat.client(clock=clock, calls_per_second=20) as client:
        started = loop.time()
        await asyncio.gather(*(client.user_info(APP, OPEN_ID) for _ in range(25)))

    assert loop.time() - started >= 0.2


@pytest.mark.parametrize("address", ["http://api.weixin.qq.com", "api.weixin.qq.com", "ftp://x", "https://a?b=c", "https://u:p@a"])
def test_base_address_is_checked(address: str) -> None:
    """WeChat itself is only asked over https, and an address has no query and no password."""
    with pytest.raises(ValueError, match="WeChat"):
        WeChatClient(Credentials(), base_url=address)
