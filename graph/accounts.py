"""The brand's side of the graph: entities, Open Platform accounts, touchpoints and their bindings, and the registry that holds them all.

A stored field is declared here once; its edges to other nodes are cached properties that look into the view it was taken from.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, ClassVar, Self, TypeVar

from graph.bindings import BindingPath, BindingState, History, SubjectRelation, TouchpointKind, history, segment_end
from graph.limits import BindingLimit, BindingRule, Bound, LimitOverride, PlatformFacts, Rules, binding_limits, china_day, over_limit
from graph.node import FOR_EVER, SINCE_EVER, Doc, Internal, Key, Millis, Node, moment
from graph.policy import DEFAULT_POLICY, IdentityPolicy

T = TypeVar("T", bound="Registered")


class EntityKind(enum.Enum):
    """What kind of legal person."""

    COMPANY = "COMPANY"
    """A company (企业)."""
    INDIVIDUAL = "INDIVIDUAL"
    """A natural person (个人)."""
    GOVERNMENT = "GOVERNMENT"
    """A government body or public institution (政府、事业单位)."""
    SOLE_TRADER = "SOLE_TRADER"
    """A sole trader (个体工商户)."""
    OTHER = "OTHER"
    """Any other organisation (其他组织), such as a foundation or a school."""


class EntityRegion(enum.Enum):
    """Where it is registered; WeChat's fees depend on it."""

    MAINLAND = "MAINLAND"
    """Mainland China."""
    OVERSEAS = "OVERSEAS"
    """Anywhere else, Hong Kong, Macao and Taiwan included."""


@dataclass(frozen=True, kw_only=True)
class Registered(Node):
    """A node of the registry: taken from a view, it finds its neighbours there."""

    view: Annotated[View, Internal] = field(default=None, repr=False, compare=False)  # type: ignore[assignment]  # stored nodes have none


@dataclass(frozen=True, kw_only=True)
class Entity(Registered):
    """A legal person (主体) to which WeChat accounts are registered."""

    prefix: ClassVar[str] = "ent"
    entity_id: Annotated[str, Doc("The id its operator gave it: unique within the tenant.")]
    name: Annotated[str, Doc("Its registered name.")]
    kind: Annotated[EntityKind, Doc("What kind of legal person. Two individuals are never the same subject, whatever their names.")]
    region: Annotated[EntityRegion, Doc("Where it is registered.")] = EntityRegion.MAINLAND
    credit_code: Annotated[str | None, Doc("Unified social credit code (统一社会信用代码), 18 characters; null where unknown.")] = None

    @cached_property
    def open_platforms(self) -> list[OpenPlatform]:
        """Its Open Platform accounts, by open_appid."""
        return [platform for platform in self.view.open_platforms if platform.entity_key == self.key]

    @cached_property
    def touchpoints(self) -> list[Touchpoint]:
        """The touchpoints registered to it, by AppID."""
        return [touchpoint for touchpoint in self.view.touchpoints if touchpoint.entity_key == self.key]

    @cached_property
    def related(self) -> list[EntityRelation]:
        """Entities that WeChat accepted as affiliated with this one's Open Platform accounts."""
        return [self.view.relation(relation) for relation in self.view.registry.relations.values() if relation.entity_key == self.key]


