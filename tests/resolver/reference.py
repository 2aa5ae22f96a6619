"""The rule of resolution once more: plain, slow and from the design alone. It shares no code with graph/, so that they can disagree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from tests.resolver.facts import Bound, Claimed, Conflict, Decided, Moved, Name, Rules, Said, Seen, Truth, Unlinked

LONG_AGO = -(10**18)
Pair = tuple[Name, Name]


@dataclass(frozen=True)
class Link:
    """The best evidence of one pair."""

    a: Name
    b: Name
    strength: int
    observed: int


@dataclass
class Picture:
    """What the steps of the rule have found so far."""

    rules: Rules
    key: Callable[[Name], str]
    links: list[Link] = field(default_factory=list)
    claims: list[Link] = field(default_factory=list)
    first: dict[Name, int] = field(default_factory=dict)
    apart: list[Pair] = field(default_factory=list)
    generic: set[Name] = field(default_factory=set)
    oversized: list[set[Name]] = field(default_factory=list)
    shed: list[Link] = field(default_factory=list)
    refused: list[tuple[str, Pair]] = field(default_factory=list)

    def joins(self, link: Link) -> bool:
        """Generic identifiers join nothing, and neither does an oversized layer-1 component by layer 1."""
        return not (link.a in self.generic or link.b in self.generic or any(self.lies_in(link, one) for one in self.oversized))

    def lies_in(self, link: Link, component: set[Name]) -> bool:
        """Whether it is one of the layer-1 links that hold a component together."""
        return link.b[0] != "ext" and {link.a, link.b} <= component

    def seed(self, names: Collection[Name]) -> Name:
        """An OpenID before a UnionID before an external id, then the first seen, then the least key."""
        order = ["open", "union", "ext"]
        return min(names, key=lambda name: (order.index(name[0]), self.first[name], self.key(name)))


def truth(said: Said, rules: Rules, key: Callable[[Name], str]) -> Truth:
    """Everything that follows from what was said. `key` gives the identifiers' real keys, which break ties."""
    picture = Picture(rules, key)
    what_counts(picture, said)
    classes: dict[Name, frozenset[Name]] = {name: frozenset([name]) for name in picture.first}
    picture.apart = [pair for one in said.decided if one.kind == "DIFFERENT" for pair in _pairs(one, classes)]
    _layer_1(picture, classes)
    accounts = dict(classes)
    _generic_external_ids(picture, accounts)
    _size_cap(picture)
    _layer_2(picture, classes)
    _decisions(picture, classes, said.decided)
    return Truth(
        {name: picture.seed(members) for name, members in accounts.items() if name[0] != "ext"},
        {name: picture.seed(members) for name, members in classes.items()},
        frozenset(_conflicts(picture, classes)),
    )


# ── 1. the best evidence per pair ────────────────────────────────────────────────────────────────────────────────────


def what_counts(picture: Picture, said: Said) -> None:
    """Roll evidence up per pair and source, scope each end, drop what was retracted or unlinked, keep the best."""
    retracted = [{one.a, one.b} for one in said.decided if one.kind == "RETRACT"]
    best: dict[Pair, Link] = {}
    for (a, b, source), seen in rolled_up(said).items():
        for name in (a, b):
            if name is not None and name[0] == "open" and (b is None or b[0] != "ext"):
                _seen(picture, name, min(seen))
        if b is None or {_as_decided(a), b} in retracted:
            continue
        for end, observed in ends(a, b, seen, said):
            link = Link(a, end, picture.rules.strengths[source], observed)
            for name in {a, end}:
                if name[0] != "open":
                    _seen(picture, name, observed)
            best[a, end] = min(best.get((a, end), link), link, key=lambda one: (-one.strength, one.observed))
    picture.links = [link for link in best.values() if link.b[0] != "ext"]
    picture.claims = [link for link in best.values() if link.b[0] == "ext"]


