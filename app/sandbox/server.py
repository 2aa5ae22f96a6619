"""The sandbox as one web application: WeChat's paths, each with its method and the concept that answers it, and the door beside them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.sandbox.answers import Answer, Call, Responder, WeChatError, read_call
from app.sandbox.brand import Brand
from app.sandbox.clock import Clock, SandboxClock
from app.sandbox.door import Door, DoorError, refuse
from app.sandbox.followers import Followers
from app.sandbox.login import Logins
from app.sandbox.open_accounts import OpenAccounts
from app.sandbox.quota import GENEROUS, DailyQuota
from app.sandbox.tokens import AppTokens

WRONG_METHOD = {"GET": 43001, "POST": 43002}


@dataclass(frozen=True)
class Endpoint:
    """One path of WeChat's API."""

    method: str
    path: str
    answer: Callable[[Call], Answer]
    is_slow: bool = False
    """Walks over all people: answered in a thread, so that logins do not wait for it."""
    wrong_method: int | None = None
    """The errcode for another method, where it is not the usual 43001 or 43002."""

    def reply(self, call: Call) -> Answer:
        """The answer, once the method is right."""
        if call.method != self.method:
            raise WeChatError(self.wrong_method or WRONG_METHOD[self.method])
        return self.answer(call)


def sandbox_app(
    brand: Brand, *, clock: Clock = time.time, daily_limit: int = GENEROUS, daily_limits: Mapping[str, int] | None = None
) -> Starlette:
    """WeChat's HTTP API over one brand. `daily_limit` is per account and path, `daily_limits` overrides it for single paths."""
    present = SandboxClock(clock)
    quota = DailyQuota(present, daily_limit, daily_limits)
    tokens = AppTokens(brand, present, quota)
    logins = Logins(brand, present, tokens, quota)
    endpoints = _endpoints(tokens, logins, Followers(brand, tokens), OpenAccounts(brand, tokens))
    responder = Responder(present)
    door = Door(brand, present, tokens, logins)
    return Starlette(
        routes=[*(_route(endpoint, responder) for endpoint in endpoints), *door.routes()],
        exception_handlers={DoorError: refuse},
    )


def _endpoints(tokens: AppTokens, logins: Logins, followers: Followers, open_accounts: OpenAccounts) -> tuple[Endpoint, ...]:
    return (
        Endpoint("GET", "/cgi-bin/token", tokens.plain),
        Endpoint("POST", "/cgi-bin/stable_token", tokens.stable),
        # Posted parameters are not looked at there, so WeChat misses the appid rather than the method.
        Endpoint("GET", "/sns/jscode2session", logins.mini_program_session, wrong_method=41002),
        Endpoint("GET", "/sns/oauth2/access_token", logins.web_token),
        Endpoint("GET", "/sns/oauth2/refresh_token", logins.refresh),
        Endpoint("GET", "/sns/userinfo", logins.user_info),
        Endpoint("GET", "/sns/auth", logins.check),
        Endpoint("GET", "/cgi-bin/user/get", followers.page, is_slow=True),
        Endpoint("GET", "/cgi-bin/user/info", followers.one),
        Endpoint("POST", "/cgi-bin/user/info/batchget", followers.batch),
        Endpoint("POST", "/cgi-bin/open/get", open_accounts.get),
        Endpoint("GET", "/cgi-bin/open/have", open_accounts.have),
        Endpoint("GET", "/cgi-bin/open/sameentity", open_accounts.same_entity),
    )


def _route(endpoint: Endpoint, responder: Responder) -> Route:
    async def respond(request: Request) -> Response:
        call = await read_call(request)
        try:
            answer = await run_in_threadpool(endpoint.reply, call) if endpoint.is_slow else endpoint.reply(call)
        except WeChatError as error:
            return responder.refusal(error)
        return responder.success(endpoint.path, answer)

    return Route(endpoint.path, respond, methods=["GET", "POST"])
