"""What a store's test file must bring to run the contract: a store, and a back door by which rows get in and out without it."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from graph.node import Key
from graph.stores import Page, Store
from graph.turn import Loaded, Scope, Writes
from tests.stores.cast import Cast, Stored

NOW = 1_000_000
"""The time on the store's clock."""
FEW = 20
"""What a store takes for few while its effort is measured: of thousands no test would tell."""
SECRET = b"the secret of every store in these tests"


class Harness(ABC):
    """The other classes of the contract build on this one; a store's test class implements the four methods and the fixture."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Store:
        """An open store, made with SECRET and with NOW on its clock."""

    @abstractmethod
    async def plant(self, tenant: str, rows: Writes, *, version: int = 1) -> None:
        """Put rows into the database past the store, and set the tenant's registry version. Nothing else is derived."""

    @abstractmethod
    async def peek(self, tenant: str) -> Stored:
        """Read everything of one tenant past the store."""

    @abstractmethod
    async def spelled(self, tenant: str) -> str:
        """Everything of one tenant that stands in the database, written out: whatever is searched for must be found in it."""

    @abstractmethod
    async def effort(self, ask: Callable[[Store], Awaitable[object]]) -> int:
        """What a question makes the database do, in steps of its own kind: as many whatever the machine, so that they can be compared."""

    @abstractmethod
    def another(self) -> AbstractAsyncContextManager[Store]:
        """A second store object on the same data, as another process has it."""

    @pytest.fixture
    async def tenant(self, store: Store) -> str:
        """A tenant of this test's own: the database may hold others."""
        name = f"brand-{uuid.uuid4().hex[:12]}"
        await store.create_tenant(name)
        return name

    @pytest.fixture
    def cast(self, store: Store, tenant: str) -> Cast:
        """Makes that tenant's rows."""
        return Cast(store.keys(tenant))


async def loaded(store: Store, tenant: str, scope: Scope) -> Loaded:
    """What a turn with this scope sees."""
    return await store.write(tenant, lambda _: scope, lambda seen: (Writes(), seen))


async def write(store: Store, tenant: str, writes: Writes) -> None:
    """A turn that writes this, whatever it sees."""
    await store.write(tenant, lambda _: Scope(), lambda _: (writes, None))


def people(*keys: Key) -> Scope:
    """The raw components of these."""
    return Scope(people=frozenset(keys))


async def walk(ask: Any, limit: int = 2, *, backward: bool = False) -> list[Key]:  # noqa: ANN401  # any of the port's page methods
    """The keys of everything, page by page. Every page but the last must be full and say that there is more."""
    found: list[Key] = []
    edge: str | None = None
    while True:
        page = Page(limit=limit, before=edge if backward else None, after=None if backward else edge, is_backward=backward)
        _, part = await ask(page)
        keys = [key_in(item) for item in part.items]
        assert keys == sorted(keys)
        found = keys + found if backward else found + keys
        if not part.has_more:
            return found
        assert len(keys) == limit
        edge = keys[0] if backward else keys[-1]


def key_in(item: Any) -> Key:  # noqa: ANN401  # an aggregate, a conflict with what it mentions, or anything with a key
    """The key of what a page shows."""
    return Key(item.row.key if hasattr(item, "row") and not isinstance(item.row, str) else item.key)
