"""WeChat's calendar: when a day's quota and a minute's rate come back. Everything else keeps UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone

Clock = Callable[[], datetime]

# China has kept UTC+8 without summer time since 1991; a fixed offset needs no time-zone database on slim images.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


def utc_now() -> datetime:
    """Return the present moment; the one default of every injected clock."""
    return datetime.now(UTC)


def next_midnight(now: datetime) -> datetime:
    """Return the moment at which daily quotas start anew: the next 00:00 in China, in UTC."""
    tomorrow = now.astimezone(CHINA).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), CHINA).astimezone(UTC)


def next_minute(now: datetime) -> datetime:
    """Return the moment at which rates per minute start anew."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
