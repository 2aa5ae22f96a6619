"""WeChat's binding rules as data: limits.toml read once, the operator's overrides laid over it. What the rules leave is in limits.py."""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, ClassVar, NotRequired, Self, TypedDict, cast

from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.node import SINCE_EVER, Doc, Id, Internal, Key, Millis, Node, millis, moment

# China has kept UTC+8 without summer time since 1991; a fixed offset needs no time-zone database on slim images.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


class LimitComponentKind(enum.Enum):
    """One way in which WeChat limits bindings. Ties are named in this order."""

    BOUND_AT_ONCE = "BOUND_AT_ONCE"
    """How many may be bound at the same time."""
    NEW_THIS_MONTH = "NEW_THIS_MONTH"
    """How many may be newly bound in one calendar month, China time."""
    TOTAL_WALL = "TOTAL_WALL"
    """How many official accounts and mini programs there may be in all."""
    QUALIFICATION = "QUALIFICATION"
    """What an account without the developer qualification may bind."""
    API_PATH = "API_PATH"
    """What WeChat's API lets a service provider bind."""


class LimitEffect(enum.Enum):
    """What a limit does: REFUSES more and lowers what remains; LOWERS what remains, more is a warning; WARNS, shown only."""

    REFUSES = "REFUSES"
    """WeChat refuses more; it lowers what remains."""
    LOWERS = "LOWERS"
    """It lowers what remains; more is a warning."""
    WARNS = "WARNS"
    """It is shown, and lowers nothing."""


class Certainty(enum.Enum):
    """How sure a fact about WeChat is: documented by Tencent, reported by users, inferred by us, or a guess for want of any source."""

    DOCUMENTED = "DOCUMENTED"
    """Tencent's own pages say so."""
    REPORTED = "REPORTED"
    """Users or an operator say so."""
    INFERRED = "INFERRED"
    """We conclude it from what is documented."""
    UNKNOWN = "UNKNOWN"
    """A guess, for want of any source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleScope:
    """Where a rule applies, what it counts and what it does there: see the head of limits.toml."""

    component: LimitComponentKind
    quotas: frozenset[str]
    relations: tuple[SubjectRelation, ...]
    effects: Mapping[BindingPath, LimitEffect]
    is_qualified: bool | None
    created_via: BindingPath | None
    counts: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class BindingRule:
    """One of WeChat's binding limits as data: its value, where it comes from and how sure it is."""

    name: Annotated[str, Doc("Its name, for `overrideLimit`.")]
    value: Annotated[int | None, Doc("How many it allows; null: any number.")]
    certainty: Annotated[Certainty, Doc("How sure the value is. An overridden one is as sure as its author: REPORTED.")]
    source: Annotated[str, Doc("The page that says so, in our own words, and what others say; before it the override.")]
    as_of: Annotated[date, Doc("The date of the source, or of the override.")]
    is_overridden: Annotated[bool, Doc("Whether an operator set another value than ours.")] = False
    default_value: Annotated[int | None, Doc("The value without overrides; null: any number.")]
    note: Annotated[str | None, Internal] = None
    scope: Annotated[RuleScope, Internal]

    @cached_property
    def id(self) -> Id:
        """Stable for the rule's name."""
        return Id(f"rule_{self.name}")


@dataclass(frozen=True, kw_only=True)
class LimitOverride(Node):
    """An operator's word on one rule, stored; taking it back drops the node."""

    prefix: ClassVar[str] = "ovr"
    rule: Annotated[str, Internal]
    platform_key: Annotated[Key | None, Internal]
    """None: for all Open Platform accounts of the tenant."""
    value: Annotated[int | None, Internal]
    is_unlimited: Annotated[bool, Internal] = False
    author: Annotated[str, Internal]
    reason: Annotated[str, Internal]
    made: Annotated[Millis, Internal]


