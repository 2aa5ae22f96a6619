"""The brand's side: entities, Open Platform accounts, and touchpoints. Bindings are in bindings.py, WeChat's limits in rules.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

import strawberry

from app.api.connection import After, Before, Connection, First, Last, connection, page_of, sliced
from app.api.context import Info
from app.api.fields import Payload, mutation, query
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from graph.accounts import Entity, EntityKind, EntityRegion, EntityRelation, OpenPlatform, Touchpoint
from graph.apikeys import Scope
from graph.bindings import BindingPath, TouchpointKind
from graph.given import UNSET, Unset
from graph.node import Doc
from graph.policy import IdentityPolicy
from graph.registry import register_entity, register_open_platform, register_touchpoint, relate_entities


@publish_input
@dataclass(frozen=True, kw_only=True)
class TouchpointFilter:
    """Which touchpoints; all conditions together."""

    kinds: Annotated[list[TouchpointKind] | None, Doc("Of any of these kinds; an empty list is no condition.")] = None
    entity_id: Annotated[str | None, Doc("Registered to the entity with this `entityId`.")] = None
    open_app_id: Annotated[str | None, Doc("Bound now to the Open Platform account with this open_appid.")] = None
    is_bound: Annotated[bool | None, Doc("Whether it is bound to any Open Platform account now.")] = None

    def fits(self, one: Touchpoint) -> bool:
        """Whether a touchpoint meets all conditions."""
        platform = one.binding.open_platform if one.binding else None
        return (
            (not self.kinds or one.kind in self.kinds)
            and (self.entity_id is None or (one.entity is not None and one.entity.entity_id == self.entity_id))
            and (self.open_app_id is None or (platform is not None and platform.open_app_id == self.open_app_id))
            and (self.is_bound is None or self.is_bound is (platform is not None))
        )


@publish_input
@dataclass(frozen=True, kw_only=True)
class RegisterEntityInput:
    """A legal person. Of one that is known, what is absent stays as it is."""

    entity_id: Annotated[str, Doc("Your own id for it: 1 to 64 printable characters, no blanks.")]
    name: Annotated[str | Unset | None, Doc("Its registered name, 1 to 200 characters. Needed the first time.")] = UNSET
    kind: Annotated[EntityKind | Unset | None, Doc("What kind of legal person. Needed the first time.")] = UNSET
    region: Annotated[EntityRegion | Unset | None, Doc("Where it is registered; at first MAINLAND.")] = UNSET
    credit_code: Annotated[str | Unset | None, Doc("Unified social credit code, 18 characters; null: unknown.")] = UNSET


@publish_input
@dataclass(frozen=True, kw_only=True)
class RelateEntitiesInput:
    """An affiliation (关联主体) that WeChat accepted."""

    entity_id: Annotated[str, Doc("The entity to whose Open Platform accounts it belongs.")]
    related_entity_id: Annotated[str, Doc("The affiliated entity.")]
    starts_on: Annotated[date | Unset | None, Doc("First day it counts, China time; null: since ever.")] = UNSET
    ends_on: Annotated[date | Unset | None, Doc("Last day it counts, China time; null: open.")] = UNSET


@publish_input
@dataclass(frozen=True, kw_only=True)
class RegisterOpenPlatformInput:
    """An Open Platform account. Of one that is known, what is absent stays as it is."""

    open_app_id: Annotated[str, Doc("WeChat's open_appid: 1 to 64 printable ASCII characters.")]
    name: Annotated[str | Unset | None, Doc("What you call it, 1 to 200 characters. Needed the first time.")] = UNSET
    entity_id: Annotated[str | Unset | None, Doc("The `entityId` of the entity it is registered to. Needed the first time.")] = UNSET
    is_qualified: Annotated[bool | Unset | None, Doc("Whether it holds the developer qualification (开发者资质认证); at first false.")] = (
        UNSET
    )
    qualified_until: Annotated[date | Unset | None, Doc("Last day of the qualification, China time; null: unknown.")] = UNSET
    created_via: Annotated[BindingPath | Unset | None, Doc("How it came to be; at first CONSOLE.")] = UNSET


@publish_input
@dataclass(frozen=True, kw_only=True)
class RegisterTouchpointInput:
    """A touchpoint. Of one that is known, what is absent stays as it is."""

    app_id: Annotated[str, Doc("The AppID that WeChat issued: 1 to 64 printable ASCII characters.")]
    kind: Annotated[TouchpointKind | Unset | None, Doc("What kind of account. Needed the first time.")] = UNSET
    name: Annotated[str | Unset | None, Doc("What you call it, 1 to 200 characters. Needed the first time.")] = UNSET
    entity_id: Annotated[str | Unset | None, Doc("The `entityId` of the entity it is registered to; null: unknown.")] = UNSET
    original_id: Annotated[str | Unset | None, Doc("WeChat's 原始ID (gh_…); null: unknown.")] = UNSET


@publish
@dataclass(frozen=True, kw_only=True)
class RegisterEntityPayload(Payload):
    """The entity as it is now."""

    entity: Annotated[Entity | None, Doc("The entity; null where it was refused.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RelateEntitiesPayload(Payload):
    """The affiliation as it is now."""

    relation: Annotated[EntityRelation | None, Doc("The affiliation; null where it was refused.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RegisterOpenPlatformPayload(Payload):
    """The Open Platform account as it is now."""

    open_platform: Annotated[OpenPlatform | None, Doc("The Open Platform account; null where it was refused.")] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RegisterTouchpointPayload(Payload):
    """The touchpoint as it is now."""

    touchpoint: Annotated[Touchpoint | None, Doc("The touchpoint; null where it was refused.")] = None


@strawberry.type
class AccountQueries:
    """Questions about the brand's side. Each is answered from the registry: one look at its version, no other statement."""

    @query()
    async def entity(
        self, info: Info, entity_id: Annotated[str, strawberry.argument(description="The id its operator gave it.")]
    ) -> Entity | None:
        """One legal person; null where none is registered under this id."""
        view, key = await info.context.tenant.view(), info.context.tenant.keys.entity(entity_id)
        return view.entity(key) if key in view.registry.entities else None

    @query()
    async def entities(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Entity]:
        """Legal persons, by `entityId`."""
        page = page_of(Selection.of(info), first, after, last, before, is_text=True)
        found = sliced((await info.context.tenant.view()).entities, page, lambda one: one.entity_id)
        return connection(found, page, lambda one: one.entity_id, found.items)

    @query()
    async def open_platform(
        self, info: Info, open_app_id: Annotated[str, strawberry.argument(description="WeChat's open_appid.")]
    ) -> OpenPlatform | None:
        """One Open Platform account with its limits; null where none is registered under this open_appid."""
        view, key = await info.context.tenant.view(), info.context.tenant.keys.open_platform(open_app_id)
        return view.open_platform(key) if key in view.registry.open_platforms else None

    @query()
    async def open_platforms(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[OpenPlatform]:
        """Open Platform accounts, by open_appid."""
        page = page_of(Selection.of(info), first, after, last, before, is_text=True)
        found = sliced((await info.context.tenant.view()).open_platforms, page, lambda one: one.open_app_id)
        return connection(found, page, lambda one: one.open_app_id, found.items)

    @query()
    async def touchpoint(self, info: Info, app_id: Annotated[str, strawberry.argument(description="The AppID.")]) -> Touchpoint | None:
        """One touchpoint; null where none is registered under this AppID."""
        view, key = await info.context.tenant.view(), info.context.tenant.keys.touchpoint(app_id)
        return view.touchpoint(key) if key in view.registry.touchpoints else None

    @query()
    async def touchpoints(
        self,
        info: Info,
        *,
        filter: Annotated[  # noqa: A002  # the argument's name in the API
            TouchpointFilter | None, strawberry.argument(description="Which touchpoints; without it, all.")
        ] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> Connection[Touchpoint]:
        """Touchpoints, by AppID."""
        page = page_of(Selection.of(info), first, after, last, before, is_text=True)
        fits = (filter or TouchpointFilter()).fits
        found = sliced([one for one in (await info.context.tenant.view()).touchpoints if fits(one)], page, lambda one: one.app_id)
        return connection(found, page, lambda one: one.app_id, found.items)

    @query()
    async def identity_policy(self, info: Info) -> IdentityPolicy:
        """The brand's rules for joining accounts into customers."""
        return (await info.context.tenant.view()).registry.policy


@strawberry.type
class AccountMutations:
    """Mutations on the brand's side."""

    @mutation(needs=Scope.MANAGE)
    async def register_entity(
        self,
        info: Info,
        *,
        input: Annotated[RegisterEntityInput, strawberry.argument(description="The entity.")],  # noqa: A002
    ) -> RegisterEntityPayload:
        """Make a legal person known; again with the same id, change the given fields and nothing else."""
        return RegisterEntityPayload(entity=await register_entity(info.context.tenant, **vars(input)))

    @mutation(needs=Scope.MANAGE)
    async def relate_entities(
        self,
        info: Info,
        *,
        input: Annotated[RelateEntitiesInput, strawberry.argument(description="The affiliation.")],  # noqa: A002
    ) -> RelateEntitiesPayload:
        """Record that WeChat accepted an affiliation. It is directed; again with the same entities, change the given days."""
        return RelateEntitiesPayload(relation=await relate_entities(info.context.tenant, **vars(input)))

    @mutation(needs=Scope.MANAGE)
    async def register_open_platform(
        self,
        info: Info,
        *,
        input: Annotated[RegisterOpenPlatformInput, strawberry.argument(description="The account.")],  # noqa: A002
    ) -> RegisterOpenPlatformPayload:
        """Make an Open Platform account known; again with the same open_appid, change the given fields and nothing else."""
        return RegisterOpenPlatformPayload(open_platform=await register_open_platform(info.context.tenant, **vars(input)))

    @mutation(needs=Scope.MANAGE)
    async def register_touchpoint(
        self,
        info: Info,
        *,
        input: Annotated[RegisterTouchpointInput, strawberry.argument(description="The touchpoint.")],  # noqa: A002
    ) -> RegisterTouchpointPayload:
        """Make a touchpoint known, which releases what waits for it; again with the same AppID, change the given fields alone."""
        made = await register_touchpoint(info.context.tenant, **vars(input))
        info.context.wake()
        return RegisterTouchpointPayload(touchpoint=made)
