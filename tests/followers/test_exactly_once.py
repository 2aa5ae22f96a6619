"""A follower that is killed at random moments, beside a service that is too, reads each change exactly once and in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.access import create_key
from app.server import address_of, listen
from graph.apikeys import Scope
from graph.changes import ChangeKind
from graph.errors import Refused
from graph.link import By, ExternalLink, unlink_external_ids
from graph.record import record_resolutions
from graph.tenant import Tenant
from tests.concurrency import brand
from tests.concurrency.desk import Ledger, Place, Steward
from tests.concurrency.service import PATIENCE, program
from tests.concurrency.stage import ROOT, Stage, on_neo4j, on_sqlite

CHANGES = int(os.environ.get("FEED_CHANGES", "") or 1500)
PEOPLE = CHANGES // 4
"""So many are met again and again: few enough to merge, and to be parted, too many to be done with before the feed is long enough."""
EVERY = 120
"""Changes between two kills, on the average: as many kills on a slow store, or a busy machine, as on a fast one."""
FOLLOWER = "tests.followers.follower"


@dataclass
class Process:
    """One that is killed and started again."""

    command: list[str]
    environment: dict[str, str]
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.running = subprocess.Popen(self.command, cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL)

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it as said, and wait until it has ended: beside the writer, for a service that ends in order may wait for its turn."""
        if self.running:
            self.running.send_signal(how)
            await asyncio.to_thread(self.running.wait, PATIENCE)
            self.running = None


async def answering(address: str) -> None:
    """Wait until the service answers."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{address}/health/live")
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return


class Writing:
    """People who come and meet, and stewards who part, unlink and erase some of them, from another process than the service's."""

    def __init__(self, tenant: Tenant, dice: random.Random) -> None:
        self.tenant, self.dice = tenant, dice
        self.met: set[Place] = set()
        self.steward = Steward(tenant, dice, Ledger(), self.met)

    async def run(self) -> None:
        """In turns of random size, until the feed is long enough."""
        steps: list[Callable[[], Awaitable[object]]] = [
            self.record,
            self.steward.declare,
            self.steward.revoke,
            self.unlink,
            self.steward.erase,
        ]
        while await self.tenant.store.feed_end(self.tenant.name) < CHANGES:
            [step] = self.dice.choices(steps, (73, 12, 5, 5, 5))
            with suppress(Refused):  # of somebody erased, or decided the other way before
                await step()
            await asyncio.sleep(self.dice.choice((0, 0.01, 0.05)))

    async def record(self) -> None:
        """Log-ins, mostly with the UnionID that joins them where they were met before."""
        places = [(self.dice.randrange(PEOPLE), self.dice.choice(list(brand.HOME))) for _ in range(self.dice.choice((1, 1, 5, 40)))]
        await record_resolutions(self.tenant, [brand.row(self.dice, *place, is_known=place in self.met) for place in places])
        self.met.update(places)

    async def unlink(self) -> None:
        """The member numbers of some, whoever has them."""
        people = [self.dice.choice([*self.met])[0] for _ in range(5 * bool(self.met))]
        links = [
            ExternalLink(customer=By(open_id=(app, brand.open_id_of(person))), external_id=brand.member_number(person))
            for person in people
            for app in brand.HOME
        ]
        await unlink_external_ids(self.tenant, links)


@pytest.mark.crash
async def test_each_change_exactly_once_on_sqlite(tmp_path: Path) -> None:
    """On SQLite, over both transports, whoever is killed: what was written down is the feed, line by line."""
    await play(on_sqlite(tmp_path), tmp_path)


@pytest.mark.crash
async def test_each_change_exactly_once_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """On Neo4j, over both transports, whoever is killed: what was written down is the feed, line by line."""
    await play(on_neo4j(neo4j_uri), tmp_path)


async def play(stage: Stage, folder: Path) -> None:
    """Write, kill and start again; then wait until all is followed."""
    dice = random.Random(9)
    with listen("127.0.0.1", 0) as free:
        address = address_of(free)
    serve, environment = program(stage, folder, "serve", "--port", address.rpartition(":")[2])
    service = Process(serve, environment)
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        _, key = await create_key(tenant, "follower", [Scope.READ])
        files = {transport: folder / transport for transport in ("websocket", "events")}
        followers = [Process([*serve[:2], FOLLOWER, address, key, one, str(file)], environment) for one, file in files.items()]
        try:
            for process in (service, *followers):
                process.start()
            await answering(address)
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(Writing(tenant, random.Random(9)).run())
                while not writing.done():
                    goal = await tenant.store.feed_end(tenant.name) + dice.randrange(2 * EVERY)
                    while not writing.done() and await tenant.store.feed_end(tenant.name) < goal:  # noqa: ASYNC110  # a store tells nobody
                        await asyncio.sleep(0.02)
                    victim = dice.choice((service, *followers))
                    await victim.stop(dice.choice((signal.SIGKILL, signal.SIGTERM)))
                    victim.start()
            expected = [f"{change.id} {change.kind.value}" for change in await tenant.store.changes(tenant.name, 0, 10 * CHANGES)]
            assert len(expected) >= CHANGES
            for file in files.values():
                await _read(file, len(expected))
                followed = [line.partition(" ")[2] for line in file.read_text().splitlines()]
                assert expected == followed
                assert {kind.value for kind in (ChangeKind.SPLIT, ChangeKind.ERASED)} <= {line.split()[1] for line in followed}
        finally:
            for process in (*followers, service):
                await process.stop()
    print(f"\nfollowed {dict(Counter(line.split()[1] for line in expected))}")  # noqa: T201  # what there was to follow


async def _read(file: Path, lines: int) -> None:
    """Wait until so much was written down."""
    async with asyncio.timeout(60):
        while not file.exists() or file.read_text().count("\n") < lines:  # noqa: ASYNC110, ASYNC240  # a small file, now and then
            await asyncio.sleep(0.1)
