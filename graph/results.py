"""What became of a row that somebody handed in. Pure; which row is answered what is in outcomes.py."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from graph.errors import Refused, SimpleError, UserError, UserErrorCode
from graph.node import Key


class Outcome(enum.Enum):
    """What became of a row."""

    APPLIED = "APPLIED"
    """It said something new."""
    UNCHANGED = "UNCHANGED"
    """It was known: only times moved."""
    QUARANTINED = "QUARANTINED"
    """It, or its UnionID, waits until something is registered; nothing is lost."""
    REJECTED = "REJECTED"
    """It cannot be applied and was not stored: see its error. With the code ERASED it names somebody who was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one row."""

    outcome: Outcome
    customer: Key | None = None
    is_new_customer: bool = False
    conflict: Key | None = None
    error: UserError | None = None


def refusal(message: str, code: UserErrorCode, *path: str) -> Result:
    """A row that was rejected."""
    return Result(outcome=Outcome.REJECTED, error=SimpleError(message=message, code=code, path=list(path) or None))


def rejected(refused: Refused) -> Result:
    """A row that was refused by a rule."""
    return Result(outcome=Outcome.REJECTED, error=refused.errors[0])
