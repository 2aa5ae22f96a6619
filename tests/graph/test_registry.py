"""Registering entities, affiliations, Open Platform accounts and touchpoints, and overriding WeChat's limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from graph.accounts import EntityKind, EntityRegion
from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.errors import Refused
from graph.jobs import JobState
from graph.registry import override_limit, register_entity, register_open_platform, register_touchpoint, relate_entities
from graph.tenant import Tenant
from tests.graph.registry_brand import NOON, STORES, Brand, opened_brand, said

Call = Callable[[Tenant], Awaitable[object]]


@pytest.fixture(params=STORES)
async def brand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Brand]:
    """A brand on each store."""
    async with opened_brand(request.param, tmp_path) as opened:
        yield opened


async def test_a_first_registration_stores_every_field(brand: Brand) -> None:
    """What is given is what is published, by the same names."""
    entity = await register_entity(
        brand.tenant, "co-7", name="林间咖啡", kind=EntityKind.SOLE_TRADER, region=EntityRegion.OVERSEAS, credit_code="91310000MA1FL0AB12"
    )
    platform = await register_open_platform(
        brand.tenant,
        "wxplatform",
        name="Main account",
        entity_id="co-7",
        is_qualified=True,
        qualified_until=date(2026, 12, 31),
        created_via=BindingPath.API,
    )
    touchpoint = await register_touchpoint(
        brand.tenant, "wxapp", name="Shop", kind=TouchpointKind.STORE, entity_id="co-7", original_id="gh_0123456789ab"
    )

    assert ("co-7", "林间咖啡", EntityKind.SOLE_TRADER, EntityRegion.OVERSEAS, "91310000MA1FL0AB12") == (
        entity.entity_id,
        entity.name,
        entity.kind,
        entity.region,
        entity.credit_code,
    )
    assert ("wxplatform", "Main account", "co-7", True, date(2026, 12, 31), BindingPath.API) == (
        platform.open_app_id,
        platform.name,
        platform.entity.entity_id,
        platform.is_qualified,
        platform.qualified_until,
        platform.created_via,
    )
    assert ("wxapp", "Shop", TouchpointKind.STORE, "co-7", "gh_0123456789ab", None) == (
        touchpoint.app_id,
        touchpoint.name,
        touchpoint.kind,
        touchpoint.entity.entity_id if touchpoint.entity else None,
        touchpoint.original_id,
        touchpoint.binding,
    )


async def test_defaults_of_a_first_registration(brand: Brand) -> None:
    """Without more, an entity is in mainland China, a platform unqualified and made in the console, a touchpoint's entity unknown."""
    entity = await register_entity(brand.tenant, "co-7", name="Seven", kind=EntityKind.COMPANY)
    platform = await register_open_platform(brand.tenant, "wxplatform", name="Main", entity_id="co-7")
    touchpoint = await register_touchpoint(brand.tenant, "wxapp", name="Shop", kind=TouchpointKind.MINI_GAME)

    assert (EntityRegion.MAINLAND, None) == (entity.region, entity.credit_code)
    assert (False, None, BindingPath.CONSOLE) == (platform.is_qualified, platform.qualified_until, platform.created_via)
    assert (None, None) == (touchpoint.entity, touchpoint.original_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "New name"},
        {"kind": EntityKind.GOVERNMENT},
        {"region": EntityRegion.OVERSEAS},
        {"credit_code": "91310000MA1FL0AB12"},
        {"credit_code": None},
    ],
)
async def test_registering_an_entity_again_changes_only_what_is_given(brand: Brand, changes: dict[str, str]) -> None:
    """Every field that is not given stays as it was."""
    before = await register_entity(
        brand.tenant, "co-7", name="Seven", kind=EntityKind.COMPANY, region=EntityRegion.MAINLAND, credit_code="91310000MA1FL0AB99"
    )
    after = await register_entity(brand.tenant, "co-7", **changes)  # type: ignore[arg-type]  # each field has a type of its own

    fields = ("key", "entity_id", "name", "kind", "region", "credit_code")
    assert {name: changes.get(name, getattr(before, name)) for name in fields} == {name: getattr(after, name) for name in fields}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "New name"},
        {"is_qualified": False},
        {"qualified_until": date(2027, 1, 31)},
        {"qualified_until": None},
        {"created_via": BindingPath.API},
    ],
)
async def test_registering_a_platform_again_changes_only_what_is_given(brand: Brand, changes: dict[str, str]) -> None:
    """Every field that is not given stays as it was; a null day of qualification clears it."""
    before = await register_open_platform(brand.tenant, "wxopen_a", qualified_until=date(2026, 12, 31))
    after = await register_open_platform(brand.tenant, "wxopen_a", **changes)  # type: ignore[arg-type]  # each field has a type of its own

    fields = ("key", "open_app_id", "name", "is_qualified", "qualified_until", "created_via", "entity")
    assert {name: changes.get(name, getattr(before, name)) for name in fields} == {name: getattr(after, name) for name in fields}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "New name"},
        {"kind": TouchpointKind.MINI_GAME},
        {"original_id": "gh_ffffffffffff"},
        {"original_id": None},
        {"entity_id": None},
    ],
)
async def test_registering_a_touchpoint_again_changes_only_what_is_given(brand: Brand, changes: dict[str, str]) -> None:
    """Every field that is not given stays as it was; null clears the original id, and the entity."""
    before = await register_touchpoint(brand.tenant, "wxshop", original_id="gh_0123456789ab")
    after = await register_touchpoint(brand.tenant, "wxshop", **changes)  # type: ignore[arg-type]  # each field has a type of its own

    expected = {name: changes.get(name, getattr(before, name)) for name in ("key", "app_id", "name", "kind", "original_id")}
    assert expected == {name: getattr(after, name) for name in expected}
    assert (None if "entity_id" in changes else "acme") == (after.entity.entity_id if after.entity else None)