def rolled_up(said: Said) -> dict[tuple[Name, Name | None, str], list[int]]:
    """The times of each pair as it was named, from each source; nobody is the other end where an OpenID was just seen."""
    times: dict[tuple[Name, Name | None, str], list[int]] = defaultdict(list)
    for fact in said.facts:
        match fact:
            case Seen(who, source, at, text):
                times[who, None if text is None else ("text", "", text), source].append(at)
            case Moved(old, new, at, source):
                times[old, new, source].append(at)
            case Claimed(claimant, ext, source, at):
                times[claimant, ext, source].append(at)
    return times


def _seen(picture: Picture, name: Name, at: int) -> None:
    picture.first[name] = min(at, picture.first.get(name, at))


def _as_decided(name: Name) -> Name:
    """Decisions mean a UnionID's text in every scope."""
    return ("text", "", name[2]) if name[0] == "union" else name


def ends(a: Name, b: Name, seen: list[int], said: Said) -> list[tuple[Name, int]]:
    """What a roll-up links `a` to, and since when."""
    first, last = min(seen), max(seen)
    if b[0] == "text":
        return [
            (("union", platform, b[2]), max(first, since))
            for moment in (first, last)
            for platform, since in [epoch(said.bound, a[1], moment)]
            if platform is not None
        ]
    if b[0] == "ext":
        unlinked = [fact.at for fact in said.facts if isinstance(fact, Unlinked) and (fact.claimant, fact.ext) == (a, b)]
        until = max(unlinked, default=LONG_AGO)
        return [(b, max(first, until))] if last > until else []
    return [(b, first)]


def epoch(bound: Iterable[Bound], app: str, moment: int) -> tuple[str | None, int]:
    """Who holds a touchpoint at a moment, and since when. Knowing of a binding twice is not binding twice."""
    holder: str | None = None
    since = LONG_AGO
    mine = [(LONG_AGO if one.starts is None else one.starts, one.platform) for one in bound if one.app == app]
    for starts, platform in sorted(mine, key=lambda one: one[0]):
        if starts <= moment and platform != holder:
            holder, since = platform, starts
    return holder, since


def _pairs(decided: Decided, existing: Collection[Name]) -> list[Pair]:
    """The identifiers that a decision names, as far as they exist; of a UnionID all with its text."""
    a, b = ([name for name in existing if _as_decided(name) == end] for end in (decided.a, decided.b))
    return [(one, other) for one in a for other in b]


# ── 2. and 3. generic identifiers, layer 1 ───────────────────────────────────────────────────────────────────────────


def _slot(name: Name) -> tuple[str, str]:
    return name[0], name[1]


def _layer_1(picture: Picture, classes: dict[Name, frozenset[Name]]) -> None:
    """Facts from Tencent: one OpenID per touchpoint, one UnionID per platform, and not too many of them."""
    around: dict[Name, set[Name]] = defaultdict(set)
    for link in picture.links:
        around[link.a].add(link.b)
        around[link.b].add(link.a)
    for name, neighbours in around.items():
        if max(Counter(map(_slot, neighbours)).values()) > picture.rules.generic_after:
            picture.generic.add(name)
    accounts = [name for name in classes if name[0] != "ext"]
    together = _components(accounts, [link for link in picture.links if picture.joins(link)])
    picture.oversized = [one for one in together if len(one) > picture.rules.largest]
    key = picture.key
    for link in sorted(picture.links, key=lambda link: (-link.strength, link.observed, key(link.a), key(link.b))):
        if picture.joins(link):
            _unite(picture, classes, link)


def _components(names: Iterable[Name], links: Collection[Link]) -> list[set[Name]]:
    """What hangs together."""
    found: list[set[Name]] = []
    for name in names:
        if any(name in one for one in found):
            continue
        component, size = {name}, 0
        while size != len(component):
            size = len(component)
            for link in links:
                if link.a in component or link.b in component:
                    component |= {link.a, link.b}
        found.append(component)
    return found


def _unite(picture: Picture, classes: dict[Name, frozenset[Name]], link: Link) -> None:
    """Join the classes of a link's ends, unless that breaks a slot or brings a DIFFERENT pair together."""
    if link.b in classes[link.a]:
        return
    merged = classes[link.a] | classes[link.b]
    broken = _broken(picture, merged, is_layer_1=link.b[0] != "ext")
    if broken is not None:
        picture.refused.append((broken, (link.a, link.b)))
        return
    for name in merged:
        classes[name] = merged


