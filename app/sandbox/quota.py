"""How often an account may call each API a day; the count starts again at midnight in China."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import date

from app.sandbox.answers import WeChatError
from app.sandbox.clock import Clock, china_day

GENEROUS = 10**9


class DailyQuota:
    """Counts calls per account and path, refused ones included."""

    def __init__(self, clock: Clock, limit: int = GENEROUS, limits: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._limit = limit
        self._limits = dict(limits or {})
        self._day: date | None = None
        self._used: Counter[tuple[str, str]] = Counter()
        # Follower pages are answered in threads.
        self._lock = threading.Lock()

    def charge(self, app_id: str, path: str) -> None:
        """Count one call, or refuse it with 45009."""
        with self._lock:
            today = china_day(self._clock())
            if today != self._day:
                self._day = today
                self._used.clear()
            if self._used[app_id, path] >= self._limits.get(path, self._limit):
                raise WeChatError(45009)
            self._used[app_id, path] += 1
