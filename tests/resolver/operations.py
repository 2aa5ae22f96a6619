"""What can happen to a brand, one operation at a time, and what it all says in the end, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.resolver.facts import Bound, Claimed, Decided, Moved, Name, Said, Seen, Unlinked


@dataclass(frozen=True)
class Row:
    """One resolution with its external ids."""

    seen: Seen
    exts: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Register:
    """A touchpoint becomes known."""

    app: str


@dataclass(frozen=True)
class Bind:
    """An assertion, by a name of its own."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Correct:
    """An assertion was wrong: this is right."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Withdraw:
    """An assertion should never have been made."""

    name: str


@dataclass(frozen=True)
class Revoke:
    """A decision no longer stands."""

    key: str


Operation = Row | Moved | Claimed | Unlinked | Register | Bind | Correct | Withdraw | Decided | Revoke


def said(operations: Iterable[Operation]) -> Said:
    """What stands when all of it was said, in whatever order."""
    every = list(operations)
    known = {one.app for one in every if isinstance(one, Register)}
    facts: set[Seen | Moved | Claimed | Unlinked] = {one for one in every if isinstance(one, Moved | Claimed | Unlinked)}
    for one in every:
        if isinstance(one, Row) and one.seen.who[1] in known:
            facts.add(one.seen)
            facts.update(Claimed(one.seen.who, ext, one.seen.source, one.seen.at) for ext in one.exts)
    bound = {one.name: one.bound for one in every if isinstance(one, Bind)}
    bound |= {one.name: one.bound for one in every if isinstance(one, Correct)}
    gone = {one.name for one in every if isinstance(one, Withdraw)}
    revoked = {one.key for one in every if isinstance(one, Revoke)}
    return Said(
        frozenset(facts),
        frozenset(one for name, one in bound.items() if name not in gone),
        frozenset(one for one in every if isinstance(one, Decided) and one.key not in revoked),
    )


def shuffled(operations: Sequence[Operation], chance: random.Random) -> list[Operation]:
    """The same in another order, some of it twice; what needs another operation first still follows it."""
    again = [one for one in operations if isinstance(one, Row | Moved | Claimed | Unlinked | Register) and chance.random() < 0.15]
    mixed = [(chance.random(), one) for one in (*operations, *again)]
    earliest: dict[object, float] = {}
    placed: list[tuple[float, Operation]] = []
    for rank in range(4):
        for place, one in mixed:
            if _rank(one) != rank:
                continue
            after = max((earliest.get(needed, 0.0) for needed in _needs(one)), default=0.0)
            where = after + (1 - after) * place
            placed.append((where, one))
            for made in _makes(one):
                earliest[made] = min(where, earliest.get(made, where))
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def _rank(one: Operation) -> int:
    match one:
        case Register():
            return 0
        case Row() | Bind() | Decided() | Moved():
            return 1
        case Correct() | Claimed() | Unlinked() | Revoke():
            return 2
        case Withdraw():
            return 3


def _needs(one: Operation) -> list[object]:
    """What must have happened before: registrations, first sightings, assertions, decisions."""
    found: list[object] = []
    match one:
        case Bind(_, bound):
            found = [bound.app]
        case Moved(old, new):
            found = [old[1], new[1]]
        case Claimed(claimant) if claimant[0] == "open":
            found = [claimant[1], claimant]
        case Correct(name):
            found = [name]
        case Withdraw(name):
            found = [name, ("corrected", name)]
        case Revoke(key):
            found = [key]
    return found


def _makes(one: Operation) -> list[object]:
    found: list[object] = []
    match one:
        case Register(app):
            found = [app]
        case Row(seen):
            found = [seen.who]
        case Bind(name):
            found = [name]
        case Correct(name):
            found = [("corrected", name)]
        case Decided(key):
            found = [key]
    return found


def as_decided(name: Name) -> Name:
    """Decisions mean a UnionID's text in every scope."""
    return ("text", "", name[2]) if name[0] == "union" else name


def contradictory(decided: Sequence[Decided]) -> bool:
    """Whether what SAMEs join is parted by a DIFFERENT."""
    groups: dict[Name, set[Name]] = {}
    for one in decided:
        if one.kind == "SAME":
            merged = groups.get(one.a, {one.a}) | groups.get(one.b, {one.b})
            groups |= dict.fromkeys(merged, merged)
    return any(one.kind == "DIFFERENT" and one.b in groups.get(one.a, {one.a}) for one in decided)
