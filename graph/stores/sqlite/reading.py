"""A tenant read whole from one snapshot of the file. Writers go on meanwhile; only their log grows until it is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar

from graph.accounts import Registry
from graph.node import Key, Node
from graph.state import ConflictRow, CustomerRow, StoredRollup
from graph.stores import Page
from graph.stores.reading import Holding, State
from graph.stores.sqlite import pages, registries
from graph.stores.sqlite.database import Database, Worker, listed
from graph.stores.sqlite.rows import conflict_from, customer_from, member_from, rollup_from
from graph.stores.sqlite.statements import sql

N = TypeVar("N", bound=Node)


class SqliteReading:
    """The questions of graph/stores/reading.py, on a connection and a thread of their own."""

    is_snapshot = True

    def __init__(self, worker: Worker, tenant: int) -> None:
        self._worker, self._tenant = worker, tenant

    async def begin(self) -> None:
        """From now on nothing that is written is seen."""
        await self._worker.run(lambda database: database.rows("BEGIN"))
        await self.state()  # a transaction sees what was there at its first question

    async def close(self) -> None:
        """Let go of the snapshot and of the file."""
        await self._worker.run(lambda database: database.rows("COMMIT"))
        await self._worker.close()

    async def state(self) -> State:
        """How far the tenant had come."""
        [(turn, sequence, version, _)] = await self._rows("tenant.state")
        return State(turn=turn, sequence=sequence, version=version)

    async def registry(self) -> Registry:
        """The brand's side."""
        return await self._worker.run(lambda database: registries.read(database, self._tenant))

    async def holdings(self, after: Key | None, limit: int) -> list[Holding]:
        """Everybody, in the order of their keys."""
        return await self.holdings_of([Key(key) for (key,) in await self._rows("reading.keys", after=after or "", limit=limit)])

    async def holdings_of(self, keys: Sequence[Key]) -> list[Holding]:
        """These of them."""
        return await self._worker.run(lambda database: _holdings(database, self._tenant, keys))

    async def customers(self, after: Key | None, limit: int) -> list[CustomerRow]:
        """Customers by themselves."""
        return [customer_from(row) for row in await self._rows("reading.customers", after=after or "", limit=limit)]

    async def conflicts(self, after: Key | None, limit: int) -> list[ConflictRow]:
        """Conflicts as they are stored."""
        return [conflict_from(row) for row in await self._rows("reading.conflicts", after=after or "", limit=limit)]

    async def nodes(self, kind: type[N], after: Key | None, limit: int) -> list[N]:
        """Nodes of one kind."""
        page = Page(limit=limit, after=after)
        return (await self._worker.run(lambda database: pages.nodes(database, self._tenant, kind, page, None))).items

    async def _rows(self, name: str, **bindings: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  # whatever the statement takes
        return await self._worker.run(lambda database: database.rows(sql(name), {"tenant": self._tenant, **bindings}))


def _holdings(database: Database, tenant: int, keys: Sequence[Key]) -> list[Holding]:
    wanted = listed(list(keys))
    members = {row[0]: member_from(row) for row in database.rows(sql("load.members"), {"tenant": tenant, "keys": wanted})}
    said: dict[Key, list[StoredRollup]] = defaultdict(list)
    for row in database.rows(sql("load.rollups"), {"tenant": tenant, "saying": wanted, "meant": "[]", "texts": "[]"}):
        stored = rollup_from(row)
        said[stored.rollup.a].append(stored)
    witnesses: dict[Key, Key] = dict(database.rows(sql("load.former"), {"tenant": tenant, "keys": wanted}))
    return [
        Holding(
            key=key,
            member=members.get(key),
            rollups=tuple(sorted(said[key], key=lambda one: one.rollup.key)),
            witness=witnesses.get(key),
        )
        for key in sorted(members.keys() | said.keys() | witnesses.keys())
    ]
