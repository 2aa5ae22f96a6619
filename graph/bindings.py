"""A touchpoint's binding history: assertions in, epochs out. Pure; what may be bound, and how often, is in limits.py."""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from graph.node import FOR_EVER, SINCE_EVER, Key, Millis


class TouchpointKind(enum.Enum):
    """What kind of WeChat account a touchpoint is; WeChat's limits depend on it."""

    MINI_PROGRAM = "MINI_PROGRAM"
    """Mini program (小程序)."""
    MINI_GAME = "MINI_GAME"
    """Mini game (小游戏)."""
    SUBSCRIPTION_ACCOUNT = "SUBSCRIPTION_ACCOUNT"
    """Subscription account (订阅号), a kind of official account."""
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
    """Service account (服务号), a kind of official account."""
    OFFICIAL_TEST_ACCOUNT = "OFFICIAL_TEST_ACCOUNT"
    """Test official account (公众平台测试号)."""
    MOBILE_APP = "MOBILE_APP"
    """Mobile app (移动应用)."""
    WEBSITE_APP = "WEBSITE_APP"
    """Website app (网站应用)."""
    STORE = "STORE"
    """WeChat store (微信小店)."""
    STORE_TALENT = "STORE_TALENT"
    """A talent's account for WeChat stores (带货达人)."""
    STORE_AGENCY = "STORE_AGENCY"
    """An agency's account for WeChat stores (带货机构)."""


class BindingPath(enum.Enum):
    """How a binding is made: by a person in the Open Platform console, or by a service provider through WeChat's API."""

    CONSOLE = "CONSOLE"
    """By a person, in the Open Platform console."""
    API = "API"
    """By a service provider, through WeChat's API."""


class SubjectRelation(enum.Enum):
    """How a touchpoint's entity stands to that of an Open Platform account."""

    SAME = "SAME"
    """The same legal person."""
    RELATED = "RELATED"
    """An affiliated one that WeChat accepted."""
    DIFFERENT = "DIFFERENT"
    """Another one."""
    UNKNOWN = "UNKNOWN"
    """Nobody told us whose the touchpoint is."""


class BindingState(enum.Enum):
    """Where one assertion of the history stands now."""

    ACTIVE = "ACTIVE"
    """In force now."""
    ENDED = "ENDED"
    """Another one took over."""
    RETRACTED = "RETRACTED"
    """Taken back, as if it had never been made."""


class Assertion(Protocol):
    """What the history needs to know of one assertion: from `starts` on the touchpoint was bound to this platform, or (None) to none."""

    @property
    def key(self) -> Key:
        """Its node's key."""
        ...

    @property
    def platform_key(self) -> Key | None:
        """What it was bound to; None: to none."""
        ...

    @property
    def starts(self) -> Millis:
        """From when on it holds."""
        ...

    @property
    def is_retracted(self) -> bool:
        """Whether it was taken back."""
        ...


@dataclass(frozen=True, slots=True)
class Epoch:
    """A stretch of time in which a touchpoint was bound to one platform, or (None) to none: starts <= t < ends."""

    platform_key: Key | None
    starts: Millis
    ends: Millis
    assertion: Key | None
    """The assertion that began it; None before the first one."""

    def covers(self, at: Millis) -> bool:
        """Whether this moment lies in it."""
        return self.starts <= at < self.ends


@dataclass(frozen=True)
class History:
    """The epochs of one touchpoint: gapless from ever to ever, so exactly one covers any moment."""

    epochs: tuple[Epoch, ...]

    def at(self, moment: Millis) -> Epoch:
        """The epoch that covers a moment."""
        return self.epochs[bisect_right(self.epochs, moment, key=lambda epoch: epoch.starts) - 1]


def in_force(assertions: Iterable[Assertion]) -> list[Assertion]:
    """Assertions that were not retracted, in the order of time. Equal times cannot be stored; were they, the key would decide."""
    return sorted((a for a in assertions if not a.is_retracted), key=lambda a: (a.starts, a.key))


def history(assertions: Iterable[Assertion]) -> History:
    """Derive the epochs. Whatever the order in which the assertions arrived, the result is the same and nothing overlaps.

    An assertion that repeats the platform already in force begins no new epoch: knowing of a binding twice is not binding twice.
    """
    starts: list[tuple[Millis, Key | None, Key | None]] = [(SINCE_EVER, None, None)]
    for assertion in in_force(assertions):
        if assertion.starts == starts[-1][0]:
            starts[-1] = (assertion.starts, assertion.platform_key, assertion.key)
        elif assertion.platform_key != starts[-1][1]:
            starts.append((assertion.starts, assertion.platform_key, assertion.key))
    return History(_closed(starts))


def segment_end(assertion: Assertion, assertions: Iterable[Assertion]) -> Millis:
    """When the next assertion takes over: the end of what this one alone says."""
    return min((a.starts for a in assertions if not a.is_retracted and a.starts > assertion.starts), default=FOR_EVER)


def _closed(starts: Sequence[tuple[Millis, Key | None, Key | None]]) -> tuple[Epoch, ...]:
    ends = [start for start, _, _ in starts[1:]] + [FOR_EVER]
    return tuple(Epoch(platform, start, end, key) for (start, platform, key), end in zip(starts, ends, strict=True))
