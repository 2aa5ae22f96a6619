"""The rule: evidence and decisions in, accounts, customers and conflicts out. Pure, and blind to arrival order and earlier results.

Layer 1 joins identifiers into WeChatAccounts by what Tencent said; layer 2 joins accounts into Customers by the brand's policy.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph.decisions import Decision, DecisionKind
from graph.evidence import ResolutionSource
from graph.node import Key, Millis
from graph.partition import Partition
from graph.policy import IdentityPolicy
from graph.refusals import Clash, Refusal, Slots, conflicts
from graph.state import SEED_ORDER, ConflictRow, EvidenceKind, Identifier, Label, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The best evidence for one pair of identifiers: its strongest source, then the earliest."""

    kind: EvidenceKind
    a: Key
    b: Key
    strength: int
    observed: Millis
    """First seen from its strongest source, not before the epoch that scoped it began."""
    first: Millis
    """First seen from any source, not before then either."""
    last: Millis
    sources: tuple[ResolutionSource, ...]
    evidence: Key

    @property
    def order(self) -> tuple[int, Millis, Key, Key]:
        """Stronger first, then earlier, then by key."""
        return (-self.strength, self.observed, self.a, self.b)

    @property
    def step(self) -> Step:
        """As conflicts and explanations show it."""
        return Step(kind=self.kind, a=self.a, b=self.b, sources=self.sources, first=self.first, last=self.last, evidence=self.evidence)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is known of a generic identifier's neighbours outside of the facts: enough to see that it stays generic."""

    accounts: int = 0
    """ExternalID: accounts outside that claim it, counted no further than the threshold needs."""
    slot: str = ""
    """OpenID, UnionID: the slot its neighbours compete for."""
    neighbours: int = 0
    """Neighbours outside in that slot, counted no further than the threshold needs."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that counts for some raw components: identifiers with live evidence, their links, the standing decisions on them, the policy."""

    identifiers: Mapping[Key, Identifier]
    observed: Mapping[Key, Millis]
    """When each identifier was first seen."""
    links: Sequence[Link]
    decisions: Sequence[Decision]
    policy: IdentityPolicy
    crowds: Mapping[Key, Crowd] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What follows."""

    account: dict[Key, Key]
    """OpenIDs and UnionIDs: the seed of their WeChatAccount."""
    customer: dict[Key, Key]
    """Every identifier: the seed of its Customer."""
    crowded: dict[Key, str]
    """Generic identifiers, each with what crowds it."""
    shed: frozenset[Key]
    """Identifiers in a raw component past the size cap."""
    conflicts: list[ConflictRow]
    """Without keys' times: when one was opened is a fact of the log."""


def resolve(facts: Facts) -> Resolution:
    """Derive accounts, customers and conflicts. Linear in links but for sorting; classes are bounded by the size cap."""
    return _Rule(facts).resolution()


def steps_taken(facts: Facts) -> list[Step]:
    """The links that join, and the SAMEs: by these every class hangs together."""
    rule = _Rule(facts)
    rule.resolution()
    return [*(link.step for link in rule.accepted), *rule.declared]


