"""A brand in the making, for the tests of the registry's use cases: a clock to turn, a tenant, and the accounts that most tests need.

The same tests run on a store that is nothing but the registry in memory, and on SQLite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

import pytest

from graph.accounts import REGISTERED, Binding, Entity, EntityKind, Registry
from graph.bindings import TouchpointKind
from graph.errors import Refused, UserError
from graph.given import Unset
from graph.jobs import Job, JobKind
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
FEBRUARY, MARCH_8 = at("2026-02-10T04:00:00Z"), at("2026-03-08T04:00:00Z")
HOUR = 3_600_000
WHY = "The console shows it."


@dataclass
class TurnedClock:
    """Tells the time that the test set."""

    now: Millis = NOON

    def __call__(self) -> Millis:
        """The time."""
        return self.now


class MemoryRegistryStore:
    """The two methods of the port that the registry's use cases need, in a dictionary that keeps whatever is put."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.version = 0
        self.kept: dict[Key, Node] = {}

    def keys(self, tenant: str) -> Keys:
        """What makes this tenant's keys."""
        return Keys(SECRET, tenant)

    async def registry(self, _tenant: str) -> Registry:
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
        memory = MemoryRegistryStore(clock)
        yield await Brand(Tenant(cast("Store", memory), "default"), clock, memory).founded()
        return
    async with open_store(f"sqlite:///{folder}/uniongraph.db", secret=SECRET, clock=clock) as real:
        await real.create_tenant("default")
        yield await Brand(Tenant(real, "default"), clock).founded()


@dataclass
class Brand:
    """A tenant, and the means to fill it."""

    tenant: Tenant
    clock: TurnedClock
    memory: MemoryRegistryStore | None = None

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
        if self.memory:
            found = [node for node in self.memory.kept.values() if isinstance(node, Job)]
        else:
            found = (await self.tenant.store.page(self.tenant.name, Job, Page(limit=100)))[1].items
        of = None if app_id is None else self.tenant.keys.touchpoint(app_id)
        rescopes = [job for job in found if job.kind is JobKind.RESCOPE and of in {None, job.touchpoint_key}]
        return sorted(rescopes, key=lambda job: job.started)

    async def version(self) -> int:
        """The registry's version."""
        return (await self.tenant.view()).registry.version


async def refusal(call: Awaitable[object]) -> UserError:
    """The one error with which a call was refused."""
    with pytest.raises(Refused) as caught:
        await call
    [error] = caught.value.errors
    return error


async def said(call: Awaitable[object]) -> tuple[str, list[str] | None]:
    """The code and path with which a call was refused; its message is a sentence or two."""
    error = await refusal(call)
    assert error.message[-1] in "`.?!", error.message
    return error.code.value, error.path


async def epochs(brand: Brand, app_id: str = "wxshop") -> list[tuple[str, Millis]]:
    """To what a touchpoint was bound from when on, leaving out the time before the first assertion."""
    registry = (await brand.tenant.view()).registry
    names = {key: platform.open_app_id for key, platform in registry.open_platforms.items()}
    history = registry.history(brand.tenant.keys.touchpoint(app_id))
    return [(names[epoch.platform_key] if epoch.platform_key else "", epoch.starts) for epoch in history.epochs if epoch.assertion]


async def held_after(call: Awaitable[tuple[Binding, object]]) -> str | None:
    """The Open Platform account of the binding that a call recorded."""
    platform = (await call)[0].open_platform
    return platform.open_app_id if platform else None