@dataclass(frozen=True, kw_only=True)
class EntityRelation(Registered):
    """An affiliation (关联主体) that WeChat accepted: directed, because it belongs to one Open Platform account's subject."""

    prefix: ClassVar[str] = "rel"
    entity_key: Annotated[Key, Internal]
    related_key: Annotated[Key, Internal]
    starts_on: Annotated[date | None, Doc("First day it counts; null: since ever.")] = None
    ends_on: Annotated[date | None, Doc("Last day it counts; null: open.")] = None

    @cached_property
    def entity(self) -> Entity:
        """The affiliated entity."""
        return self.view.entity(self.related_key)

    def counts_on(self, day: date) -> bool:
        """Whether it is in force on a day, China time."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, kw_only=True)
class OpenPlatform(Registered):
    """A WeChat Open Platform account (微信开放平台账号): the scope of a UnionID."""

    prefix: ClassVar[str] = "op"
    open_app_id: Annotated[str, Doc("WeChat's open_appid.")]
    name: Annotated[str, Doc("What its operator calls it.")]
    entity_key: Annotated[Key, Internal]
    qualified: Annotated[bool, Internal] = False
    qualified_until: Annotated[
        date | None, Doc("Last day of the developer qualification (开发者资质认证); null where unknown or unlimited.")
    ] = None
    created_via: Annotated[BindingPath, Doc("Whether it was registered in the console or made by a service provider through the API.")] = (
        BindingPath.CONSOLE
    )

    @cached_property
    def is_qualified(self) -> bool:
        """Whether it holds the developer qualification today: without it nothing can be bound in the console."""
        return self.qualified and (self.qualified_until is None or china_day(self.view.now) <= self.qualified_until)

    @cached_property
    def entity(self) -> Entity:
        """The legal person it is registered to."""
        return self.view.entity(self.entity_key)

    @cached_property
    def bindings(self) -> list[Binding]:
        """The bindings in force now, by AppID."""
        return [
            touchpoint.binding for touchpoint in self.view.touchpoints if touchpoint.binding and touchpoint.binding.platform_key == self.key
        ]

    @cached_property
    def binding_history(self) -> list[Binding]:
        """Every binding to it that was ever asserted, retracted ones too; oldest first."""
        return [binding for binding in self.view.bindings if binding.platform_key == self.key]

    @cached_property
    def limits(self) -> list[BindingLimit]:
        """How many accounts may still be bound, by kind, subject relation and path, and why."""
        return binding_limits(self.key, self.facts, self.view.registry.rules(self.key), self.view.now)

    @cached_property
    def facts(self) -> Annotated[PlatformFacts, Internal]:
        """What WeChat's limits look at."""
        return PlatformFacts(
            is_qualified=self.is_qualified,
            qualified_until=self.qualified_until if self.qualified else None,
            created_via=self.created_via,
            bound=tuple(self.view.bound_to(self)),
        )


@dataclass(frozen=True, kw_only=True)
class Touchpoint(Registered):
    """A WeChat account with an AppID where a customer can be met."""

    prefix: ClassVar[str] = "tp"
    app_id: Annotated[str, Doc("The AppID that WeChat issued.")]
    kind: Annotated[TouchpointKind, Doc("What kind of account it is.")]
    name: Annotated[str, Doc("What its operator calls it.")]
    original_id: Annotated[str | None, Doc("WeChat's second id (原始ID, gh_…), which pushes are addressed to; null where unknown.")] = None
    entity_key: Annotated[Key | None, Internal] = None
    scope_version: Annotated[int, Internal] = 0
    """The registry version at which its history last changed: evidence scoped under an earlier one waits for the re-scoping job."""

    @cached_property
    def entity(self) -> Entity | None:
        """The legal person it is registered to; null where unknown, which counts as a different subject."""
        return self.view.entity(self.entity_key) if self.entity_key else None

    @cached_property
    def binding(self) -> Binding | None:
        """The binding in force now; null where it is bound to no Open Platform account that we know of."""
        epoch = self.view.registry.history(self.key).at(self.view.now)
        return self.view.binding(epoch.assertion) if epoch.assertion and epoch.platform_key else None

    @cached_property
    def binding_history(self) -> list[Binding]:
        """Every assertion about its binding, unbindings and retracted ones too; oldest first."""
        return [binding for binding in self.view.bindings if binding.touchpoint_key == self.key]


