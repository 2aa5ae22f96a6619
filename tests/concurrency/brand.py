"""The brand that concurrent writers share: two Open Platform accounts, seven touchpoints, and people who are met again and again."""

from __future__ import annotations

import time
from random import Random

from graph.accounts import EntityKind
from graph.binding import bind_touchpoint
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.keys import Keys
from graph.node import Key, Millis
from graph.registry import register_entity, register_open_platform, register_touchpoint
from graph.rows import ExternalRef, Row
from graph.tenant import Tenant

PLATFORMS = ("wxopA", "wxopB")
HOME = {"wxapp0": "wxopA", "wxapp1": "wxopA", "wxapp2": "wxopB", "wxapp3": "wxopA", "wxapp4": "wxopB", "wxapp5": "wxopA"}
"""Where each touchpoint is bound at first."""
LATE = "wxlate"
"""Registered when rows of it wait already; bound then."""
APPS = (*HOME, LATE)
CROWD = 7
"""So many neighbours share a phone; past five accounts it is generic."""
HOUR: Millis = 3_600_000
PAST: Millis = 10 * 24 * HOUR
"""How far back rows reach."""
SOURCES = (ResolutionSource.CODE2SESSION, ResolutionSource.USER_INFO_BATCH, ResolutionSource.PUSH, ResolutionSource.IMPORT)


def now() -> Millis:
    """The clock of every process here."""
    return time.time_ns() // 1_000_000


async def found(tenant: Tenant) -> None:
    """Make the brand known."""
    await register_entity(tenant, "brand", name="Brand", kind=EntityKind.COMPANY)
    for platform in PLATFORMS:
        await register_open_platform(tenant, platform, name=platform, entity_id="brand")
    for app, platform in HOME.items():
        await register_touchpoint(tenant, app, kind=TouchpointKind.MINI_PROGRAM, name=app, entity_id="brand")
        await bind_touchpoint(tenant, app, platform, has_happened=True)


async def found_late(tenant: Tenant) -> None:
    """Make known the touchpoint whose rows wait already, and where it is bound since a while."""
    await register_touchpoint(tenant, LATE, kind=TouchpointKind.SERVICE_ACCOUNT, name=LATE, entity_id="brand")
    await bind_touchpoint(tenant, LATE, "wxopB", at=now() - PAST // 2, has_happened=True)


def open_id_of(person: int) -> str:
    """What a person is called at every touchpoint: its scope tells them apart."""
    return f"o{person}"


def key_of_open_id(keys: Keys, name: str) -> Key:
    """The key of `app/openid`, as acknowledgements name it."""
    return keys.open_id(*name.split("/"))


def row(chance: Random, person: int, app: str, *, is_known: bool) -> Row:
    """One login of a person: with the UnionID that fits mostly once the OpenID is known, so that it merges; now and then with another's."""
    return Row(
        app_id=app,
        open_id=open_id_of(person),
        union_id=_union_id(chance, person, HOME.get(app, "wxopB")) if chance.random() < (0.8 if is_known else 0.2) else None,
        observed=None if chance.random() < 0.4 else now() - chance.randrange(PAST),
        source=chance.choice(SOURCES),
        external_ids=tuple(external_ids(chance, person)),
    )


def _union_id(chance: Random, person: int, home: str) -> str:
    draw = chance.random()
    if draw < 0.01:
        return "Uvisitor"  # the tablet in the shop
    whose = person ^ 1 if draw < 0.03 else person
    return f"U{whose}at{chance.choice(PLATFORMS) if draw > 0.95 else home}"


def external_ids(chance: Random, person: int) -> list[ExternalRef]:
    """Now and then a member number, one's own or by mistake the neighbour's, or a phone that a few neighbours share."""
    draw = chance.random()
    if draw < 0.10:
        return [member_number(person ^ 1 if draw < 0.005 else person)]
    if draw < 0.16:
        return [phone(person)]
    return []


def member_number(person: int) -> ExternalRef:
    """A person's member number."""
    return ExternalRef(namespace="member", value=f"M{person}")


def phone(person: int) -> ExternalRef:
    """The phone that a person shares with the neighbours."""
    return ExternalRef(namespace="phone", value=f"138{person // CROWD:08d}")
