"""Registering the brand's side: entities, their affiliations, Open Platform accounts, touchpoints, and overrides of WeChat's limits.

Registering again with the same id changes the given fields and nothing else. Binding histories are in binding.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from graph.accounts import Entity, EntityKind, EntityRegion, EntityRelation, OpenPlatform, Registry, Touchpoint
from graph.bindings import BindingPath, TouchpointKind
from graph.errors import invalid, not_found
from graph.given import UNSET, Unset, credit_code_text, name_text, need, not_null, own_id, reason_text, settled, wechat_id
from graph.jobs import Job, JobKind
from graph.keys import random_key
from graph.limits import BindingRule, LimitOverride, Rules
from graph.node import Key, Node
from graph.tenant import Tenant
from graph.turn import Loaded, Scope, Writes

LARGEST_INT = 2**31 - 1
"""What GraphQL's Int can carry."""


async def register_entity(
    tenant: Tenant,
    entity_id: str,
    *,
    name: str | Unset | None = UNSET,
    kind: EntityKind | Unset | None = UNSET,
    region: EntityRegion | Unset | None = UNSET,
    credit_code: str | Unset | None = UNSET,
) -> Entity:
    """Make a legal person known, or change what is known of it. A first registration needs name and kind."""
    key = tenant.keys.entity(own_id(entity_id, "entityId"))
    given_name, given_kind = name_text(name), not_null(kind, "kind")
    given_region, given_code = not_null(region, "region"), credit_code_text(credit_code)

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        known = loaded.registry.entities.get(key)
        if known is None:
            need(name=name, kind=kind)
        before = known or Entity(key=key, entity_id=entity_id, name="", kind=EntityKind.OTHER)
        node = replace(
            before,
            name=settled(given_name, before.name),
            kind=settled(given_kind, before.kind),
            region=settled(given_region, before.region),
            credit_code=settled(given_code, before.credit_code),
        )
        return changed(known, node), None

    await tenant.write(registry_only, decide)
    return (await tenant.view()).entity(key)


async def relate_entities(
    tenant: Tenant,
    entity_id: str,
    related_entity_id: str,
    *,
    starts_on: date | Unset | None = UNSET,
    ends_on: date | Unset | None = UNSET,
) -> EntityRelation:
    """Record that WeChat accepted the second entity as affiliated with the first one's Open Platform accounts. One direction only."""
    keys = tenant.keys
    entity, related = keys.entity(entity_id), keys.entity(related_entity_id)
    key = keys.derive("EntityRelation", entity, related)
    if entity == related:
        raise invalid("An entity is the same subject as itself: name another one.", "relatedEntityId")

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        _known_entity(loaded.registry, entity, "entityId")
        _known_entity(loaded.registry, related, "relatedEntityId")
        known = loaded.registry.relations.get(key)
        before = known or EntityRelation(key=key, entity_key=entity, related_key=related)
        node = replace(before, starts_on=settled(starts_on, before.starts_on), ends_on=settled(ends_on, before.ends_on))
        if node.starts_on and node.ends_on and node.ends_on < node.starts_on:
            raise invalid("`endsOn` is the last day it counts and lies before `startsOn`: change one of them.", "endsOn")
        return changed(known, node), None

    await tenant.write(registry_only, decide)
    view = await tenant.view()
    return view.relation(view.registry.relations[key])


async def register_open_platform(
    tenant: Tenant,
    open_app_id: str,
    *,
    name: str | Unset | None = UNSET,
    entity_id: str | Unset | None = UNSET,
    is_qualified: bool | Unset | None = UNSET,
    qualified_until: date | Unset | None = UNSET,
    created_via: BindingPath | Unset | None = UNSET,
) -> OpenPlatform:
    """Make an Open Platform account known, or change what is known of it. A first registration needs name and entity.

    Where a first registration gives the last day of the qualification and not whether there is one, there is.
    """
    key = tenant.keys.open_platform(wechat_id(open_app_id, "openAppId"))
    given_name, given_path = name_text(name), not_null(created_via, "createdVia")
    given_qualified = not_null(is_qualified, "isQualified")
    given_entity = _entity_key(tenant, not_null(entity_id, "entityId"))

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        known = loaded.registry.open_platforms.get(key)
        if known is None:
            need(name=name, entity_id=entity_id)
        _known_entity(loaded.registry, given_entity, "entityId")
        has_day = isinstance(qualified_until, date)
        before = known or OpenPlatform(key=key, open_app_id=open_app_id, name="", entity_key=Key(""), qualified=has_day)
        node = replace(
            before,
            name=settled(given_name, before.name),
            entity_key=settled(given_entity, before.entity_key),
            qualified=settled(given_qualified, before.qualified),
            qualified_until=settled(qualified_until, before.qualified_until),
            created_via=settled(given_path, before.created_via),
        )
        return changed(known, node), None

    await tenant.write(registry_only, decide)
    return (await tenant.view()).open_platform(key)


