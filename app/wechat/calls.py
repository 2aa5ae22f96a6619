"""One call of WeChat from request to typed answer: rate, retries, judgement, reading. How bytes travel is not known here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

import stamina
import structlog
from aiolimiter import AsyncLimiter

from app.wechat.china_time import Clock
from app.wechat.endpoints import TOTAL_TIMEOUT, Endpoint
from app.wechat.errcodes import LOG_IN_AGAIN, OUR_MISTAKE
from app.wechat.errors import LoginCodeUsed, RequestRefused, WeChatError, malformed, outcome_unknown, refusal, rid_of
from app.wechat.messages import Answer, IncompleteError, UnreadableError, read_answer
from app.wechat.redact import Secret, redact_errmsg
from app.wechat.retries import BUSY, NEVER_REACHED, RATE_PER_MINUTE, Attempted, Jitter, Loss, RetryPolicy, Trouble, full_jitter

_log = structlog.get_logger()

# WeChat publishes no figure for calls a second; this is what experience suggests to stay below, per AppID.
CALLS_PER_SECOND = 20.0

TOO_MANY_REQUESTS = 429
REQUEST_REFUSED = frozenset({412, 413, 414})
SERVER_ERROR = 500

Answered = TypeVar("Answered")
Parameters = Mapping[str, str | Secret]
Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """A call with its values; whatever is sensitive among them stays wrapped until it is sent."""

    endpoint: Endpoint
    app_id: str
    parameters: Parameters
    body: Body | None = None

    @property
    def hide(self) -> tuple[Secret, ...]:
        """The values that WeChat might quote back at us."""
        return (*_secrets_in(self.parameters), *_secrets_in(self.body))

    @property
    def attempted(self) -> Attempted:
        """What retrying needs to know of this request."""
        return Attempted(self.endpoint.path, self.app_id, self.endpoint.spends_code)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back; `detail` names the kind of failure and quotes nothing."""

    loss: Loss
    detail: str


# Sends one request within so many seconds. It reports failures instead of raising them, so that no exception of an HTTP
# library, which quotes addresses with their secrets, becomes the cause or context of ours.
Send = Callable[[Request, float], Awaitable[Reply | Lost]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast, how long and how patiently WeChat is asked."""

    calls_per_second: float = CALLS_PER_SECOND
    total_timeout: float = TOTAL_TIMEOUT
    jitter: Jitter = full_jitter


class Caller:
    """Makes calls within the rate of each AppID and by the retry matrix."""

    def __init__(self, send: Send, clock: Clock, pace: Pace) -> None:
        self._send = send
        self._clock = clock
        self._pace = pace
        self._limiters: dict[str, AsyncLimiter] = {}

    async def call(self, request: Request, read: Callable[[Answer], Answered]) -> Answered:
        """Ask until there is an answer or the retry matrix says stop, then read it."""
        answer = await self._answer(request)
        try:
            return read(answer)
        except IncompleteError as incomplete:
            reason = str(incomplete)
        # Raised here and not above: an exception in flight would drag the answer along as its context.
        failure = malformed(reason, path=request.endpoint.path, app_id=request.app_id)
        if request.endpoint.spends_code:
            failure.remedy = LOG_IN_AGAIN
        raise failure

    async def _answer(self, request: Request) -> Answer:
        await self._limiter(request.app_id).acquire()
        policy = self._policy()
        failure: WeChatError
        try:
            async for attempt in stamina.retry_context(on=policy, attempts=NEVER_REACHED, timeout=None):
                with attempt:
                    return await self._attempt(request, policy, is_first=attempt.num == 1)
        except Trouble as trouble:
            failure = trouble.as_error(self._clock)
        except LoginCodeUsed as used:
            failure = used
            if policy.was_busy:
                # "Busy" and then "used before": the first try spent the code, and its answer is lost.
                failure = outcome_unknown("the try that WeChat called busy spent it", path=used.path, app_id=used.app_id)
        raise failure

    async def _attempt(self, request: Request, policy: RetryPolicy, *, is_first: bool) -> Answer:
        if not is_first:
            await self._limiter(request.app_id).acquire()
        started = perf_counter()
        outcome = await self._send(request, policy.time_left)
        place = {"app_id": request.app_id, "path": request.endpoint.path, "milliseconds": round((perf_counter() - started) * 1000)}
        if isinstance(outcome, Lost):
            _log.warning("wechat_call_lost", **place, loss=outcome.loss.name, detail=outcome.detail)
            raise Trouble(outcome.loss, request.attempted, detail=outcome.detail)
        answer = _judged(outcome, request)
        if answer.errcode == 0:
            _log.debug("wechat_call", **place)
            return answer
        _log.info("wechat_call_refused", **place, errcode=answer.errcode, rid=rid_of(redact_errmsg(answer.errmsg, request.hide)))
        raise self._refused(answer, request)

    def _refused(self, answer: Answer, request: Request) -> Exception:
        if answer.errcode == BUSY:
            return Trouble(Loss.BUSY, request.attempted)
        if answer.errcode == RATE_PER_MINUTE:
            return Trouble(Loss.RATE_LIMITED, request.attempted, errmsg=redact_errmsg(answer.errmsg, request.hide))
        endpoint = request.endpoint
        return refusal(
            answer.errcode,
            answer.errmsg,
            path=endpoint.path,
            app_id=request.app_id,
            now=self._clock(),
            sends_secret=endpoint.sends_secret,
            hide=request.hide,
        )

    def _policy(self) -> RetryPolicy:
        loop = asyncio.get_running_loop()
        started = loop.time()
        return RetryPolicy(
            clock=self._clock,
            elapsed=lambda: loop.time() - started,
            total_timeout=self._pace.total_timeout,
            jitter=self._pace.jitter,
        )

    def _limiter(self, app_id: str) -> AsyncLimiter:
        if app_id not in self._limiters:
            self._limiters[app_id] = AsyncLimiter(self._pace.calls_per_second, 1)
        return self._limiters[app_id]


def _judged(reply: Reply, request: Request) -> Answer:
    """Return the JSON object of a reply, or raise what its status or shape says instead."""
    detail = f"HTTP {reply.status}"
    if reply.status == TOO_MANY_REQUESTS:
        raise Trouble(Loss.SLOW_DOWN, request.attempted, detail=detail)
    if reply.status in REQUEST_REFUSED:
        meaning = f"WeChat's gateway refused the request ({detail})"
        raise RequestRefused(meaning, path=request.endpoint.path, app_id=request.app_id, remedy=OUR_MISTAKE)
    if reply.status >= SERVER_ERROR:
        raise Trouble(Loss.UNREADABLE, request.attempted, detail=detail)
    try:
        return read_answer(reply.body)
    except UnreadableError as unreadable:
        reason = str(unreadable)
    raise Trouble(Loss.UNREADABLE, request.attempted, detail=f"{detail}, {reason}")


def _secrets_in(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets_in(item)
