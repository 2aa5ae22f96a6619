"""No secret, token, code, session key or id reaches an exception, a traceback or a log record."""

import asyncio
import logging
import pickle
import traceback

import httpx
import pytest
import structlog

from app.wechat.client import WeChatClient
from app.wechat.errors import WeChatError
from app.wechat.redact import RedactingFilter, Redactor, Secret, redact
from tests.wechat.scripted import (
    APP,
    BATCH,
    CODE,
    FOLLOWERS,
    OAUTH,
    OPEN_ID,
    RID,
    SECRET,
    SESSION,
    SESSION_KEY,
    STABLE_TOKEN,
    TOKEN,
    UNION_ID,
    USER_INFO,
    USER_TOKEN,
    USERINFO,
    Answer,
    ScriptedWeChat,
    refused,
)

SENSITIVE = {
    "secret": SECRET,
    "token": TOKEN,
    "user token": USER_TOKEN,
    "code": CODE,
    "session key": SESSION_KEY,
    "OpenID": OPEN_ID,
    "UnionID": UNION_ID,
}
# What WeChat might quote back at us, and what it might forget to say: openid is missing, so the rest is on display.
TELLTALE: dict[str, object] = {"access_token": TOKEN, "session_key": SESSION_KEY, "unionid": UNION_ID}
GOSSIP = f"no {SECRET} {TOKEN} {USER_TOKEN} code={CODE} {CODE} {SESSION_KEY} {OPEN_ID} {UNION_ID} rid: {RID}"
FAILURES: list[Answer] = [
    httpx.ConnectError,
    httpx.ReadTimeout,
    httpx.UnsupportedProtocol,
    502,
    413,
    429,
    b"<html>" + GOSSIP.encode(),
    TELLTALE,
    refused(-1, GOSSIP),
    refused(40003, GOSSIP),
    refused(40029, GOSSIP),
    refused(40163, GOSSIP),
    refused(40164, GOSSIP),
    refused(42001, GOSSIP),
    refused(45009, GOSSIP),
    refused(45011, GOSSIP),
    refused(48001, GOSSIP),
    refused(77777, GOSSIP),
]


def leaks(text: str) -> list[str]:
    """Name what a text gives away."""
    return [what for what, value in SENSITIVE.items() if value in text]


def everything_shown(error: BaseException) -> str:
    """Return all that can be read off an exception: texts, attributes, causes and contexts, tracebacks."""
    shown, waiting, seen = [], [error], set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        shown += [str(current), repr(current), repr(current.args), repr(vars(current))]
        shown += traceback.format_exception(current)
        waiting += [linked for linked in (current.__cause__, current.__context__) if linked is not None]
    return "\n".join(shown)


async def fail_everywhere(wechat: ScriptedWeChat, failure: Answer) -> list[WeChatError]:
    """Ask every question of a WeChat that fails this way; return what came of it."""
    for path in (SESSION, OAUTH, USERINFO, FOLLOWERS, USER_INFO, BATCH):
        wechat.on(path, failure)
    errors: list[WeChatError] = []
    async with wechat.client() as client:
        questions = [
            client.code_to_session(APP, CODE),
            client.exchange_oauth_code(APP, CODE),
            client.followers(APP, OPEN_ID),
            client.user_info(APP, OPEN_ID),
            client.user_infos(APP, [OPEN_ID]),
        ]
        outcomes = await asyncio.gather(*questions, return_exceptions=True)
    errors += [outcome for outcome in outcomes if isinstance(outcome, WeChatError)]
    wechat.on(STABLE_TOKEN, failure)
    async with wechat.client() as client:
        with pytest.raises(WeChatError) as caught:
            await client.prove(APP)
    return [*errors, caught.value]


def name(value: object) -> str:
    """Name a failure in the test report."""
    return value.__name__ if isinstance(value, type) else repr(value)[:24]


@pytest.mark.parametrize("failure", [failure for failure in FAILURES if failure is not TELLTALE], ids=name)
async def test_no_exception_gives_anything_away(wechat: ScriptedWeChat, failure: Answer) -> None:
    """Neither text nor attribute nor traceback nor any linked exception holds a secret, token, code or id."""
    errors = await fail_everywhere(wechat, failure)

    assert 5 <= len(errors)
    for error in errors:
        assert [] == leaks(everything_shown(error))


async def test_what_was_sent_is_masked_without_any_shape(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """A code like no other is masked all the same where WeChat quotes it, because we know what we sent."""
    wechat.on(SESSION, refused(40029, "invalid code pumpkin"))

    with pytest.raises(WeChatError) as caught:
        await client.code_to_session(APP, "pumpkin")
    assert "invalid code ***" == caught.value.errmsg


async def test_malformed_answers_are_not_quoted(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """An answer that cannot be used is described, never shown."""
    wechat.on(SESSION, TELLTALE)
    wechat.on(STABLE_TOKEN, {"access_token": TOKEN})

    for question in (client.code_to_session(APP, CODE), client.prove(APP)):
        with pytest.raises(WeChatError) as caught:
            await question
        assert [] == leaks(everything_shown(caught.value))


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, 502, refused(42001, GOSSIP), TELLTALE], ids=name)
async def test_not_even_the_variables_of_frames_hold_a_secret(client: WeChatClient, wechat: ScriptedWeChat, failure: Answer) -> None:
    """Error reporters print local variables: those of our frames hold secrets and tokens only wrapped."""
    wechat.on(FOLLOWERS, failure)

    with pytest.raises(WeChatError) as caught:
        await client.followers(APP)
    del failure
    frames = [line for line in traceback.TracebackException.from_exception(caught.value, capture_locals=True).format() if "/app/" in line]
    assert frames
    assert [] == leaks("\n".join(frames))


