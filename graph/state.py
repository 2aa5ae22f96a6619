"""What is derived and kept beside the evidence: identifiers with their account and customer, and conflicts. Stored, not published."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass

from graph.evidence import ResolutionSource, Rollup
from graph.node import Key, Millis


class Label(enum.Enum):
    """Which kind of identifier; the order is the order in which seeds are chosen."""

    OPEN_ID = "OpenID"
    UNION_ID = "UnionID"
    EXTERNAL_ID = "ExternalID"


PREFIX = {Label.OPEN_ID: "oid", Label.UNION_ID: "uid", Label.EXTERNAL_ID: "xid"}
"""What the ids of each kind begin with."""
SEED_ORDER = {label: rank for rank, label in enumerate(Label)}


class EvidenceKind(enum.Enum):
    """What a link between two identifiers rests on."""

    RESOLVED_AS = "RESOLVED_AS"
    """WeChat answered an OpenID with this UnionID."""
    MIGRATED_TO = "MIGRATED_TO"
    """WeChat moved a follower from one OpenID to another."""
    CLAIMS = "CLAIMS"
    """An identifier came with this external id."""
    DECLARED_SAME = "DECLARED_SAME"
    """A steward decided that the two are one person."""


class ConflictKind(enum.Enum):
    """Why a link was refused. A mass case is one Conflict."""

    TWO_OPENIDS_ONE_TOUCHPOINT = "TWO_OPENIDS_ONE_TOUCHPOINT"
    """One WeChat account would have two OpenIDs of one touchpoint."""
    TWO_UNIONIDS_ONE_PLATFORM = "TWO_UNIONIDS_ONE_PLATFORM"
    """One WeChat account would have two UnionIDs of one Open Platform account."""
    TWO_VALUES_ONE_NAMESPACE = "TWO_VALUES_ONE_NAMESPACE"
    """One customer would have more values of a namespace than the identity policy allows."""
    DECLARED_DIFFERENT = "DECLARED_DIFFERENT"
    """A steward declared two of the identifiers to be different people."""
    GENERIC_IDENTIFIER = "GENERIC_IDENTIFIER"
    """More accounts share the identifier than the identity policy allows; one Conflict for all its links."""
    TOO_LARGE = "TOO_LARGE"
    """More identifiers would hang together than the identity policy allows; one Conflict for all links left out."""


MASS = frozenset({ConflictKind.GENERIC_IDENTIFIER, ConflictKind.TOO_LARGE})


class ConflictState(enum.Enum):
    """Whether its cause still stands."""

    OPEN = "OPEN"
    """Its cause stands."""
    RESOLVED = "RESOLVED"
    """Its cause is gone."""


class CustomerState(enum.Enum):
    """How sure WeChat is of the person."""

    PROVISIONAL = "PROVISIONAL"
    """No UnionID is known yet."""
    IDENTIFIED = "IDENTIFIED"
    """At least one UnionID is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """An OpenID, a UnionID or an ExternalID by itself, with nothing of what follows from the evidence."""

    key: Key
    label: Label
    scope: str
    """OpenID: its touchpoint's key. UnionID: its Open Platform's key. ExternalID: its namespace."""
    value: str | None
    """WeChat's text, or the normalised external id; None in sensitive namespaces."""
    text_key: Key | None = None
    """UnionID: the key of its text in every scope."""

    @property
    def names(self) -> tuple[Key, ...]:
        """The keys by which a decision may mean it."""
        return (self.text_key,) if self.text_key else (self.key,)


def naming(*identifiers: Identifier) -> str:
    """How a claim names its two ends, so that they can come back when it counts again. An OpenID always exists and is left out."""
    written = [[one.label.value, one.scope, one.value, one.text_key] for one in identifiers if one.label is not Label.OPEN_ID]
    return json.dumps(written, ensure_ascii=False)


def named_by(claim: Rollup) -> Iterator[Identifier]:
    """The identifiers that a claim names, without OpenIDs."""
    written = json.loads(claim.text)
    for key, (label, scope, value, text_key) in zip((claim.a, claim.b)[-len(written) :], written, strict=True):
        yield Identifier(key=key, label=Label(label), scope=scope, value=value, text_key=text_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Identifier):
    """An identifier with what follows: which account and customer it belongs to, and when it was seen."""

    account: Key | None
    """The seed of its WeChatAccount; None for external ids."""
    customer: Key
    """The seed of its Customer: the key in the customer's id."""
    first: Millis
    last: Millis
    times: int
    crowded: str = ""
    """Which slot or claim makes it generic; empty where it is not."""
    turn: int = 0
    """The tenant's turn that wrote it: parts of one customer that disagree were read while it changed."""
    witness: Key | None = None
    """UnionID, ExternalID: an OpenID that it came with. An OpenID never ends: when nothing names this identifier any more, the customer
    id that it gave is followed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    """A customer by itself: what lists filter and sort by."""

    key: Key
    first: Millis
    last: Millis
    state: CustomerState
    has_conflict: bool
    has_shed: bool
    turn: int = 0
    size: int
    """How many identifiers it has: an answer with another number of them was read while it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A link between two identifiers, from all its sources."""

    kind: EvidenceKind
    a: Key
    b: Key
    sources: tuple[ResolutionSource, ...]
    first: Millis
    last: Millis
    evidence: Key
    """The strongest, then earliest roll-up it rests on, or the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRow:
    """What was refused, what it would have broken, what was kept."""

    key: Key
    kind: ConflictKind
    about: tuple[Key, ...]
    """The identifiers it stands at: both ends of the refused link, or the one that is generic, shed or the seed of what is too large."""
    refused: Step | None
    refused_count: int | None
    """Refused links; None for a generic identifier, whose links are counted when it is read."""
    kept: tuple[Step, ...]
    namespace: str = ""
    """In which namespace a customer would have too many values, or of which the external id is that a mass case is about."""
    opened: Millis = 0
    resolved: Millis | None = None

    @property
    def mentions(self) -> tuple[Key, ...]:
        """Every identifier it names."""
        steps = (*self.kept, *([self.refused] if self.refused else []))
        return tuple(dict.fromkeys([*self.about, *(end for step in steps for end in (step.a, step.b))]))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRollup:
    """A roll-up with what was derived for it: the identifiers it links `a` to, and whether a touch may move it."""

    rollup: Rollup
    ends: tuple[tuple[Key, bool], ...] = ()
    """The identifiers at its other end, each with whether raw components hang together by it. SEEN has none, a waiting one may."""
    settled: bool = True
    """No unlink or RETRACT names the pair, so seeing it again within its epoch changes times alone."""
    version: int = 0
    """The registry version it was scoped under."""
