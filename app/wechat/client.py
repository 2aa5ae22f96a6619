"""`WeChatClient`: WeChat's API as typed questions and answers. The only file that knows httpx.

Retries and judgement are in calls.py, what answers mean in messages.py, what refusals mean in errors.py.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
import structlog

from app.wechat import endpoints, messages
from app.wechat.calls import Answered, Body, Caller, Lost, Pace, Parameters, Reply, Request
from app.wechat.china_time import Clock, utc_now
from app.wechat.credentials import Credentials
from app.wechat.endpoints import CONNECT_TIMEOUT, Endpoint
from app.wechat.errors import TokenRejected, WeChatError, malformed, refusal
from app.wechat.messages import Answer, BatchAnswer, FollowerPage, LoginIdentity, Token, UserInfo
from app.wechat.redact import RedactingFilter, Secret
from app.wechat.retries import Loss
from app.wechat.tokens import TokenCache

_log = structlog.get_logger()

WECHAT = "https://api.weixin.qq.com"
MISSING_CODE = 41008
# The codes by which one bad OpenID fails a whole batch.
BAD_BATCH = frozenset({40003, 40031, 40032})
# Failures after which WeChat cannot have seen the request.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
DEFAULT_PACE = Pace()


class WeChatClient:
    """Asks WeChat on behalf of the touchpoints in `credentials`; use it as an async context manager, one per process."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = WECHAT,
        clock: Clock = utc_now,
        pace: Pace = DEFAULT_PACE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._credentials = credentials
        self._base_url = _checked_base_url(base_url)
        self._clock = clock
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._caller = Caller(self._send, clock, pace)
        self._tokens = TokenCache(self._fetch_token, clock)
        self._filter = RedactingFilter(tuple(credentials.secrets.values()))

    async def __aenter__(self) -> Self:
        # httpx logs whole addresses, secrets included, as soon as somebody sets its logger to INFO.
        logging.getLogger("httpx").addFilter(self._filter)
        self._http = httpx.AsyncClient(base_url=self._base_url, transport=self._transport, headers={"Accept": "application/json"})
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._tokens.close()
        if self._http is not None:
            await self._http.aclose()
        logging.getLogger("httpx").removeFilter(self._filter)

    # Logins

    async def code_to_session(self, app_id: str, code: str) -> LoginIdentity:
        """Exchange a mini program's login code; the session key stays behind ("小程序登录凭证校验")."""
        parameters = self._login_parameters(endpoints.CODE_TO_SESSION, app_id, "js_code", code)
        request = Request(endpoints.CODE_TO_SESSION, app_id, parameters)
        return await self._caller.call(request, lambda answer: messages.read_session(answer, app_id))

    async def exchange_oauth_code(self, app_id: str, code: str) -> LoginIdentity:
        """Exchange the code of a service account, website or mobile app; ask for a missing UnionID where the scope allows it."""
        parameters = self._login_parameters(endpoints.OAUTH_TOKEN, app_id, "code", code)
        request = Request(endpoints.OAUTH_TOKEN, app_id, parameters)
        identity = await self._caller.call(request, lambda answer: messages.read_oauth(answer, app_id))
        if not identity.may_ask_user_info:
            return identity
        try:
            return await self.oauth_user_info(identity)
        except WeChatError as refused:
            # The code is spent and the OpenID is known: a login without UnionID is worth more than an error.
            _log.warning("wechat_user_info_refused", app_id=app_id, errcode=refused.errcode, rid=refused.rid)
            return identity

    async def oauth_user_info(self, identity: LoginIdentity) -> LoginIdentity:
        """Return the identity with the UnionID that /sns/userinfo tells, unchanged where asking is of no use."""
        if identity.user_token is None or not identity.may_ask_user_info:
            return identity
        parameters: Parameters = {"access_token": identity.user_token, "openid": Secret(identity.open_id), "lang": "zh_CN"}
        request = Request(endpoints.OAUTH_USER_INFO, identity.app_id, parameters)
        open_id, union_id = await self._caller.call(request, messages.read_oauth_user_info)
        if open_id != identity.open_id:
            raise malformed("another OpenID than asked for", path=request.endpoint.path, app_id=identity.app_id)
        return replace(identity, union_id=union_id, source=messages.LoginSource.USERINFO) if union_id else identity

    # Official-account users

    async def followers(self, app_id: str, after: str | None = None) -> FollowerPage:
        """Return the page of followers behind `after`, the first one without it; ask on until `is_last`."""
        parameters = {"next_openid": Secret(after)} if after else {}
        return await self._authorised(endpoints.FOLLOWERS, app_id, lambda answer: messages.read_follower_page(answer, after), parameters)

    async def user_info(self, app_id: str, open_id: str) -> UserInfo:
        """Return what WeChat says about one OpenID, follower or not."""
        parameters: Parameters = {"openid": Secret(open_id), "lang": "zh_CN"}
        info = await self._authorised(endpoints.USER_INFO, app_id, lambda answer: messages.read_user_info(answer.fields), parameters)
        if info.open_id != open_id:
            raise malformed("another OpenID than asked for", path=endpoints.USER_INFO.path, app_id=app_id)
        return info

    async def user_infos(self, app_id: str, open_ids: Sequence[str]) -> BatchAnswer:
        """Return what WeChat says about at most 100 OpenIDs. One bad OpenID fails a whole call, so such calls are halved."""
        asked = tuple(dict.fromkeys(open_ids))
        if len(asked) > endpoints.LARGEST_BATCH:
            msg = f"WeChat takes at most {endpoints.LARGEST_BATCH} OpenIDs a call, not {len(asked)}"
            raise ValueError(msg)
        found: dict[str, UserInfo] = {}
        refused: dict[str, int] = {}
        waiting = [asked] if asked else []
        while waiting:
            part = waiting.pop()
            errcode, infos = await self._batch(app_id, part)
            found.update((info.open_id, info) for info in infos if info.open_id in part)
            if errcode and len(part) == 1:
                refused[part[0]] = errcode
            elif errcode:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
        missing = tuple(open_id for open_id in asked if open_id not in found and open_id not in refused)
        return BatchAnswer(tuple(found.values()), refused, missing)

    async def prove(self, app_id: str) -> None:
        """Fetch a token past the cache, to learn whether WeChat accepts the credentials of a touchpoint."""
        await self._fetch_token(app_id)

    # Below: how calls are made

    async def _batch(self, app_id: str, open_ids: Sequence[str]) -> tuple[int, tuple[UserInfo, ...]]:
        """Return (0, users), or (errcode, nothing) where an OpenID of the batch is to blame."""
        body = {"user_list": [{"openid": Secret(open_id), "lang": "zh_CN"} for open_id in open_ids]}
        try:
            return 0, await self._authorised(endpoints.USER_INFO_BATCH, app_id, messages.read_user_infos, {}, body)
        except WeChatError as failure:
            if failure.errcode in BAD_BATCH:
                return failure.errcode, ()
            raise

    def _login_parameters(self, endpoint: Endpoint, app_id: str, name: str, code: str) -> Parameters:
        if not code.strip():
            raise refusal(MISSING_CODE, "", path=endpoint.path, app_id=app_id, now=self._clock(), sends_secret=True)
        secret = self._credentials.secret_of(app_id)
        return {"appid": app_id, "secret": secret, name: Secret(code), "grant_type": "authorization_code"}

    async def _fetch_token(self, app_id: str) -> Token:
        body = {"grant_type": "client_credential", "appid": app_id, "secret": self._credentials.secret_of(app_id), "force_refresh": False}
        return await self._caller.call(Request(endpoints.STABLE_TOKEN, app_id, {}, body), messages.read_token)

    async def _authorised(
        self, endpoint: Endpoint, app_id: str, read: Callable[[Answer], Answered], parameters: Parameters, body: Body | None = None
    ) -> Answered:
        """Call with the account's token; where WeChat refuses the token, get another one once and repeat once."""
        token = await self._tokens.token(app_id)
        try:
            return await self._caller.call(Request(endpoint, app_id, {**parameters, "access_token": token}, body), read)
        except TokenRejected as refused:
            rejection = refused
        fresh = await self._tokens.replacement(app_id, token, rejection)
        return await self._caller.call(Request(endpoint, app_id, {**parameters, "access_token": fresh}, body), read)

    async def _send(self, request: Request, seconds_left: float) -> Reply | Lost:
        """Send one request. Failures are reported, not raised, because httpx quotes addresses and their secrets."""
        if self._http is None:
            msg = "use WeChatClient as an async context manager"
            raise RuntimeError(msg)
        endpoint = request.endpoint
        timeout = httpx.Timeout(endpoint.read_timeout, connect=CONNECT_TIMEOUT, pool=CONNECT_TIMEOUT)
        try:
            async with asyncio.timeout(max(seconds_left, 0)):
                answer = await self._http.request(
                    endpoint.method,
                    endpoint.path,
                    params={name: str(_revealed(value)) for name, value in request.parameters.items()},
                    json=_revealed(request.body),
                    timeout=timeout,
                )
            return Reply(answer.status_code, answer.content)
        except NOT_SENT as failure:
            return Lost(Loss.NOT_SENT, type(failure).__name__)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
            return Lost(Loss.NO_ANSWER, type(failure).__name__)


def _revealed(value: object) -> object:
    """Return the value with every secret in it in clear; what comes out goes straight into the request."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: _revealed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_revealed(item) for item in value]
    return value


def _checked_base_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        msg = "the base address of WeChat has to look like https://api.weixin.qq.com"
        raise ValueError(msg)
    if parts.scheme == "http" and parts.hostname.endswith("weixin.qq.com"):
        msg = "WeChat itself is only asked over https://: secrets travel in the address"
        raise ValueError(msg)
    return base_url.rstrip("/")
