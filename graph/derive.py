"""From what a turn sees and what is new to what it writes: scoping, the rule, and the difference to what was derived before. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from graph import sensitivity
from graph.accounts import Touchpoint
from graph.bindings import Epoch
from graph.changes import Change, ChangeKind, Difference, differences, in_feed
from graph.decisions import Decision, DecisionKind, standing
from graph.effect import PartitionEffect, effect
from graph.evidence import Rollup, Said, Seen, ends, merge, waiting
from graph.keys import Keys
from graph.links import KIND, best_links, since, taken_back, troubled_by
from graph.node import Id, Key, Millis
from graph.quarantine import Quarantined, QuarantineReason
from graph.resolve import Facts, Link, Resolution, resolve
from graph.sightings import Scoped, dates, no_longer_dated, sightings
from graph.state import (
    MASS,
    PREFIX,
    ConflictRow,
    CustomerRow,
    CustomerState,
    EvidenceKind,
    Identifier,
    Label,
    Member,
    StoredRollup,
)
from graph.turn import Incomplete, Loaded, Writes
from graph.witness import witnesses


@dataclass(kw_only=True)
class News:
    """What a turn adds."""

    cause: str
    identifiers: dict[Key, Identifier] = field(default_factory=dict)
    rollups: list[Rollup] = field(default_factory=list)
    restored: list[Rollup] = field(default_factory=list)
    """Roll-ups that a copy of the graph holds: what is known of them already is not counted again."""
    decisions: list[Decision] = field(default_factory=list)
    """New ones, and revoked ones in their new form."""
    erased: frozenset[Key] = frozenset()
    """Identifiers that are erased: nothing that was loaded says anything of them any more."""
    erased_customers: Collection[Key] = ()
    """Customers that are erased, though others may keep an external id of theirs."""


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What follows from the news."""

    writes: Writes
    customer: Mapping[Key, Key]
    """Every identifier that was looked at: the key of its customer now."""
    created: frozenset[Key]
    """Customers none of whose members was in a customer before."""
    fresh: frozenset[Key]
    """Roll-ups that were not there before."""
    changing: frozenset[Rollup]
    """Of the news, what each by itself changes more than the times of a roll-up that was there before."""
    opened: tuple[ConflictRow, ...]
    """Conflicts that were not open before."""
    before: Mapping[Key, Key]
    """Every identifier that may be written: its customer as it was; those that were in none are missing."""
    after: Mapping[Key, Key]
    """The same as it will be; those that will be in none are missing."""
    ids: Mapping[Key, Id]
    """What clients call them."""

    @property
    def effect(self) -> PartitionEffect:
        """Exactly the customers that change. For previews: the feed has its own differences."""
        return effect(self.before, self.after, self.ids)


def derive(loaded: Loaded, keys: Keys, news: News, now: Millis) -> Derived:
    """Recompute every raw component in sight. Raises Incomplete where the rule must look further than was loaded."""
    return _Derivation(loaded, keys, news, now).derived()


