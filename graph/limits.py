"""How many accounts may still be bound to an Open Platform account, and why. Pure; the numbers are in limits.toml, read by rules.py."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Annotated

from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.node import SINCE_EVER, Doc, Id, Key, Millis, moment
from graph.rules import (
    BindingRule,
    Certainty,
    LimitComponentKind,
    LimitEffect,
    LimitOverride,
    Rules,
    china_day,
    china_month,
    quota_of,
    quotas,
)

__all__ = [
    "BindingLimit",
    "BindingRule",
    "Bound",
    "Certainty",
    "LimitAvailability",
    "LimitComponent",
    "LimitComponentKind",
    "LimitEffect",
    "LimitOverride",
    "PlatformFacts",
    "Rules",
    "binding_limits",
    "china_day",
    "limit_for",
    "over_limit",
]


class LimitAvailability(enum.Enum):
    """Whether WeChat limits it: LIMITED; UNLIMITED; UNKNOWN, where the number that gives `remaining` is a guess for want of a source."""

    LIMITED = "LIMITED"
    """WeChat limits it to a known number."""
    UNLIMITED = "UNLIMITED"
    """WeChat does not limit it."""
    UNKNOWN = "UNKNOWN"
    """WeChat limits it, and the number is a guess."""


@dataclass(frozen=True, kw_only=True)
class LimitComponent:
    """One of the rules that together say how many may still be bound."""

    id: Annotated[Id, Doc("Stable for its limit and kind.")]
    kind: Annotated[LimitComponentKind, Doc("What it counts.")]
    used: Annotated[int, Doc("How many of them are used up; may exceed `limit`, for what was bound once is not dissolved.")]
    resets_at: Annotated[datetime | None, Doc("When counting starts anew; null: never.")] = None
    rule: Annotated[BindingRule, Doc("WeChat's rule behind it.")]
    effect: Annotated[LimitEffect, Doc("What it does to a further binding.")]
    note: Annotated[str | None, Doc("What one should know, one note a line: a word for programs, a colon, a sentence for people.")] = None

    @cached_property
    def limit(self) -> int | None:
        """How many it allows; null: any number."""
        return self.rule.value

    @cached_property
    def remaining(self) -> int | None:
        """How many it leaves, never below 0; null: any number."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True, kw_only=True)
class BindingLimit:
    """How many accounts of some kinds and of one subject relation may still be bound on one path, and why."""

    id: Annotated[Id, Doc("Stable for the Open Platform account, the quota, the relation and the path.")]
    kinds: Annotated[list[TouchpointKind], Doc("The kinds that share this quota.")]
    relation: Annotated[SubjectRelation, Doc("SAME: same and related subjects, one quota; DIFFERENT: different and unknown ones.")]
    path: Annotated[BindingPath, Doc("How one would bind. By API a related subject counts as DIFFERENT.")]
    components: Annotated[list[LimitComponent], Doc("Every rule that applies, in the order of LimitComponentKind.")]

    @cached_property
    def _tightest(self) -> LimitComponent | None:
        counting = [one for one in self.components if one.effect is not LimitEffect.WARNS and one.remaining is not None]
        return min(counting, key=lambda one: one.remaining or 0, default=None)

    @cached_property
    def availability(self) -> LimitAvailability:
        """Whether there is a limit, and whether its number is known."""
        if self._tightest is None:
            return LimitAvailability.UNLIMITED
        is_guess = self._tightest.rule.certainty is Certainty.UNKNOWN
        return LimitAvailability.UNKNOWN if is_guess else LimitAvailability.LIMITED

    @cached_property
    def limit(self) -> int | None:
        """How many the component that gives `remaining` allows; null: any number."""
        return self._tightest.limit if self._tightest else None

    @cached_property
    def used(self) -> int:
        """How many of these that component counts; without one, how many are bound."""
        return self._tightest.used if self._tightest else max((one.used for one in self.components), default=0)

    @cached_property
    def remaining(self) -> int | None:
        """The least that a component which REFUSES or LOWERS leaves, never below 0; null: any number."""
        return self._tightest.remaining if self._tightest else None

    @cached_property
    def limited_by(self) -> LimitComponentKind | None:
        """Which component gives `remaining`; of several the first in the order of LimitComponentKind; null: any number remains."""
        return self._tightest.kind if self._tightest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One stretch of time in which something was bound to an Open Platform account."""

    key: Key
    """Of the assertion that began it."""
    kind: TouchpointKind
    relation: SubjectRelation
    """Today's: what is bound at once is counted by it."""
    relation_then: SubjectRelation
    """On the day it was bound: the month's new bindings are counted by it."""
    path: BindingPath
    starts: Millis
    ends: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """What WeChat's limits look at: one Open Platform account and whatever was bound to it at any time."""

    is_qualified: bool
    """Today."""
    qualified_until: date | None = None
    """Last day of the qualification that it has or had: what was bound before it lapsed was bound by a qualified account."""
    created_via: BindingPath
    bound: tuple[Bound, ...]


