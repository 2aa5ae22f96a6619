"""The embedded store keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import apsw
import pytest

from graph.stores import Store, open_store
from graph.stores.sqlite import customers
from graph.turn import Writes
from tests.stores import sqlite_door
from tests.stores.cast import Cast, Stored
from tests.stores.contract import StoreContract
from tests.stores.harness import FEW, NOW, SECRET


class TestSqlite(StoreContract):
    """The contract, on a file."""

    path: Path

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """A store in a folder that is not there yet."""
        self.path = tmp_path / "data" / "store.db"
        async with self.another() as store:
            yield store

    def another(self) -> AbstractAsyncContextManager[Store]:
        """The same file once more."""
        return open_store(f"sqlite:///{self.path}", secret=SECRET, clock=lambda: NOW)

    async def plant(self, tenant: str, rows: Writes, *, version: int = 1) -> None:
        """Through a connection of its own."""
        sqlite_door.plant(self.path, tenant, rows, version)

    async def peek(self, tenant: str) -> Stored:
        """Through another one."""
        return sqlite_door.peek(self.path, tenant)

    async def spelled(self, tenant: str) -> str:
        """Every row of every table."""
        return sqlite_door.spelled(self.path, tenant)

    async def effort(self, ask: Callable[[Store], Awaitable[object]]) -> int:
        """The steps of SQLite's virtual machine, over all statements and connections."""
        steps = 0

        def add(event: dict[str, Any]) -> None:
            nonlocal steps
            if event["code"] == apsw.SQLITE_TRACE_PROFILE:
                steps += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

        with pytest.MonkeyPatch.context() as patch:
            watched = [*apsw.connection_hooks, lambda made: made.trace_v2(apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE, add)]
            patch.setattr(apsw, "connection_hooks", watched)
            patch.setattr(customers, "FEW", FEW)
            async with self.another() as store:
                opened = steps
                await ask(store)
                return steps - opened

    @pytest.mark.parametrize("few", [0, 20, 30])
    async def test_filters_where_many_match(self, store: Store, tenant: str, cast: Cast, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same customers are found by whichever index is walked: which one that is depends on how many each condition leaves."""
        monkeypatch.setattr(customers, "FEW", few)
        await self.test_customers_by_every_filter(store, tenant, cast)