class _Derivation:
    """One derivation; the cached properties are its steps, each a function of those before."""

    def __init__(self, loaded: Loaded, keys: Keys, news: News, now: Millis) -> None:
        self.loaded, self.keys, self.news, self.now = loaded, keys, news, now
        self.registry = loaded.registry
        self.rollups = {key: stored.rollup for key, stored in loaded.rollups.items()}
        self.fresh = frozenset((*merge(news.rollups, self.rollups), *merge(news.restored, self.rollups, Rollup.restored)))
        claims = [rollup for rollup in self.rollups.values() if rollup.said is Said.CLAIMS]
        self.identifiers = sensitivity.known(claims, news.identifiers, loaded.members, self.registry.policy)
        self.rollups |= {claim.key: sensitivity.written(claim, self.identifiers) for claim in claims}
        self.frozen = loaded.members.keys() - loaded.whole - loaded.asked
        """Generic identifiers at the border: they are looked at, and nothing of what is derived of them is written."""

    @cached_property
    def decisions(self) -> list[Decision]:
        known = {**self.loaded.decisions, **{decision.key: decision for decision in self.news.decisions}}
        decisions = standing(known.values())
        joined = {key for d in (*decisions, *self.news.decisions) if d.kind is DecisionKind.SAME for key in d.pair}
        unseen = {key for key in self.frozen if joined.intersection(self.identifiers[key].names)}
        if unseen:
            raise Incomplete(people=unseen)
        return decisions

    @cached_property
    def retracted(self) -> frozenset[frozenset[Key]]:
        return frozenset(d.pair for d in self.decisions if d.kind is DecisionKind.RETRACT)

    @cached_property
    def unlinked(self) -> dict[tuple[Key, Key], Millis]:
        return taken_back(self.rollups.values())

    def is_retracted(self, rollup: Rollup) -> bool:
        """Whether a steward took its pair back. A decision means a UnionID by its text, in every scope."""
        if not self.retracted:
            return False
        names = (self.identifiers[key].names[0] if key in self.identifiers else key for key in (rollup.a, rollup.b))
        return frozenset(names) in self.retracted

    def is_settled(self, rollup: Rollup) -> bool:
        return (rollup.a, rollup.b) not in self.unlinked and not self.is_retracted(rollup)

    @cached_property
    def scoped(self) -> list[Scoped]:
        """Every roll-up under the bindings in force. A UnionID's node appears here, because its key depends on them."""
        scoped, unseen, names = [], set(), set()
        for key, rollup in self.rollups.items():
            stored = self.loaded.rollups.get(key)
            if stored and rollup.a in self.frozen:
                now = dict(self._ends(rollup))
                kept = tuple((end, now.get(end, rollup.first)) for end, _ in stored.ends if end in self.loaded.whole)
                scoped.append(Scoped(rollup, kept, is_foreign=True))
                continue
            found = tuple(self._ends(rollup))
            for end, _ in found:
                if end not in self.loaded.members and end not in self.loaded.asked:
                    unseen.add(end)
                    names.add(rollup.b)
                elif end not in self.identifiers:
                    self.identifiers[end] = self._union_id(end, rollup)
            scoped.append(Scoped(rollup, found, is_foreign=False))
        if unseen:
            raise Incomplete(people=unseen, names=names)
        return scoped

    def _ends(self, rollup: Rollup) -> Iterable[tuple[Key, Millis]]:
        if rollup.said not in KIND or self.is_retracted(rollup):
            return
        if rollup.said is Said.RESOLVED_AS:
            history = self.registry.history(Key(self.identifiers[rollup.a].scope))
            for end in ends(rollup, history):
                yield self.keys.union_id(self.registry.open_platforms[end.platform_key].open_app_id, rollup.text), end.observed
            return
        counts_since = since(rollup, self.unlinked)
        if counts_since is not None:
            yield rollup.b, counts_since

    def _union_id(self, key: Key, rollup: Rollup) -> Identifier:
        history = self.registry.history(Key(self.identifiers[rollup.a].scope))
        platforms = {end.platform_key for end in ends(rollup, history)}
        scope = next(p for p in platforms if self.keys.union_id(self.registry.open_platforms[p].open_app_id, rollup.text) == key)
        return Identifier(key=key, label=Label.UNION_ID, scope=scope, value=rollup.text, text_key=rollup.b)

    def _says_more(self, said: Rollup) -> bool:
        """Whether a roll-up now begins earlier, links to something else, or links at all where it did not, or ends in another epoch."""
        stored = self.loaded.rollups.get(said.key)
        if stored is None:
            return False
        both = stored.rollup.merged(said)
        return both.first < stored.rollup.first or self._reach(both) != self._reach(stored.rollup)

    def _reach(self, rollup: Rollup) -> tuple[set[Key], Epoch | None]:
        history = self.registry.history(Key(self.identifiers[rollup.a].scope)) if rollup.said is Said.RESOLVED_AS else None
        return {end for end, _ in self._ends(rollup)}, history.at(rollup.last) if history else None

    @cached_property
    def links(self) -> list[Link]:
        return best_links((scoped.rollup, end, observed) for scoped in self.scoped for end, observed in scoped.ends)

    @cached_property
    def seen(self) -> dict[Key, Seen]:
        """Every identifier with its times. Those at the border keep what they had, but for what no longer leads to them."""
        seen = sightings(self.scoped, self.identifiers)
        stored, border = self.loaded.rollups, {key: one for key, one in self.loaded.members.items() if key not in self.loaded.whole}
        own = [one for one in self.scoped if not one.is_foreign]
        dated = {(end, one.rollup.b) for one in own for end, at in one.ends if end in self.frozen and dates(one.rollup, at, border[end])}
        if dated:  # it is led to since a correction, or from another time on: what is at the border is not written
            raise Incomplete(people={end for end, _ in dated}, names={name for _, name in dated})
        led = [
            (b, {e: at if self._is_stale(b) else b.rollup.first for e, at in one.ends}) for one in own if (b := stored.get(one.rollup.key))
        ]
        if undated := set[Key]().union(*(no_longer_dated(before, ends, border) for before, ends in led)):
            raise Incomplete(expand=undated)
        for key, member in border.items():
            if key in self.frozen or member.crowded:
                seen[key].add(member.first, member.last, member.times)
        return dict(seen)

    @cached_property
    def resolution(self) -> Resolution:
        here = {key: self.identifiers[key] for key in self.seen}
        resolution = resolve(
            Facts(
                identifiers=here,
                observed={key: seen.first for key, seen in self.seen.items()},
                links=self.links,
                decisions=self.decisions,
                policy=self.registry.policy,
                crowds=self.loaded.crowds,
            )
        )
        # What is generic no more, and what comes to be so by this turn: nothing would be written of it at the border.
        changed = {k for k, m in self.loaded.members.items() if k not in self.loaded.whole and not (m.crowded and k in resolution.crowded)}
        if changed:
            raise Incomplete(expand=changed)
        return resolution

    @cached_property
    def witness(self) -> Mapping[Key, Key]:
        return witnesses(
            self.links,
            self.identifiers,
            self.resolution.customer,
            first={key: seen.first for key, seen in self.seen.items()},
            before=self.loaded.members,
            partial=self.loaded.members.keys() - self.loaded.whole,
            erased=self.news.erased,
        )

    def derived(self) -> Derived:
        after = {key: customer for key, customer in self.resolution.customer.items() if key not in self.frozen}
        before = {key: member.customer for key, member in self.loaded.members.items() if key not in self.frozen}
        found = differences(before, after, erased=self.news.erased, erased_customers=self.news.erased_customers)
        writes = Writes(rollups=list(self._rollup_writes()), retired=sorted(before.keys() - after.keys()))
        self._quarantine(writes)
        writes.conflicts, opened, standing_conflicts = self._conflict_writes()
        self._customer_writes(writes, after, standing_conflicts)
        writes.ended = sorted(set(before.values()) - set(after.values()))
        writes.changes = self._feed(found)
        writes.put += self.news.decisions
        created = frozenset(d.customer for d in found if d.kind is ChangeKind.CREATED)
        return Derived(
            writes=writes,
            customer=dict(self.resolution.customer),
            created=created,
            fresh=self.fresh,
            changing=frozenset(filter(self._says_more, self.news.rollups)),
            opened=opened,
            before=before,
            after=after,
            ids=self.ids,
        )

    def _rollup_writes(self) -> Iterable[StoredRollup]:
        crowded = self.resolution.crowded
        for scoped in self.scoped:
            if scoped.is_foreign:
                continue
            rollup = scoped.rollup
            stored = self.loaded.rollups.get(rollup.key)
            live = tuple((end, rollup.a not in crowded and end not in crowded) for end, _ in sorted(scoped.ends))
            made = StoredRollup(rollup=rollup, ends=live, settled=self.is_settled(rollup), version=self.registry.version)
            if stored is None or self._is_stale(stored) or made != replace(stored, version=made.version, ends=tuple(sorted(stored.ends))):
                yield made

    def _is_stale(self, stored: StoredRollup) -> bool:
        """Whether the touchpoint's history changed since it was scoped."""
        if stored.rollup.said is not Said.RESOLVED_AS:
            return False
        touchpoint = self.registry.touchpoints.get(Key(self.identifiers[stored.rollup.a].scope))
        return touchpoint is not None and stored.version < touchpoint.scope_version

    def _quarantine(self, writes: Writes) -> None:
        """UnionIDs that no binding covers wait; those that waited and are covered now do not any more."""
        for scoped in self.scoped:
            rollup = scoped.rollup
            if rollup.said is not Said.RESOLVED_AS or scoped.is_foreign:
                continue
            touchpoint = self.registry.touchpoints[Key(self.identifiers[rollup.a].scope)]
            history = self.registry.history(touchpoint.key)
            waits = waiting(rollup, history) and not self.is_retracted(rollup)
            stored = self.loaded.rollups.get(rollup.key)
            if waits and (stored is None or stored.rollup != rollup or not stored.settled or self._is_stale(stored)):
                writes.put.append(self._waiting(rollup, touchpoint))
            elif not waits and stored and (self._is_stale(stored) or not stored.settled or waiting(stored.rollup, history)):
                writes.drop.append(self._waiting(rollup, touchpoint))

    def _waiting(self, rollup: Rollup, touchpoint: Touchpoint) -> Quarantined:
        return Quarantined(
            key=self.keys.derive("Waiting", rollup.key),
            reason=QuarantineReason.NO_BINDING_COVERS_IT,
            app_id=touchpoint.app_id,
            first=rollup.first,
            last=rollup.last,
            times=rollup.times,
            holder=rollup.a,
        )

    def _conflict_writes(self) -> tuple[list[ConflictRow], tuple[ConflictRow, ...], list[ConflictRow]]:
        """What to write, what of it was not open before, and all that stand."""
        keyed = [replace(row, key=self._conflict_key(row)) for row in self.resolution.conflicts]
        standing_now = list({row.key: row for row in reversed(keyed)}.values())  # two SAMEs on one pair are one conflict: the first
        before = self.loaded.conflicts
        written = []
        for row in standing_now:
            known = before.get(row.key)
            dated = replace(row, opened=known.opened if known else self.now)
            if dated != known:
                written.append(dated)
        opened = tuple(row for row in written if row.key not in before)
        here = {row.key for row in standing_now}
        written += [
            replace(row, resolved=self.now) for key, row in before.items() if key not in here and not self.frozen.issuperset(row.about)
        ]
        return written, opened, standing_now

    def _conflict_key(self, row: ConflictRow) -> Key:
        """A link's conflict stays the same one when the reason changes, a SAME's is another one; a mass case is named by its kind."""
        is_same = row.refused is not None and row.refused.kind is EvidenceKind.DECLARED_SAME
        link = "SAME" if is_same else "link"
        return self.keys.derive("Conflict", row.kind.value if row.kind in MASS else link, *row.about)

    def _customer_writes(self, writes: Writes, after: Mapping[Key, Key], conflicts: Collection[ConflictRow]) -> None:
        classes: dict[Key, list[Key]] = defaultdict(list)
        for key, customer in after.items():
            classes[customer].append(key)
        troubled = troubled_by(conflicts, self.links)
        writes.members += self._valued()
        for customer, members in classes.items():
            row = self._row(customer, members, has_conflict=not troubled.isdisjoint(members))
            made = [self._member(key, customer) for key in sorted(members)]
            if self._is_new(row, self.loaded.customers.get(customer)) or any(self._is_new(m, self.loaded.members.get(m.key)) for m in made):
                writes.customers.append(row)
                writes.members += made

    def _valued(self) -> Iterator[Member]:
        """Those at the border whose value was taken out, where a claim that still has it may say it again."""
        for key in self.frozen:
            member, value = self.loaded.members[key], self.identifiers[key].value
            if member.value is None and value is not None:
                yield replace(member, value=value)

    def _is_new(self, made: CustomerRow | Member, stored: CustomerRow | Member | None) -> bool:
        return stored is None or replace(stored, turn=self.loaded.turn) != made

    def _row(self, customer: Key, members: Collection[Key], *, has_conflict: bool) -> CustomerRow:
        seen = [self.seen[key] for key in members]
        identified = any(self.identifiers[key].label is Label.UNION_ID for key in members)
        return CustomerRow(
            key=customer,
            first=min(s.first for s in seen),
            last=max(s.last for s in seen),
            state=CustomerState.IDENTIFIED if identified else CustomerState.PROVISIONAL,
            has_conflict=has_conflict,
            has_shed=not self.resolution.shed.isdisjoint(members),
            turn=self.loaded.turn,
            size=len(members),
        )

    def _member(self, key: Key, customer: Key) -> Member:
        identifier, seen = self.identifiers[key], self.seen[key]
        return Member(
            key=key,
            label=identifier.label,
            scope=identifier.scope,
            value=identifier.value,
            text_key=identifier.text_key,
            account=self.resolution.account.get(key),
            customer=customer,
            first=seen.first,
            last=seen.last,
            times=seen.times,
            crowded=self.resolution.crowded.get(key, ""),
            turn=self.loaded.turn,
            witness=self.witness.get(key),
        )

    @cached_property
    def ids(self) -> dict[Key, Id]:
        return {key: Id(f"{PREFIX[identifier.label]}_{key}") for key, identifier in self.identifiers.items()}

    def _feed(self, found: list[Difference]) -> list[Change]:
        first = self.loaded.sequence + 1
        return in_feed(
            found,
            self.ids,
            first=first,
            transaction=self.keys.derive("Turn", str(self.loaded.turn)),
            at=self.now,
            cause=self.news.cause,
            key_of={n: self.keys.derive("Change", str(n)) for n in range(first, first + len(found))},
        )
