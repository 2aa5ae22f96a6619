"""A store of each kind with a tenant of the test's own, as several processes share it, and the back door to it."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from graph.node import Clock
from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.concurrency.everything import Everything, from_sqlite, text_of_files
from tests.concurrency.neo4j_door import from_neo4j, text_of_graph
from tests.stores.harness import SECRET

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """Where processes meet."""

    url: str
    tenant: str
    read: Callable[[], Everything]
    """Everything of the tenant, by the back door."""
    text: Callable[[], str]
    """All that lies in the database or its files, as text, by the back door; that of other tenants, too."""

    @asynccontextmanager
    async def open(self, clock: Clock) -> AsyncIterator[Tenant]:
        """The tenant in this process."""
        store: Store
        async with open_store(self.url, secret=SECRET, clock=clock) as store:
            await store.create_tenant(self.tenant)
            yield Tenant(store, self.tenant)

    @asynccontextmanager
    async def start(self, program: str, *arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
        """Another process, at work on the same tenant; it never outlives its test."""
        command = [sys.executable, "-m", f"tests.concurrency.{program}", self.url, SECRET.decode(), self.tenant, *map(str, arguments)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


def on_sqlite(folder: Path) -> Stage:
    """A file of its own."""
    path, tenant = folder / "shared.db", _name()
    return Stage(f"sqlite:///{path}", tenant, lambda: from_sqlite(path, tenant), lambda: text_of_files(path))


def on_neo4j(uri: str) -> Stage:
    """A tenant of its own in a server that others use, too."""
    tenant = _name()
    return Stage(uri, tenant, lambda: from_neo4j(uri, tenant), lambda: text_of_graph(uri))


def _name() -> str:
    return f"crowd-{uuid.uuid4().hex[:12]}"
