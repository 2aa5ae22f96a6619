"""Follower lists and user information: the rules of wechat.md 4.8."""

from collections.abc import Sequence
from typing import Any

import httpx

from app.sandbox.brand import TouchpointKind
from app.sandbox.linjian import make_brand
from app.sandbox.people import Following, UnionIdQuirk
from app.sandbox.server import sandbox_app
from tests.sandbox.caller import Caller, HeldClock

SERVICE, SUBSCRIPTION = TouchpointKind.SERVICE_ACCOUNT, TouchpointKind.SUBSCRIPTION_ACCOUNT


async def batch(sandbox: Caller, open_ids: Sequence[str], token: str) -> dict[str, Any]:
    """Ask batchget for those OpenIDs."""
    return await sandbox.post("/cgi-bin/user/info/batchget", {"user_list": [{"openid": one} for one in open_ids]}, access_token=token)


async def test_one_page(sandbox: Caller) -> None:
    """A list that fits one page is followed by an empty page without data and with an empty next_openid."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    expected = [sandbox.brand.open_id(one, account.app_id) for one in sandbox.brand.crowd.followers(account.app_id)]
    first = await sandbox.get("/cgi-bin/user/get", access_token=token)

    assert {"total": len(expected), "count": len(expected), "data": {"openid": expected}, "next_openid": expected[-1]} == first
    assert {"total": len(expected), "count": 0, "next_openid": ""} == await sandbox.get(
        "/cgi-bin/user/get", access_token=token, next_openid=expected[-1]
    )


async def test_list_continues_after_next_openid(sandbox: Caller) -> None:
    """The list continues after next_openid, whether or not that one follows; a foreign one gets 40003."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    whole = (await sandbox.get("/cgi-bin/user/get", access_token=token))["data"]["openid"]
    stranger = next(one for one in range(700, 800) if not sandbox.brand.crowd.follows(one, account.app_id))
    after = await sandbox.get("/cgi-bin/user/get", access_token=token, next_openid=sandbox.brand.open_id(stranger, account.app_id))

    assert whole[8:] == (await sandbox.get("/cgi-bin/user/get", access_token=token, next_openid=whole[7]))["data"]["openid"]
    assert [one for one in whole if (sandbox.brand.person_of(one, account.app_id) or 0) > stranger] == after["data"]["openid"]
    foreign = sandbox.brand.open_id(1, sandbox.touchpoint(SERVICE, 1).app_id)
    assert 40003 == (await sandbox.get("/cgi-bin/user/get", access_token=token, next_openid=foreign))["errcode"]


async def test_pages_of_ten_thousand() -> None:
    """A page holds 10,000 OpenIDs at most, and the pages together are the list, without doubles."""
    brand, clock = make_brand(people=45_000), HeldClock()
    sandbox = Caller(brand, clock, sandbox_app(brand, clock=clock))
    account = sandbox.touchpoint(SERVICE)
    token, cursor, counts, seen = await sandbox.token(account), "", [], []
    while True:
        page = await sandbox.get("/cgi-bin/user/get", access_token=token, next_openid=cursor)
        counts.append(page["count"])
        if not page["count"]:
            break
        seen += page["data"]["openid"]
        cursor = page["next_openid"]

    assert [10_000, page["total"] - 10_000, 0] == counts
    assert page["total"] == len(set(seen)) == len(seen)


async def test_rights(sandbox: Caller) -> None:
    """An unverified account, and whatever is no official account, gets 48001 at every follower endpoint."""
    for touchpoint in (sandbox.touchpoint(SUBSCRIPTION, 1), sandbox.touchpoint(TouchpointKind.MINI_PROGRAM)):
        token, open_id = await sandbox.token(touchpoint), sandbox.brand.open_id(1, touchpoint.app_id)

        assert 48001 == (await sandbox.get("/cgi-bin/user/get", access_token=token))["errcode"]
        assert 48001 == (await sandbox.get("/cgi-bin/user/info", access_token=token, openid=open_id))["errcode"]
        assert 48001 == (await batch(sandbox, [open_id], token))["errcode"]


async def test_follower(sandbox: Caller) -> None:
    """A follower comes with UnionID and the time of following; name, sex and region are empty since 2021."""
    account = sandbox.touchpoint(SERVICE)
    person = next(one for one in sandbox.brand.crowd.followers(account.app_id) if sandbox.brand.crowd.quirk(one) is UnionIdQuirk.PLAIN)
    open_id = sandbox.brand.open_id(person, account.app_id)
    answer = await sandbox.get("/cgi-bin/user/info", access_token=await sandbox.token(account), openid=open_id)
    visit = next(one for one in sandbox.brand.person(person).visits if one.app_id == account.app_id)

    assert (1, open_id) == (answer["subscribe"], answer["openid"])
    assert sandbox.brand.union_id(person, account.app_id) == answer["unionid"]
    assert int(visit.first_at.timestamp()) == answer["subscribe_time"]
    assert ("", 0, "", "") == (answer["nickname"], answer["sex"], answer["city"], answer["headimgurl"])


