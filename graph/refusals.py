"""Why a link is refused, and what conflict that makes. Pure; part of the rule in resolve.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.chains import Chains
from graph.node import Key
from graph.partition import Partition
from graph.policy import IdentityPolicy
from graph.state import SEED_ORDER, ConflictKind, ConflictRow, Identifier, Label, Step

if TYPE_CHECKING:
    from graph.decisions import Decision
    from graph.resolve import Crowd

SLOT_KIND = {
    Label.OPEN_ID: ConflictKind.TWO_OPENIDS_ONE_TOUCHPOINT,
    Label.UNION_ID: ConflictKind.TWO_UNIONIDS_ONE_PLATFORM,
    Label.EXTERNAL_ID: ConflictKind.TWO_VALUES_ONE_NAMESPACE,
}


@dataclass(frozen=True, slots=True)
class Clash:
    """Two identifiers that may not be together: one on either side of the link."""

    kind: ConflictKind
    x: Key
    y: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A link that joins nothing, with one reason."""

    link: Step
    clash: Clash | None = None
    generic: Key | None = None
    too_large: Key | None = None


class Slots:
    """Who may be together.

    One OpenID per touchpoint and one UnionID per platform in an account; a namespace's slots in a customer; no DIFFERENT pair.
    """

    def __init__(
        self, identifiers: Mapping[Key, Identifier], policy: IdentityPolicy, different: Iterable[tuple[Decision, Key, Key]]
    ) -> None:
        self._identifiers = identifiers
        self._policy = policy
        self._foes: dict[Key, set[Key]] = defaultdict(set)
        for _, a, b in different:
            self._foes[a].add(b)
            self._foes[b].add(a)

    def of(self, key: Key) -> str:
        """The slot an OpenID or UnionID competes for."""
        identifier = self._identifiers[key]
        return f"{identifier.label.value} {identifier.scope}"

    def namespace(self, key: Key) -> str:
        """An external id's; none of others."""
        identifier = self._identifiers[key]
        return identifier.scope if identifier.label is Label.EXTERNAL_ID else ""

    def different_pair(self, partition: Partition, a: Key, b: Key) -> Clash | None:
        """A pair declared DIFFERENT that joining the classes of a and b would bring together."""
        if not self._foes or partition.joined(a, b):
            return None
        other = partition.root(b)
        pairs = [(x, y) for x in partition.members(a) if x in self._foes for y in self._foes[x] if partition.root(y) == other]
        return Clash(ConflictKind.DECLARED_DIFFERENT, *min(pairs)) if pairs else None

    def clash_in_account(self, partition: Partition, a: Key, b: Key) -> Clash | None:
        """What joining two accounts would break."""
        return self.different_pair(partition, a, b) or self._two_in_a_slot(partition.members(a), partition.members(b))

    def clash_in_customer(self, partition: Partition, a: Key, b: Key) -> Clash | None:
        """What joining two customers would break."""
        return self.different_pair(partition, a, b) or self._too_many_values(partition.members(a), partition.members(b))

    def _two_in_a_slot(self, one: list[Key], two: list[Key]) -> Clash | None:
        taken = {self.of(key): key for key in one}
        clashes = [(SEED_ORDER[self._identifiers[y].label], taken[slot], y) for y in two if (slot := self.of(y)) in taken]
        if not clashes:
            return None
        _, x, y = min(clashes)
        return Clash(SLOT_KIND[self._identifiers[y].label], x, y)

    def _too_many_values(self, one: list[Key], two: list[Key]) -> Clash | None:
        first, second = self._values(one), self._values(two)
        for namespace in sorted(first.keys() & second.keys(), key=self._policy.rank):
            most = self._policy.of(namespace).max_per_customer
            if most is not None and len(first[namespace]) + len(second[namespace]) > most:
                return Clash(ConflictKind.TWO_VALUES_ONE_NAMESPACE, min(first[namespace]), min(second[namespace]))
        return None

    def _values(self, keys: list[Key]) -> dict[str, list[Key]]:
        found: dict[str, list[Key]] = defaultdict(list)
        for key in keys:
            identifier = self._identifiers[key]
            if identifier.label is Label.EXTERNAL_ID:
                found[identifier.scope].append(key)
        return found


def conflicts(
    refused: Iterable[Refusal],
    accepted: Iterable[Step],
    customers: Partition,
    crowded: Mapping[Key, str],
    crowds: Mapping[Key, Crowd],
    *,
    slots: Slots,
) -> list[ConflictRow]:
    """One per refused link whose ends stayed apart; mass cases are one each."""
    mass: dict[tuple[ConflictKind, Key], list[Step]] = defaultdict(list)
    single: list[tuple[Step, Clash]] = []
    for refusal in (one for one in refused if not customers.joined(one.link.a, one.link.b)):
        if refusal.generic:
            mass[ConflictKind.GENERIC_IDENTIFIER, refusal.generic].append(refusal.link)
        elif refusal.too_large:
            mass[ConflictKind.TOO_LARGE, refusal.too_large].append(refusal.link)
        elif refusal.clash:
            single.append((refusal.link, refusal.clash))
    for key in crowded.keys() & {key for key, crowd in crowds.items() if crowd.accounts + crowd.neighbours}:
        mass.setdefault((ConflictKind.GENERIC_IDENTIFIER, key), [])
    kept = Chains(accepted if single else ())
    rows = [
        _mass_row(kind, key, len(links), slots.namespace(key))
        for (kind, key), links in sorted(mass.items(), key=lambda item: (item[0][1], item[0][0].value))
    ]
    for link, clash in single:
        chains = _holding(link, clash, kept)
        namespace = slots.namespace(clash.x) if clash.kind is ConflictKind.TWO_VALUES_ONE_NAMESPACE else ""
        about = (link.a, link.b)
        row = ConflictRow(key=Key(""), kind=clash.kind, about=about, refused=link, refused_count=1, kept=chains, namespace=namespace)
        rows.append(row)
    return rows


def _mass_row(kind: ConflictKind, key: Key, links: int, namespace: str) -> ConflictRow:
    # Of a generic identifier not every link need be among the facts, so theirs are counted when they are read.
    count = None if kind is ConflictKind.GENERIC_IDENTIFIER else links
    return ConflictRow(key=Key(""), kind=kind, about=(key,), refused=None, refused_count=count, kept=(), namespace=namespace)


def _holding(link: Step, clash: Clash, kept: Chains) -> tuple[Step, ...]:
    """The shortest chain from either end of the refused link to whom it would clash with."""
    return tuple(dict.fromkeys((*(kept.between(link.a, clash.x) or ()), *(kept.between(link.b, clash.y) or ()))))
