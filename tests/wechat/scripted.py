"""A WeChat that answers by script and remembers what it was asked, and the made-up ids and secrets of these tests."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import httpx

from app.wechat.calls import Pace
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from app.wechat.redact import Secret

APP = "wx5a1c3e7f90b2d846"
SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "92_kT4v0mZ2QyVbXcN7sLdWfHrJgE"
OTHER_TOKEN = "92_pQ8w1nX3RzWcYdM6tKeVgIsHfD"
USER_TOKEN = "92_aQ7xWuSeRtOkEnForSnsCalls"
CODE = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P"
SESSION_KEY = "AAECAwQFBgcICQoLDA0ODw=="
OPEN_ID = "oZ2mP4tGq9aKx7VbR1nJs6wLcYdE"
UNION_ID = "o9fXt1vKpQ7sLwE3rYz5NbMcHd2A"
RID = "68b14622-1a2b3c4d-5e6f7a8b"

STABLE_TOKEN = "/cgi-bin/stable_token"
SESSION = "/sns/jscode2session"
OAUTH = "/sns/oauth2/access_token"
USERINFO = "/sns/userinfo"
FOLLOWERS = "/cgi-bin/user/get"
USER_INFO = "/cgi-bin/user/info"
BATCH = "/cgi-bin/user/info/batchget"

SIX_IN_SHANGHAI = datetime(2026, 11, 21, 22, 0, 30, tzinfo=UTC)

Answer: TypeAlias = dict[str, object] | bytes | int | tuple[int, bytes] | type[httpx.TransportError]
Reply: TypeAlias = Answer | Callable[[httpx.Request], Answer]

TOKEN_ANSWER: dict[str, object] = {"access_token": TOKEN, "expires_in": 7200}
SESSION_ANSWER: dict[str, object] = {"openid": OPEN_ID, "session_key": SESSION_KEY, "unionid": UNION_ID}


def refused(errcode: object, errmsg: str = f"refused rid: {RID}") -> dict[str, object]:
    """Return an error as WeChat writes it."""
    return {"errcode": errcode, "errmsg": errmsg}


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = SIX_IN_SHANGHAI

    def __call__(self) -> datetime:
        """Return the moment it stands at."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class ScriptedWeChat:
    """Plays the replies of a path in order, the last one for ever: an object, a body, a status with or without one, a failure."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self._replies: dict[str, list[Reply]] = {STABLE_TOKEN: [TOKEN_ANSWER]}

    def on(self, path: str, *replies: Reply) -> None:
        """Set what a path answers."""
        self._replies[path] = list(replies)

    @property
    def counts(self) -> Counter[str]:
        """How often each path was asked."""
        return Counter(request.url.path for request in self.asked)

    def tokens_sent_to(self, path: str) -> list[str]:
        """Return the access token of each call to a path."""
        return [request.url.params["access_token"] for request in self.asked if request.url.path == path]

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request the way WeChat does: HTTP 200 and text/plain, come what may."""
        self.asked.append(request)
        replies = self._replies[request.url.path]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply) and not isinstance(reply, type):
            reply = reply(request)
        if isinstance(reply, type):
            # httpx quotes the address in some of its texts; this one always does.
            raise reply(f"failed: {request.url}", request=request)
        if isinstance(reply, tuple):
            return httpx.Response(reply[0], content=reply[1])
        if isinstance(reply, int):
            return httpx.Response(reply, text="<html><body>gateway</body></html>")
        body = reply if isinstance(reply, bytes) else json.dumps(reply, ensure_ascii=False).encode()
        return httpx.Response(200, content=body, headers={"Content-Type": "text/plain"})

    def client(self, *, clock: ManualClock | None = None, total_timeout: float = 15.0, calls_per_second: float = 1000.0) -> WeChatClient:
        """Return a client that knows one touchpoint and talks to this script."""
        return WeChatClient(
            Credentials({APP: Secret(SECRET)}),
            clock=clock or ManualClock(),
            pace=Pace(total_timeout=total_timeout, calls_per_second=calls_per_second),
            transport=httpx.MockTransport(self.answer),
        )
