"""People to put into a store: identifiers, what was said of them, customers and conflicts, each in one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from graph.accounts import Touchpoint
from graph.bindings import TouchpointKind
from graph.decisions import Decision, DecisionKind
from graph.evidence import ResolutionSource, Rollup, Said
from graph.jobs import Job, JobKind, JobState
from graph.keys import Keys
from graph.node import Key, Millis
from graph.quarantine import Quarantined, QuarantineReason
from graph.state import (
    ConflictKind,
    ConflictRow,
    CustomerRow,
    CustomerState,
    EvidenceKind,
    Identifier,
    Label,
    Member,
    Step,
    StoredRollup,
)
from graph.turn import Writes

SOURCE = ResolutionSource.CODE2SESSION


@dataclass
class Stored:
    """Everything of one tenant as it lies in the database, read by the back door."""

    turn: int
    sequence: int
    version: int
    members: dict[Key, Member] = field(default_factory=dict)
    customers: dict[Key, CustomerRow] = field(default_factory=dict)
    rollups: dict[Key, StoredRollup] = field(default_factory=dict)
    """Their ends in the order of keys."""
    conflicts: dict[Key, ConflictRow] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    """Their sequence numbers, in order."""
    nodes: dict[Key, str] = field(default_factory=dict)
    """Labels by key, without the feed and the people."""


@dataclass(frozen=True)
class Cast:
    """Makes the rows of one tenant."""

    keys: Keys

    def touchpoint(self, app: str, name: str = "Shop") -> Touchpoint:
        """A mini program."""
        return Touchpoint(key=self.keys.touchpoint(app), app_id=app, kind=TouchpointKind.MINI_PROGRAM, name=name)

    def open_id(self, app: str, value: str, *, of: Member | None = None, at: Millis = 100) -> Member:
        """An OpenID, in the account and customer of another one or in its own."""
        key, scope = self.keys.open_id(app, value), self.keys.touchpoint(app)
        return _member(Identifier(key=key, label=Label.OPEN_ID, scope=scope, value=value), of, at)

    def union_id(self, platform: str, text: str, *, of: Member | None = None, at: Millis = 100) -> Member:
        """A UnionID."""
        key, scope = self.keys.union_id(platform, text), self.keys.open_platform(platform)
        return _member(Identifier(key=key, label=Label.UNION_ID, scope=scope, value=text, text_key=self.keys.union_text(text)), of, at)

    def external_id(self, namespace: str, value: str, *, of: Member | None = None, at: Millis = 100) -> Member:
        """An external id."""
        key = self.keys.external_id(namespace, value)
        return _member(Identifier(key=key, label=Label.EXTERNAL_ID, scope=namespace, value=value), of, at)

    def seen(self, a: Member, **given: Millis) -> StoredRollup:
        """An OpenID was seen."""
        return self.rollup(Said.SEEN, a, a.key, (), source=SOURCE, **given)

    def resolved(self, a: Member, *to: Member, live: bool = True, source: ResolutionSource = SOURCE, **given: Millis) -> StoredRollup:
        """An OpenID came with a UnionID's text, which scopes to these."""
        made = self.rollup(Said.RESOLVED_AS, a, to[0].text_key or to[0].key, [(end.key, live) for end in to], source=source, **given)
        return replace(made, rollup=replace(made.rollup, text=to[0].value or ""))

    def claims(self, a: Member, b: Member, *, live: bool = True, source: ResolutionSource = SOURCE, **given: Millis) -> StoredRollup:
        """An identifier came with an external id."""
        return self.rollup(Said.CLAIMS, a, b.key, [(b.key, live)], source=source, **given)

    def migrated(self, a: Member, b: Member, **given: Millis) -> StoredRollup:
        """WeChat moved a follower."""
        return self.rollup(Said.MIGRATED_TO, a, b.key, [(b.key, True)], source=SOURCE, **given)

    def unlinked(self, a: Member, b: Member, **given: Millis) -> StoredRollup:
        """A claim was taken back."""
        return self.rollup(Said.UNLINKED, a, b.key, (), source=SOURCE, **given)

    def rollup(
        self, said: Said, a: Member, b: Key, ends: Iterable[tuple[Key, bool]], *, source: ResolutionSource = SOURCE, **given: Millis
    ) -> StoredRollup:
        """Any roll-up. Given may be first, last, times, settled and version."""
        made = Rollup(
            key=self.keys.evidence(said.value, a.key, b, source.value),
            said=said,
            a=a.key,
            b=b,
            source=source,
            first=given.get("first", 100),
            last=given.get("last", 100),
            times=given.get("times", 1),
        )
        return StoredRollup(rollup=made, ends=tuple(sorted(ends)), settled=bool(given.get("settled", 1)), version=given.get("version", 1))

    def conflict(
        self, *about: Member, kind: ConflictKind = ConflictKind.TWO_UNIONIDS_ONE_PLATFORM, resolved: Millis | None = None
    ) -> ConflictRow:
        """A refused link between two, or a mass case at one."""
        key = self.keys.derive("Conflict", kind.value, *(member.key for member in about))
        if len(about) == 1:
            count = None if kind is ConflictKind.GENERIC_IDENTIFIER else 7
            names = (about[0].key,)
            return ConflictRow(key=key, kind=kind, about=names, refused=None, refused_count=count, kept=(), opened=100, resolved=resolved)
        refused = step(about[0], about[1])
        ends = (about[0].key, about[1].key)
        return ConflictRow(key=key, kind=kind, about=ends, refused=refused, refused_count=1, kept=(), opened=100, resolved=resolved)

    def job(self, name: str, state: JobState = JobState.QUEUED, kind: JobKind = JobKind.BACKFILL, **given: Millis) -> Job:
        """A job; given may be started and lease_until."""
        return Job(key=self.keys.derive("Job", name), kind=kind, state=state, **given)  # type: ignore[arg-type]  # only times are given

    def decision(self, name: str, a: Key, b: Key, kind: DecisionKind = DecisionKind.SAME, *, revoked: Millis | None = None) -> Decision:
        """What a steward said; where it is revoked, by another one."""
        key = self.keys.derive("Decision", name)
        by, why = ("Bea", "It was wrong.") if revoked else (None, None)
        return Decision(
            key=key, kind=kind, a=a, b=b, reason="So.", author="Ann", decided=1, revoked=revoked, revoked_by=by, revoked_reason=why
        )

    def row_in_quarantine(self, name: str, app: str | None = "wxa", row: str = "{}") -> Quarantined:
        """A whole row that waits; without a row, a UnionID that does."""
        key = self.keys.derive("Quarantined", name)
        return Quarantined(key=key, reason=QuarantineReason.UNKNOWN_TOUCHPOINT, app_id=app, first=1, last=1, times=1, row=row)