@dataclass(frozen=True, kw_only=True)
class Binding(Registered):
    """One assertion of a touchpoint's history: from `startedAt` on it was bound to this Open Platform account, or to none."""

    prefix: ClassVar[str] = "bnd"
    touchpoint_key: Annotated[Key, Internal]
    platform_key: Annotated[Key | None, Internal]
    starts: Annotated[Millis, Internal]
    path: Annotated[BindingPath, Doc("How it was made.")] = BindingPath.CONSOLE
    is_retracted: Annotated[bool, Internal] = False
    reason: Annotated[str | None, Doc("Why it was corrected or retracted, the last time; null where it was not.")] = None

    @cached_property
    def touchpoint(self) -> Touchpoint:
        """What was bound."""
        return self.view.touchpoint(self.touchpoint_key)

    @cached_property
    def open_platform(self) -> OpenPlatform | None:
        """What it was bound to; null: it was unbound from `startedAt` on."""
        return self.view.open_platform(self.platform_key) if self.platform_key else None

    @cached_property
    def started_at(self) -> datetime | None:
        """From when on it holds; null: since ever."""
        return None if self.starts == SINCE_EVER else moment(self.starts)

    @cached_property
    def ended_at(self) -> datetime | None:
        """When the next assertion took over; null while none has."""
        return None if self.ends == FOR_EVER else moment(self.ends)

    @cached_property
    def ends(self) -> Annotated[Millis, Internal]:
        """The same, as stored times are: where the epoch ends, for another assertion of the same platform takes nothing over."""
        if self.is_retracted:
            return segment_end(self, self.view.registry.assertions(self.touchpoint_key))
        return self.view.registry.history(self.touchpoint_key).at(self.starts).ends

    @cached_property
    def state(self) -> BindingState:
        """Where it stands now."""
        if self.is_retracted:
            return BindingState.RETRACTED
        return BindingState.ACTIVE if self.starts <= self.view.now < self.ends else BindingState.ENDED

    @cached_property
    def relation(self) -> SubjectRelation | None:
        """How the touchpoint's entity stands to the Open Platform account's today; null for an unbinding."""
        return self.view.relation_of(self.touchpoint, self.open_platform) if self.open_platform else None

    @cached_property
    def is_over_limit(self) -> bool:
        """Whether WeChat's rules, as we know them, would have refused it; of those that began together or since ever, the last by id."""
        if self.is_retracted or self.open_platform is None:
            return False
        return over_limit(self.key, self.open_platform.facts, self.view.registry.rules(self.open_platform.key))


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Everything about the brand's side of one tenant at one version: tens to a few hundred nodes, held in memory as a whole."""

    version: int
    entities: Mapping[Key, Entity] = field(default_factory=dict)
    relations: Mapping[Key, EntityRelation] = field(default_factory=dict)
    open_platforms: Mapping[Key, OpenPlatform] = field(default_factory=dict)
    touchpoints: Mapping[Key, Touchpoint] = field(default_factory=dict)
    bindings: Mapping[Key, Binding] = field(default_factory=dict)
    overrides: Mapping[Key, LimitOverride] = field(default_factory=dict)
    policy: IdentityPolicy = DEFAULT_POLICY

    @classmethod
    def of(cls, version: int, nodes: Iterable[Node], policy: IdentityPolicy | None = None) -> Self:
        """Sort stored nodes by what they are."""
        shelves: dict[type, dict[Key, Node]] = defaultdict(dict)
        for node in nodes:
            shelves[type(node)][node.key] = node
        stored = {name: shelves[kind] for name, kind in REGISTERED.items()}
        return cls(version=version, policy=policy or DEFAULT_POLICY, **stored)  # type: ignore[arg-type]  # each shelf holds its own type

    @cached_property
    def _assertions(self) -> dict[Key, list[Binding]]:
        by_touchpoint: dict[Key, list[Binding]] = defaultdict(list)
        for binding in self.bindings.values():
            by_touchpoint[binding.touchpoint_key].append(binding)
        return by_touchpoint

    @cached_property
    def _histories(self) -> dict[Key, History]:
        return {key: history(self._assertions.get(key, ())) for key in self.touchpoints}

    def assertions(self, touchpoint: Key) -> list[Binding]:
        """Every assertion about one touchpoint."""
        return self._assertions.get(touchpoint, [])

    def history(self, touchpoint: Key) -> History:
        """The epochs of one touchpoint; of an unknown one, that nothing is known."""
        return self._histories.get(touchpoint) or history(())

    def rules(self, platform: Key) -> Rules:
        """WeChat's limits as they apply to one Open Platform account, overrides included."""
        return Rules.with_overrides(self.overrides.values(), platform)

    def view(self, now: Millis) -> View:
        """The registry as seen at a moment."""
        return View(self, now)


