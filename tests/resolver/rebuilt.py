"""What the pure functions make of evidence all at once, and of what a store holds: the same plain answer, to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from graph import rebuild
from graph.accounts import Registry
from graph.decisions import Decision, DecisionKind
from graph.evidence import ResolutionSource, Rollup
from graph.evidence import Said as Saying
from graph.keys import Keys
from graph.node import Key
from graph.quarantine import Quarantined
from graph.rebuild import Picture
from graph.state import Identifier, Label, naming
from tests.resolver.facts import Claimed, Decided, Moved, Name, Said, Seen, Truth, Unlinked
from tests.resolver.memory_store import MemoryStore
from tests.resolver.names import Names

Fact = Seen | Moved | Claimed | Unlinked


@dataclass(frozen=True)
class State:
    """Of each identifier the account (none of an external id) and the customer; of each open conflict its kind and what it is about."""

    people: Mapping[Key, tuple[Key | None, Key]]
    conflicts: frozenset[tuple[str, tuple[Key, ...]]]


def expected(truth: Truth, key: Callable[[Name], Key]) -> State:
    """What the reference says, in real keys."""
    people = {
        key(name): (key(truth.accounts[name]) if name in truth.accounts else None, key(seed)) for name, seed in truth.customers.items()
    }
    return State(people, frozenset((kind, tuple(map(key, about))) for kind, about in truth.conflicts))


def in_memory(store: MemoryStore) -> State:
    """What the store in memory holds."""
    people = {key: (member.account, member.customer) for key, member in store.members.items()}
    return State(people, frozenset((row.kind.value, row.about) for row in store.conflicts_.values() if row.resolved is None))


def evidence(fact: Fact, names: Names) -> Rollup:
    """One fact as a roll-up of its own."""
    key = names.key
    match fact:
        case Seen(who, source, at, None):
            return _rollup(names, Saying.SEEN, (key(who), key(who)), source, at)
        case Seen(who, source, at, text) if text is not None:
            return _rollup(names, Saying.RESOLVED_AS, (key(who), names.keys.union_text(text)), source, at, text)
        case Moved(old, new, at, source):
            return _rollup(names, Saying.MIGRATED_TO, (key(old), key(new)), source, at)
        case Claimed(claimant, ext, source, at):
            text = naming(names.identifier(claimant), names.identifier(ext))
            return _rollup(names, Saying.CLAIMS, (key(claimant), key(ext)), source, at, text)
        case Unlinked(claimant, ext, at):
            return _rollup(names, Saying.UNLINKED, (key(claimant), key(ext)), "MANUAL", at)
    raise AssertionError(fact)


def _rollup(names: Names, saying: Saying, ends: tuple[Key, Key], source: str, at: int, text: str = "") -> Rollup:  # noqa: PLR0917
    a, b = ends
    key = names.keys.evidence(saying.value, a, b, source)
    given = ResolutionSource(source)
    return Rollup(key=key, said=saying, a=a, b=b, source=given, first=at, last=at, times=1, text=text)


def identifiers(facts: Iterable[Fact], names: Names) -> dict[Key, Identifier]:
    """The OpenIDs that facts name; claims name the others themselves."""
    named = {end for fact in facts for end in _opens(fact)}
    return {one.key: one for one in map(names.identifier, named)}


def _opens(fact: Fact) -> list[Name]:
    match fact:
        case Seen(who):
            return [who]
        case Moved(old, new):
            return [old, new]
        case Claimed(claimant) | Unlinked(claimant):
            return [claimant] if claimant[0] == "open" else []


def decisions(said: Said, names: Names) -> list[Decision]:
    """What was decided and stands."""
    return [decision(one, names) for one in said.decided]


def decision(one: Decided, names: Names) -> Decision:
    """One decision."""
    a, b = names.key(one.a), names.key(one.b)
    return Decision(key=Key(one.key), kind=DecisionKind(one.kind), a=a, b=b, reason="test", author="test", decided=one.at)


def rebuilt(registry: Registry, keys: Keys, known: Mapping[Key, Identifier], said: Iterable[Rollup], standing: Iterable[Decision]) -> State:
    """Everything derived at once."""
    return of_picture(rebuild.rebuilt(registry, keys, known, said, standing))


def of_picture(picture: Picture) -> State:
    """The same plain answer of what a rebuild gives."""
    people = {key: (member.account, member.customer) for key, member in picture.members.items()}
    return State(people, frozenset((row.kind.value, row.about) for row in picture.conflicts.values()))


def picture_of(store: MemoryStore) -> Picture:
    """All that the store in memory has derived."""
    return Picture(
        members=store.members,
        customers=store.customers_,
        rollups=store.rollups,
        conflicts={key: row for key, row in store.conflicts_.items() if row.resolved is None},
        waiting={key: node for key, node in store.nodes_.items() if isinstance(node, Quarantined) and node.holder},
    )


def rebuilt_from(store: MemoryStore, standing: Iterable[Decision] | None = None) -> Picture:
    """What follows from the evidence that the store in memory holds, and from its decisions or the given ones."""
    known = {key: one for key, one in store.members.items() if one.label is Label.OPEN_ID}
    if standing is None:
        standing = [node for node in store.nodes_.values() if isinstance(node, Decision)]
    return rebuild.rebuilt(store.registry_now(), store.made, known, [stored.rollup for stored in store.rollups.values()], standing)
