"""A follower that is killed at random moments, beside a service that is too, reads each change exactly once and in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.access import create_key
from app.server import address_of, listen
from graph.accounts import EntityKind
from graph.apikeys import Scope
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.record import Row, record_resolutions
from graph.registry import register_entity, register_touchpoint
from graph.stores import Store, open_store
from graph.tenant import Tenant

SECRET = "a secret of thirty-two characters"
CHANGES = int(os.environ.get("FEED_CHANGES", "") or 1500)
ROOT = Path(__file__).parent.parent.parent


def now() -> int:
    """The clock of the process, in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class Process:
    """One that is killed and started again."""

    command: list[str]
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.running = subprocess.Popen(self.command, cwd=ROOT, env=os.environ | {"UNIONGRAPH_SECRET": SECRET}, stderr=subprocess.DEVNULL)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it as said, and wait until it has ended."""
        if self.running:
            self.running.send_signal(how)
            self.running.wait(30)
            self.running = None


async def answering(address: str) -> None:
    """Wait until the service answers."""
    async with asyncio.timeout(60), httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{address}/health/live")
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return


async def write(tenant: Tenant, dice: random.Random) -> None:
    """Somebody new, and people who meet, in turns of random size, from another process than the service's."""
    number = 0
    while await tenant.store.feed_end(tenant.name) < CHANGES:
        size = dice.choice((1, 1, 5, 40))
        at = range(number, number + size)
        seen = [Row(app_id="wxf", open_id=f"o{n}", union_id=f"u{n // 2}", source=ResolutionSource.CODE2SESSION) for n in at]
        await record_resolutions(tenant, seen)
        number += size
        await asyncio.sleep(dice.choice((0, 0.01, 0.05)))


async def brand(store: Store) -> tuple[Tenant, str]:
    """A tenant with one touchpoint, and a key to it."""
    await store.create_tenant("default")
    tenant = Tenant(store, "default")
    await register_entity(tenant, "acme", name="Acme", kind=EntityKind.COMPANY)
    await register_touchpoint(tenant, "wxf", kind=TouchpointKind.MINI_PROGRAM, name="Shop")
    return tenant, (await create_key(tenant, "follower", [Scope.READ]))[1]


@pytest.mark.crash
async def test_each_change_exactly_once(tmp_path: Path) -> None:
    """Over both transports, whoever is killed: what was written down is the feed, line by line."""
    dice = random.Random(9)
    url = f"sqlite:///{tmp_path}/graph.db"
    with listen("127.0.0.1", 0) as free:
        address = address_of(free)
    python = [sys.executable, "-m"]
    service = Process([*python, "app", "serve", "--store", url, "--data", str(tmp_path), "--port", address.rpartition(":")[2]])
    async with open_store(url, secret=SECRET.encode(), clock=now) as store:
        tenant, key = await brand(store)
        files = {transport: tmp_path / transport for transport in ("websocket", "events")}
        followers = [Process([*python, "tests.followers.follower", address, key, one, str(file)]) for one, file in files.items()]
        try:
            for process in (service, *followers):
                process.start()
            await answering(address)
            writing = asyncio.create_task(write(tenant, dice))
            while not writing.done():
                await asyncio.sleep(dice.uniform(0.3, 1.5))
                victim = dice.choice((service, *followers))
                victim.stop(dice.choice((signal.SIGKILL, signal.SIGTERM)))
                victim.start()
            await writing
            expected = [change.id for change in await store.changes("default", 0, 10 * CHANGES)]
            assert len(expected) >= CHANGES
            for file in files.values():
                await _read(file, len(expected))
                assert expected == [line.split()[1] for line in file.read_text().splitlines()]
        finally:
            for process in (*followers, service):
                process.stop()


async def _read(file: Path, lines: int) -> None:
    """Wait until so much was written down."""
    async with asyncio.timeout(60):
        while not file.exists() or file.read_text().count("\n") < lines:  # noqa: ASYNC110, ASYNC240  # a small file, now and then
            await asyncio.sleep(0.1)
