"""A rebuild: all that is derived, from the evidence, decisions and registry alone, and where it differs from what is stored. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from graph.accounts import Registry
from graph.decisions import Decision
from graph.derive import News, derive
from graph.evidence import Rollup, Said
from graph.keys import Keys
from graph.node import Key
from graph.quarantine import Quarantined
from graph.state import ConflictRow, CustomerRow, Identifier, Member, Step, StoredRollup
from graph.turn import Incomplete, Loaded, Writes

V = TypeVar("V", Member, CustomerRow)


class Part(enum.Enum):
    """What of the derived state a difference is in."""

    IDENTIFIER = "identifier"
    CUSTOMER = "customer"
    CONFLICT = "conflict"
    EVIDENCE = "roll-up"
    """What it is linked to now, and whether that counts."""
    WAITING = "waiting UnionID"
    NAMELESS = "roll-up of an unknown OpenID"
    """The evidence is there, the OpenID that it is about is not: no rebuild can bring it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that follows from the evidence and is stored otherwise, or not at all, or that is stored and does not follow."""

    part: Part
    key: Key
    follows: object | None
    stored: object | None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Everything that is derived, of a whole tenant or of some raw components."""

    members: Mapping[Key, Member] = field(default_factory=dict)
    customers: Mapping[Key, CustomerRow] = field(default_factory=dict)
    rollups: Mapping[Key, StoredRollup] = field(default_factory=dict)
    conflicts: Mapping[Key, ConflictRow] = field(default_factory=dict)
    """Open ones."""
    waiting: Mapping[Key, Quarantined] = field(default_factory=dict)
    """UnionIDs that wait for a binding; whole rows that wait are no derived state."""
    nameless: frozenset[Key] = frozenset()
    """Roll-ups of OpenIDs that are not known."""

    @classmethod
    def of(cls, writes: Writes, nameless: frozenset[Key] = frozenset()) -> Picture:
        """What a turn writes that saw nothing derived."""
        return cls(
            members={one.key: one for one in writes.members},
            customers={row.key: row for row in writes.customers},
            rollups={one.rollup.key: one for one in writes.rollups},
            conflicts={row.key: row for row in writes.conflicts},
            waiting={node.key: node for node in writes.put if isinstance(node, Quarantined)},
            nameless=nameless,
        )


def rebuilt(
    registry: Registry, keys: Keys, open_ids: Mapping[Key, Identifier], said: Iterable[Rollup], decisions: Iterable[Decision]
) -> Picture:
    """Everything derived at once, from nothing that was derived before.

    OpenIDs are given, because evidence names them by key; every other identifier is named by the evidence itself. Takes time and
    memory in proportion to the evidence.
    """
    rollups = list(said)
    nameless = frozenset(rollup.key for rollup in rollups if not _named(rollup, open_ids))
    plain = {key: Identifier(key=key, label=one.label, scope=one.scope, value=one.value) for key, one in open_ids.items()}
    news = News(cause="rebuild", identifiers=plain, rollups=[one for one in rollups if one.key not in nameless], decisions=list(decisions))
    asked = frozenset(plain)
    while True:
        try:
            return Picture.of(derive(Loaded(registry=registry, turn=0, sequence=0, asked=asked), keys, news, 0).writes, nameless)
        except Incomplete as more:  # UnionIDs, whose keys follow from the bindings
            wider = asked | more.scope.people
        assert asked < wider, "it asked for what it had been shown"  # noqa: S101  # else it would ask for ever
        asked = wider


def _named(rollup: Rollup, open_ids: Mapping[Key, Identifier]) -> bool:
    """Whether the OpenIDs that it must be about are known. A claim may be another identifier's, which it names itself."""
    if rollup.said is Said.MIGRATED_TO:
        return rollup.a in open_ids and rollup.b in open_ids
    return rollup.said in {Said.CLAIMS, Said.UNLINKED} or rollup.a in open_ids


def distrusted(loaded: Loaded) -> Loaded:
    """What a turn sees, with nothing believed that was derived for its roll-ups: deriving writes all of them anew, and what waits."""
    frozen = loaded.members.keys() - loaded.whole - loaded.asked
    return replace(
        loaded,
        rollups={
            key: one if one.rollup.a in frozen else replace(one, ends=((NOBODY, False),), version=NEVER)
            for key, one in loaded.rollups.items()
            if one.rollup.a in frozen or _named(one.rollup, loaded.members)
        },
    )


NOBODY = Key("nobody")
OUTSIDE: dict[str, Any] = {"turn": 0, "witness": None}
"""What is not compared."""
NEVER = -1
"""A registry version before all others: whatever was scoped under it is scoped anew."""