REGISTERED: dict[str, type[Node]] = {
    "entities": Entity,
    "relations": EntityRelation,
    "open_platforms": OpenPlatform,
    "touchpoints": Touchpoint,
    "bindings": Binding,
    "overrides": LimitOverride,
}
"""The registry's shelves, and what stands on each."""


class View:
    """The registry at a moment: hands out nodes that find their neighbours and know what time it is. Cheap to make, one per question."""

    def __init__(self, registry: Registry, now: Millis) -> None:
        self.registry = registry
        self.now = now
        self._taken: dict[Key, Registered] = {}

    def _take(self, stored: T) -> T:
        taken = self._taken.get(stored.key)
        if taken is None:
            taken = self._taken[stored.key] = replace(stored, view=self)
        return taken  # type: ignore[return-value]  # a key belongs to one type

    def entity(self, key: Key) -> Entity:
        """One entity."""
        return self._take(self.registry.entities[key])

    def relation(self, stored: EntityRelation) -> EntityRelation:
        """One affiliation."""
        return self._take(stored)

    def open_platform(self, key: Key) -> OpenPlatform:
        """One Open Platform account."""
        return self._take(self.registry.open_platforms[key])

    def touchpoint(self, key: Key) -> Touchpoint:
        """One touchpoint."""
        return self._take(self.registry.touchpoints[key])

    def binding(self, key: Key) -> Binding:
        """One assertion."""
        return self._take(self.registry.bindings[key])

    @cached_property
    def entities(self) -> list[Entity]:
        """All, by their operator's id."""
        return sorted(map(self._take, self.registry.entities.values()), key=lambda entity: entity.entity_id)

    @cached_property
    def open_platforms(self) -> list[OpenPlatform]:
        """All, by open_appid."""
        return sorted(map(self._take, self.registry.open_platforms.values()), key=lambda platform: platform.open_app_id)

    @cached_property
    def touchpoints(self) -> list[Touchpoint]:
        """All, by AppID."""
        return sorted(map(self._take, self.registry.touchpoints.values()), key=lambda touchpoint: touchpoint.app_id)

    @cached_property
    def bindings(self) -> list[Binding]:
        """All assertions, oldest first."""
        return sorted(map(self._take, self.registry.bindings.values()), key=lambda binding: (binding.starts, binding.key))

    def node(self, key: Key) -> Registered | None:
        """Whatever of the registry has this key."""
        for shelf in (self.registry.entities, self.registry.open_platforms, self.registry.touchpoints, self.registry.bindings):
            if key in shelf:
                return self._take(shelf[key])
        return None

    def relation_of(self, touchpoint: Touchpoint, platform: OpenPlatform, at: Millis | None = None) -> SubjectRelation:
        """How a touchpoint's entity stands to an Open Platform account's, on the day of `at` (default: now)."""
        if touchpoint.entity_key is None:
            return SubjectRelation.UNKNOWN
        if touchpoint.entity_key == platform.entity_key:
            return SubjectRelation.SAME
        day = china_day(self.now if at is None else at)
        accepted = any(
            relation.entity_key == platform.entity_key and relation.related_key == touchpoint.entity_key and relation.counts_on(day)
            for relation in self.registry.relations.values()
        )
        return SubjectRelation.RELATED if accepted else SubjectRelation.DIFFERENT

    def bound_to(self, platform: OpenPlatform) -> Iterable[Bound]:
        """Every epoch in which something was bound to this platform."""
        for touchpoint in self.touchpoints:
            for epoch in self.registry.history(touchpoint.key).epochs:
                if epoch.platform_key == platform.key and epoch.assertion:
                    yield Bound(
                        key=epoch.assertion,
                        kind=touchpoint.kind,
                        relation=self.relation_of(touchpoint, platform),
                        relation_then=self.relation_of(touchpoint, platform, None if epoch.starts == SINCE_EVER else epoch.starts),
                        path=self.registry.bindings[epoch.assertion].path,
                        starts=epoch.starts,
                        ends=epoch.ends,
                    )

    @cached_property
    def binding_rules(self) -> list[BindingRule]:
        """Every limit as it applies where no single Open Platform account overrides it."""
        return self.registry.rules(Key("")).listed