def _broken(picture: Picture, merged: frozenset[Name], *, is_layer_1: bool) -> str | None:
    """Which rule a class would break: a steward's word first, then the slots."""
    if any(a in merged and b in merged for a, b in picture.apart):
        return "DECLARED_DIFFERENT"
    crowd = Counter(map(_slot, merged))
    kinds: list[tuple[Literal["open", "union"], str]] = [("open", "TWO_OPENIDS_ONE_TOUCHPOINT"), ("union", "TWO_UNIONIDS_ONE_PLATFORM")]
    for kind, name in kinds:
        if is_layer_1 and any(many > 1 for (its_kind, _), many in crowd.items() if its_kind == kind):
            return name
    for namespace, most in picture.rules.most.items():
        if most is not None and crowd["ext", namespace] > most:
            return "TWO_VALUES_ONE_NAMESPACE"
    return None


# ── 4. and 5. layer 2 ────────────────────────────────────────────────────────────────────────────────────────────────


def _generic_external_ids(picture: Picture, accounts: dict[Name, frozenset[Name]]) -> None:
    """An external id that more than N accounts claim is generic."""
    claimants: dict[Name, set[frozenset[Name]]] = defaultdict(set)
    for claim in picture.claims:
        claimants[claim.b].add(accounts[claim.a])
    picture.generic |= {ext for ext, them in claimants.items() if len(them) > picture.rules.generic_after}


def _size_cap(picture: Picture) -> None:
    """From the lowest rank upwards, what is still too large loses that rank's claims."""
    remaining = [link for link in picture.links + picture.claims if picture.joins(link)]
    for namespace in reversed(picture.rules.namespaces):
        for component in _components(picture.first, remaining):
            if len(component) > picture.rules.largest:
                shed = [link for link in remaining if link.a in component and _slot(link.b) == ("ext", namespace)]
                picture.shed += shed
                remaining = [link for link in remaining if link not in shed]


def _layer_2(picture: Picture, classes: dict[Name, frozenset[Name]]) -> None:
    """The brand's policy: claims by rank, strength, time and key."""
    rank, key = picture.rules.namespaces.index, picture.key
    for claim in sorted(picture.claims, key=lambda claim: (rank(claim.b[1]), -claim.strength, claim.observed, key(claim.a), key(claim.b))):
        if picture.joins(claim) and claim not in picture.shed:
            _unite(picture, classes, claim)


def _decisions(picture: Picture, classes: dict[Name, frozenset[Name]], decided: Iterable[Decided]) -> None:
    """SAME joins whole customers, slots or not; DIFFERENT alone stands in its way."""
    key = picture.key
    for one in sorted((one for one in decided if one.kind == "SAME"), key=lambda one: (one.at, one.key)):
        for a, b in sorted(_pairs(one, classes), key=lambda pair: (key(pair[0]), key(pair[1]))):
            merged = classes[a] | classes[b]
            if any(left in merged and right in merged for left, right in picture.apart):
                picture.refused.append(("DECLARED_DIFFERENT", (a, b)))
                continue
            for name in merged:
                classes[name] = merged


# ── 6. conflicts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _conflicts(picture: Picture, classes: dict[Name, frozenset[Name]]) -> Iterable[Conflict]:
    """Refused links whose ends end up apart; mass cases once each."""
    for kind, (a, b) in picture.refused:
        if b not in classes[a]:
            yield kind, (a, b)
    split = [link for link in picture.links + picture.claims if link.b not in classes[link.a]]
    for link in split:
        yield from (("GENERIC_IDENTIFIER", (name,)) for name in (link.a, link.b) if name in picture.generic)
        yield from (("TOO_LARGE", (picture.seed(one),)) for one in picture.oversized if picture.lies_in(link, one))
        if link in picture.shed:
            yield "TOO_LARGE", (link.b,)
