"""Fresh brands: tenants that know two Open Platform accounts and some touchpoints, and nobody yet."""

from __future__ import annotations

import uuid

from graph.accounts import Binding, Entity, EntityKind, OpenPlatform, Touchpoint
from graph.bindings import TouchpointKind
from graph.keys import random_key
from graph.node import SINCE_EVER, Node
from graph.registry import registry_only
from graph.stores import Store
from graph.tenant import Tenant
from graph.turn import Writes
from tests.api.asking import Api, StandingClock, at

NOON = at("2026-03-15T04:00:00Z")
"""Where every brand's clock begins: what the cases tell happened before that, in March 2026."""
TOUCHPOINTS = (
    ("mini", TouchpointKind.MINI_PROGRAM, "wxA"),
    ("serv", TouchpointKind.SERVICE_ACCOUNT, "wxA"),
    ("other", TouchpointKind.MINI_PROGRAM, "wxB"),
    ("loose", TouchpointKind.MINI_PROGRAM, None),
    ("old", TouchpointKind.SERVICE_ACCOUNT, None),
)
"""AppID, kind, and the Open Platform account that it has been bound to since ever."""
STRANGERS = tuple(f"far{number}" for number in range(1, 7))
"""Mini programs of nobody knows whom, bound to nothing."""


class Brands:
    """One store, and as many brands in it as are asked for."""

    def __init__(self, store: Store, clock: StandingClock, *, most_orders: int) -> None:
        self.store, self.clock, self.most_orders = store, clock, most_orders
        self.told: dict[str, Api] = {}
        """Brands that several tests read."""

    async def fresh(self) -> Api:
        """The API of a brand that nobody has seen yet; the clock stands at noon."""
        name = f"brand-{uuid.uuid4().hex[:12]}"
        self.clock.now = NOON
        await self.store.create_tenant(name)
        tenant = Tenant(self.store, name)
        # Put in one turn: how a brand is registered is not what these cases are about, and there are hundreds of brands.
        await tenant.write(registry_only, lambda _: (Writes(put=_registered(tenant)), None))
        return Api(self.store, self.clock, tenant=name)


def _registered(tenant: Tenant) -> list[Node]:
    keys = tenant.keys
    entity = Entity(key=keys.entity("acme"), entity_id="acme", name="Acme", kind=EntityKind.COMPANY)
    nodes: list[Node] = [entity]
    for platform in ("wxA", "wxB"):
        key = keys.open_platform(platform)
        nodes.append(OpenPlatform(key=key, open_app_id=platform, name=platform, entity_key=entity.key, qualified=True))
    for app_id, kind, bound_to in TOUCHPOINTS:
        key = keys.touchpoint(app_id)
        nodes.append(Touchpoint(key=key, app_id=app_id, kind=kind, name=app_id, entity_key=entity.key))
        if bound_to:
            nodes.append(Binding(key=random_key(), touchpoint_key=key, platform_key=keys.open_platform(bound_to), starts=SINCE_EVER))
    mini = TouchpointKind.MINI_PROGRAM
    return [*nodes, *(Touchpoint(key=keys.touchpoint(app_id), app_id=app_id, kind=mini, name=app_id) for app_id in STRANGERS)]