def binding_limits(platform_key: Key, facts: PlatformFacts, rules: Rules, now: Millis) -> list[BindingLimit]:
    """Every limit of one Open Platform account at a moment: each quota, for same and different subjects, in the console and by API."""
    first, following = china_month(now)
    tally = _Tally(
        standing=((one.kind, one.relation) for one in facts.bound if one.starts <= now < one.ends),
        fresh=((one.kind, one.relation_then) for one in facts.bound if first <= one.starts < following),
        resets_at=moment(following),
    )
    return [
        BindingLimit(
            id=(limit_id := Id(f"lim_{platform_key}_{quota}_{relation.value}_{path.value}")),
            kinds=list(kinds),
            relation=relation,
            path=path,
            components=[
                tally.component(limit_id, rule, quota, relation, path)
                for rule in rules.components(quota, relation, path, is_qualified=facts.is_qualified, created_via=facts.created_via)
            ],
        )
        for quota, kinds in quotas().items()
        for relation in COUNTED_AS
        for path in BindingPath
    ]


def limit_for(limits: Iterable[BindingLimit], kind: TouchpointKind, relation: SubjectRelation, path: BindingPath) -> BindingLimit:
    """The limit that one binding would meet. A related subject shares the same-subject quota in the console only."""
    counted = _counted_as(relation, path)
    found = next(one for one in limits if kind in one.kinds and one.relation is counted and one.path is path)
    if relation is not SubjectRelation.UNKNOWN:
        return found
    return replace(found, components=[_noting_unknown(one) if one.kind is AT_ONCE else one for one in found.components])


def over_limit(key: Key, facts: PlatformFacts, rules: Rules) -> bool:
    """Whether WeChat would have refused the binding with this key when it began, after all that began before it.

    Those that began at the same time, or since ever, count as begun in the order of their keys. Subjects are taken as they were on
    the day of each binding, so that the answer does not change when an affiliation ends.
    """
    binding = next((one for one in facts.bound if one.key == key), None)
    if binding is None:
        return False
    first, following = china_month(binding.starts)
    earlier = [one for one in facts.bound if (one.starts, one.key) < (binding.starts, binding.key)]
    tally = _Tally(
        standing=((one.kind, one.relation_then) for one in earlier if binding.starts < one.ends),
        fresh=((one.kind, one.relation_then) for one in earlier if first <= one.starts < following),
        resets_at=None,
    )
    quota, relation = quota_of(binding.kind), _counted_as(binding.relation_then, binding.path)
    qualified = _was_qualified(facts, binding.starts)
    applying = rules.components(quota, relation, binding.path, is_qualified=qualified, created_via=facts.created_via)
    components = (tally.component(Id(""), rule, quota, relation, binding.path) for rule in applying)
    return any(one.effect is LimitEffect.REFUSES and one.remaining == 0 for one in components)


COUNTED_AS = {
    SubjectRelation.SAME: (SubjectRelation.SAME, SubjectRelation.RELATED),
    SubjectRelation.DIFFERENT: (SubjectRelation.DIFFERENT, SubjectRelation.UNKNOWN),
}
"""The two relations that limits know, and whose accounts are counted in each."""

UNKNOWN_NOTE = "subject_unknown: An account whose legal person is unknown counts as one of a different subject; register its entity."

AT_ONCE, THIS_MONTH = LimitComponentKind.BOUND_AT_ONCE, LimitComponentKind.NEW_THIS_MONTH


class _Tally:
    """How many are bound, and were bound this month, by quota and relation."""

    def __init__(
        self,
        *,
        standing: Iterable[tuple[TouchpointKind, SubjectRelation]],
        fresh: Iterable[tuple[TouchpointKind, SubjectRelation]],
        resets_at: datetime | None,
    ) -> None:
        self._standing = Counter((quota_of(kind), relation) for kind, relation in standing)
        self._fresh = Counter((quota_of(kind), relation) for kind, relation in fresh)
        self._resets_at = resets_at

    def component(self, limit_id: Id, rule: BindingRule, quota: str, relation: SubjectRelation, path: BindingPath) -> LimitComponent:
        """A rule, and how much of it is used."""
        kind = rule.scope.component
        is_monthly = kind is THIS_MONTH
        counted = self._fresh if is_monthly else self._standing
        component = LimitComponent(
            id=Id(f"{limit_id}_{kind.value}"),
            kind=kind,
            used=sum(number for pair, number in counted.items() if _counts(rule, quota, relation)(*pair)),
            resets_at=self._resets_at if is_monthly else None,
            rule=rule,
            effect=rule.scope.effects[path],
            note=rule.note,
        )
        has_unknown = relation is SubjectRelation.DIFFERENT and counted[quota, SubjectRelation.UNKNOWN] > 0
        return _noting_unknown(component) if has_unknown and kind in {AT_ONCE, THIS_MONTH} else component


def _counts(rule: BindingRule, quota: str, relation: SubjectRelation) -> Callable[[str, SubjectRelation], bool]:
    if rule.scope.counts:
        return lambda its_quota, _: its_quota in rule.scope.counts
    return lambda its_quota, its_relation: its_quota == quota and its_relation in COUNTED_AS[relation]


def _noting_unknown(component: LimitComponent) -> LimitComponent:
    notes = (component.note or "").splitlines()
    return component if UNKNOWN_NOTE in notes else replace(component, note="\n".join([*notes, UNKNOWN_NOTE]))


def _counted_as(relation: SubjectRelation, path: BindingPath) -> SubjectRelation:
    is_same = relation is SubjectRelation.SAME or (relation is SubjectRelation.RELATED and path is BindingPath.CONSOLE)
    return SubjectRelation.SAME if is_same else SubjectRelation.DIFFERENT


def _was_qualified(facts: PlatformFacts, at: Millis) -> bool:
    if facts.is_qualified or facts.qualified_until is None:
        return facts.is_qualified
    return at == SINCE_EVER or china_day(at) <= facts.qualified_until
