"""A brand of any size, made the way every brand comes to be: through the use cases. Person n's identifiers are functions of n."""

from __future__ import annotations

from collections.abc import Iterator

from graph.accounts import EntityKind
from graph.binding import bind_touchpoint
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.record import record_resolutions
from graph.registry import register_entity, register_open_platform, register_touchpoint
from graph.rows import ExternalRef, Row
from graph.tenant import Tenant
from graph.upkeep import new_owner, run_rescopes

PLATFORMS = 3
TOUCHPOINTS = 20
BATCH = 500
USES = 4
"""Touchpoints that each person uses."""
LONG_AGO = 1_700_000_000_000


async def found(tenant: Tenant) -> None:
    """One entity, three Open Platform accounts, twenty touchpoints, all bound."""
    await tenant.store.create_tenant(tenant.name)
    await register_entity(tenant, "brand", name="A brand", kind=EntityKind.COMPANY)
    for p in range(PLATFORMS):
        await register_open_platform(tenant, f"wxplatform{p}", name=f"Platform {p}", entity_id="brand", is_qualified=True)
    for t in range(TOUCHPOINTS):
        await register_touchpoint(tenant, f"wxtouchpoint{t}", kind=TouchpointKind.MINI_PROGRAM, name=f"Touchpoint {t}", entity_id="brand")
        await bind_touchpoint(tenant, f"wxtouchpoint{t}", f"wxplatform{t % PLATFORMS}")
    await run_rescopes(tenant.store, new_owner())


async def populate(tenant: Tenant, first: int, people: int) -> None:
    """Persons `first` to `first + people`, in batches."""
    rows: list[Row] = []
    for n in range(first, first + people):
        rows += person(n)
        if len(rows) >= BATCH:
            await record_resolutions(tenant, rows[:BATCH])
            rows = rows[BATCH:]
    if rows:
        await record_resolutions(tenant, rows)


def person(n: int) -> Iterator[Row]:
    """Four touchpoints on two platforms, joined across them by a member number; the first OpenID is `open_id(n)`."""
    for use in range(USES):
        touchpoint = (n + use * 7) % TOUCHPOINTS
        yield Row(
            app_id=f"wxtouchpoint{touchpoint}",
            open_id=f"o{n}-{touchpoint}",
            union_id=f"u{n}-{touchpoint % PLATFORMS}",
            observed=LONG_AGO + n,
            source=ResolutionSource.CODE2SESSION,
            external_ids=(ExternalRef(namespace="member", value=str(n)),),
        )


def open_id(n: int) -> tuple[str, str]:
    """AppID and OpenID by which person n is found."""
    return f"wxtouchpoint{n % TOUCHPOINTS}", f"o{n}-{n % TOUCHPOINTS}"
