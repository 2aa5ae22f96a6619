"""Time as the sandbox sees it: a clock that tests can push forward, and WeChat's day, which turns at midnight in China."""

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

Clock = Callable[[], float]
"""Answers the present in seconds since 1970."""

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has kept one offset without summer time since 1991, so a fixed one is exact for everything WeChat dates."""


class SandboxClock:
    """The machine's clock plus whatever a test has advanced it by."""

    def __init__(self, source: Clock = time.time) -> None:
        self._source = source
        self._ahead = 0.0

    def __call__(self) -> float:
        """The sandbox's present."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the present forward; time never runs backwards here."""
        if seconds < 0:
            raise ValueError("the sandbox's clock only moves forward")
        self._ahead += seconds


def china_day(now: float) -> date:
    """The calendar day on which WeChat counts daily quotas."""
    return datetime.fromtimestamp(now, CHINA).date()