async def test_an_entity_of_a_platform_or_touchpoint_can_change(brand: Brand) -> None:
    """An account that went over to another legal person is registered again with that one's id."""
    platform = await register_open_platform(brand.tenant, "wxopen_a", entity_id="stranger")
    touchpoint = await register_touchpoint(brand.tenant, "wxshop", entity_id="stranger")

    assert "stranger" == platform.entity.entity_id
    assert touchpoint.entity == platform.entity


async def test_a_day_of_qualification_alone_means_qualified(brand: Brand) -> None:
    """A first registration that gives only the last day of the qualification is of a qualified account, until that day is over in China."""
    lasting = await register_open_platform(brand.tenant, "wxplatform", name="Main", entity_id="acme", qualified_until=date(2026, 3, 15))
    lapsed = await register_open_platform(brand.tenant, "wxlapsed", name="Old", entity_id="acme", qualified_until=date(2026, 3, 14))

    assert (True, False) == (lasting.is_qualified, lapsed.is_qualified)


@pytest.mark.parametrize(
    "call, paths",
    [
        pytest.param(lambda tenant: register_entity(tenant, "co-7"), [["name"], ["kind"]], id="entity"),
        pytest.param(lambda tenant: register_entity(tenant, "co-7", name="Seven"), [["kind"]], id="entity with a name"),
        pytest.param(lambda tenant: register_open_platform(tenant, "wxplatform"), [["name"], ["entityId"]], id="platform"),
        pytest.param(lambda tenant: register_touchpoint(tenant, "wxapp"), [["name"], ["kind"]], id="touchpoint"),
        pytest.param(
            lambda tenant: register_touchpoint(tenant, "wxapp", kind=TouchpointKind.STORE), [["name"]], id="touchpoint with a kind"
        ),
    ],
)
async def test_a_first_registration_names_each_field_that_it_lacks(brand: Brand, call: Call, paths: list[list[str]]) -> None:
    """One INVALID_INPUT per missing field, and nothing is stored."""
    version = await brand.version()
    with pytest.raises(Refused) as caught:
        await call(brand.tenant)

    assert [("INVALID_INPUT", path) for path in paths] == [(error.code.value, error.path) for error in caught.value.errors]
    assert version == await brand.version()


@pytest.mark.parametrize(
    "register, known, field, path",
    [
        (register_entity, "acme", "name", "name"),
        (register_entity, "acme", "kind", "kind"),
        (register_entity, "acme", "region", "region"),
        (register_open_platform, "wxopen_a", "name", "name"),
        (register_open_platform, "wxopen_a", "entity_id", "entityId"),
        (register_open_platform, "wxopen_a", "is_qualified", "isQualified"),
        (register_open_platform, "wxopen_a", "created_via", "createdVia"),
        (register_touchpoint, "wxshop", "name", "name"),
        (register_touchpoint, "wxshop", "kind", "kind"),
    ],
)
async def test_null_is_refused_where_a_value_must_stand(
    brand: Brand, register: Callable[..., Awaitable[object]], known: str, field: str, path: str
) -> None:
    """Absent leaves a field alone, null would clear it: a field that cannot be empty refuses null."""
    assert ("INVALID_INPUT", [path]) == await said(register(brand.tenant, known, **{field: None}))


