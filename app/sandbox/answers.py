"""How WeChat answers: a call as it arrived, JSON on success, and errcode with a rid in HTTP 200 and text/plain when it refuses."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.clock import Clock

Answer = Mapping[str, object]

MESSAGES = {
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40031: "invalid openid list",
    40032: "invalid openid list size",
    40125: "invalid appsecret",
    40163: "code been used",
    41001: "access_token missing",
    41002: "appid missing",
    41003: "refresh_token missing",
    41004: "appsecret missing",
    41008: "missing code",
    41009: "missing openid",
    42001: "access_token expired",
    42002: "refresh_token expired",
    42003: "oauth_code expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    47001: "data format error",
    48001: "api unauthorized",
    89002: "open not exists",
}


class WeChatError(Exception):
    """WeChat refused the call."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode, MESSAGES[errcode])
        self.errcode = errcode


@dataclass(frozen=True)
class Call:
    """One call to WeChat's API."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes

    def parameter(self, name: str, missing: int) -> str:
        """A parameter of the query; `missing` is the errcode when it is absent or empty."""
        value = self.query.get(name, "")
        if not value:
            raise WeChatError(missing)
        return value

    def document(self) -> dict[str, object]:
        """The JSON object in the body; its Content-Type is not looked at, as WeChat does not."""
        if not self.body.strip():
            raise WeChatError(44002)
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise WeChatError(47001) from None
        if not isinstance(document, dict):
            raise WeChatError(47001)
        return document


def text_in(document: Mapping[str, object], name: str, missing: int) -> str:
    """A text field of a body; `missing` is the errcode when it is absent, empty or no text."""
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise WeChatError(missing)
    return value


async def read_call(request: Request) -> Call:
    """The call a request carries."""
    return Call(request.method, request.url.path, dict(request.query_params), await request.body())


class Responder:
    """Turns answers and refusals into responses; each refusal gets a rid of its own, whose first group is the time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._serial = itertools.count(1)

    def success(self, path: str, answer: Answer) -> Response:
        """The login endpoints label even their successes as plain text."""
        media_type = "text/plain" if path.startswith("/sns/") else "application/json"
        return Response(orjson.dumps(answer), media_type=media_type)

    def refusal(self, error: WeChatError) -> Response:
        """HTTP 200 all the same."""
        message = f"{MESSAGES[error.errcode]} rid: {self._rid()}"
        return Response(orjson.dumps({"errcode": error.errcode, "errmsg": message}), media_type="text/plain")

    def _rid(self) -> str:
        rest = hashlib.blake2b(next(self._serial).to_bytes(8, "big"), digest_size=8).hexdigest()
        return f"{int(self._clock()):08x}-{rest[:8]}-{rest[8:]}"