@pytest.mark.parametrize("failure", FAILURES, ids=name)
async def test_no_log_record_gives_anything_away(
    wechat: ScriptedWeChat, failure: Answer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every logger at its most talkative, HTTP library included, nothing sensitive is written."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        await fail_everywhere(wechat, failure)
    written = capsys.readouterr()

    assert events
    assert [] == leaks("\n".join([*map(repr, events), caplog.text, *map(repr, caplog.records), written.out, written.err]))


async def test_the_http_library_would_have_told(client: WeChatClient, wechat: ScriptedWeChat, caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library logs whole addresses; their queries are masked while a client is open."""
    caplog.set_level(logging.INFO)
    wechat.on(FOLLOWERS, {"total": 0, "count": 0})
    await client.followers(APP)

    assert f"{FOLLOWERS}?***" in caplog.text
    assert TOKEN not in caplog.text


async def test_identities_print_without_ids(client: WeChatClient, wechat: ScriptedWeChat) -> None:
    """What the client returns may be printed by accident and shows no id and no token."""
    wechat.on(OAUTH, {"openid": OPEN_ID, "unionid": UNION_ID, "access_token": USER_TOKEN, "scope": "snsapi_userinfo"})
    wechat.on(USER_INFO, {"openid": OPEN_ID, "unionid": UNION_ID})
    wechat.on(BATCH, refused(40003))
    wechat.on(FOLLOWERS, {"count": 1, "data": {"openid": [OPEN_ID]}, "next_openid": OPEN_ID})
    shown = [
        await client.exchange_oauth_code(APP, CODE),
        await client.user_info(APP, OPEN_ID),
        await client.user_infos(APP, [OPEN_ID]),
        await client.followers(APP),
    ]

    assert [] == leaks(repr(shown))


@pytest.mark.parametrize(
    "expected, text",
    [
        (
            "GET https://api.weixin.qq.com/sns/userinfo?*** failed",
            f"GET https://api.weixin.qq.com/sns/userinfo?openid={OPEN_ID}&x=1 failed",
        ),
        ("path /sns/userinfo?*** failed", "path /sns/userinfo?code=abc failed"),
        ("secret=*** and js_code=***", "secret=abc and js_code=def"),
        ('{"secret": "***","n": 1}', '{"secret": "a\\"b","n": 1}'),
        ("{'session_key': \"***\"}", "{'session_key': 'abc'}"),
        ("user o*** gone", f"user {OPEN_ID} gone"),
        ("token *** died", f"token {TOKEN} died"),
        ("key ***.", f"key {SESSION_KEY}."),
        (f"errcode 40013 for {APP} rid: {RID}", f"errcode 40013 for {APP} rid: {RID}"),
        ("invalid ip 203.0.113.7", "invalid ip 203.0.113.7"),
    ],
    ids=range(10),
)
def test_texts_are_masked_and_stay_useful(expected: str, text: str) -> None:
    """What is sensitive is masked; AppID, errcode, rid and address stay, for support."""
    assert expected == redact(text)


def test_known_values_are_masked_wherever_they_stand() -> None:
    """A value that the caller names is masked without any shape to recognise it by."""
    assert "a***b***" == redact("axyzbxyz", [Secret("xyz"), Secret("")])


def test_log_events_are_masked_by_name_shape_and_value() -> None:
    """Names, shapes and configured secrets count, nested values too; codes for people stay."""
    event = {
        "event": f"x {SECRET}",
        "code": CODE,
        "user": {"open_id": "oA", "tags": [OPEN_ID]},
        "errcode": 40013,
        "error": {"code": "NOT_FOUND"},
    }
    masked = Redactor([Secret(SECRET)])(None, "info", event)

    expected = {
        "event": "x ***",
        "code": "***",
        "user": {"open_id": "***", "tags": ["o***"]},
        "errcode": 40013,
        "error": {"code": "NOT_FOUND"},
    }
    assert expected == masked


def fail(text: str) -> None:
    """Fail with a text that should never have been written."""
    raise ValueError(text)


def test_exceptions_in_log_events_become_masked_text() -> None:
    """The renderer gets the traceback as text, without the exception that could be printed anew."""
    try:
        fail(f"https://x.cn/a?secret={SECRET}")
    except ValueError as error:
        masked = Redactor()(None, "error", {"event": "failed", "exc_info": error})

    assert "ValueError: https://x.cn/a?***" in masked["exception"]
    assert "exc_info" not in masked


def test_records_of_the_standard_library_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    """Message, arguments and traceback of a record are masked before a handler sees them."""
    logger = logging.getLogger("tests.wechat.redaction")
    logger.addFilter(RedactingFilter([Secret(SECRET)]))
    try:
        fail(f"secret={SECRET}")
    except ValueError:
        logger.exception("asked %s with %s", f"https://x.cn/a?code={CODE}", SECRET)

    assert "asked https://x.cn/a?*** with ***" in caplog.text
    assert "ValueError: secret=***" in caplog.text
    assert caplog.records[-1].exc_info is None
    assert [] == leaks(caplog.text)


def test_a_secret_hides_itself() -> None:
    """Printing, formatting and pickling give nothing away; comparing works."""
    secret = Secret(SECRET)

    assert [] == leaks(f"{secret} {secret!r} {[secret]}")
    assert (True, False, False) == (secret == Secret(SECRET), secret == Secret("x"), secret == SECRET)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
