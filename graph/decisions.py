"""What a steward decided about pairs of identifiers. Pure; a decision counts until it is revoked, and creates no identifiers."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.node import As, Doc, Internal, Key, Millis, Node, moment


class DecisionKind(enum.Enum):
    """What was decided about the two."""

    SAME = "SAME"
    """They are one human, whatever the slots say."""
    DIFFERENT = "DIFFERENT"
    """They are two humans, whatever the evidence says."""
    RETRACT = "RETRACT"
    """The evidence on this pair does not count."""


@dataclass(frozen=True, kw_only=True)
class Decision(Node):
    """A steward's word about two identifiers: standing, revocable, with its author and reason."""

    prefix: ClassVar[str] = "dec"
    kind: Annotated[DecisionKind, Doc("What was decided.")]
    a: Annotated[Key, Internal]
    """An identifier's key; of a UnionID the key of its text, because a decision means it in every scope."""
    b: Annotated[Key, Internal]
    reason: Annotated[str, Doc("Why, in the steward's words.")]
    author: Annotated[str, Doc("Who decided: the name of the API key.")]
    decided: Annotated[Millis, Internal]
    revoked: Annotated[Millis | None, Internal] = None
    revoked_by: Annotated[str | None, Doc("Who revoked it: the name of the API key; null while it stands.")] = None
    revoked_reason: Annotated[str | None, Doc("Why it was revoked; null while it stands.")] = None
    named: Annotated[dict[Key, Node], Internal] = field(default_factory=dict, repr=False, compare=False)
    """The identifiers behind `a` and `b`, by these. Filled in by who asks for them, never stored."""

    @cached_property
    def one_side(self) -> Annotated[Node | None, As("a")]:
        """One of the two identifiers; of a UnionID, which a decision means in every scope, the first seen.

        Null where it was erased, or where no evidence names it any more; of a RETRACT it is told from the evidence that does not count.
        """
        return self.named.get(self.a)

    @cached_property
    def other_side(self) -> Annotated[Node | None, As("b")]:
        """The other identifier, in the same way."""
        return self.named.get(self.b)

    @cached_property
    def decided_at(self) -> datetime:
        """When, in UTC."""
        return moment(self.decided)

    @cached_property
    def revoked_at(self) -> datetime | None:
        """When it was revoked, in UTC; null while it stands."""
        return None if self.revoked is None else moment(self.revoked)

    @property
    def pair(self) -> frozenset[Key]:
        """The two it speaks of, in no order."""
        return frozenset((self.a, self.b))


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that count, oldest first."""
    return sorted((d for d in decisions if d.revoked is None), key=lambda d: (d.decided, d.key))


def contradiction(new: Decision, others: Iterable[Decision]) -> list[Decision]:
    """The standing decisions that forbid a new one, for what SAMEs join no DIFFERENT may part; none where nothing does.

    Of several reasons it is the one with the fewest decisions: the DIFFERENT, and every SAME on the way between its two sides.
    """
    if new.revoked is not None or new.kind is DecisionKind.RETRACT:
        return []
    live = standing(others)
    sames = [one for one in live if one.kind is DecisionKind.SAME]
    from_a = _ways(new.a, sames)
    if new.kind is DecisionKind.DIFFERENT:
        return from_a.get(new.b, [])
    from_b = _ways(new.b, sames)
    sides = [(one, *side) for one in live if one.kind is DecisionKind.DIFFERENT for side in ((one.a, one.b), (one.b, one.a))]
    met = [[one, *from_a[x], *from_b[y]] for one, x, y in sides if x in from_a and y in from_b]
    return min(met, key=len, default=[])


def _ways(start: Key, sames: Iterable[Decision]) -> dict[Key, list[Decision]]:
    """Each key that SAMEs lead to, with the fewest that do; where ways are equally long, over those decided first."""
    leading: dict[Key, list[tuple[Decision, Key]]] = defaultdict(list)
    for same in sames:
        leading[same.a].append((same, same.b))
        leading[same.b].append((same, same.a))
    ways: dict[Key, list[Decision]] = {start: []}
    reached = [start]
    for key in reached:  # it grows meanwhile
        for same, other in leading[key]:
            if other not in ways:
                ways[other] = [*ways[key], same]
                reached.append(other)
    return ways
