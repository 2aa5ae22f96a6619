"""Each row of the retry matrix: what is repeated, how often, after how long, and what is never sent twice."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.wechat.client import WeChatClient
from app.wechat.errors import (
    LoginCodeInvalid,
    LoginCodeUsed,
    LoginOutcomeUnknown,
    MalformedAnswer,
    RateLimited,
    WeChatError,
    WeChatUnavailable,
)
from app.wechat.retries import Attempted, Loss, RetryPolicy, Trouble
from tests.wechat.scripted import (
    APP,
    CODE,
    OAUTH,
    OPEN_ID,
    SESSION,
    SESSION_ANSWER,
    SIX_IN_SHANGHAI,
    STABLE_TOKEN,
    TOKEN_ANSWER,
    USER_INFO,
    Answer,
    ManualClock,
    ScriptedWeChat,
    refused,
)

INFO: dict[str, object] = {"subscribe": 0, "openid": OPEN_ID}
HTML = b"<html>busy</html>"
EVERY_LOSS: list[Answer] = [
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.RemoteProtocolError,
    500,
    (503, b'{"subscribe":1}'),
    HTML,
    b"",
    429,
    refused(-1),
    refused("-1"),
]
NOT_SENT: list[Answer] = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
PERHAPS_SPENT: list[Answer] = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
    500,
    502,
    HTML,
    b"",
]


def name(value: object) -> str:
    """Name a reply in the test report."""
    return value.__name__ if isinstance(value, type) else repr(value)


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=name)
async def test_idempotent_calls_get_three_tries(client: WeChatClient, wechat: ScriptedWeChat, loss: Answer) -> None:
    """Two failures are survived, whatever they were."""
    wechat.on(USER_INFO, loss, loss, INFO)

    assert OPEN_ID == (await client.user_info(APP, OPEN_ID)).open_id
    assert 3 == wechat.counts[USER_INFO]


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=name)
async def test_the_third_failure_is_the_last(client: WeChatClient, wechat: ScriptedWeChat, loss: Answer) -> None:
    """After three tries the caller hears that WeChat is unavailable, and may come back later."""
    wechat.on(USER_INFO, loss)

    with pytest.raises(RateLimited if loss == 429 else WeChatUnavailable) as caught:
        await client.user_info(APP, OPEN_ID)
    assert (3, True) == (wechat.counts[USER_INFO], caught.value.is_retryable)


@pytest.mark.parametrize("loss", [httpx.ReadTimeout, 502, refused(-1)], ids=name)
async def test_the_token_is_fetched_with_three_tries(client: WeChatClient, wechat: ScriptedWeChat, loss: Answer) -> None:
    """stable_token may be asked again: it hands out the same token."""
    wechat.on(STABLE_TOKEN, loss, loss, TOKEN_ANSWER)
    await client.prove(APP)

    assert 3 == wechat.counts[STABLE_TOKEN]


@pytest.mark.parametrize("loss", NOT_SENT, ids=name)
async def test_a_code_that_was_never_sent_is_tried_again(client: WeChatClient, wechat: ScriptedWeChat, loss: Answer) -> None:
    """A connection that failed cannot have spent the code."""
    wechat.on(SESSION, loss, loss, SESSION_ANSWER)

    assert OPEN_ID == (await client.code_to_session(APP, CODE)).open_id
    assert 3 == wechat.counts[SESSION]


async def test_a_code_that_never_got_out_is_still_good(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """If no connection succeeds, the caller may use the same code again later."""
    wechat.on(SESSION, httpx.ConnectError)

    with pytest.raises(WeChatUnavailable) as caught:
        await client.code_to_session(APP, CODE)
    assert (3, True) == (wechat.counts[SESSION], caught.value.is_retryable)


@pytest.mark.parametrize("loss", PERHAPS_SPENT, ids=name)
@pytest.mark.parametrize("path", [SESSION, OAUTH])
async def test_a_code_that_may_be_spent_is_never_sent_again(client: WeChatClient, wechat: ScriptedWeChat, path: str, loss: Answer) -> None:
    """After a lost answer the outcome is unknown and the user logs in again."""
    wechat.on(path, loss)
    exchange = client.code_to_session if path == SESSION else client.exchange_oauth_code

    with pytest.raises(LoginOutcomeUnknown, match="log in again") as caught:
        await exchange(APP, CODE)
    assert (1, False) == (wechat.counts[path], caught.value.is_retryable)


async def test_a_slow_login_has_an_unknown_outcome(wechat: ScriptedWeChat) -> None:
    """The total time-out is a read time-out like any other: the code may be spent."""

    async def never(request: httpx.Request) -> httpx.Response:
        wechat.asked.append(request)
        await asyncio.sleep(60)
        raise AssertionError

    client = wechat.client(total_timeout=0.05)
    client._transport = httpx.MockTransport(never)
    async with client:
        with pytest.raises(LoginOutcomeUnknown):
            await client.code_to_session(APP, CODE)
    assert 1 == wechat.counts[SESSION]


async def test_busy_is_repeated_once_for_a_code(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """-1 on a code exchange gets one more try."""
    wechat.on(SESSION, refused(-1), SESSION_ANSWER)

    assert OPEN_ID == (await client.code_to_session(APP, CODE)).open_id


async def test_busy_twice_is_the_end_for_a_code(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """After the second -1 nobody knows whether the code is spent."""
    wechat.on(SESSION, refused(-1))

    with pytest.raises(LoginOutcomeUnknown):
        await client.code_to_session(APP, CODE)
    assert 2 == wechat.counts[SESSION]


async def test_used_after_busy_means_the_first_try_succeeded(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """40163 after -1 is no doubled login: our own first try spent the code."""
    wechat.on(SESSION, refused(-1), refused(40163))

    with pytest.raises(LoginOutcomeUnknown, match="busy spent it"):
        await client.code_to_session(APP, CODE)


@pytest.mark.parametrize("expected, errcode", [(LoginCodeUsed, 40163), (LoginCodeInvalid, 40029), (LoginCodeInvalid, 42003)])
async def test_a_refused_code_is_sent_once(client: WeChatClient, wechat: ScriptedWeChat, expected: type[WeChatError], errcode: int) -> None:
    """A code that WeChat refused is of no further use."""
    wechat.on(SESSION, refused(errcode))

    with pytest.raises(expected) as caught:
        await client.code_to_session(APP, CODE)
    assert (expected, 1) == (type(caught.value), wechat.counts[SESSION])


async def test_a_malformed_login_is_not_repeated(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A login answer without OpenID spent its code all the same."""
    wechat.on(SESSION, {"session_key": "x"})

    with pytest.raises(MalformedAnswer, match="log in again"):
        await client.code_to_session(APP, CODE)
    assert 1 == wechat.counts[SESSION]


