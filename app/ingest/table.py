"""Imports: the tables that brands already have, row by row into the graph, in batches, from wherever an earlier attempt stopped.

An import repeats without doubling anything: a row that an import has said before (known.py) is passed over. A file beside the
table, FILE.progress, only spares reading what was done before it was killed; it goes when the import has ended.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from app.ingest.known import on_record
from app.ingest.table_file import Record, Table
from app.ingest.table_rows import Flaw, TableInvalid
from app.own_file import open_own
from graph.errors import UserErrorCode
from graph.record import record_resolutions
from graph.results import Outcome, Result
from graph.rows import Row
from graph.tenant import Tenant

BATCH = 500
"""Rows in one turn."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of the rows so far."""

    rows: int = 0
    applied: int = 0
    unchanged: int = 0
    quarantined: int = 0
    """They wait, whole or by their UnionID, until something is registered."""
    rejected: int = 0
    erased: int = 0
    """Of those rejected, how many name somebody who was erased: they are not written down."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an import came."""

    offset: int
    """Bytes of the table that are done."""
    number: int
    """The next line."""
    rejected_size: int = 0
    """Bytes of the file of rejected rows that belong to what is done."""
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Import:
    """One table on its way into one tenant's graph."""

    tenant: Tenant
    table: Table
    store_url: str
    taken: frozenset[str] | None = None
    """The namespaces of external ids that are taken; a row with another one is rejected. None: any."""

    @property
    def rejected_path(self) -> Path:
        """Where the rows go that were not applied, with the reason for each."""
        return _beside(self.table.path, f".rejected.{self.table.format.suffix}")

    @property
    def progress_path(self) -> Path:
        """Where an attempt notes how far it came."""
        return _beside(self.table.path, ".progress")

    async def run(self, show: Callable[[Progress], object] = lambda _: None) -> Tally:
        """Import what is left. Raises TableInvalid where nothing can be written beside the table."""
        progress = self._begin()
        show(progress)
        records = self.table.records(progress.offset, progress.number)
        while batch := list(islice(records, BATCH)):
            progress = await self._batch(batch, progress)
            self._note(progress)
            show(progress)
        self.progress_path.unlink(missing_ok=True)
        return progress.tally

    async def _batch(self, batch: list[Record], before: Progress) -> Progress:
        rows: dict[int, Row] = {}
        reasons: dict[int, str] = {}
        for i, record in enumerate(batch):
            try:
                rows[i] = self._row(record)
            except Flaw as flaw:
                reasons[i] = str(flaw)
        results = await self._record(rows)
        reasons |= {i: reason for i, result in results.items() if (reason := _why_not(result))}
        rejected = [self.table.format.rejected(batch[i].number, batch[i].text, reasons[i]) for i in sorted(reasons)]
        outcomes = [result.outcome for result in results.values()]
        tally = before.tally
        return Progress(
            offset=batch[-1].end,
            number=batch[-1].next_number,
            rejected_size=self._write_rejected(rejected, before.rejected_size),
            tally=Tally(
                rows=tally.rows + len(batch),
                applied=tally.applied + outcomes.count(Outcome.APPLIED),
                unchanged=tally.unchanged + outcomes.count(Outcome.UNCHANGED),
                quarantined=tally.quarantined + outcomes.count(Outcome.QUARANTINED),
                rejected=tally.rejected + len(batch) - len(rows) + outcomes.count(Outcome.REJECTED),
                erased=tally.erased + sum(map(_is_of_the_erased, results.values())),
            ),
        )

    def _row(self, record: Record) -> Row:
        if record.flaw:
            raise Flaw(record.flaw)
        # A file's time may lie ahead of ours, on a share for example.
        row = self.table.format.row(record.text, min(self.table.changed, self.tenant.now()))
        strange = {ref.namespace for ref in row.external_ids} - self.taken if self.taken is not None else set()
        if strange:
            raise Flaw(f"the identity policy lists no such namespaces: {', '.join(sorted(strange))} (--ignore or --take each)")
        return row

    async def _record(self, rows: dict[int, Row]) -> dict[int, Result]:
        places = list(rows)
        known = await on_record(self.tenant, list(rows.values()))
        results = {place: result for place, result in zip(places, known, strict=True) if result}
        if fresh := [place for place in places if place not in results]:
            results |= dict(zip(fresh, await record_resolutions(self.tenant, [rows[i] for i in fresh]), strict=True))
        return results

    def _begin(self) -> Progress:
        """Where an attempt on the same table and store stopped, else the start."""
        start = Progress(offset=self.table.start, number=self.table.first_number)
        try:
            noted = json.loads(self.progress_path.read_text(encoding="utf-8"))
            if noted["of"] == self._identity():
                progress = Progress(**{**noted["progress"], "tally": Tally(**noted["progress"]["tally"])})
                if progress.rejected_size:
                    os.truncate(self.rejected_path, progress.rejected_size)
                return progress
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none, or one that cannot be read: from the start, which changes nothing twice
        self.rejected_path.unlink(missing_ok=True)
        self._note(start)
        return start

    def _note(self, progress: Progress) -> None:
        """Replace the note in one step: killed at any moment, the old one or the new one stands."""
        new = _beside(self.progress_path, ".new")
        try:
            with open_own(new, "wb") as file:
                file.write(json.dumps({"of": self._identity(), "progress": asdict(progress)}).encode())
            new.replace(self.progress_path)
        except OSError as error:
            raise TableInvalid(
                f"{self.progress_path} cannot be written: {error.strerror}. Copy the table to a folder that you may write to."
            ) from None

    def _identity(self) -> str:
        """Which table goes where; the store's address may hold a password, so only its digest is written."""
        facts = (self.table.size, self.table.changed, self.store_url, self.tenant.name)
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def _write_rejected(self, lines: list[str], size: int) -> int:
        if not lines:
            return size
        if size == 0:
            lines = [self.table.format.rejected_header(), *lines]
        with open_own(self.rejected_path, "ab" if size else "wb") as file:
            file.write("".join(lines).encode())
            return file.tell()


def resumed(progress: Progress, table: Table) -> bool:
    """Whether an earlier attempt had come some way."""
    return progress.offset > table.start


def _is_of_the_erased(result: Result) -> bool:
    return result.error is not None and result.error.code is UserErrorCode.ERASED


def _why_not(result: Result) -> str:
    """Why a row was not applied; empty where it was, if only in part, and where the row must not be written down again."""
    if _is_of_the_erased(result):
        return ""
    if result.outcome is Outcome.REJECTED and result.error:
        return result.error.message
    if result.outcome is Outcome.QUARANTINED and result.customer is None:
        return "It waits in quarantine: no touchpoint with this AppID is registered. Once it is, the row is applied by itself."
    return ""


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
