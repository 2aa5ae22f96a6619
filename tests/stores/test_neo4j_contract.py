"""Neo4j keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString

import pytest

from graph.stores import Store
from graph.stores.neo4j import Neo4jStore, open_neo4j
from graph.stores.neo4j import people as neo4j_people
from graph.stores.neo4j.address import Address
from graph.stores.neo4j.bolt import Bolt, Row
from graph.turn import Scope, Writes
from tests.stores import neo4j_door
from tests.stores.cast import Cast, Stored, together
from tests.stores.contract import StoreContract
from tests.stores.harness import FEW, NOW, SECRET, loaded


class TestNeo4j(StoreContract):
    """The contract, on a real server; whatever it remarks on a statement is an error."""

    uri: str

    @pytest.fixture
    async def store(self, neo4j_uri: str) -> AsyncIterator[Store]:
        """A store on an empty database."""
        self.uri = neo4j_uri
        neo4j_door.wipe(self.uri, SECRET)
        async with self.another() as store:
            yield store

    def another(self) -> AbstractAsyncContextManager[Store]:
        """The same database once more."""
        return _opened(self.uri)

    async def plant(self, tenant: str, rows: Writes, *, version: int = 1) -> None:
        """Through a driver of its own."""
        neo4j_door.plant(self.uri, tenant, rows, version)

    async def peek(self, tenant: str) -> Stored:
        """Through another one."""
        return neo4j_door.peek(self.uri, tenant)

    async def spelled(self, tenant: str) -> str:
        """Every node and relationship."""
        return neo4j_door.spelled(self.uri, tenant)

    async def effort(self, ask: Callable[[Store], Awaitable[object]]) -> int:
        """How often Neo4j went to its store, over all statements."""
        bolt = _Profiled(Address.of(self.uri), warns=True)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(neo4j_people, "FEW", FEW)
                await ask(Neo4jStore(bolt, SECRET, lambda: NOW))
        finally:
            await bolt.close()
        return bolt.hits

    async def test_loading_stays_within_the_tenant(self, store: Store, tenant: str, cast: Cast) -> None:
        """Another tenant's keys are answered as unknown; the same key in two tenants cannot be, for it is unique and holds the tenant."""
        foreign = f"{tenant}-other"
        await store.create_tenant(foreign)
        theirs = Cast(store.keys(foreign))
        a, union = theirs.open_id("wxa", "a"), theirs.union_id("wxo", "u")
        await self.plant(foreign, together(a, union, theirs.resolved(a, union), theirs.conflict(a, union), theirs.job("theirs")))
        job = theirs.job("theirs").key
        asked = Scope(people=frozenset({a.key}), expand=frozenset({union.key}), names=frozenset({a.key}), keys=frozenset({job}))
        seen = await loaded(store, tenant, asked)
        assert ({}, {}, {}, {}) == (dict(seen.members), dict(seen.rollups), dict(seen.conflicts), dict(seen.nodes))
        assert {a.key, union.key} == set((await loaded(store, foreign, asked)).members)
        assert cast.open_id("wxa", "a").key != a.key


class _Profiled(Bolt):
    """Reads by the back door, which says what it cost."""

    hits = 0

    async def read(self, text: LiteralString, **parameters: Any) -> Row | None:  # noqa: ANN401  # whatever the statement takes
        answer, hits = neo4j_door.profile(self.address.uri, text, parameters)
        self.hits += hits
        return answer


@asynccontextmanager
async def _opened(uri: str) -> AsyncIterator[Store]:
    store = await open_neo4j(uri, secret=SECRET, clock=lambda: NOW, warns=True)
    try:
        yield store
    finally:
        await store.close()
