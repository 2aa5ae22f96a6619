"""Bringing an export in: the small parts first, then evidence in batches, one turn each, from wherever an earlier attempt stopped.

How far it came is noted in its job, in the same turn as what was brought in: killed at any moment, it goes on there and nothing is
done twice. Beside the export, FILE.rejected.jsonl takes the lines that could not be brought in, each with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from app.ingest.table_rows import TableInvalid
from app.own_file import open_own
from app.transfer import lines
from app.transfer.export_file import STREAMED, ExportFile, Read
from app.transfer.lines import Unreadable
from graph.accounts import Registry
from graph.entomb import restore_erasures
from graph.jobs import Job, JobKind
from graph.policy import DEFAULT_POLICY
from graph.quarantine import Quarantined
from graph.restoring import (
    Former,
    Parts,
    Testimony,
    begin,
    end,
    flaw,
    restore_decisions,
    restore_evidence,
    restore_job,
    restore_nodes,
    restore_registry,
)
from graph.tenant import Tenant
from graph.upkeep import new_owner, rescope, take

BATCH = 200
"""Lines in one turn; a person has a handful."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far it came."""

    offset: int = 0
    """Bytes of the export that are in."""
    number: int = 0
    """Lines that are in."""
    rejected: int = 0
    rejected_size: int = 0
    """Bytes of the file of rejected lines that belong to what is in."""

    def checkpoint(self) -> str:
        """As the job notes it."""
        return f"{self.offset} {self.number} {self.rejected} {self.rejected_size}"

    @classmethod
    def of(cls, checkpoint: str) -> Progress:
        """And back."""
        offset, number, rejected, size = map(int, checkpoint.split()) if checkpoint else (0, 0, 0, 0)
        return cls(offset=offset, number=number, rejected=rejected, rejected_size=size)


@dataclass
class Restoration:
    """One export on its way into its tenant."""

    tenant: Tenant
    export: ExportFile
    resumed: int = 0
    """Lines that an earlier attempt had brought in."""

    @property
    def rejected_path(self) -> Path:
        """Where lines go that could not be brought in, with the reason for each."""
        return self.export.path.with_name(self.export.path.name + ".rejected.jsonl")

    async def run(self, show: Callable[[int, int], object] = lambda *_: None) -> Progress:
        """Bring in what is left. Tells bytes and lines as it goes. Raises Refused, Cancelled, TableInvalid."""
        store, name = self.tenant.store, self.tenant.name
        await store.create_tenant(name)
        is_new = await self._is_new()
        job = await begin(self.tenant, restore_job(self.tenant, self.export.digest, self.export.size))
        progress = Progress.of(job.checkpoint)
        self.resumed = progress.number
        if progress.offset == 0:
            progress = await self._small_parts(job, is_new=is_new)
        elif self.rejected_path.exists():
            os.truncate(self.rejected_path, progress.rejected_size)
        registry = await store.registry(name)
        reading = self.export.lines(progress.offset, progress.number + 1)
        while batch := list(islice(reading, BATCH)):
            progress = await self._batch(batch, progress, registry, job)
            show(progress.offset, progress.number)
        await end(self.tenant, replace(job, checkpoint="", done=progress.offset, progressed=self.tenant.now()))
        await self._rescope()
        return progress

    async def _is_new(self) -> bool:
        """Whether nobody is known of the tenant yet."""
        async with self.tenant.store.reading(self.tenant.name) as reading:
            return not await reading.holdings(None, 1)

    async def _small_parts(self, job: Job, *, is_new: bool) -> Progress:
        """Registry, erasures and decisions: every attempt that had not come past them does them again, which changes nothing."""
        export, tenant = self.export, self.tenant
        self.rejected_path.unlink(missing_ok=True)
        await restore_registry(tenant, export.registry, export.policy or DEFAULT_POLICY, job, is_new=is_new)
        await restore_erasures(tenant, export.tombstones, export.receipts, job)
        for at in range(0, len(export.nodes), BATCH):
            await restore_nodes(tenant, export.nodes[at : at + BATCH], job)
        reasons = dict(export.flaws)
        numbers = list(export.decisions)
        for at in range(0, len(numbers), BATCH):
            part = numbers[at : at + BATCH]
            refused = await restore_decisions(tenant, [export.decisions[number] for number in part], job)
            reasons |= {number: refused[key] for number in part if (key := export.decisions[number].key) in refused}
        written = [lines.dump({NUMBER: number, REASON: reason}) for number, reason in sorted(reasons.items())]
        return Progress(rejected=len(written), rejected_size=self._reject(written, 0))

    async def _batch(self, batch: Sequence[Read], before: Progress, registry: Registry, job: Job) -> Progress:
        """One turn: evidence and rows that waited, and the place behind them in the job."""
        parts = Parts()
        rejected: list[bytes] = []
        for one in batch:
            try:
                line = self._line(one, registry)
            except Unreadable as reason:
                rejected.append(_rejected(one, str(reason)))
            else:
                parts.add(line)
        progress = Progress(
            offset=batch[-1].end,
            number=batch[-1].number,
            rejected=before.rejected + len(rejected),
            rejected_size=self._reject(rejected, before.rejected_size),
        )
        noted = replace(job, checkpoint=progress.checkpoint(), done=progress.offset, progressed=self.tenant.now())
        await restore_evidence(self.tenant, parts, noted)
        return progress

    def _line(self, one: Read, registry: Registry) -> Testimony | Former | Quarantined | None:
        """What a line brings; None where that is in already, or is nothing to bring. Raises Unreadable."""
        if not one.text.startswith(STREAMED):
            return None
        line = lines.read(lines.load(one.text))
        if isinstance(line, Testimony):
            if reason := flaw(line, registry, self.tenant.keys):
                raise Unreadable(reason)
            return line
        if isinstance(line, Quarantined) and line.key in self.export.released:
            return None
        return line if isinstance(line, (Quarantined, Former)) else None

    def _reject(self, written: Sequence[bytes], size: int) -> int:
        """Add to the file of rejected lines; gives its size."""
        if not written:
            return size
        try:
            with open_own(self.rejected_path, "ab" if size else "wb") as file:
                file.write(b"".join(written))
                return file.tell()
        except OSError as error:
            raise TableInvalid(f"{self.rejected_path} cannot be written: {error.strerror}.") from None

    async def _rescope(self) -> None:
        """Do what became due to touchpoints whose history is another one now, unless a service is at it."""
        owner = new_owner()
        for name, job in await self.tenant.store.jobs(self.tenant.now()):
            if name == self.tenant.name and job.kind is JobKind.RESCOPE:
                held = await take(self.tenant, job.key, owner)
                if held:
                    await rescope(self.tenant, held, owner)


NUMBER, REASON = "rejectedLine", "rejectedBecause"


def _rejected(one: Read, reason: str) -> bytes:
    """A line with its number and the reason; what is no JSON, as text."""
    try:
        written = lines.load(one.text)
    except Unreadable:
        written = {"text": one.text.decode(errors="replace").rstrip("\n")}
    return lines.dump({NUMBER: one.number, REASON: reason, **written})
