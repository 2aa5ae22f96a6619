"""Bindings, Open Platform accounts and overrides in a line each, for the tests of WeChat's limits."""

from __future__ import annotations

from datetime import date, datetime

from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.limits import (
    BindingLimit,
    Bound,
    LimitComponent,
    LimitComponentKind,
    LimitOverride,
    PlatformFacts,
    Rules,
    binding_limits,
    limit_for,
)
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis, millis

PLATFORM = Key("platform")
OTHER_PLATFORM = Key("other platform")
MINI, GAME, SERVICE, MOBILE = (
    TouchpointKind.MINI_PROGRAM,
    TouchpointKind.MINI_GAME,
    TouchpointKind.SERVICE_ACCOUNT,
    TouchpointKind.MOBILE_APP,
)
SAME, RELATED, DIFFERENT, UNKNOWN = SubjectRelation
CONSOLE, API = BindingPath


def at(text: str) -> Millis:
    """A moment written down as text."""
    return millis(datetime.fromisoformat(text))


NOW = at("2026-03-15T04:00:00Z")


def bound(
    kind: TouchpointKind,
    relation: SubjectRelation = SAME,
    *,
    key: str = "",
    starts: Millis = SINCE_EVER,
    ends: Millis = FOR_EVER,
    path: BindingPath = CONSOLE,
    then: SubjectRelation | None = None,
) -> Bound:
    """One binding."""
    return Bound(key=Key(key), kind=kind, relation=relation, relation_then=then or relation, path=path, starts=starts, ends=ends)


def platform(
    *all_bound: Bound, is_qualified: bool = True, created_via: BindingPath = CONSOLE, qualified_until: date | None = None
) -> PlatformFacts:
    """An Open Platform account to which these were bound."""
    return PlatformFacts(is_qualified=is_qualified, qualified_until=qualified_until, created_via=created_via, bound=all_bound)


def override(
    rule: str, value: int | None, *, of: Key | None = None, is_unlimited: bool = False, made: str = "2026-02-01T00:00:00Z"
) -> LimitOverride:
    """An operator's word on a rule."""
    return LimitOverride(
        key=Key(f"{rule} {made}"),
        rule=rule,
        platform_key=of,
        value=value,
        is_unlimited=is_unlimited,
        author="operations",
        reason="WeChat's service desk told us so.",
        made=at(made),
    )


def rules(*overrides: LimitOverride) -> Rules:
    """The rules as they apply to the platform."""
    return Rules.with_overrides(overrides, PLATFORM)


def limit(
    facts: PlatformFacts,
    kind: TouchpointKind,
    relation: SubjectRelation = SAME,
    path: BindingPath = CONSOLE,
    *,
    now: Millis = NOW,
    applying: Rules | None = None,
) -> BindingLimit:
    """The limit that one binding would meet."""
    return limit_for(binding_limits(PLATFORM, facts, applying or rules(), now), kind, relation, path)


def component(of: BindingLimit, kind: LimitComponentKind) -> LimitComponent:
    """One component of a limit."""
    return next(one for one in of.components if one.kind is kind)
