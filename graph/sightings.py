"""When each identifier was seen: first, last, and how often. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graph.evidence import Rollup, Said, Seen
from graph.node import Key, Millis
from graph.state import Identifier, Label, Member, StoredRollup


@dataclass(frozen=True, slots=True)
class Scoped:
    """A roll-up with the identifiers it links its `a` to, each with the time from which that counts."""

    rollup: Rollup
    ends: tuple[tuple[Key, Millis], ...]
    is_foreign: bool
    """Said by a generic identifier at the border: kept as it was derived before."""


def sightings(every: Iterable[Scoped], identifiers: Mapping[Key, Identifier]) -> dict[Key, Seen]:
    """Of every identifier that evidence names; others do not exist."""
    seen: dict[Key, Seen] = defaultdict(Seen)
    for scoped in every:
        rollup = scoped.rollup
        sighting = rollup.said in {Said.SEEN, Said.RESOLVED_AS}
        if sighting or rollup.said is Said.MIGRATED_TO:
            seen[rollup.a].add(rollup.first, rollup.last, rollup.times if sighting else 0)
        for end, observed in scoped.ends:
            seen[end].add(observed, rollup.last, 0)
            if identifiers[rollup.a].label is not Label.OPEN_ID:
                seen[rollup.a].add(observed, rollup.last, 0)
        if rollup.said is Said.MIGRATED_TO:
            seen[rollup.b].add(rollup.first, rollup.last, 0)
    return seen


def dates(rollup: Rollup, observed: Millis, member: Member) -> bool:
    """Whether a roll-up that leads to an identifier from a time on says that it was seen earlier or later than it is known to be."""
    return observed < member.first or member.last < rollup.last


def no_longer_dated(stored: StoredRollup, ends: Mapping[Key, Millis], border: Mapping[Key, Member]) -> set[Key]:
    """Generic identifiers at the border that a roll-up leads to no longer, or from later on, although their dates may be its own.

    All that is said of them must be seen then, to know what their dates are without it.
    """
    rollup, known = stored.rollup, [border[end] for end, _ in stored.ends if end in border]
    lost = {one.key for one in known if one.key not in ends and (rollup.first <= one.first or one.last <= rollup.last)}
    return lost | {one.key for one in known if one.key in ends and rollup.first <= one.first < ends[one.key]}
