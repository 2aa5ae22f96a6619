"""The embedded store: SQLite through apsw, which carries its own current SQLite. Here is the port; the work is in the modules beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from graph.accounts import Registry
from graph.apikeys import ApiKey
from graph.changes import Change
from graph.errors import not_found
from graph.jobs import Job
from graph.keys import Keys, fingerprint, keys_of
from graph.node import Clock, Key, Millis, Node
from graph.receipts import Traces
from graph.state import Member, StoredRollup
from graph.stores import (
    Aggregate,
    ConflictFilter,
    ConflictFound,
    CustomerFilter,
    DecisionFilter,
    JobFilter,
    Page,
    Slice,
    StoreUnavailable,
    nobody_listens,
)
from graph.stores.sqlite import apply, customers, feed, load, migrate, pages, touch
from graph.stores.sqlite.database import Database, Worker
from graph.stores.sqlite.log import Keeper
from graph.stores.sqlite.reading import SqliteReading
from graph.stores.sqlite.registries import Registries
from graph.stores.sqlite.rows import node_of
from graph.stores.sqlite.statements import sql
from graph.stores.sqlite.sweep import TRACES, sweep
from graph.turn import Loaded, Scope, Touch, Writes

T = TypeVar("T")
N = TypeVar("N", bound=Node)


async def open_sqlite(url: str, *, secret: bytes, clock: Clock) -> SqliteStore:
    """Open or make the file that the URL names. Raises StoreRefused."""
    path = migrate.path_of(url)
    writer = migrate.opened(path, fingerprint(secret))
    return SqliteStore(
        secret=secret,
        clock=clock,
        path=path,
        near=Database(path, read_only=True),
        writer=Worker(writer, "sqlite-writer"),
        far=Worker(Database(path, read_only=True), "sqlite-reader"),
        keeper=Keeper(path, writer),
    )


class SqliteStore:
    """The port on one file. Short reads run right here in the event loop, writes and long reads each on a thread of their own."""

    def __init__(self, *, secret: bytes, clock: Clock, path: Path, near: Database, writer: Worker, far: Worker, keeper: Keeper) -> None:
        self.clock = clock
        self.after_write: Callable[[str], object] = nobody_listens
        self._secret = secret
        self._path = path
        self._near, self._writer, self._far, self._keeper = near, writer, far, keeper
        self._registries = Registries()
        self._ids: dict[str, int] = {}
        self._unswept: list[Collection[str] | None] = []
        self._sweeping = asyncio.Lock()

    @property
    def statements(self) -> int:
        """How many statements were run so far, those that begin and end transactions included."""
        return self._near.statements + self._writer.database.statements + self._far.database.statements

    def keys(self, tenant: str) -> Keys:
        """What makes this tenant's keys."""
        return keys_of(self._secret, tenant)

    async def create_tenant(self, tenant: str) -> bool:
        """Make a tenant; False where it was there."""

        def create(database: Database) -> bool:
            with database.turn():
                database.rows(sql("tenant.create"), {"name": tenant})
                return database.changed() > 0

        return await self._writer.run(create)

    def _tenant(self, tenant: str) -> int:
        """The number under which a tenant's rows are kept. Raises Refused where there is none."""
        return self._ids[tenant] if tenant in self._ids else self._look_up(tenant)[0]

    def _look_up(self, tenant: str) -> tuple[int, int]:
        """A tenant's number, and its registry's version."""
        row = self._near.row(sql("tenant.known"), {"name": tenant})
        if row is None:
            raise not_found("There is no such tenant. `uniongraph key create` makes one with its first key.")
        self._ids[tenant] = row[0]
        return row[0], row[1]

    async def write(self, tenant: str, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Take the tenant's turn: see apply.py."""
        number = self._tenant(tenant)

        def turn(database: Database) -> T:
            return apply.take_turn(database, number, partial(self._registry_now, database, number), scope_of, decide)

        answer = await self._writer.run(turn)
        self.after_write(tenant)
        return answer

    def _registry_now(self, database: Database, number: int) -> Registry:
        return self._registries.locked(database, number, _version(database, number))

    async def touch(self, tenant: str, version: int, touches: Sequence[Touch]) -> list[Key | None]:
        """Move times only: see touch.py."""
        number = self._tenant(tenant)

        def work(database: Database) -> list[Key | None]:
            with database.turn():
                if _version(database, number) != version:
                    return [None] * len(touches)
                return touch.move(database, number, touches)

        return await self._writer.run(work) if touches else []

    async def registry(self, tenant: str) -> Registry:
        """The brand's side as it is now."""
        return self._registries.at(self._near, *self._look_up(tenant))

    def known(self, tenant: str) -> Registry:
        """The brand's side as it was seen last."""
        return self._registries.known(self._ids.get(tenant))

    async def customers(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        """The customers that hold these identifiers, in order: see customers.py."""
        number = self._tenant(tenant)
        version, found = customers.whole(self._near, number, keys)
        return self._registries.at(self._near, number, version), found

    async def named(self, tenant: str, names: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        """The customers that hold what decisions name, in order: see customers.py."""
        number = self._tenant(tenant)
        version, found = customers.named(self._near, number, names)
        return self._registries.at(self._near, number, version), found

    async def customer_page(self, tenant: str, which: CustomerFilter, page: Page) -> tuple[Registry, Slice[Aggregate]]:
        """Customers in the order of their keys."""
        number = self._tenant(tenant)

        def work(database: Database) -> tuple[int, Slice[Aggregate]]:
            with database.snapshot():
                keys, has_more, total = customers.page_keys(database, number, which, page)
                version, found = customers.whole(database, number, keys)
            return version, Slice(items=[one for one in found if one], has_more=has_more, total=total)

        version, found = await self._read(work, is_long=page.is_counted or which != CustomerFilter())
        return self._registries.at(self._near, number, version), found

    async def open_id_page(self, tenant: str, touchpoint: Key, page: Page) -> tuple[Registry, Slice[Member]]:
        """The OpenIDs of a touchpoint in the order of their keys."""
        registry, number = await self.registry(tenant), self._tenant(tenant)
        return registry, await self._read(lambda database: pages.open_ids(database, number, touchpoint, page), is_long=page.is_counted)

    async def conflict_page(self, tenant: str, which: ConflictFilter, page: Page) -> tuple[Registry, Slice[ConflictFound]]:
        """Conflicts in the order of their keys."""
        number = self._tenant(tenant)

        def work(database: Database) -> tuple[int, Slice[ConflictFound]]:
            with database.snapshot():
                keys, has_more, total = pages.conflict_keys(database, number, which, page)
                version, found = pages.conflicts(database, number, keys)
            return version, Slice(items=[one for one in found if one], has_more=has_more, total=total)

        version, found = await self._read(work, is_long=True)
        return self._registries.at(self._near, number, version), found

    async def conflicts(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[ConflictFound | None]]:
        """Conflicts by key, in order."""
        number = self._tenant(tenant)
        version, found = pages.conflicts(self._near, number, keys)
        return self._registries.at(self._near, number, version), found

    async def evidence(self, tenant: str, keys: Sequence[Key]) -> list[StoredRollup | None]:
        """Roll-ups that link two identifiers by key, in order."""
        found = load.evidence(self._near, self._tenant(tenant), keys)
        return [found.get(key) for key in keys]

    async def page(
        self, tenant: str, kind: type[N], page: Page, which: JobFilter | DecisionFilter | None = None
    ) -> tuple[Registry, Slice[N]]:
        """Jobs, quarantined rows, API keys or decisions in the order of their keys."""
        registry, number = await self.registry(tenant), self._tenant(tenant)
        return registry, await self._read(lambda database: pages.nodes(database, number, kind, page, which), is_long=page.is_counted)

    async def nodes(self, tenant: str, keys: Sequence[Key]) -> list[Node | None]:
        """Nodes outside the registry by key, in order."""
        found = {node.key: node for node in load.nodes(self._near, self._tenant(tenant), keys)}
        return [found.get(key) for key in keys]

    async def quarantined(self, tenant: str, app_id: str | None, after: Key | None, limit: int) -> list[Key]:
        """Keys of quarantined whole rows, in order, after a key."""
        bindings = {"tenant": self._tenant(tenant), "app_id": app_id, "after": after or "", "limit": limit}
        rows = self._near.rows(sql("nodes.quarantined" if app_id is None else "nodes.quarantined_of_app"), bindings)
        return [Key(key) for (key,) in rows]

    async def stale(self, tenant: str, touchpoint: Key, version: int, after: Key | None, limit: int) -> list[Key]:
        """OpenIDs of a touchpoint whose evidence was scoped under an earlier registry version."""
        bindings = {"tenant": self._tenant(tenant), "touchpoint": touchpoint, "version": version, "after": after or "", "limit": limit}
        rows = await self._far.run(lambda database: database.rows(sql("nodes.stale"), bindings))
        return [Key(key) for (key,) in rows]

    async def customer_keys(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        """Customers' keys in order, after a key."""
        rows = self._near.rows(sql("nodes.customers"), {"tenant": self._tenant(tenant), "after": after or "", "limit": limit})
        return [Key(key) for (key,) in rows]

    async def loose_claims(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        """Keys of claims that count nowhere now, in order."""
        bindings = {"tenant": self._tenant(tenant), "after": after or "", "limit": limit}
        return [Key(key) for (key,) in await self._far.run(lambda database: database.rows(sql("nodes.loose_claims"), bindings))]

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        """The feed after a sequence number."""
        return feed.after(self._near, self._tenant(tenant), after, limit)

    async def change_page(self, tenant: str, page: Page) -> tuple[int, Slice[Change]]:
        """The last change's number, and a page of the feed."""
        return feed.page(self._near, self._tenant(tenant), page)

    async def changes_of(self, tenant: str, before: Mapping[Key, int]) -> list[Change]:
        """Of each customer its changes before a number."""
        return feed.of_customers(self._near, self._tenant(tenant), before)

    async def feed_end(self, tenant: str) -> int:
        """The last change's number."""
        return feed.end(self._near, self._tenant(tenant))

    @asynccontextmanager
    async def reading(self, tenant: str) -> AsyncIterator[SqliteReading]:
        """The tenant whole, as it is at this moment."""
        number = self._tenant(tenant)
        reading = SqliteReading(Worker(Database(self._path, read_only=True), "sqlite-snapshot"), number)
        await reading.begin()
        try:
            yield reading
        finally:
            await reading.close()

    async def jobs(self, now: Millis) -> list[tuple[str, Job]]:
        """Unfinished jobs of all tenants whose lease has run out, oldest first."""
        return [(tenant, node_of(Job, body)) for tenant, body in self._near.rows(sql("nodes.leases"), {"now": now})]

    async def old_requests(self, before: Millis, limit: int) -> list[tuple[str, Key]]:
        """Recorded requests of all tenants that were made before a time, oldest first."""
        return [(name, Key(key)) for name, key in self._near.rows(sql("nodes.old_requests"), {"before": before, "limit": limit})]

    async def blocked(self, tenant: str) -> int:
        """How many rows were turned away because they name the erased."""
        return int(self._near.rows(sql("tenant.blocked"), {"tenant": self._tenant(tenant)})[0][0])

    async def traces(self) -> Traces:
        """What outlives an erasure in the file."""
        return TRACES

    async def forget(self, texts: Collection[str] | None) -> bool:
        """Make the bytes of what was erased go. Whoever comes while a sweep is under way shares the next one."""
        if texts is None or texts:
            self._unswept.append(texts)
        async with self._sweeping:
            batch, self._unswept = self._unswept, []
            if not batch:
                return True
            every = None if None in batch else {text for one in batch for text in one or ()}
            is_done = await self._writer.run(lambda database: sweep(database, every, len(batch)))
            if not is_done:
                self._unswept = [*batch, *self._unswept]
            return is_done

    async def api_key(self, digest: str) -> tuple[str, ApiKey] | None:
        """The key with this digest, and its tenant."""
        row = self._near.row(sql("nodes.api_key"), {"digest": digest})
        return (row[0], node_of(ApiKey, row[1])) if row else None

    async def tenants(self) -> list[str]:
        """Their names, sorted."""
        return [name for (name,) in self._near.rows(sql("tenant.names"))]

    async def health(self) -> dict[str, Any]:
        """What an operator wants to see."""
        if not self._near.rows(sql("tenant.fingerprint")):
            raise StoreUnavailable("The store's file is empty.")
        size = int(self._near.pragma("page_count")) * int(self._near.pragma("page_size"))
        return {
            "store": "sqlite",
            "sqlite_version": apsw.sqlite_lib_version(),
            "schema_version": int(self._near.pragma("user_version")),
            "bytes": size,
        }

    async def close(self) -> None:
        """Finish what was begun, then let go of the file: last by a connection that may write, for that one takes the log away."""
        await self._writer.close()
        await self._far.close()
        self._near.close()
        await asyncio.to_thread(self._keeper.close)

    async def _read(self, work: Callable[[Database], T], *, is_long: bool) -> T:
        """A thread hop costs more than a short read; a long one would hold up everybody else."""
        return await self._far.run(work) if is_long else work(self._near)


def _version(database: Database, number: int) -> int:
    return int(database.rows(sql("tenant.state"), {"tenant": number})[0][2])
