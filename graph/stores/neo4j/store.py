# ruff: noqa: D102  # the port says what each method does
"""The port on Neo4j: which question is asked where. Nothing is decided here; how things are asked is in the modules beside."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from graph.accounts import Registry
from graph.apikeys import ApiKey
from graph.changes import Change
from graph.jobs import Job
from graph.keys import Keys, keys_of
from graph.node import Clock, Key, Millis, Node
from graph.receipts import Traces
from graph.state import Member, StoredRollup
from graph.stores import Aggregate, ConflictFilter, ConflictFound, CustomerFilter, DecisionFilter, JobFilter, Page, Slice, nobody_listens
from graph.stores.neo4j import feed, others, people
from graph.stores.neo4j.apply import apply
from graph.stores.neo4j.bolt import Ask, Bolt
from graph.stores.neo4j.brand import Registries, found
from graph.stores.neo4j.load import load
from graph.stores.neo4j.reading import Neo4jReading
from graph.stores.neo4j.texts import text
from graph.stores.neo4j.touching import touch
from graph.stores.neo4j.traces import traces
from graph.turn import Incomplete, Loaded, Scope, Touch, Writes

T = TypeVar("T")
N = TypeVar("N", bound=Node)


ROUNDS = 50
"""How often one turn may ask to see more before something must be wrong with it."""


class Endless(RuntimeError):
    """A turn went on asking to see more; that is a mistake in what decides, not in the data."""


class Neo4jStore:
    """A graph in Neo4j."""

    def __init__(self, bolt: Bolt, secret: bytes, clock: Clock) -> None:
        self.clock = clock
        self.after_write: Callable[[str], object] = nobody_listens
        self.bolt = bolt
        self._secret = secret
        self._registries = Registries()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def statements(self) -> int:
        """How many statements were sent so far."""
        return self.bolt.statements

    def keys(self, tenant: str) -> Keys:
        return keys_of(self._secret, tenant)

    async def create_tenant(self, tenant: str) -> bool:
        row = await self.bolt.change(text("create_tenant"), tenant=tenant)
        return bool(row and row[0])

    async def write(self, tenant: str, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        async def turn(ask: Ask) -> T:
            number, sequence, version = found(await ask(text("take_turn"), tenant=tenant), tenant)
            registry = await self._registries.at(ask, tenant, version)
            scope = scope_of(registry)
            for _ in range(ROUNDS):
                loaded = await load(ask, tenant, scope, registry, turn=number + 1, sequence=sequence)
                try:
                    writes, answer = decide(loaded)
                except Incomplete as more:
                    wider = scope.wider(more.scope)
                    if wider == scope:
                        raise Endless("The turn asked for what it had been shown.") from more
                    scope = wider
                    continue
                await apply(ask, tenant, loaded, writes, self.clock())
                return answer
            raise Endless(f"The turn asked to see more {ROUNDS} times.")

        # Neo4j's lock keeps writers apart; this one keeps those of this process from holding connections while they wait for it.
        async with self._turns[tenant]:
            answer = await self.bolt.transaction(turn)
        self.after_write(tenant)
        return answer

    async def touch(self, tenant: str, version: int, touches: Sequence[Touch]) -> list[Key | None]:
        if not touches:
            found(await self.bolt.read(text("registry"), tenant=tenant, known=version), tenant)
            return []
        async with self._turns[tenant]:
            applied = await touch(self.bolt.change, tenant, version, touches)
        if applied is None:
            await self.registry(tenant)  # says so where there is no such tenant
        return applied or [None] * len(touches)

    async def registry(self, tenant: str) -> Registry:
        return await self._registries.current(self.bolt.read, tenant)

    def known(self, tenant: str) -> Registry:
        return self._registries.known(tenant)

    async def _under(self, tenant: str, answer: tuple[int, T]) -> tuple[Registry, T]:
        """An answer with the registry that it was given under."""
        version, about = answer
        return await self._registries.at(self.bolt.read, tenant, version), about

    async def customers(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        return await self._under(tenant, await people.customers(self.bolt.read, tenant, keys))

    async def named(self, tenant: str, names: Sequence[Key]) -> tuple[Registry, list[Aggregate | None]]:
        return await self._under(tenant, await people.named(self.bolt.read, tenant, names))

    async def customer_page(self, tenant: str, which: CustomerFilter, page: Page) -> tuple[Registry, Slice[Aggregate]]:
        return await self._under(tenant, await people.customer_page(self.bolt.read, tenant, which, page))

    async def open_id_page(self, tenant: str, touchpoint: Key, page: Page) -> tuple[Registry, Slice[Member]]:
        return await self._under(tenant, await people.open_id_page(self.bolt.read, tenant, touchpoint, page))

    async def conflict_page(self, tenant: str, which: ConflictFilter, page: Page) -> tuple[Registry, Slice[ConflictFound]]:
        return await self._under(tenant, await people.conflict_page(self.bolt.read, tenant, which, page))

    async def conflicts(self, tenant: str, keys: Sequence[Key]) -> tuple[Registry, list[ConflictFound | None]]:
        return await self._under(tenant, await people.conflicts(self.bolt.read, tenant, keys))

    async def evidence(self, tenant: str, keys: Sequence[Key]) -> list[StoredRollup | None]:
        return await others.evidence(self.bolt.read, tenant, keys)

    async def page(
        self, tenant: str, kind: type[N], page: Page, which: JobFilter | DecisionFilter | None = None
    ) -> tuple[Registry, Slice[N]]:
        return await self._under(tenant, await others.page(self.bolt.read, tenant, kind, page, which))

    async def nodes(self, tenant: str, keys: Sequence[Key]) -> list[Node | None]:
        return await others.nodes(self.bolt.read, tenant, keys)

    async def quarantined(self, tenant: str, app_id: str | None, after: Key | None, limit: int) -> list[Key]:
        return await others.quarantined(self.bolt.read, tenant, app_id, after, limit)

    async def stale(self, tenant: str, touchpoint: Key, version: int, after: Key | None, limit: int) -> list[Key]:
        return await people.stale(self.bolt.read, tenant, touchpoint, version, after=after, limit=limit)

    async def customer_keys(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        return await people.customer_keys(self.bolt.read, tenant, after, limit)

    async def loose_claims(self, tenant: str, after: Key | None, limit: int) -> list[Key]:
        return await people.loose_claims(self.bolt.read, tenant, after, limit)

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        return (await feed.page(self.bolt.read, tenant, Page(limit=limit, after=str(after))))[1].items

    async def change_page(self, tenant: str, page: Page) -> tuple[int, Slice[Change]]:
        return await feed.page(self.bolt.read, tenant, page)

    async def changes_of(self, tenant: str, before: Mapping[Key, int]) -> list[Change]:
        return await feed.of_customers(self.bolt.read, tenant, before)

    async def feed_end(self, tenant: str) -> int:
        return await feed.end(self.bolt.read, tenant)

    @asynccontextmanager
    async def reading(self, tenant: str) -> AsyncIterator[Neo4jReading]:
        yield Neo4jReading(self.bolt.read, self._registries, tenant)

    async def jobs(self, now: Millis) -> list[tuple[str, Job]]:
        return await others.jobs(self.bolt.read, now)

    async def old_requests(self, before: Millis, limit: int) -> list[tuple[str, Key]]:
        return await others.old_requests(self.bolt.read, before, limit)

    async def blocked(self, tenant: str) -> int:
        return int(found(await self.bolt.read(text("blocked"), tenant=tenant), tenant)[0])

    async def traces(self) -> Traces:
        return await traces(self.bolt.read)

    async def forget(self, texts: Collection[str] | None) -> bool:  # noqa: ARG002  # no statement finds them; logs and back-ups age out
        return True

    async def api_key(self, digest: str) -> tuple[str, ApiKey] | None:
        return await others.api_key(self.bolt.read, digest)

    async def tenants(self) -> list[str]:
        row = await self.bolt.read(text("tenants"))
        return list(row[0]) if row else []

    async def health(self) -> dict[str, Any]:
        row = await self.bolt.read(text("health"))
        schema, version, edition = row or (None, None, None)
        return {"store": "neo4j", "address": self.bolt.address.uri, "schema": schema, "version": version, "edition": edition}

    async def close(self) -> None:
        await self.bolt.close()
