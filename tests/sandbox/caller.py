"""A client of the sandbox for tests: short ways to log in, fetch a token and call, on a clock that the test holds."""

import re
from typing import Any

import httpx
from starlette.applications import Starlette

from app.sandbox.brand import Brand, Touchpoint, TouchpointKind

RID = re.compile(r" rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}$")
START = 1_795_300_000.0
"""2026-11-22 in China, at 6:26 in the morning."""


class HeldClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """The time the test set."""
        return self.now


class Caller:
    """Calls one sandbox application without a network."""

    def __init__(self, brand: Brand, clock: HeldClock, app: Starlette) -> None:
        self.brand = brand
        self.clock = clock
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")

    def touchpoint(self, kind: TouchpointKind, number: int = 0) -> Touchpoint:
        """The brand's touchpoint of a kind, by its place among those."""
        return [one for one in self.brand.touchpoints if one.kind is kind][number]

    async def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """GET and read the JSON, whatever its content type."""
        answer: dict[str, Any] = (await self.http.get(path, params=parameters)).json()
        return answer

    async def post(self, path: str, document: object, **parameters: str) -> dict[str, Any]:
        """POST JSON and read the JSON."""
        answer: dict[str, Any] = (await self.http.post(path, json=document, params=parameters)).json()
        return answer

    async def plain_token(self, touchpoint: Touchpoint) -> str:
        """A token of /cgi-bin/token."""
        answer = await self.get("/cgi-bin/token", grant_type="client_credential", appid=touchpoint.app_id, secret=touchpoint.secret)
        return str(answer["access_token"])

    async def stable(self, touchpoint: Touchpoint, *, force: bool = False) -> dict[str, Any]:
        """The answer of /cgi-bin/stable_token."""
        body = {"grant_type": "client_credential", "appid": touchpoint.app_id, "secret": touchpoint.secret, "force_refresh": force}
        return await self.post("/cgi-bin/stable_token", body)

    async def token(self, touchpoint: Touchpoint) -> str:
        """A token of /cgi-bin/stable_token."""
        return str((await self.stable(touchpoint))["access_token"])

    async def errcode(self, token: str) -> int:
        """What a harmless call with that token gets: 0 while it works."""
        return int((await self.get("/cgi-bin/open/have", access_token=token))["errcode"])

    async def log_in(self, touchpoint: Touchpoint, **wish: object) -> str:
        """A login code from the sandbox's own door."""
        return str((await self.post("/sandbox/login", {"appId": touchpoint.app_id, **wish}))["code"])

    async def exchange(self, touchpoint: Touchpoint, code: str, path: str | None = None) -> dict[str, Any]:
        """Exchange a code at the endpoint that fits the touchpoint, or at the given one."""
        is_js = touchpoint.kind.logs_in_with_js_code
        path = path or ("/sns/jscode2session" if is_js else "/sns/oauth2/access_token")
        name = "js_code" if path.endswith("jscode2session") else "code"
        parameters = {"appid": touchpoint.app_id, "secret": touchpoint.secret, "grant_type": "authorization_code", name: code}
        return await self.get(path, **parameters)
