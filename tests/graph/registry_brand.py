"""A brand in the making, for the tests of the registry's use cases: a clock to turn, a tenant, and the accounts that most tests need.

The same tests run on a store that is nothing but the registry in memory, and on SQLite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

from graph.accounts import REGISTERED, Entity, EntityKind, Registry
from graph.bindings import TouchpointKind
from graph.given import UNSET, Unset
from graph.jobs import Job, JobFilter, JobKind
from graph.keys import Keys
from graph.node import Key, Millis, Node, millis
from graph.registry import register_entity, register_open_platform, register_touchpoint
from graph.stores import Page, Store, open_store
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

T = TypeVar("T")
SECRET = b"a secret of thirty-two bytes ..."
STORES = ["memory", "sqlite"]


def at(text: str) -> Millis:
    """A moment written down as text."""
    return millis(datetime.fromisoformat(text))


NOON = at("2026-03-15T04:00:00Z")
"""When the tests begin: noon in China."""
MARCH_2, MARCH_9, MARCH_10 = (at(f"2026-03-{day:02}T04:00:00Z") for day in (2, 9, 10))
HOUR = 3_600_000


@dataclass
class TurnedClock:
    """Tells the time that the test set."""

    now: Millis = NOON

    def __call__(self) -> Millis:
        """The time."""
        return self.now


class MemoryRegistryStore:
    """The port's two methods that the registry's use cases need, in a dictionary. It keeps whatever is put; nothing else is like a store."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.version = 0
        self.kept: dict[Key, Node] = {}

    def keys(self, tenant: str) -> Keys:
        """What makes this tenant's keys."""
        return Keys(SECRET, tenant)

    async def registry(self, tenant: str) -> Registry:
        """The brand's side as it is now."""
        return Registry.of(self.version, [node for node in self.kept.values() if type(node) in REGISTERED.values()])

    async def write(self, tenant: str, scope_of: Callable[[Registry], Scope], decide: Callable[[Loaded], tuple[Writes, T]]) -> T:
        """Show the registry, apply what was decided."""
        registry = await self.registry(tenant)
        scope_of(registry)
        writes, answer = decide(Loaded(registry=registry, turn=1, sequence=0))
        self.kept |= {node.key: node for node in writes.put}
        for node in writes.drop:
            del self.kept[node.key]
        self.version += any(type(node) in REGISTERED.values() for node in [*writes.put, *writes.drop])
        return answer


@asynccontextmanager
async def opened_brand(store: str, folder: Path) -> AsyncIterator[Brand]:
    """A brand with two entities, two qualified Open Platform accounts of the first, and three mini programs of it."""
    clock = TurnedClock()
    if store == "memory":
        brand = Brand(Tenant(cast("Store", MemoryRegistryStore(clock)), "default"), clock)
        yield await brand.founded()
        return
    async with open_store(f"sqlite:///{folder}/uniongraph.db", secret=SECRET, clock=clock) as real:
        await real.create_tenant("default")
        yield await Brand(Tenant(real, "default"), clock).founded()


@dataclass
class Brand:
    """A tenant, and the means to fill it."""

    tenant: Tenant
    clock: TurnedClock = field(default_factory=TurnedClock)

    async def founded(self) -> Brand:
        """With its first accounts."""
        await self.entity("acme")
        await self.entity("stranger")
        await self.platform("wxopen_a")
        await self.platform("wxopen_b")
        for app_id in ("wxshop", "wxclub", "wxnews"):
            await self.touchpoint(app_id)
        return self

    async def entity(self, entity_id: str) -> Entity:
        """A company."""
        return await register_entity(self.tenant, entity_id, name=f"Company {entity_id}", kind=EntityKind.COMPANY)

    async def platform(self, open_app_id: str, *, is_qualified: bool = True) -> None:
        """An Open Platform account of acme."""
        await register_open_platform(self.tenant, open_app_id, name=open_app_id, entity_id="acme", is_qualified=is_qualified)

    async def touchpoint(
        self, app_id: str, kind: TouchpointKind = TouchpointKind.MINI_PROGRAM, entity_id: str | Unset | None = "acme"
    ) -> None:
        """A touchpoint, of acme unless stated."""
        await register_touchpoint(self.tenant, app_id, name=app_id, kind=kind, entity_id=entity_id)

    async def jobs(self, app_id: str | None = None) -> list[Job]:
        """The re-scoping jobs that were put, of one touchpoint or of all, oldest first."""
        store = self.tenant.store
        if isinstance(store, MemoryRegistryStore):
            found = [node for node in store.kept.values() if isinstance(node, Job)]
        else:
            found = (await store.page(self.tenant.name, Job, Page(limit=100)))[1].items
        of = None if app_id is None else self.tenant.keys.touchpoint(app_id)
        rescopes = [job for job in found if job.kind is JobKind.RESCOPE and of in {None, job.touchpoint_key}]
        return sorted(rescopes, key=lambda job: job.started)

    async def version(self) -> int:
        """The registry's version."""
        return (await self.tenant.view()).registry.version


__all__ = ["HOUR", "MARCH_2", "MARCH_9", "MARCH_10", "NOON", "STORES", "UNSET", "Brand", "JobFilter", "at", "opened_brand"]
