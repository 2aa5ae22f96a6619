"""Evidence: what WeChat or a caller said, rolled up per (pair as it was named, source). Pure; what follows from it is in resolve.py."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graph.node import Key, Millis

if TYPE_CHECKING:
    from graph.bindings import History


class ResolutionSource(enum.Enum):
    """Where evidence came from. WeChat's own answers are strongest, then pushes and store orders, then imports and manual entry."""

    CODE2SESSION = "CODE2SESSION"
    """A mini program's login (code2session)."""
    WEB_OAUTH = "WEB_OAUTH"
    """A login on a web page, in WeChat or by QR code (sns/oauth2)."""
    APP_OAUTH = "APP_OAUTH"
    """A login in a mobile app (sns/oauth2)."""
    USERINFO = "USERINFO"
    """WeChat's answer about one user (user/info, sns/userinfo)."""
    USER_INFO_BATCH = "USER_INFO_BATCH"
    """WeChat's answer about up to 100 followers (user/info/batchget)."""
    PAID_UNIONID = "PAID_UNIONID"
    """WeChat's answer after a payment (getpaidunionid)."""
    PUSH = "PUSH"
    """An event that WeChat pushed."""
    STORE = "STORE"
    """An order or a member of a WeChat store (微信小店)."""
    IMPORT = "IMPORT"
    """A table that the brand brought."""
    MANUAL = "MANUAL"
    """Said by a person or a program of the brand."""


STRENGTH = {
    **dict.fromkeys(ResolutionSource, 3),
    ResolutionSource.PUSH: 2,
    ResolutionSource.STORE: 2,
    ResolutionSource.IMPORT: 1,
    ResolutionSource.MANUAL: 1,
}


class Said(enum.Enum):
    """What a roll-up says about its two ends."""

    SEEN = "SEEN"
    """An OpenID was seen; no UnionID came with it."""
    RESOLVED_AS = "RESOLVED_AS"
    """An OpenID came with this UnionID, whose text alone is evidence: the scope is derived."""
    MIGRATED_TO = "MIGRATED_TO"
    """WeChat moved a follower from one OpenID to another."""
    CLAIMS = "CLAIMS"
    """An identifier came with this external id."""
    UNLINKED = "UNLINKED"
    """The claim on this external id was taken back as of `last`; a later claim wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Everything said about one pair by one source: first and last time, and how often.

    Merging is commutative, associative and, but for `times`, idempotent.
    """

    key: Key
    said: Said
    a: Key
    """Who: an OpenID; for CLAIMS and UNLINKED any identifier."""
    b: Key
    """SEEN: `a` again. RESOLVED_AS: the key of the UnionID's text without scope. Else the other identifier."""
    source: ResolutionSource
    first: Millis
    last: Millis
    times: int
    text: str = ""
    """RESOLVED_AS: the UnionID as WeChat wrote it. CLAIMS: the identifiers that it names, as state.naming writes them."""

    def merged(self, other: Rollup) -> Rollup:
        """Both together."""
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last), times=self.times + other.times)

    def restored(self, other: Rollup) -> Rollup:
        """Both, where the one may be a copy of the other: merged any number of times, in any order, nothing is counted twice."""
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last), times=max(self.times, other.times))


@dataclass(frozen=True, slots=True)
class End:
    """Where one end of a roll-up counts: the platform that scoped it, and since when the link can be said to have been seen."""

    platform_key: Key
    observed: Millis


def ends(rollup: Rollup, history: History) -> list[End]:
    """A roll-up counts at its two ends, each in the epoch that covers it; at most two ends, none where no platform was bound."""
    found: dict[Key, Millis] = {}
    for at in (rollup.first, rollup.last):
        epoch = history.at(at)
        if epoch.platform_key is not None:
            observed = max(rollup.first, epoch.starts)
            found[epoch.platform_key] = min(observed, found.get(epoch.platform_key, observed))
    return [End(platform, observed) for platform, observed in found.items()]


def waiting(rollup: Rollup, history: History) -> bool:
    """Whether an end lies where no binding is known, so that its UnionID cannot be scoped yet."""
    return rollup.said is Said.RESOLVED_AS and any(history.at(at).platform_key is None for at in (rollup.first, rollup.last))


def merge(
    rollups: Iterable[Rollup], into: dict[Key, Rollup], together: Callable[[Rollup, Rollup], Rollup] = Rollup.merged
) -> Iterator[Key]:
    """Merge rows into roll-ups by key; yields the keys that were not there before."""
    for rollup in rollups:
        known = into.get(rollup.key)
        if known is None:
            yield rollup.key
        into[rollup.key] = rollup if known is None else together(known, rollup)


class Seen:
    """First, last and times of one identifier while roll-ups are added up."""

    __slots__ = ("first", "last", "times")

    def __init__(self) -> None:
        self.first: Millis = 2**62
        self.last: Millis = -(2**62)
        self.times = 0

    def add(self, first: Millis, last: Millis, times: int) -> None:
        """One roll-up more."""
        if first < self.first:  # noqa: PLR1730  # every roll-up comes by here, and a call costs more than the rest
            self.first = first
        if last > self.last:  # noqa: PLR1730
            self.last = last
        self.times += times
