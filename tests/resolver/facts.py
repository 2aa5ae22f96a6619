"""What a test history says, as plain tuples: the only words that the reference and the histories share. Nothing of graph/ belongs here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = tuple[str, str, str]
"""("open", app id, OpenID), ("union", platform, UnionID) or ("ext", namespace, value); in decisions a UnionID is ("text", "", UnionID)."""

Kind = Literal["SAME", "DIFFERENT", "RETRACT"]


@dataclass(frozen=True)
class Seen:
    """One row: an OpenID was seen at a time, with or without a UnionID."""

    who: Name
    source: str
    at: int
    text: str | None = None


@dataclass(frozen=True)
class Moved:
    """An official account migration: the old OpenID is the new one."""

    old: Name
    new: Name
    at: int
    source: str = "IMPORT"


@dataclass(frozen=True)
class Claimed:
    """An identifier was given an external id."""

    claimant: Name
    ext: Name
    source: str
    at: int


@dataclass(frozen=True)
class Unlinked:
    """The claims of this pair up to a time no longer count."""

    claimant: Name
    ext: Name
    at: int


@dataclass(frozen=True)
class Bound:
    """An assertion that is in force: from then on the platform, or none, holds the touchpoint. `starts` None is since ever."""

    app: str
    platform: str | None
    starts: int | None


@dataclass(frozen=True)
class Decided:
    """A steward's standing decision on two names."""

    key: str
    kind: Kind
    a: Name
    b: Name
    at: int


@dataclass(frozen=True)
class Rules:
    """The brand's policy: namespaces from the highest rank, how many values a customer may have, and the two caps."""

    namespaces: tuple[str, ...]
    most: dict[str, int | None]
    strengths: dict[str, int]
    generic_after: int
    largest: int


@dataclass(frozen=True)
class Said:
    """Everything that was said, in any order, and still stands: rows of known touchpoints, assertions and decisions not revoked."""

    facts: frozenset[Seen | Moved | Claimed | Unlinked]
    bound: frozenset[Bound]
    decided: frozenset[Decided]


Conflict = tuple[str, tuple[Name, ...]]
"""The kind, and the two ends of the refused link or the one identifier that a mass case is about."""


@dataclass(frozen=True)
class Truth:
    """What follows: for each identifier the seed of its account (none for an external id) and of its customer; the conflicts."""

    accounts: dict[Name, Name]
    customers: dict[Name, Name]
    conflicts: frozenset[Conflict]