async def register_touchpoint(
    tenant: Tenant,
    app_id: str,
    *,
    kind: TouchpointKind | Unset | None = UNSET,
    name: str | Unset | None = UNSET,
    entity_id: str | Unset | None = UNSET,
    original_id: str | Unset | None = UNSET,
) -> Touchpoint:
    """Make a touchpoint known, or change what is known of it. A first registration needs name and kind; rows that wait are released."""
    key, job_key = tenant.keys.touchpoint(wechat_id(app_id, "appId")), random_key()
    given_name, given_kind = name_text(name), not_null(kind, "kind")
    given_entity = entity_id if entity_id is None else _entity_key(tenant, entity_id)
    if isinstance(original_id, str):
        wechat_id(original_id, "originalId")

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        known = loaded.registry.touchpoints.get(key)
        if known is None:
            need(name=name, kind=kind)
        _known_entity(loaded.registry, given_entity, "entityId")
        before = known or Touchpoint(key=key, app_id=app_id, name="", kind=TouchpointKind.MINI_PROGRAM)
        node = replace(
            before,
            name=settled(given_name, before.name),
            kind=settled(given_kind, before.kind),
            entity_key=settled(given_entity, before.entity_key),
            original_id=settled(original_id, before.original_id),
        )
        writes = changed(known, node)
        if known is None:
            now = tenant.now()
            writes.put.append(Job(key=job_key, kind=JobKind.RESCOPE, touchpoint_key=key, started=now, progressed=now))
        return writes, None

    await tenant.write(registry_only, decide)
    return (await tenant.view()).touchpoint(key)


async def override_limit(
    tenant: Tenant,
    rule: str,
    *,
    reason: str,
    author: str,
    open_app_id: str | None = None,
    value: int | None = None,
    is_unlimited: bool | None = None,
    is_reset: bool | None = None,
) -> BindingRule:
    """Set one of WeChat's limits to another number or to none, or take an override back; for one Open Platform account, or for all."""
    if rule not in Rules.names():
        raise not_found("There is no rule of this name: `bindingRules` lists them.", "rule")
    _check_change(value, is_unlimited=is_unlimited, is_reset=is_reset)
    platform = tenant.keys.open_platform(open_app_id) if open_app_id is not None else None
    override = LimitOverride(
        key=tenant.keys.derive("LimitOverride", rule, platform or ""),
        rule=rule,
        platform_key=platform,
        value=value,
        is_unlimited=bool(is_unlimited),
        author=author,
        reason=reason_text(reason),
        made=tenant.now(),
    )

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        if platform is not None and platform not in loaded.registry.open_platforms:
            raise not_found("This Open Platform account is not registered: register it with registerOpenPlatform.", "openAppId")
        known = loaded.registry.overrides.get(override.key)
        if is_reset:
            return Writes(drop=[known] if known else []), None
        return Writes(put=[override]), None

    await tenant.write(registry_only, decide)
    return (await tenant.view()).registry.rules(platform or Key(""))[rule]


def registry_only(_: Registry) -> Scope:
    """The registry is always there; nothing else is asked for."""
    return Scope()


def changed(known: Node | None, node: Node) -> Writes:
    """Put a node where it differs from the one that stands, so that what changes nothing makes no new version."""
    return Writes() if node == known else Writes(put=[node])


def _entity_key(tenant: Tenant, entity_id: str | Unset) -> Key | Unset:
    return UNSET if entity_id is UNSET else tenant.keys.entity(entity_id)


def _known_entity(registry: Registry, key: Key | Unset | None, field: str) -> None:
    if isinstance(key, str) and key not in registry.entities:
        raise not_found("This entity is not registered: register it with registerEntity.", field)


def _check_change(value: int | None, *, is_unlimited: bool | None, is_reset: bool | None) -> None:
    if [value is not None, is_unlimited is True, is_reset is True].count(True) != 1 or False in (is_unlimited, is_reset):
        raise invalid("`change` takes exactly one of `value`, `isUnlimited: true` and `isReset: true`.", "change")
    if value is not None and not 0 <= value <= LARGEST_INT:
        raise invalid(f"`value` is 0 to {LARGEST_INT}; for no limit use `isUnlimited: true`.", "change", "value")
