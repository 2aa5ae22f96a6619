"""What is left of an erased identifier, and what it keeps out: old evidence for ever, new evidence until its person logs in again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from graph.errors import SimpleError, UserErrorCode
from graph.evidence import ResolutionSource
from graph.node import Internal, Key, Millis, Node

LOGINS = frozenset({ResolutionSource.CODE2SESSION, ResolutionSource.WEB_OAUTH, ResolutionSource.APP_OAUTH})
"""Sources in which the person was there and logged in. The others repeat what somebody remembers."""

ERASED = SimpleError(
    message="It names somebody who was erased. Nothing was stored. Only a login of theirs after the erasure begins a new life.",
    code=UserErrorCode.ERASED,
)
"""The answer to whatever names the erased. It does not say which of the identifiers it was."""


@dataclass(frozen=True, kw_only=True)
class Tombstone(Node):
    """An identifier that was erased, by its key alone. One stands for the text of a UnionID, too, which is so erased in every scope."""

    prefix: ClassVar[str] = "tmb"
    erased: Annotated[Millis, Internal]
    """Nothing observed up to then counts: when it was erased, or if its evidence bore a later time, that."""
    receipt: Annotated[Key, Internal]
    returned: Annotated[Millis | None, Internal] = None
    """The first login after the erasure; from then on it is known again."""

    def bars(self, at: Millis) -> bool:
        """Whether what was observed at this time is turned away."""
        return self.returned is None or at < self.returned

    def after_login(self, at: Millis) -> Tombstone:
        """The same once its person has logged in at this time. The earliest such login counts, in whatever order they arrive."""
        return replace(self, returned=at if self.returned is None else min(at, self.returned))

    def with_copy(self, copy: Tombstone) -> Tombstone:
        """Together with that of the same identifier in another store: the later erasure counts, and of one erasure the earliest return."""
        if (self.erased, self.receipt) != (copy.erased, copy.receipt):
            return max(self, copy, key=lambda one: (one.erased, one.receipt))
        return self if copy.returned is None else self.after_login(copy.returned)


@dataclass(frozen=True, slots=True)
class Naming:
    """A row as far as erasure is concerned."""

    names: frozenset[Key]
    """The keys of its identifiers; of a UnionID the key of its text."""
    at: Millis
    is_login: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """Who of a batch may come in."""

    barred: Sequence[bool]
    """For each row whether it is turned away."""
    readmitted: Sequence[Tombstone]
    """Tombstones as they are after the logins among the rows."""


def admit(rows: Sequence[Naming | None], tombstones: Mapping[Key, Tombstone]) -> Admission:
    """Judge a batch as a whole: logins first, so that the order of its rows does not matter. None stands for a row that names nobody."""
    current = dict(tombstones)
    for row in rows:
        erased = [current[key] for key in row.names if key in current] if row and current else []
        if row and row.is_login and all(row.at > one.erased for one in erased):
            current |= {one.key: one.after_login(row.at) for one in erased}
    barred = [row is not None and is_barred(row.names, row.at, current) for row in rows]
    return Admission(barred, [one for key, one in current.items() if one != tombstones[key]])


def is_barred(names: Iterable[Key], at: Millis, tombstones: Mapping[Key, Tombstone]) -> bool:
    """Whether one of the names is of somebody erased who had not come back by then."""
    return bool(tombstones) and any(key in tombstones and tombstones[key].bars(at) for key in names)
