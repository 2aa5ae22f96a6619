"""Gathering: whoever comes while a turn is being taken shares the next one, whenever they come."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph import gather
from graph.evidence import ResolutionSource
from graph.gather import Recorder
from graph.record import Call
from graph.results import Result
from graph.rows import Row
from graph.stores import open_store
from graph.tenant import Tenant

ROW = Row(app_id="wxmini", open_id="open", union_id=None, source=ResolutionSource.IMPORT)


async def test_who_comes_as_the_last_turn_ends_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A call made after the last look for more, and before anybody hears that the turns have ended, begins a turn of its own."""
    recorder = Recorder()
    loop = asyncio.get_running_loop()
    late: list[asyncio.Future[Any]] = []

    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=b"secret" * 6, clock=lambda: 1) as store:
        tenant = Tenant(store, "acme")

        def come() -> None:
            # Between the last step of whoever takes turns and what was to be called when it is done: no task is stepped in there.
            late.append(first_step(recorder.record(tenant, [ROW])))

        async def record_calls(_: Tenant, calls: Sequence[Call], *, keeps_malformed: bool) -> list[list[Result]]:
            assert not keeps_malformed
            if not late:
                loop.call_soon(come)
            return [[] for _ in calls]

        monkeypatch.setattr(gather, "record_calls", record_calls)
        await recorder.record(tenant, [ROW])
        async with asyncio.timeout(5):
            await late[0]
        await recorder.close()


def first_step(call: Coroutine[Any, Any, object]) -> asyncio.Future[Any]:
    """Run a call as far as it goes at once; what it waits for."""
    waits = call.send(None)
    assert isinstance(waits, asyncio.Future)
    waits._asyncio_future_blocking = False  # the test awaits it in the call's place
    waits.add_done_callback(lambda _: call.close())
    return waits