@pytest.mark.parametrize(
    "call, path",
    [
        (lambda tenant: register_open_platform(tenant, "wxopen_a", entity_id="nobody"), "entityId"),
        (lambda tenant: register_touchpoint(tenant, "wxshop", entity_id="nobody"), "entityId"),
        (lambda tenant: relate_entities(tenant, "nobody", "acme"), "entityId"),
        (lambda tenant: relate_entities(tenant, "acme", "nobody"), "relatedEntityId"),
        (lambda tenant: override_limit(tenant, "no_such_rule", value=1, reason="Told so.", author="ops"), "rule"),
        (lambda tenant: override_limit(tenant, "store_same", open_app_id="wxnone", value=1, reason="Told so.", author="ops"), "openAppId"),
    ],
    ids=["platform's entity", "touchpoint's entity", "entity", "related entity", "rule", "overridden platform"],
)
async def test_what_is_not_registered_is_not_found(brand: Brand, call: Call, path: str) -> None:
    """A name that this tenant does not know is NOT_FOUND, at the field that holds it."""
    assert ("NOT_FOUND", [path]) == await said(call(brand.tenant))


async def test_another_tenants_entity_is_not_found(brand: Brand) -> None:
    """What belongs to another tenant is answered as unknown."""
    if brand.memory is None:
        await brand.tenant.store.create_tenant("other")
    other = Tenant(brand.tenant.store, "other")

    assert ("NOT_FOUND", ["entityId"]) == await said(
        register_touchpoint(other, "wxshop", name="Shop", kind=TouchpointKind.STORE, entity_id="acme")
    )


async def test_a_new_touchpoint_releases_what_waits_for_it(brand: Brand) -> None:
    """A first registration asks for a re-scoping job; registering again does not."""
    await register_touchpoint(brand.tenant, "wxapp", name="Shop", kind=TouchpointKind.STORE)
    await register_touchpoint(brand.tenant, "wxapp", name="Store")

    assert [(JobState.QUEUED, NOON)] == [(job.state, job.started) for job in await brand.jobs("wxapp")]


async def test_what_changes_nothing_makes_no_version(brand: Brand) -> None:
    """The same registration again is answered alike and leaves the registry's version alone."""
    first = await relate_entities(brand.tenant, "acme", "stranger", ends_on=date(2027, 1, 1))
    version = await brand.version()
    await brand.entity("acme")
    await brand.platform("wxopen_a")
    await brand.touchpoint("wxshop")
    again = await relate_entities(brand.tenant, "acme", "stranger")

    assert first == again
    assert version == await brand.version()


async def test_an_affiliation_is_directed_and_dated(brand: Brand) -> None:
    """An affiliation makes a touchpoint RELATED on its days, for the Open Platform accounts of the first entity only."""
    await brand.touchpoint("wxother", entity_id="stranger")
    await relate_entities(brand.tenant, "stranger", "acme")
    assert SubjectRelation.DIFFERENT is await _relation_of(brand, "wxother")

    made = await relate_entities(brand.tenant, "acme", "stranger", starts_on=date(2026, 3, 16))
    assert ("stranger", date(2026, 3, 16), None) == (made.entity.entity_id, made.starts_on, made.ends_on)
    assert SubjectRelation.DIFFERENT is await _relation_of(brand, "wxother")

    changed = await relate_entities(brand.tenant, "acme", "stranger", starts_on=None, ends_on=date(2026, 3, 15))
    assert (None, date(2026, 3, 15)) == (changed.starts_on, changed.ends_on)
    assert SubjectRelation.RELATED is await _relation_of(brand, "wxother")


async def test_an_affiliation_needs_two_entities_and_days_in_order(brand: Brand) -> None:
    """An entity is not related to itself, and nothing ends before it starts, whichever of the days was given first."""
    assert ("INVALID_INPUT", ["relatedEntityId"]) == await said(relate_entities(brand.tenant, "acme", "acme"))
    await relate_entities(brand.tenant, "acme", "stranger", starts_on=date(2026, 3, 2))
    assert ("INVALID_INPUT", ["endsOn"]) == await said(relate_entities(brand.tenant, "acme", "stranger", ends_on=date(2026, 3, 1)))


async def _relation_of(brand: Brand, app_id: str) -> SubjectRelation:
    view, keys = await brand.tenant.view(), brand.tenant.keys
    return view.relation_of(view.touchpoint(keys.touchpoint(app_id)), view.open_platform(keys.open_platform("wxopen_a")))
