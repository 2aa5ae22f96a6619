"""One request with an id from several processes, some of which die before they can say what they were answered."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from graph.state import Label
from tests.concurrency import brand
from tests.concurrency.rebuild import differences
from tests.concurrency.requester import PEOPLE
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite


async def test_processes_at_once_on_sqlite(tmp_path: Path) -> None:
    """On SQLite one of several processes applies a request, and all are answered the same."""
    await at_once(on_sqlite(tmp_path))


async def test_processes_at_once_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j one of several processes applies a request, and all are answered the same."""
    await at_once(on_neo4j(neo4j_uri))


async def test_a_lost_answer_on_sqlite(tmp_path: Path) -> None:
    """On SQLite whoever was killed between commit and answer asks again and hears what was done."""
    await after_a_death(on_sqlite(tmp_path))


async def test_a_lost_answer_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j whoever was killed between commit and answer asks again and hears what was done."""
    await after_a_death(on_neo4j(neo4j_uri))


async def at_once(stage: Stage) -> None:
    """Three processes are told to go at the same moment."""
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        answers = await _answers(stage, [False] * 3)
        assert [answers[0]] * 3 == answers
        assert PEOPLE == answers[0].count("APPLIED")
        _check(stage)
        assert [] == differences(await asyncio.to_thread(stage.read), tenant.keys)


async def after_a_death(stage: Stage) -> None:
    """One dies, another one asks again."""
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        assert [""] == await _answers(stage, [True])
        _check(stage)
        (answer,) = await _answers(stage, [False])
        assert PEOPLE == answer.count("APPLIED")
        _check(stage)


async def _answers(stage: Stage, deaths: list[bool]) -> list[str]:
    async with AsyncExitStack() as running:
        processes = [await running.enter_async_context(stage.start("requester", "order-1", dies)) for dies in deaths]
        for process in processes:
            assert process.stdout is not None
            assert b"ready\n" == await process.stdout.readline()
        outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        assert [-signal.SIGKILL if dies else 0 for dies in deaths] == [process.returncode for process in processes]
    return [output.decode().strip() for output, _ in outputs]


def _check(stage: Stage) -> None:
    """Everybody was seen once."""
    assert [1] * PEOPLE == [member.times for member in stage.read().members.values() if member.label is Label.OPEN_ID]
