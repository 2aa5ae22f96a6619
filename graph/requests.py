"""Requests with an id of the caller's: what was answered is kept for a day, and answered again without being applied again. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

from graph.errors import Refused, SimpleError, UserErrorCode, invalid
from graph.keys import Keys
from graph.node import Internal, Key, Millis, Node, moment
from graph.results import Outcome, Result
from graph.rows import Row

KEPT: Millis = 24 * 60 * 60 * 1000
"""How long the same id is answered the same."""
MAX_REQUEST_ID = 128
_REQUEST_ID = re.compile(rf"[!-~]{{1,{MAX_REQUEST_ID}}}")


@dataclass(frozen=True, kw_only=True)
class Request(Node):
    """An answered request. Its key is made of the id, its digest of the items, so that neither stands anywhere in clear."""

    prefix: ClassVar[str] = "req"
    digest: Annotated[Key, Internal]
    made: Annotated[Millis, Internal]
    answer: Annotated[str, Internal]
    """One row each, as `answer_of` writes them: outcomes and keys, never an identifier."""

    def holds(self, now: Millis) -> bool:
        """Whether it still answers."""
        return now - self.made < KEPT

    @property
    def results(self) -> list[Result]:
        """What was answered."""
        return [_result(*row) for row in json.loads(self.answer)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that came in: which, and what with."""

    key: Key
    digest: Key

    @classmethod
    def of(cls, request_id: str, rows: Sequence[Row], keys: Keys) -> Asked:
        """The request with this id and these rows. Raises Refused where the id is none."""
        if not _REQUEST_ID.fullmatch(request_id):
            raise invalid(f"A requestId has 1 to {MAX_REQUEST_ID} printable ASCII characters and no blanks.", "requestId")
        content = json.dumps([asdict(row) | {"source": row.source.value} for row in rows], ensure_ascii=False)
        return cls(key=keys.derive("Request", request_id), digest=keys.derive("Asked", content))

    def answered(self, results: Sequence[Result], now: Millis) -> Request:
        """The record of its answer."""
        return Request(key=self.key, digest=self.digest, made=now, answer=answer_of(results))

    def again(self, first: Request) -> list[Result] | Refused:
        """What the same id is answered now: the same, or that it was used for something else."""
        if first.digest == self.digest:
            return first.results
        at = f"{moment(first.made):%Y-%m-%dT%H:%M:%SZ}"
        return invalid(f"This requestId was used at {at} for other items: give every request an id of its own.", "requestId")


def answer_of(results: Sequence[Result]) -> str:
    """Results as text, as short as they can be: there is one for every row of a day."""
    return json.dumps([_row(one) for one in results], ensure_ascii=False, separators=(",", ":"))


def _row(one: Result) -> list[object]:
    error = one.error and [one.error.code.name, one.error.message, one.error.path]
    row: list[object] = [one.outcome.name, one.customer, int(one.is_new_customer), one.conflict, error]
    while not row[-1]:
        row.pop()
    return row


def _result(
    outcome: str,
    customer: Key | None = None,
    is_new: int = 0,
    conflict: Key | None = None,
    error: tuple[str, str, list[str] | None] | None = None,
) -> Result:
    return Result(
        outcome=Outcome[outcome],
        customer=customer,
        is_new_customer=bool(is_new),
        conflict=conflict,
        error=SimpleError(code=UserErrorCode[error[0]], message=error[1], path=error[2]) if error else None,
    )
