"""A store of each kind for all of these tests, and brands in it: each a tenant of its own, so that nothing need be cleared away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from graph.stores import Store, open_store
from tests.api.asking import StandingClock
from tests.hard_cases.brands import Brands
from tests.stores.harness import SECRET

MOST_ORDERS = {"sqlite": 24, "neo4j": 2}
"""Of one case: 24 are all of four steps. Neo4j takes ten times as long; order matters to the rule, which both stores share."""


@pytest.fixture(scope="session", params=["sqlite", pytest.param("neo4j", marks=[pytest.mark.neo4j, pytest.mark.xdist_group("hard cases")])])
async def brands(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Brands]:
    """Brands on SQLite, then on a real Neo4j; there, whatever the server remarks on a statement is an error."""
    clock = StandingClock()
    if request.param == "neo4j":
        opened = _neo4j(request.getfixturevalue("neo4j_uri"), clock)
    else:
        opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('hard_cases')}/graph.db", secret=SECRET, clock=clock)
    async with opened as store:
        yield Brands(store, clock, most_orders=MOST_ORDERS[request.param])


def _neo4j(uri: str, clock: StandingClock) -> AbstractAsyncContextManager[Store]:
    # Imported here so that the driver is needed only where there is a server.
    from graph.stores.neo4j import open_neo4j  # noqa: PLC0415
    from tests.stores import neo4j_door  # noqa: PLC0415

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        neo4j_door.wipe(uri, SECRET)
        store = await open_neo4j(uri, secret=SECRET, clock=clock, warns=True)
        try:
            yield store
        finally:
            await store.close()

    return opened()
