"""The brand as a plain model: what was said, what waits, who was erased; who is who comes from the reference of tests/resolver."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from tests.resolver.facts import Bound, Claimed, Decided, Name, Rules, Said, Seen, Truth, Unlinked
from tests.resolver.operations import Row, as_decided
from tests.resolver.reference import Picture, ends, epoch, rolled_up, truth, what_counts
from tests.stateful.graves import Fact, Graves, decisions_left, named, texts_that_go, what_is_left

MASS = {"GENERIC_IDENTIFIER", "TOO_LARGE"}
Times = list[int]


@dataclass(frozen=True)
class Item:
    """A row as it is handed in."""

    row: Row
    fault: str | None = None
    """The code with which it is rejected, whatever else is so."""

    @property
    def names(self) -> set[Name]:
        """Whom it names; a UnionID by its text."""
        return named(self.row.seen) | set(self.row.exts)

    @property
    def facts(self) -> list[Fact]:
        """What it says."""
        seen = self.row.seen
        return [seen, *(Claimed(seen.who, ext, seen.source, seen.at) for ext in self.row.exts)]


class Model:
    """Everything that a brand was told and has not forgotten."""

    def __init__(self, rules: Rules, apps: Collection[str], key: Callable[[Name], str]) -> None:
        self.rules, self.apps, self.key = rules, set(apps), key
        self.facts: set[Fact] = set()
        self.bindings: dict[str, Bound] = {}
        """Assertions in force, by their ids."""
        self.decisions: dict[str, Decided] = {}
        """Standing ones, by their ids."""
        self.revoked: dict[str, Decided] = {}
        self.rows: dict[Row, Times] = {}
        """Whole rows that wait for their touchpoint, without their times."""
        self.graves = Graves()

    @property
    def said(self) -> Said:
        """All that counts."""
        return Said(frozenset(self.facts), frozenset(self.bindings.values()), frozenset(self.decisions.values()))

    def truth(self) -> Truth:
        """Who is who."""
        return truth(self.said, self.rules, self.key)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, items: Sequence[Item]) -> list[str]:
        """Rows that came together: what became of each, as an outcome or as the code of its rejection. Logins are heard first."""
        for item in items:
            if item.fault is None and item.row.seen.source in {"CODE2SESSION", "WEB_OAUTH", "APP_OAUTH"}:
                self.graves.login(item.names, item.row.seen.at)
        before = rolled_up(self.said)
        new: set[object] = set()
        return [self._one(item, before, new) for item in items]

    def _one(self, item: Item, before: dict[tuple[Name, Name | None, str], Times], new: set[object]) -> str:
        seen = item.row.seen
        if item.fault is not None:
            return item.fault
        if self.graves.bar(item.names, seen.at):
            return "ERASED"
        if seen.who[1] not in self.apps:
            self.rows.setdefault(replace(item.row, seen=replace(seen, at=0)), []).append(seen.at)
            return "QUARANTINED"
        is_news = False
        for fact in item.facts:
            pair = _pair(fact)
            is_news |= (pair not in before and pair not in new) or self._says_more(fact, before.get(pair, []))
            new.add(pair)
            self.facts.add(fact)
        if seen.text and self.holder(seen.who[1], seen.at) is None:
            return "QUARANTINED"
        return "APPLIED" if is_news else "UNCHANGED"

    def _says_more(self, fact: Fact, times: Times) -> bool:
        """Whether a known pair now begins earlier, links where it did not, or was last seen under another binding than before."""
        if not times or fact.at < min(times):
            return bool(times)
        if isinstance(fact, Seen):
            return bool(fact.text) and self._epoch(fact.who[1], max(times)) != self._epoch(fact.who[1], max([*times, fact.at]))
        return self._links(fact, [*times, fact.at]) and not self._links(fact, times)

    def _links(self, fact: Fact, times: Times) -> bool:
        """Whether what was said at these times joins its two ends: neither a steward nor an unlink took all of it back."""
        a, b, _ = _pair(fact)
        assert b is not None
        return {as_decided(a), b} not in self._retracted and bool(ends(a, b, times, self.said))

    def release(self) -> int:
        """Rows of touchpoints that are known by now are applied, by their first and last times; gives how many there were."""
        ready = [row for row in self.rows if row.seen.who[1] in self.apps]
        for row in ready:
            times = self.rows.pop(row)
            for at in {min(times), max(times)}:
                self.facts.update(Item(replace(row, seen=replace(row.seen, at=at))).facts)
        return len(ready)

    def tell(self, fact: Fact) -> str:
        """Something said of somebody who is known: whether that was new."""
        times = rolled_up(self.said).get(_pair(fact), [])
        is_news = not times or self._says_more(fact, times)
        self.facts.add(fact)
        return "APPLIED" if is_news else "UNCHANGED"

    def unlink(self, claimants: Collection[Name], ext: Name, at: int) -> str:
        """These take their claims back as of then: whether that moved anything."""
        told = {Unlinked(claimant, ext, at) for claimant in claimants}
        before = {
            one: [fact.at for fact in self.facts if isinstance(fact, Unlinked) and (fact.claimant, fact.ext) == (one, ext)]
            for one in claimants
        }
        self.facts |= told
        return "APPLIED" if any(at > max(times, default=-1) for times in before.values()) else "UNCHANGED"

    # ── bindings ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _epoch(self, app: str, at: int) -> tuple[str | None, int]:
        return epoch(self.bindings.values(), app, at)

    def holder(self, app: str, at: int) -> str | None:
        """Who holds a touchpoint at a moment."""
        return self._epoch(app, at)[0]

    def asserted(self, app: str) -> set[int | None]:
        """From when on something is asserted of it."""
        return {bound.starts for bound in self.bindings.values() if bound.app == app}

    # ── what waits, and for whom ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> int:
        """How much lies in quarantine once every job is done."""
        pairs = [
            (a, b, times) for (a, b, _), times in rolled_up(self.said).items() if b and b[0] == "text" and {a, b} not in self._retracted
        ]
        uncovered = [1 for a, _, times in pairs if any(self.holder(a[1], at) is None for at in (min(times), max(times)))]
        return len(self.rows) + len(uncovered)

    def erase(self, erased: Collection[Name], now: int) -> None:
        """These go with all that was said of them, and with rows that wait: the OpenID of such a row is theirs in every row."""
        gone = set(erased) | texts_that_go(erased, self.facts)
        until = max([now, *(fact.at for fact in self.facts if not named(fact).isdisjoint(gone))])
        self.facts = what_is_left(self.facts, gone)
        self.decisions, self.revoked = decisions_left(self.decisions, gone), decisions_left(self.revoked, gone)
        theirs = gone | {row.seen.who for row in self.rows if not Item(row).names.isdisjoint(gone)}
        self.rows = {row: times for row, times in self.rows.items() if Item(row).names.isdisjoint(theirs)}
        self.graves.dig(gone, until)

    def claimed_by_others(self, ext: Name, erased: Collection[Name]) -> bool:
        """Whether somebody who stays claims an external id, and neither a steward nor a later unlink took that back."""
        for (a, b, _), times in rolled_up(self.said).items():
            if b != ext or a in erased or {as_decided(a), b} in self._retracted:
                continue
            unlinked = [fact.at for fact in self.facts if isinstance(fact, Unlinked) and (fact.claimant, fact.ext) == (a, b)]
            if max(times) > max(unlinked, default=-1):
                return True
        return False

    def erased_of(self, members: Iterable[Name], beside: Iterable[Name]) -> set[Name]:
        """Whom of a customer an erasure takes: all but the external ids that somebody who stays claims."""
        going = set(members)
        while kept := {one for one in going if one[0] == "ext" and self.claimed_by_others(one, going.union(beside))}:
            going -= kept
        return going

    # ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def last_seen(self) -> dict[Name, int]:
        """When each identifier was last seen."""
        last: dict[Name, int] = {}
        said, retracted = self.said, self._retracted
        for (a, b, _), times in rolled_up(said).items():
            here = {a} if a[0] == "open" and (b is None or b[0] != "ext") else set()
            if b is not None and {as_decided(a), b} not in retracted:
                linked = {end for end, _ in ends(a, b, times, said)}
                here |= linked | ({a} if linked and a[0] != "open" else set())
            here |= {b} if b is not None and b[0] == "open" else set()
            last |= {name: max([*times, last.get(name, 0)]) for name in here}
        return last

    @property
    def _retracted(self) -> list[set[Name]]:
        return [{one.a, one.b} for one in self.decisions.values() if one.kind == "RETRACT"]

    def _picture(self) -> Picture:
        picture = Picture(self.rules, self.key)
        what_counts(picture, self.said)
        return picture

    def troubled(self, found: Truth) -> set[Name]:
        """Identifiers at which an open conflict stands, and those linked to one where a mass case does."""
        about = {name for _, names in found.conflicts for name in names}
        mass = {name for kind, names in found.conflicts if kind in MASS for name in names}
        picture = self._picture()
        for link in picture.links + picture.claims:
            about |= {link.a} if link.b in mass else set()
            about |= {link.b} if link.a in mass else set()
        return about


def _pair(fact: Fact) -> tuple[Name, Name | None, str]:
    """Whom it is about, and who said so: once for however many times."""
    return next(iter(rolled_up(Said(frozenset([fact]), frozenset(), frozenset()))))