async def test_non_followers(sandbox: Caller) -> None:
    """Who does not follow is told as subscribe 0 with nothing else but, for those who once did, the UnionID."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    answers = {}
    for following in (Following.UNFOLLOWED, Following.NEVER):
        person = next(
            one.number
            for one in map(sandbox.brand.person, range(sandbox.brand.people))
            if one.quirk is UnionIdQuirk.PLAIN
            and any(visit.app_id == account.app_id and visit.following is following for visit in one.visits)
        )
        open_id = sandbox.brand.open_id(person, account.app_id)
        answers[following] = await sandbox.get("/cgi-bin/user/info", access_token=token, openid=open_id)

    assert {"subscribe", "openid", "unionid"} == set(answers[Following.UNFOLLOWED])
    assert {"subscribe", "openid"} == set(answers[Following.NEVER])
    assert [0, 0] == [one["subscribe"] for one in answers.values()]


async def test_unbound_account(sandbox: Caller) -> None:
    """The followers of an account that is bound nowhere have no UnionID."""
    unbound = next(one for one in sandbox.brand.touchpoints if sandbox.brand.bound_to(one.app_id) is None)
    followers = [sandbox.brand.open_id(one, unbound.app_id) for one in sandbox.brand.crowd.followers(unbound.app_id)]
    answer = await batch(sandbox, followers[:10], await sandbox.token(unbound))

    assert 10 == len(answer["user_info_list"])
    assert not any("unionid" in one for one in answer["user_info_list"])


async def test_foreign_open_ids(sandbox: Caller) -> None:
    """An OpenID of another touchpoint, an invented one and a missing one are refused."""
    account = sandbox.touchpoint(SERVICE)
    token, foreign = await sandbox.token(account), sandbox.brand.open_id(1, sandbox.touchpoint(SERVICE, 1).app_id)

    assert 40003 == (await sandbox.get("/cgi-bin/user/info", access_token=token, openid=foreign))["errcode"]
    assert 40003 == (await sandbox.get("/cgi-bin/user/info", access_token=token, openid="o" * 28))["errcode"]
    assert 41009 == (await sandbox.get("/cgi-bin/user/info", access_token=token))["errcode"]


async def test_batch_is_all_or_nothing(sandbox: Caller) -> None:
    """One bad OpenID fails the whole batch with 40003."""
    account = sandbox.touchpoint(SERVICE)
    good = [sandbox.brand.open_id(one, account.app_id) for one in range(5)]

    assert 40003 == (await batch(sandbox, [*good, "o" * 28], await sandbox.token(account)))["errcode"]


async def test_batch_sizes(sandbox: Caller) -> None:
    """A batch of 100 is answered; 101 and 0 get 40032; what is no list gets 40031."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    open_ids = [sandbox.brand.open_id(one, account.app_id) for one in range(101)]

    assert "user_info_list" in await batch(sandbox, open_ids[:100], token)
    assert 40032 == (await batch(sandbox, open_ids, token))["errcode"]
    assert 40032 == (await batch(sandbox, [], token))["errcode"]
    assert 40031 == (await sandbox.post("/cgi-bin/user/info/batchget", {"user_list": "x"}, access_token=token))["errcode"]
    assert 40003 == (await sandbox.post("/cgi-bin/user/info/batchget", {"user_list": [1]}, access_token=token))["errcode"]


async def test_batch_holes_order_and_doubles(sandbox: Caller) -> None:
    """A large batch leaves some users out, names each once and in no promised order; asked in a small one the missing are there."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    skipped = next(one.number for one in map(sandbox.brand.person, range(sandbox.brand.people)) if one.skipped_in_batches)
    present = [one for one in range(100) if not sandbox.brand.crowd.skipped_in_batches(one)][:60]
    asked = [sandbox.brand.open_id(one, account.app_id) for one in (*present, skipped)]
    answered = [one["openid"] for one in (await batch(sandbox, asked + asked[:10], token))["user_info_list"]]
    again = [one["openid"] for one in (await batch(sandbox, asked[-1:], token))["user_info_list"]]

    assert set(asked[:-1]) == set(answered)
    assert len(set(answered)) == len(answered)
    assert asked[:-1] != answered
    assert asked[-1:] == again


async def test_batch_agrees_with_single_answers(sandbox: Caller) -> None:
    """A batch tells the same of a user as user/info does."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    open_ids = [sandbox.brand.open_id(one, account.app_id) for one in range(10)]
    listed = {one["openid"]: one for one in (await batch(sandbox, open_ids, token))["user_info_list"]}

    assert listed == {one: await sandbox.get("/cgi-bin/user/info", access_token=token, openid=one) for one in open_ids}


async def test_form_encoded_body(sandbox: Caller) -> None:
    """A form-encoded body gets 47001, an empty one 44002."""
    account = sandbox.touchpoint(SERVICE)
    token = await sandbox.token(account)
    path = f"/cgi-bin/user/info/batchget?access_token={token}"
    form: httpx.Response = await sandbox.http.post(path, data={"user_list": "[]"})

    assert 47001 == form.json()["errcode"]
    assert 47001 == (await sandbox.http.post(path, content=b"[1]")).json()["errcode"]
    assert 44002 == (await sandbox.http.post(path)).json()["errcode"]
