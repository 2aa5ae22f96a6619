"""The real service in a process of its own, and how it is asked over HTTP."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from graph.rows import Row
from tests.concurrency.stage import ROOT, Stage
from tests.stores.harness import SECRET

PATIENCE = 120
"""Seconds that a service may take to start, or a store to answer again, on a busy machine."""


@dataclass
class Service:
    """While it runs, and what it said when it has ended."""

    process: asyncio.subprocess.Process
    address: str
    log: list[str] = field(default_factory=list)

    def client(self, key: str) -> httpx.AsyncClient:
        """One who calls it with a key."""
        return httpx.AsyncClient(base_url=self.address, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)


def program(stage: Stage, folder: Path, command: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """One of our commands on this store: what to start, and with which environment."""
    called = [sys.executable, "-m", "app", command, "--store", stage.url, "--data", str(folder / "data"), *arguments]
    return called, {**os.environ, "UNIONGRAPH_SECRET": SECRET.decode(), "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def served(stage: Stage, folder: Path, *arguments: str) -> AsyncIterator[Service]:
    """Start it; it never outlives its test."""
    command, environment = program(stage, folder, "serve", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr is not None
        log: list[str] = []
        line = ""
        while "serves" not in line:
            line = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
            assert line, f"the service did not start: {log}"
            log.append(line)
        drained = asyncio.create_task(process.stderr.read())
        address = next(word for word in line.split() if word.startswith("http")).removesuffix(";").removesuffix("/graphql")
        service = Service(process, address, log)
        yield service
        if process.returncode is None:
            process.terminate()
        await process.wait()
        log.append((await drained).decode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def post(client: httpx.AsyncClient, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The whole answer."""
    answer = await client.post("/graphql", json={"query": document, "variables": variables})
    read: dict[str, Any] = answer.json()
    return read


def item(row: Row) -> dict[str, Any]:
    """A row as the API takes it."""
    made: dict[str, Any] = {"appId": row.app_id, "openId": row.open_id, "source": row.source.value}
    if row.union_id:
        made["unionId"] = row.union_id
    if row.observed is not None:
        made["observedAt"] = datetime.fromtimestamp(row.observed / 1000, UTC).isoformat()
    return made | {"externalIds": [{"namespace": one.namespace, "value": one.value} for one in row.external_ids]}