async def test_rate_is_waited_for_twice(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """45011 waits for the next minute, at most twice."""
    wechat.on(USER_INFO, refused(45011), refused(45011), INFO)
    assert OPEN_ID == (await client.user_info(APP, OPEN_ID)).open_id

    wechat.on(USER_INFO, refused(45011))
    with pytest.raises(RateLimited):
        await client.user_info(APP, OPEN_ID)
    assert 3 + 3 == wechat.counts[USER_INFO]


class Elapsed:
    """Seconds since the call began, moved by the test."""

    seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


def policy(elapsed: Elapsed, clock: ManualClock) -> RetryPolicy:
    """Return a policy of 15 s whose jitter always takes the most."""
    return RetryPolicy(clock=clock, elapsed=elapsed, total_timeout=15, jitter=lambda _least, most: most)


def trouble(loss: Loss, *, spends_code: bool = False) -> Trouble:
    """Return a failed attempt."""
    return Trouble(loss, Attempted(USER_INFO, APP, spends_code))


def test_waits_double_and_end_after_three_tries(clock: ManualClock) -> None:
    """At most 0.5 s, then 1 s, then no more."""
    decide = policy(Elapsed(), clock)

    assert [0.5, 1.0, False] == [decide(trouble(Loss.NO_ANSWER)) for _ in range(3)]


def test_no_wait_beyond_the_total(clock: ManualClock) -> None:
    """A try that could only begin after 15 s is not made."""
    elapsed = Elapsed()
    elapsed.seconds = 14.6

    assert policy(elapsed, clock)(trouble(Loss.NO_ANSWER)) is False


def test_the_next_minute_is_waited_for_outside_the_total(clock: ManualClock) -> None:
    """At 30 s past the minute 45011 waits 30 s, and the 15 s of the call are not used up by that."""
    elapsed = Elapsed()
    decide = policy(elapsed, clock)
    wait = decide(trouble(Loss.RATE_LIMITED))
    elapsed.seconds = 31

    assert (30.0, 14.0) == (wait, decide.time_left)


def test_a_login_waits_for_the_minute_only_within_its_total(clock: ManualClock) -> None:
    """With 30 s to the next minute a login is refused at once, with 5 s it waits."""
    assert policy(Elapsed(), clock)(trouble(Loss.RATE_LIMITED, spends_code=True)) is False

    clock.now = SIX_IN_SHANGHAI + timedelta(seconds=25)
    assert 5.0 == policy(Elapsed(), clock)(trouble(Loss.RATE_LIMITED, spends_code=True))


def test_other_exceptions_are_not_repeated(clock: ManualClock) -> None:
    """Only what the matrix names is tried again."""
    assert policy(Elapsed(), clock)(ValueError("bug")) is False