def step(a: Member, b: Member) -> Step:
    """A link."""
    return Step(kind=EvidenceKind.RESOLVED_AS, a=a.key, b=b.key, sources=(SOURCE,), first=100, last=100, evidence=Key("e" * 22))


def customer(
    *members: Member, state: CustomerState = CustomerState.PROVISIONAL, has_conflict: bool = False, last: Millis = 100
) -> CustomerRow:
    """The customer of these."""
    key, size = members[0].customer, len(members)
    return CustomerRow(key=key, first=100, last=last, state=state, has_conflict=has_conflict, has_shed=False, turn=1, size=size)


def together(*rows: object) -> Writes:
    """Rows of any kind, sorted into writes; customers that nobody made are made for the members."""
    writes = Writes()
    for row in rows:
        if isinstance(row, Member):
            writes.members.append(row)
        elif isinstance(row, StoredRollup):
            writes.rollups.append(row)
        elif isinstance(row, CustomerRow):
            writes.customers.append(row)
        elif isinstance(row, ConflictRow):
            writes.conflicts.append(row)
        else:
            writes.put.append(row)  # type: ignore[arg-type]  # what is left are nodes
    together_in: dict[Key, list[Member]] = defaultdict(list)
    for member in writes.members:
        together_in[member.customer].append(member)
    made = {row.key for row in writes.customers}
    writes.customers += [customer(*members) for key, members in together_in.items() if key not in made]
    return writes


def generic(member: Member, slot: str = "claims") -> Member:
    """The same identifier, crowded."""
    return replace(member, crowded=slot)


def _member(identifier: Identifier, of: Member | None, at: Millis) -> Member:
    account = None if identifier.label is Label.EXTERNAL_ID else (of.account if of and of.account else identifier.key)
    return Member(
        key=identifier.key,
        label=identifier.label,
        scope=identifier.scope,
        value=identifier.value,
        text_key=identifier.text_key,
        account=account,
        customer=of.customer if of else identifier.key,
        first=at,
        last=at,
        times=1,
        turn=1,
    )
