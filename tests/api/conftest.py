"""An API on a fresh SQLite store, empty or with a small brand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.stores import Store, open_store
from tests.api.asking import Api, StandingClock


@pytest.fixture
def clock() -> StandingClock:
    """A clock that stands at noon of 2026-03-15 in China until a test sets it."""
    return StandingClock()


@pytest.fixture
async def store(tmp_path: Path, clock: StandingClock) -> AsyncIterator[Store]:
    """A fresh store with two tenants."""
    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=b"s" * 32, clock=clock) as opened:
        await opened.create_tenant("acme")
        await opened.create_tenant("other")
        yield opened


@pytest.fixture
def api(store: Store, clock: StandingClock) -> Api:
    """An API of a tenant that knows nothing yet."""
    return Api(store, clock)


@pytest.fixture
async def brand(api: Api) -> Api:
    """An API of a tenant with a small brand."""
    await api.register()
    return api
