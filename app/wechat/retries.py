"""When a failed attempt is repeated and after how long: the retry matrix, as a decision without side effects.

Which attempt failed how is found out in client.py; what the caller finally gets is `Trouble.as_error`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from app.wechat.china_time import Clock, next_minute
from app.wechat.errors import WeChatError, outcome_unknown, refusal, unavailable

MOST_TRIES = 3
MOST_RATE_WAITS = 2
# Before the second and the third try, in seconds, each with full jitter.
BACK_OFF = (0.5, 1.0)
BUSY = -1
RATE_PER_MINUTE = 45011
# More attempts than any policy allows; the policy alone decides.
NEVER_REACHED = MOST_TRIES + MOST_RATE_WAITS + 1


Jitter = Callable[[float, float], float]


def full_jitter(least: float, most: float) -> float:
    """Return a wait between the two, so that callers that failed together do not come back together."""
    return random.uniform(least, most)  # noqa: S311 - nobody gains by guessing a wait


class Loss(Enum):
    """How far an attempt got before it failed."""

    NOT_SENT = "the connection failed"
    NO_ANSWER = "the answer did not arrive"
    UNREADABLE = "the answer was no answer of WeChat"
    BUSY = "WeChat is busy"
    RATE_LIMITED = "too many calls in this minute"
    SLOW_DOWN = "the gateway asks to slow down"


@dataclass(frozen=True)
class Attempted:
    """What an attempt was about, as far as retrying and reporting need it."""

    path: str
    app_id: str
    spends_code: bool


class Trouble(Exception):
    """One attempt failed in a way that the retry matrix speaks of; never leaves this package."""

    def __init__(self, loss: Loss, call: Attempted, *, detail: str = "", errmsg: str = "") -> None:
        self.loss = loss
        self.call = call
        self.errmsg = errmsg
        self.reason = f"{loss.value} ({detail})" if detail else loss.value
        super().__init__(self.reason)

    def as_error(self, clock: Clock) -> WeChatError:
        """Return what the caller gets once no further try is allowed."""
        path, app_id = self.call.path, self.call.app_id
        if self.loss in (Loss.RATE_LIMITED, Loss.SLOW_DOWN):
            return refusal(RATE_PER_MINUTE, self.errmsg, now=clock(), sends_secret=False, path=path, app_id=app_id)
        if self.call.spends_code and self.loss is not Loss.NOT_SENT:
            return outcome_unknown(self.reason, path=path, app_id=app_id)
        return unavailable(self.reason, errcode=BUSY if self.loss is Loss.BUSY else None, path=path, app_id=app_id)


class RetryPolicy:
    """The decisions of one call: give it each failure, it answers with the seconds to wait or False."""

    def __init__(self, *, clock: Clock, elapsed: Callable[[], float], total_timeout: float, jitter: Jitter) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._total_timeout = total_timeout
        self._jitter = jitter
        self._failures = 0
        self._rate_waits = 0
        self._waited_for_rate = 0.0
        self.was_busy = False

    @property
    def time_left(self) -> float:
        """Seconds left of the call's total; waiting for the next minute is WeChat's time and not counted."""
        return self._total_timeout - (self._elapsed() - self._waited_for_rate)

    def __call__(self, failure: Exception) -> float | bool:
        """Return the seconds to wait before the next try, or False."""
        if not isinstance(failure, Trouble):
            return False
        if failure.loss is Loss.RATE_LIMITED:
            return self._until_next_minute(failure)
        self._failures += 1
        self.was_busy = self.was_busy or failure.loss is Loss.BUSY
        if not self._may_repeat(failure):
            return False
        wait = self._jitter(0, BACK_OFF[self._failures - 1])
        return wait if wait < self.time_left else False

    def _may_repeat(self, failure: Trouble) -> bool:
        if not failure.call.spends_code or failure.loss is Loss.NOT_SENT:
            return self._failures < MOST_TRIES
        # "Busy" is customarily repeated once; every other loss may have spent the code.
        return failure.loss is Loss.BUSY and self._failures == 1

    def _until_next_minute(self, failure: Trouble) -> float | bool:
        now = self._clock()
        wait = (next_minute(now) - now).total_seconds()
        self._rate_waits += 1
        if self._rate_waits > MOST_RATE_WAITS:
            return False
        if failure.call.spends_code:
            # A person waits for this login: better an answer that says when than half a minute of silence.
            return wait if wait < self.time_left else False
        self._waited_for_rate += wait
        return wait
