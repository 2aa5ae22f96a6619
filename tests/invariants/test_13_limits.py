"""Invariant 13: what remains is the limit less what is used, never below 0; a month counts the bindings that began in it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from graph.accounts import Binding, Entity, EntityKind, OpenPlatform, Registry, Touchpoint
from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.keys import Keys
from graph.limits import BindingLimit
from graph.node import SINCE_EVER, Key, Millis, Node, millis
from graph.registry import registry_only
from graph.rules import LimitComponentKind, LimitEffect
from graph.stores import Store, open_store
from graph.tenant import Tenant
from graph.turn import Writes
from tests.resolver.facts import Bound
from tests.resolver.memory_store import NOW, MemoryStore
from tests.resolver.reference import epoch
from tests.resolver.tally import how_many
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
ONE_IN = 10
"""So many histories for one brand here: its numbers are looked at, at three moments."""
BEGIN, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 120
ENTITIES, PLATFORMS = ("one", "other"), ("wxop0", "wxop1")


class Brand:
    """Touchpoints of two companies, or of nobody knows whom, that were bound, moved and unbound over four months."""

    def __init__(self, seed: int, keys: Keys) -> None:
        self.chance, self.keys = random.Random(seed), keys
        self.entity = {app: self.chance.choice([*ENTITIES, ENTITIES[0], None]) for app in (f"wx{n}" for n in range(16))}
        self.kind = {app: self.chance.choice(list(TouchpointKind)[:6]) for app in self.entity}
        self.bound = [Bound(app, self._platform(), starts) for app in self.entity for starts in self._times()]

    def _platform(self) -> str | None:
        return self.chance.choice([*PLATFORMS, PLATFORMS[0], None])

    def _times(self) -> set[Millis | None]:
        some = {self._moment() for _ in range(self.chance.choice([0, 1, 1, 2, 3]))}
        return some | ({None} if self.chance.random() < 0.3 else set())

    def _moment(self) -> Millis:
        return millis(BEGIN + timedelta(hours=self.chance.randrange(24 * DAYS)))

    def moments(self) -> list[Millis]:
        """When to look."""
        return [self._moment() for _ in range(3)]

    def nodes(self) -> Iterable[Node]:
        """The same as it is stored."""
        keys, chance = self.keys, self.chance
        for one in ENTITIES:
            yield Entity(key=keys.entity(one), entity_id=one, name=one, kind=EntityKind.COMPANY)
        for one, owner in zip(PLATFORMS, ENTITIES, strict=True):
            key, is_qualified = keys.open_platform(one), chance.random() < 0.7
            yield OpenPlatform(key=key, open_app_id=one, name=one, entity_key=keys.entity(owner), qualified=is_qualified)
        for app, kind in self.kind.items():
            entity = self.entity[app]
            entity_key = None if entity is None else keys.entity(entity)
            yield Touchpoint(key=keys.touchpoint(app), app_id=app, kind=kind, name=app, entity_key=entity_key)
        for number, said in enumerate(self.bound):
            yield Binding(
                key=Key(f"binding{number:015d}"),
                touchpoint_key=keys.touchpoint(said.app),
                platform_key=keys.open_platform(said.platform) if said.platform else None,
                starts=SINCE_EVER if said.starts is None else said.starts,
                path=chance.choice(list(BindingPath)),
            )

    def counted(self, limit: BindingLimit, platform: str) -> list[str]:
        """The touchpoints that a limit is about: of its kinds, and of the same company or not."""
        owner = ENTITIES[PLATFORMS.index(platform)]
        is_same = limit.relation is SubjectRelation.SAME
        return [app for app, kind in self.kind.items() if kind in limit.kinds and (self.entity[app] == owner) is is_same]

    def standing(self, app: str, platform: str, at: Millis) -> bool:
        """Whether it is bound there."""
        return epoch(self.bound, app, at)[0] == platform

    def begun(self, app: str, platform: str, at: Millis) -> int:
        """How many times it was bound there in a month of China."""
        begins = {epoch(self.bound, app, one.starts) for one in self.bound if one.app == app and one.starts is not None}
        return sum(holder == platform and since > 0 and _month(since) == _month(at) for holder, since in begins)


def _month(at: Millis) -> tuple[int, int]:
    day: date = (datetime.fromtimestamp(at / 1000, UTC) + timedelta(hours=8)).date()
    return day.year, day.month


def check(brand: Brand, registry: Registry) -> int:
    """Every number of every limit; gives how many bindings were counted for a month."""
    counted = 0
    for at in brand.moments():
        for platform in registry.view(at).open_platforms:
            for limit in platform.limits:
                counted += _check_limit(brand, limit, platform.open_app_id, at)
    return counted


def _check_limit(brand: Brand, limit: BindingLimit, platform: str, at: Millis) -> int:
    apps, counted = brand.counted(limit, platform), 0
    for one in limit.components:
        assert (None if one.limit is None else max(0, one.limit - one.used)) == one.remaining
        if one.kind is LimitComponentKind.NEW_THIS_MONTH:
            assert sum(brand.begun(app, platform, at) for app in apps) == one.used
            counted += one.used
        elif one.kind is LimitComponentKind.BOUND_AT_ONCE:
            assert sum(brand.standing(app, platform, at) for app in apps) == one.used
    lowering = [one.remaining for one in limit.components if one.effect is not LimitEffect.WARNS and one.remaining is not None]
    assert min(lowering, default=None) == limit.remaining
    return counted


def limits_add_up(seeds: Iterable[int]) -> None:
    """As many brands, on the pure functions."""
    counted = 0
    for seed in seeds:
        brand = Brand(seed, MemoryStore().made)
        try:
            counted += check(brand, Registry.of(1, brand.nodes()))
        except AssertionError as error:
            error.add_note(f"history {seed}")
            raise
    assert counted


def _put(nodes: list[Node], _: object) -> tuple[Writes, None]:
    return Writes(put=nodes), None


async def check_store(store: Store, number: int) -> None:
    """The same of brands that were stored."""
    run, counted = secrets.token_hex(4), 0
    for seed in range(number):
        tenant = Tenant(store, f"limits {seed} {run}")
        await store.create_tenant(tenant.name)
        brand = Brand(seed, tenant.keys)
        await tenant.write(registry_only, partial(_put, list(brand.nodes())))
        counted += check(brand, await store.registry(tenant.name))
    assert counted


def test_13_limits_add_up() -> None:
    """On the pure functions no number of a limit is other than what a plain count gives."""
    limits_add_up(range(how_many("pure", ONE_IN)))


async def test_13_limits_add_up_on_sqlite(tmp_path: Path) -> None:
    """On SQLite, too."""
    async with open_store(f"sqlite:///{tmp_path}/limits.db", secret=SECRET, clock=lambda: NOW) as store:
        await check_store(store, how_many("sqlite", ONE_IN))


async def test_13_limits_add_up_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j, too."""
    async with open_store(neo4j_uri, secret=SECRET, clock=lambda: NOW) as store:
        await check_store(store, how_many("neo4j", ONE_IN))