@dataclass(frozen=True)
class Rules:
    """Every rule as it applies to one Open Platform account."""

    by_name: Mapping[str, BindingRule]

    @classmethod
    def with_overrides(cls, overrides: Iterable[LimitOverride], platform_key: Key) -> Self:
        """Lay overrides over the defaults: one for this account beats one for all; of two for the same the later one counts.

        An override of a rule that no longer exists is passed over.
        """
        defaults = _defaults()
        heard = [one for one in overrides if one.rule in defaults and one.platform_key in {None, platform_key}]
        ranked = sorted(heard, key=lambda one: (one.platform_key is not None, one.made, one.key))
        return cls(defaults | {one.rule: _overridden(defaults[one.rule], one) for one in ranked})

    @staticmethod
    def names() -> frozenset[str]:
        """The names of all rules: any other is unknown to us."""
        return frozenset(_defaults())

    @cached_property
    def listed(self) -> list[BindingRule]:
        """All rules, in the order of limits.toml."""
        return list(self.by_name.values())

    def __getitem__(self, name: str) -> BindingRule:
        return self.by_name[name]

    def components(
        self, quota: str, relation: SubjectRelation, path: BindingPath, *, is_qualified: bool, created_via: BindingPath
    ) -> list[BindingRule]:
        """The rules that limit this quota and relation on this path, in the order of LimitComponentKind."""
        found = [
            rule
            for rule in self.by_name.values()
            if quota in rule.scope.quotas
            and relation in rule.scope.relations
            and path in rule.scope.effects
            and rule.scope.is_qualified in (None, is_qualified)
            and rule.scope.created_via in (None, created_via)
        ]
        return sorted(found, key=lambda rule: _ORDER[rule.scope.component])


def quotas() -> Mapping[str, tuple[TouchpointKind, ...]]:
    """The kinds of touchpoint that are counted together, by the name of their quota."""
    return {quota: tuple(map(TouchpointKind, kinds)) for quota, kinds in _written()["quotas"].items()}


@cache
def quota_of(kind: TouchpointKind) -> str:
    """The quota in which a kind of touchpoint is counted."""
    return next(quota for quota, kinds in quotas().items() if kind in kinds)


def china_day(at: Millis) -> date:
    """The day in China at a moment: WeChat's days and months are Chinese ones."""
    return moment(at).astimezone(CHINA).date()


def china_month(at: Millis) -> tuple[Millis, Millis]:
    """The calendar month in China around a moment: its first instant, and that of the next. What holds since ever lies in no month."""
    if at == SINCE_EVER:
        return SINCE_EVER, SINCE_EVER
    day = china_day(at)
    following = (date(day.year, day.month, 28) + timedelta(days=4)).replace(day=1)
    return _midnight(day.replace(day=1)), _midnight(following)


_ORDER = {kind: place for place, kind in enumerate(LimitComponentKind)}


class _WrittenRule(TypedDict):
    component: str
    quotas: list[str]
    relations: list[str]
    effects: dict[str, str]
    is_qualified: NotRequired[bool]
    created_via: NotRequired[str]
    counts: NotRequired[list[str]]
    value: NotRequired[int]
    unlimited: NotRequired[bool]
    certainty: str
    source: str
    as_of: date
    note: NotRequired[str]


class _Written(TypedDict):
    quotas: dict[str, list[str]]
    rules: dict[str, _WrittenRule]


@cache
def _written() -> _Written:
    return cast("_Written", tomllib.loads(files("graph").joinpath("limits.toml").read_text("utf-8")))


@cache
def _defaults() -> dict[str, BindingRule]:
    return {name: _rule(name, written) for name, written in _written()["rules"].items()}


def _rule(name: str, written: _WrittenRule) -> BindingRule:
    value = None if written.get("unlimited") else written["value"]
    created_via = written.get("created_via")
    return BindingRule(
        name=name,
        value=value,
        default_value=value,
        certainty=Certainty(written["certainty"]),
        source=written["source"],
        as_of=written["as_of"],
        note=written.get("note"),
        scope=RuleScope(
            component=LimitComponentKind(written["component"]),
            quotas=frozenset(written["quotas"]),
            relations=tuple(map(SubjectRelation, written["relations"])),
            effects={BindingPath(path): LimitEffect(effect) for path, effect in written["effects"].items()},
            is_qualified=written.get("is_qualified"),
            created_via=BindingPath(created_via) if created_via else None,
            counts=frozenset(written.get("counts", ())),
        ),
    )


def _overridden(default: BindingRule, override: LimitOverride) -> BindingRule:
    day = china_day(override.made)
    return replace(
        default,
        value=None if override.is_unlimited else override.value,
        certainty=Certainty.REPORTED,
        source=f"Override by {override.author}, {day}: {override.reason}\nDefault: {default.source}",
        as_of=day,
        is_overridden=True,
    )


def _midnight(day: date) -> Millis:
    return millis(datetime(day.year, day.month, day.day, tzinfo=CHINA))
