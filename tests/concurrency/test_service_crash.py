"""The service, and Neo4j under it, killed with -9 in the middle of writes: what was acknowledged is there, and all of it is right."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from app.access import create_key
from graph.apikeys import Scope
from graph.keys import Keys
from graph.node import Key, key_of
from graph.state import Label
from tests.concurrency import brand
from tests.concurrency.rebuild import differences
from tests.concurrency.service import PATIENCE, Service, item, post, served
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite
from tests.neo4j_server import OwnServer
from tests.stores.harness import SECRET

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
USUAL_ROUNDS = 3
WRITERS, ROWS, PEOPLE = 4, 20, 120
RECORD = """
mutation ($input: RecordResolutionsInput!) {
  recordResolutions(input: $input) { results { outcome customerId error { code } } errors { code } }
}
"""
ASK = "query ($id: ID!) { customer(by: {id: $id}) { id } }"


async def test_the_service_is_killed_on_sqlite(tmp_path: Path) -> None:
    """On SQLite nothing acknowledged is lost or doubled when the service is killed as it writes, and all is as a rebuild makes it."""
    await Play(on_sqlite(tmp_path), tmp_path).service_rounds(min(ROUNDS, USUAL_ROUNDS))


async def test_the_service_is_killed_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """On Neo4j nothing acknowledged is lost or doubled when the service is killed as it writes, and all is as a rebuild makes it."""
    await Play(on_neo4j(neo4j_uri), tmp_path).service_rounds(1)


@pytest.mark.crash
async def test_the_service_is_killed_again_and_again_on_sqlite(tmp_path: Path) -> None:
    """However often the service is killed on SQLite, nothing acknowledged is lost."""
    await Play(on_sqlite(tmp_path), tmp_path).service_rounds(_many(1))


@pytest.mark.crash
async def test_the_service_is_killed_again_and_again_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """However often the service is killed on Neo4j, nothing acknowledged is lost."""
    await Play(on_neo4j(neo4j_uri), tmp_path).service_rounds(_many(2))


@pytest.mark.crash
async def test_neo4j_itself_is_killed_again_and_again(neo4j_server: OwnServer, tmp_path: Path) -> None:
    """However often Neo4j itself is killed under a service that goes on, nothing acknowledged is lost."""
    await Play(on_neo4j(neo4j_server.uri), tmp_path).server_rounds(_many(4), neo4j_server)


def _many(part: int) -> int:
    if ROUNDS <= USUAL_ROUNDS:
        pytest.skip("a few kills are in the ordinary suite; more with CRASH_ROUNDS=24, which `make test-crash` sets")
    return -(-ROUNDS // part)


@dataclass
class Play:
    """Writers over HTTP, whose service dies under them."""

    stage: Stage
    folder: Path
    chance: Random = field(default_factory=Random)
    acknowledged: Counter[str] = field(default_factory=Counter)
    """By OpenID, rows that were answered."""
    unsure: Counter[str] = field(default_factory=Counter)
    """Rows that were sent, and whose answer never came."""
    ids: set[str] = field(default_factory=set)
    """Customer ids that were given out."""
    refused: list[str] = field(default_factory=list)
    """What was said where nothing was acknowledged."""
    key: str = ""
    rounds: int = 0

    async def service_rounds(self, number: int) -> None:
        """Kill the service so many times, and look each time at what lies there and at what the next one answers."""
        await self._found()
        for _ in range(number):
            async with served(self.stage, self.folder) as service:
                await self._ask_ids(service)
                writing = [asyncio.create_task(self._write(service, seed)) for seed in range(WRITERS)]
                await self._under_way()
                service.process.send_signal(signal.SIGKILL)
                await service.process.wait()
                await asyncio.gather(*writing)
            await self._check()
        async with served(self.stage, self.folder) as service:
            await self._ask_ids(service)
        self._tell()

    async def server_rounds(self, number: int, server: OwnServer) -> None:
        """Kill the database so many times under one service that goes on."""
        await self._found()
        async with served(self.stage, self.folder) as service:
            for _ in range(number):
                stop = asyncio.Event()
                writing = [asyncio.create_task(self._write(service, seed, stop)) for seed in range(WRITERS)]
                await self._under_way()
                server.kill()
                stop.set()
                await asyncio.gather(*writing)
                await asyncio.to_thread(server.start)
                await self._check()
                await self._ask_ids(service)
            assert service.process.returncode is None
        self._tell()

    async def _under_way(self) -> None:
        """Some moment at which the writers are at it: rows were acknowledged, others are being written."""
        before, started = self.acknowledged.total(), time.monotonic()
        while self.acknowledged.total() < before + ROWS * WRITERS:  # several writers are watched at once
            assert time.monotonic() - started < PATIENCE, f"nothing is acknowledged; the last answers: {self.refused[-3:]}"
            await asyncio.sleep(0.005)
        await asyncio.sleep(self.chance.uniform(0, 1))

    async def _found(self) -> None:
        async with self.stage.open(brand.now) as tenant:
            await brand.found(tenant)
            _, self.key = await create_key(tenant, "crash", list(Scope))

    async def _write(self, service: Service, seed: int, stop: asyncio.Event | None = None) -> None:
        """Record rows until the service is gone, or until told to stop; note what was acknowledged, and what may have been."""
        chance = Random(self.rounds * WRITERS + seed)
        async with service.client(self.key) as client:
            while stop is None or not stop.is_set():
                rows = [
                    brand.row(chance, chance.randrange(PEOPLE), chance.choice(list(brand.HOME)), is_known=chance.random() < 0.7)
                    for _ in range(ROWS)
                ]
                names = [f"{row.app_id}/{row.open_id}" for row in rows]
                try:
                    answer = await post(client, RECORD, {"input": {"items": [item(row) for row in rows]}})
                except httpx.HTTPError:
                    self.unsure.update(names)
                    if stop is None:
                        return
                    continue
                self._note(names, answer)

    def _note(self, names: list[str], answer: dict[str, Any]) -> None:
        """Each row of an answer was applied; of one with an error as a whole nobody knows."""
        if answer.get("errors"):
            self.unsure.update(names)
            self.refused += [error["message"] for error in answer["errors"]]
            return
        results = answer["data"]["recordResolutions"]["results"]
        assert len(names) == len(results)
        assert {None} == {result["error"] and result["error"]["code"] for result in results}
        self.acknowledged.update(names)
        self.ids.update(result["customerId"] for result in results if result["customerId"])

    async def _ask_ids(self, service: Service) -> None:
        """Every id that was ever given out leads to somebody, and so does the id of whom it leads to; some of them are asked for."""
        async with service.client(self.key) as client:
            for one in self.chance.sample(sorted(self.ids), min(40, len(self.ids))):
                answer = await post(client, ASK, {"id": one})
                assert not answer.get("errors"), answer
                assert answer["data"]["customer"], f"{one} leads to nobody"

    async def _check(self) -> None:
        """What lies there: nothing lost or doubled, as a rebuild makes it, a feed without gaps, and every id held by somebody."""
        self.rounds += 1
        stored = await asyncio.to_thread(self.stage.read)
        keys = Keys(SECRET, self.stage.tenant)
        assert "" == "\n".join(differences(stored, keys))
        seen = {key: member.times for key, member in stored.members.items() if member.label is Label.OPEN_ID}
        assert {} == {name: found for name in self.acknowledged | self.unsure if (found := self._astray(name, keys, seen))}
        named = {key for one in self.ids if (key := key_of(one, "cus"))}
        assert set() == named - stored.members.keys()

    def _astray(self, name: str, keys: Keys, seen: dict[Key, int]) -> str:
        """Of an OpenID, whether it was seen less often than acknowledged, or more often than sent."""
        times, least = seen.get(brand.key_of_open_id(keys, name), 0), self.acknowledged[name]
        most = least + self.unsure[name]
        return "" if least <= times <= most else f"seen {times} times, acknowledged {least}, sent {most}"

    def _tell(self) -> None:
        print(  # noqa: T201  # how much was at stake
            f"\n{self.rounds} rounds of kill -9: {self.acknowledged.total()} rows acknowledged, 0 lost; "
            f"{self.unsure.total()} without an answer; {len(self.ids)} ids given out"
        )