class _Rule:
    """One run of the rule; the methods are its steps in order."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.refused: list[Refusal] = []
        self.named: dict[Key, list[Key]] = defaultdict(list)
        for identifier in facts.identifiers.values():
            for name in identifier.names:
                self.named[name].append(identifier.key)
        self.slots = Slots(facts.identifiers, facts.policy, self._pairs(DecisionKind.DIFFERENT))
        self.accepted: list[Link] = []
        self.declared: list[Step] = []
        """SAMEs that hold."""

    def resolution(self) -> Resolution:
        facts = self.facts
        wechat = [link for link in facts.links if link.kind is not EvidenceKind.CLAIMS]
        claims = [link for link in facts.links if link.kind is EvidenceKind.CLAIMS]
        crowded = self._crowded_by_slot(wechat)
        accounts, oversized = self._accounts(wechat, crowded)
        crowded |= self._crowded_by_claims(claims, accounts)
        live = self._without_generic(claims, crowded)
        kept, shed = self._shed(live, [link for link in wechat if not self._generic(link, crowded) and link.a not in oversized])
        customers = self._customers(accounts, kept)
        seed = self._seeds(customers)
        account = self._seeds(accounts)
        return Resolution(
            account={key: account[key] for key, i in facts.identifiers.items() if i.label is not Label.EXTERNAL_ID},
            customer=seed,
            crowded=crowded,
            shed=frozenset(shed | oversized),
            conflicts=conflicts(self.refused, (link.step for link in self.accepted), customers, crowded, facts.crowds, slots=self.slots),
        )

    def _crowded_by_slot(self, wechat: Iterable[Link]) -> dict[Key, str]:
        """OpenIDs and UnionIDs with more neighbours than the threshold that compete for one slot: virtual visitors."""
        beside = {pair for link in wechat for pair in ((link.a, link.b), (link.b, link.a))}
        competing = Counter((key, self.slots.of(other)) for key, other in beside)
        for key, crowd in self.facts.crowds.items():
            if crowd.slot:
                competing[key, crowd.slot] += crowd.neighbours
        crowded: dict[Key, str] = {}
        for (key, slot), count in competing.items():
            if count > self.facts.policy.generic_after:
                crowded[key] = min(slot, crowded.get(key, slot))
        return crowded

    def _generic(self, link: Link, crowded: Mapping[Key, str]) -> bool:
        return link.a in crowded or link.b in crowded

    def _accounts(self, wechat: list[Link], crowded: Mapping[Key, str]) -> tuple[Partition, set[Key]]:
        """Layer 1: the best links first; one that would break a slot or join a DIFFERENT pair is refused."""
        live = self._without_generic(wechat, crowded)
        raw = Partition.by_pairs((), ((link.a, link.b) for link in live))
        too_large = {key for members in raw.classes() if len(members) > self.facts.policy.largest_component for key in members}
        if too_large:
            seeds = self._seeds(raw)
            self.refused += [Refusal(link=link.step, too_large=seeds[link.a]) for link in live if link.a in too_large]
        accounts = Partition(self.facts.identifiers)
        for link in sorted((link for link in live if link.a not in too_large), key=lambda link: link.order):
            self._join(accounts, link, self.slots.clash_in_account)
        return accounts, too_large

    def _crowded_by_claims(self, claims: Iterable[Link], accounts: Partition) -> dict[Key, str]:
        """External ids claimed by more accounts than the threshold: shared phones, store tablets."""
        claimants: dict[Key, set[Key]] = defaultdict(set)
        for link in claims:
            claimants[link.b].add(accounts.root(link.a))
        outside = self.facts.crowds
        limit = self.facts.policy.generic_after
        return {key: "claims" for key, by in claimants.items() if len(by) + (outside[key].accounts if key in outside else 0) > limit} | {
            key: "claims" for key, crowd in outside.items() if not crowd.slot and crowd.accounts > limit
        }

    def _without_generic(self, links: Iterable[Link], crowded: Mapping[Key, str]) -> list[Link]:
        """Links that may join; those of generic identifiers are noted as refused."""
        live = []
        for link in links:
            if self._generic(link, crowded):
                self.refused += [Refusal(link=link.step, generic=end) for end in (link.a, link.b) if end in crowded]
            else:
                live.append(link)
        return live

    def _shed(self, claims: list[Link], wechat: list[Link]) -> tuple[list[Link], set[Key]]:
        """The size cap: from the lowest-ranked namespace upwards, drop that rank's claims wherever too much hangs together."""
        policy = self.facts.policy

        def rank(link: Link) -> tuple[int, str]:
            return policy.rank(self.facts.identifiers[link.b].scope)

        shed: set[Key] = set()
        for lowest in sorted({rank(link) for link in claims}, reverse=True):
            raw = Partition.by_pairs((), ((link.a, link.b) for link in (*wechat, *claims)))
            past = {key for members in raw.classes() if len(members) > policy.largest_component for key in members}
            if not past:
                break
            shed |= past
            dropped = [link for link in claims if link.b in past and rank(link) == lowest]
            self.refused += [Refusal(link=link.step, too_large=link.b) for link in dropped]
            claims = [link for link in claims if link.b not in past or rank(link) != lowest]
        return claims, shed

    def _customers(self, accounts: Partition, claims: Iterable[Link]) -> Partition:
        """Layer 2: claims by rank, then strength, then time; then SAMEs, which join whole customers, slots or not."""
        customers = Partition.by_pairs(self.facts.identifiers, ((key, members[0]) for members in accounts.classes() for key in members))
        rank = self.facts.policy.rank
        for link in sorted(claims, key=lambda link: (rank(self.facts.identifiers[link.b].scope), link.order)):
            self._join(customers, link, self.slots.clash_in_customer)
        for decision, a, b in self._pairs(DecisionKind.SAME):
            step = Step(
                kind=EvidenceKind.DECLARED_SAME, a=a, b=b, sources=(), first=decision.decided, last=decision.decided, evidence=decision.key
            )
            clash = self.slots.different_pair(customers, a, b)
            if clash:
                self.refused.append(Refusal(link=step, clash=clash))
            else:
                customers.join(a, b)
                self.declared.append(step)
        return customers

    def _join(self, partition: Partition, link: Link, clash_of: Callable[[Partition, Key, Key], Clash | None]) -> None:
        if partition.joined(link.a, link.b):
            self.accepted.append(link)
            return
        clash = clash_of(partition, link.a, link.b)
        if clash:
            self.refused.append(Refusal(link=link.step, clash=clash))
        else:
            partition.join(link.a, link.b)
            self.accepted.append(link)

    def _pairs(self, kind: DecisionKind) -> list[tuple[Decision, Key, Key]]:
        """The pairs of identifiers that decisions of a kind mean, oldest first."""
        return [
            (decision, a, b)
            for decision in self.facts.decisions
            if decision.kind is kind
            for a in sorted(self.named.get(decision.a, ()))
            for b in sorted(self.named.get(decision.b, ()))
            if a != b
        ]

    def _seeds(self, partition: Partition) -> dict[Key, Key]:
        """Each key's seed: an OpenID before a UnionID before an ExternalID, then the first seen, then by key."""
        found: dict[Key, Key] = {}
        for members in partition.classes():
            seed = min(members, key=self._seniority)
            found.update(dict.fromkeys(members, seed))
        return found

    def _seniority(self, key: Key) -> tuple[int, Millis, Key]:
        return (SEED_ORDER[self.facts.identifiers[key].label], self.facts.observed[key], key)
