"""The sample brand behind the sandbox's HTTP, registered in a fresh store."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from app.ingest.backfill import Backfills
from app.ingest.login import Logins
from app.sandbox import Brand, make_brand, running_sandbox
from app.sandbox.brand import Touchpoint
from app.server import now
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from graph.accounts import EntityKind
from graph.binding import bind_touchpoint, move_touchpoint
from graph.bindings import BindingPath, TouchpointKind
from graph.gather import Recorder
from graph.node import Millis, millis
from graph.quarantine import Quarantined
from graph.registry import register_entity, register_open_platform, register_touchpoint
from graph.stores import CustomerFilter, Page, Store, open_store
from graph.tenant import Tenant
from graph.upkeep import new_owner, run_rescopes

SECRET = b"a secret of thirty-two characters"
PEOPLE = 3_000
State: TypeAlias = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]


@dataclass
class MovingClock:
    """The machine's clock plus what a test adds."""

    ahead: Millis = 0

    def __call__(self) -> Millis:
        """What time it is."""
        return now() + self.ahead


@dataclass
class World:
    """A brand, its WeChat, and a graph that knows its touchpoints."""

    brand: Brand
    door: str
    tenant: Tenant
    clock: MovingClock
    wechat: WeChatClient
    recorder: Recorder

    @property
    def logins(self) -> Logins:
        """The login service."""
        return Logins(self.wechat, self.recorder)

    @property
    def backfills(self) -> Backfills:
        """The backfill service."""
        return Backfills(self.wechat, self.recorder, lambda app_id: self.brand.touchpoint(app_id) is not None)

    def touchpoint(self, english_name: str) -> Touchpoint:
        """A touchpoint by its English name."""
        return next(one for one in self.brand.touchpoints if one.english_name == english_name)

    async def state(self) -> State:
        """Everybody as the graph knows them, counts included."""
        return await state_of(self.tenant)


async def state_of(tenant: Tenant) -> State:
    """Customers and quarantined rows as plain values, counts of sightings included."""
    people = (await tenant.customer_page(CustomerFilter(), Page(limit=100_000))).items
    waiting = (await tenant.store.page(tenant.name, Quarantined, Page(limit=100_000)))[1].items
    return (
        [
            (
                one.key,
                [(identity.key, identity.first, identity.last, identity.times) for identity in one.open_ids],
                [(identity.key, identity.first, identity.last) for identity in one.union_ids],
                [(identity.key, identity.first) for identity in one.external_ids],
                [(conflict.key, conflict.state.name) for conflict in one.conflicts],
            )
            for one in people
        ],
        [(one.key, one.reason.name, one.first, one.last, one.times) for one in waiting],
    )


async def register(tenant: Tenant, brand: Brand) -> None:
    """Make the brand's side known."""
    for entity in brand.entities:
        await register_entity(tenant, entity.entity_id, name=entity.name, kind=EntityKind.COMPANY)
    for platform in brand.open_platforms:
        await register_open_platform(tenant, platform.open_app_id, name=platform.name, entity_id=platform.entity_id)
    for one in brand.touchpoints:
        await register_touchpoint(tenant, one.app_id, kind=TouchpointKind[one.kind.value], name=one.name, entity_id=one.entity_id)
    bound: set[str] = set()
    for binding in brand.bindings:
        change = move_touchpoint if binding.app_id in bound else bind_touchpoint
        at = millis(binding.at) if binding.at else None
        await change(tenant, binding.app_id, binding.open_app_id, at=at, path=BindingPath[binding.path.value], has_happened=True)
        bound.add(binding.app_id)
    await run_rescopes(tenant.store, new_owner())


@pytest.fixture(scope="session")
def brand() -> Brand:
    """A brand with more followers than fit into one chunk."""
    return make_brand(people=PEOPLE)


@pytest.fixture(scope="session")
def door(brand: Brand) -> Iterator[str]:
    """The address of its sandbox."""
    with running_sandbox(brand) as address:
        yield address


@pytest.fixture
def clock() -> MovingClock:
    """A clock that a test may push on."""
    return MovingClock()


@pytest.fixture
async def store(tmp_path: Path, clock: MovingClock) -> AsyncIterator[Store]:
    """A fresh store."""
    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=SECRET, clock=clock) as opened:
        await opened.create_tenant("default")
        yield opened


@pytest.fixture
async def world(brand: Brand, door: str, store: Store, clock: MovingClock, tmp_path: Path) -> AsyncIterator[World]:
    """The brand registered in a fresh store."""
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(brand.credentials(), encoding="utf-8")
    tenant = Tenant(store, "default")
    await register(tenant, brand)
    async with WeChatClient(Credentials.from_file(file), base_url=door) as wechat:
        yield World(brand, door, tenant, clock, wechat, Recorder())
