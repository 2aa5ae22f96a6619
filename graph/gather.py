"""Gathers concurrent recordings of one tenant into one batch: whoever comes while a turn is being taken shares the next one."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from graph.errors import Refused
from graph.record import Call, record_calls
from graph.requests import Asked
from graph.results import Result
from graph.rows import Row
from graph.tenant import Tenant

LARGEST = 500
"""Rows in one turn: larger ones are not faster, and keep others waiting."""


@dataclass(frozen=True)
class _Waiting:
    call: Call
    keeps_malformed: bool
    answer: asyncio.Future[list[Result]]


class Recorder:
    """One for a process. The first caller starts at once; nobody waits for a timer."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiting]] = defaultdict(deque)
        self._turns: dict[str, asyncio.Task[None]] = {}

    async def record(
        self, tenant: Tenant, rows: Sequence[Row], *, request_id: str | None = None, keeps_malformed: bool = False
    ) -> list[Result]:
        """Record rows (up to 500), each with its own result; the same as record_resolutions, but shared with whoever else is recording.

        The same `request_id` within a day is answered the same without being applied again. Raises Refused where it is none, or was
        used for other rows.
        """
        request = None if request_id is None else Asked.of(request_id, rows, tenant.keys)
        if not rows and request is None:
            return []
        call = _Waiting(Call(rows=rows, request=request), keeps_malformed, asyncio.get_running_loop().create_future())
        self._waiting[tenant.name].append(call)
        if tenant.name not in self._turns:
            self._turns[tenant.name] = asyncio.create_task(self._take_turns(tenant))
        return await asyncio.shield(call.answer)

    async def close(self) -> None:
        """Wait until all that was handed in is recorded."""
        await asyncio.gather(*self._turns.values(), return_exceptions=True)

    async def _take_turns(self, tenant: Tenant) -> None:
        waiting = self._waiting[tenant.name]
        try:
            while waiting:
                batch = [waiting.popleft()]
                while waiting and self._fits(batch, waiting[0]):
                    batch.append(waiting.popleft())
                await self._take_turn(tenant, batch)
        finally:
            # Here and not in a callback: who comes between the last look and a callback would wait for a turn that nobody takes.
            del self._turns[tenant.name]

    def _fits(self, batch: list[_Waiting], call: _Waiting) -> bool:
        rows = sum(len(one.call.rows) for one in (*batch, call))
        return call.keeps_malformed == batch[0].keeps_malformed and rows <= LARGEST

    async def _take_turn(self, tenant: Tenant, batch: list[_Waiting]) -> None:
        try:
            answers = await record_calls(tenant, [one.call for one in batch], keeps_malformed=batch[0].keeps_malformed)
        except BaseException as error:  # every caller of the batch gets it; nothing is swallowed
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, Refused):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
