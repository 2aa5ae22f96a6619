"""One access token per AppID, fetched once however many callers wait, renewed before it ends, never taken away early.

One cache holds one kind of token: its fetch function decides which. Keys are AppIDs and never hold a secret.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.wechat.china_time import Clock
from app.wechat.errors import TokenRejected, WeChatError
from app.wechat.messages import Token
from app.wechat.redact import Secret

_log = structlog.get_logger()

# WeChat gives a new stable token in the last five minutes of the old one, and both work that long ("获取稳定版接口调用凭据").
EARLY_REFRESH = timedelta(seconds=300)
# With clocks apart WeChat may still hand out the old token; asking for each call would spend the quota.
BACKGROUND_PAUSE = timedelta(seconds=10)

FetchToken = Callable[[str], Awaitable[Token]]


@dataclass(frozen=True, slots=True)
class CachedToken:
    """A token, when it ends and which writing of the cache it came with."""

    value: Secret
    expires_at: datetime
    version: int


class TokenCache:
    """The tokens of one process. `fetch` asks WeChat; what it raises reaches every caller that waited for it."""

    def __init__(self, fetch: FetchToken, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._cached: dict[str, CachedToken] = {}
        self._flights: dict[str, asyncio.Task[CachedToken]] = {}
        self._last_flight: dict[str, datetime] = {}

    async def token(self, app_id: str) -> Secret:
        """Return a token that is valid now; one that ends soon is returned while its successor is fetched in the background."""
        cached = self._cached.get(app_id)
        now = self._clock()
        if cached is None or cached.expires_at <= now:
            return (await self._join_flight(app_id)).value
        if cached.expires_at - now < EARLY_REFRESH and now - self._last_flight[app_id] >= BACKGROUND_PAUSE:
            self._flight(app_id)
        return cached.value

    async def replacement(self, app_id: str, failing: Secret, refused: TokenRejected) -> Secret:
        """Return another token than the one WeChat just refused, or raise `refused` for good if WeChat has no other."""
        cached = self._cached.get(app_id)
        if cached is not None and cached.value != failing:
            return cached.value
        fresh = (await self._join_flight(app_id)).value
        if fresh == failing:
            raise TokenRejected(
                "WeChat refuses the very token that it hands out",
                path=refused.path,
                app_id=app_id,
                remedy="check that AppID, AppSecret and address belong together, and that this AppID may use this API",
                errcode=refused.errcode,
                errmsg=refused.errmsg,
            )
        return fresh

    def compare_and_set(self, app_id: str, seen_version: int, token: Token, requested_at: datetime) -> CachedToken:
        """Keep the token unless the cache was written since `seen_version`; return what the cache holds afterwards."""
        current = self._cached.get(app_id)
        if current is not None and current.version != seen_version:
            return current
        kept = CachedToken(token.value, requested_at + timedelta(seconds=token.expires_in), seen_version + 1)
        self._cached[app_id] = kept
        return kept

    def version(self, app_id: str) -> int:
        """Return how often the token of this AppID was written."""
        cached = self._cached.get(app_id)
        return cached.version if cached else 0

    async def close(self) -> None:
        """Stop what is being fetched in the background."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _join_flight(self, app_id: str) -> CachedToken:
        # Shielded: the caller that started the flight may be cancelled, the others still want the token.
        return await asyncio.shield(self._flight(app_id))

    def _flight(self, app_id: str) -> asyncio.Task[CachedToken]:
        if app_id not in self._flights:
            self._last_flight[app_id] = self._clock()
            flight = asyncio.create_task(self._refresh(app_id))
            self._flights[app_id] = flight
            flight.add_done_callback(lambda done: self._landed(app_id, done))
        return self._flights[app_id]

    def _landed(self, app_id: str, flight: asyncio.Task[CachedToken]) -> None:
        if self._flights.get(app_id) is flight:
            del self._flights[app_id]
        # Asking for the exception also keeps asyncio from printing it where nobody waits for a background refresh.
        failure = None if flight.cancelled() else flight.exception()
        if failure is not None:
            errcode = failure.errcode if isinstance(failure, WeChatError) else None
            _log.warning("wechat_token_refresh_failed", app_id=app_id, kind=type(failure).__name__, errcode=errcode)

    async def _refresh(self, app_id: str) -> CachedToken:
        seen_version, requested_at = self.version(app_id), self._clock()
        token = await self._fetch(app_id)
        return self.compare_and_set(app_id, seen_version, token, requested_at)