def changed(loaded: Loaded, writes: Writes) -> set[tuple[Part, Key]]:
    """What a turn that saw `loaded` distrusted is about to make otherwise than it is stored."""
    found = {(Part.IDENTIFIER, one.key) for one in writes.members if not _same(one, loaded.members.get(one.key))}
    found |= {(Part.IDENTIFIER, key) for key in writes.retired}
    found |= {(Part.CUSTOMER, row.key) for row in writes.customers if not _same(row, loaded.customers.get(row.key))}
    found |= {(Part.CUSTOMER, key) for key in writes.ended}
    found |= {(Part.CONFLICT, row.key) for row in writes.conflicts}
    scoped = _scoped({one.rollup.key: one for one in writes.rollups})
    before = _scoped(loaded.rollups)
    found |= {(Part.EVIDENCE, key) for key, now in scoped.items() if before.get(key) != now}
    waits = {node.key: node for node in writes.put if isinstance(node, Quarantined)}
    waited = _since({key: node for key, node in loaded.nodes.items() if isinstance(node, Quarantined)})
    found |= {(Part.WAITING, key) for key, node in _since(waits).items() if waited.get(key) != node}
    return found | {(Part.WAITING, node.key) for node in writes.drop if node.key in waited}


def _same(made: V, stored: V | None) -> bool:
    return stored is not None and _timeless(stored) == _timeless(made)


def apart(stored: Picture, made: Picture) -> Iterator[Difference]:
    """Where what is stored is not what follows; in the order of parts and keys. Evidence itself is taken as it is stored.

    Outside stay what is a fact of the log (when conflicts were opened, which turn wrote a row, who is an identifier's witness) and what is
    known to be inexact: the dates of a generic identifier, which of two crowded slots was found first, and how often a UnionID came of
    which one end waits: where the other one counts, a touch moves the roll-up alone.
    """
    generic = {key for key, member in made.members.items() if member.crowded}
    members = {key: _near(one, made.members.get(key), generic) for key, one in stored.members.items()}
    customers = {key: _near(one, made.customers.get(key), generic) for key, one in stored.customers.items()}
    yield from _differing(Part.IDENTIFIER, {key: _timeless(one) for key, one in made.members.items()}, members)
    yield from _differing(Part.CUSTOMER, {key: _timeless(row) for key, row in made.customers.items()}, customers)
    yield from _differing(Part.CONFLICT, _undated(made.conflicts), _undated(stored.conflicts))
    yield from _differing(
        Part.EVIDENCE, _scoped(made.rollups), _scoped({k: r for k, r in stored.rollups.items() if k not in made.nameless})
    )
    yield from _differing(Part.WAITING, _since(made.waiting), _since(stored.waiting))
    yield from _differing(Part.NAMELESS, {}, dict.fromkeys(made.nameless, "stored"))


def _differing(part: Part, follows: Mapping[Key, object], stored: Mapping[Key, object]) -> Iterator[Difference]:
    for key in sorted(follows.keys() | stored.keys()):
        if follows.get(key) != stored.get(key):
            yield Difference(part=part, key=key, follows=follows.get(key), stored=stored.get(key))


def _timeless(row: V) -> V:
    """Without the number of the turn that wrote it, and without the witness: who that is depends on what was said and taken back."""
    return replace(row, **{name: value for name, value in OUTSIDE.items() if name in row.__dataclass_fields__})


def _near(stored: V, made: V | None, generic: set[Key]) -> V:
    """What is stored; of a generic identifier, which joins nothing, without what is not kept exactly.

    Its crowd is not loaded for its dates when a link that is read for another end grows.
    Of two crowded slots it keeps the one that was found first, for the other need not be among what is loaded.
    """
    near = _timeless(stored)
    if made is None or stored.key not in generic:
        return near
    if isinstance(near, Member):
        assert isinstance(made, Member)  # noqa: S101  # both are of one kind
        return replace(near, first=made.first, last=made.last, crowded=made.crowded if near.crowded else "")
    return replace(near, first=made.first, last=made.last)


def _undated(conflicts: Mapping[Key, ConflictRow]) -> dict[Key, object]:
    """What conflicts say, without when; the numbers of links are those of the moment in which they were written."""
    return {key: (row.kind, row.about, _pair(row.refused)) for key, row in conflicts.items()}


def _since(waiting: Mapping[Key, Quarantined]) -> dict[Key, object]:
    return {key: (node.reason, node.app_id, node.first, node.holder) for key, node in waiting.items()}


def _pair(step: Step | None) -> object:
    return (step.kind, step.a, step.b) if step else None


def _scoped(rollups: Mapping[Key, StoredRollup]) -> dict[Key, object]:
    return {key: (tuple(sorted(one.ends)), one.settled) for key, one in rollups.items()}
