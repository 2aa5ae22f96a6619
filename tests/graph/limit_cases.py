"""The worked cases of WeChat's binding limits: what is registered, what is asked, and what each rule must answer.

Plain text and numbers, written by hand from WeChat's rules, so that the pure functions and the GraphQL API can be held against them alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.graph.limit_rules import (
    API_MADE_UNQUALIFIED,
    API_QUALIFIED,
    MINI_GAME_SAME,
    MINI_PROGRAM_DIFFERENT,
    MINI_PROGRAM_NEW,
    MINI_PROGRAM_SAME,
    MOBILE_SAME,
    OFFICIAL_DIFFERENT,
    OFFICIAL_NEW,
    OFFICIAL_SAME,
    UNQUALIFIED_MINI_PROGRAM,
    UNQUALIFIED_MOBILE,
    UNQUALIFIED_OFFICIAL,
    WALL,
    WEBSITE_SAME,
    Rule,
)

LONG_AGO = "2026-01-10T04:00:00Z"
THIS_MONTH = "2026-03-02T04:00:00Z"
LATER_THIS_MONTH = "2026-03-09T04:00:00Z"
MID_MARCH = "2026-03-15T04:00:00Z"
MID_APRIL = "2026-04-15T04:00:00Z"
APRIL_BEGINS = "2026-03-31T16:00:00Z"
MAY_BEGINS = "2026-04-30T16:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Some touchpoints alike that were bound to the Open Platform account."""

    number: int
    kind: str
    relation: str = "SAME"
    path: str = "CONSOLE"
    starts: str = LONG_AGO
    ends: str | None = None


@dataclass(frozen=True, kw_only=True)
class Component:
    """One expected component."""

    kind: str
    limit: int
    used: int
    remaining: int
    effect: str
    rule: Rule
    resets_at: str | None = None
    more_notes: tuple[str, ...] = ()
    """Beyond the rule's own."""


@dataclass(frozen=True, kw_only=True)
class LimitCase:
    """One worked case. The Open Platform account is qualified and registered in the console unless stated."""

    name: str
    bound: tuple[Accounts, ...] = ()
    is_qualified: bool = True
    qualified_until: str | None = None
    created_via: str = "CONSOLE"
    now: str = MID_MARCH
    kind: str
    relation: str = "SAME"
    path: str = "CONSOLE"
    remaining: int
    limited_by: str
    components: tuple[Component, ...]


def at_once(rule: Rule, limit: int, used: int, remaining: int, *more_notes: str) -> Component:
    """How many may be bound at once: WeChat refuses more."""
    return Component(kind="BOUND_AT_ONCE", limit=limit, used=used, remaining=remaining, effect="REFUSES", rule=rule, more_notes=more_notes)


def this_month(rule: Rule, limit: int, used: int, remaining: int, *, effect: str, resets_at: str = APRIL_BEGINS) -> Component:
    """How many may be newly bound in a month."""
    return Component(kind="NEW_THIS_MONTH", limit=limit, used=used, remaining=remaining, effect=effect, rule=rule, resets_at=resets_at)


def wall(used: int, remaining: int, *, effect: str = "WARNS") -> Component:
    """The wall of 100: an error by API, a warning in the console."""
    return Component(kind="TOTAL_WALL", limit=100, used=used, remaining=remaining, effect=effect, rule=WALL)


def qualification(rule: Rule, limit: int, used: int, remaining: int) -> Component:
    """What an account without the developer qualification may bind in the console."""
    return Component(kind="QUALIFICATION", limit=limit, used=used, remaining=remaining, effect="REFUSES", rule=rule)


def by_api(rule: Rule, limit: int, used: int, remaining: int) -> Component:
    """What WeChat's API lets a service provider bind."""
    return Component(kind="API_PATH", limit=limit, used=used, remaining=remaining, effect="REFUSES", rule=rule)


SHARED_MINI_PROGRAMS = (Accounts(number=48, kind="MINI_PROGRAM"), Accounts(number=1, kind="MINI_PROGRAM", relation="RELATED"))
SHARED_MINI_PROGRAMS_ANSWER = (at_once(MINI_PROGRAM_SAME, 50, 49, 1), wall(49, 51))
FIVE_NEW_THREE_GONE = (
    Accounts(number=2, kind="SERVICE_ACCOUNT", relation="DIFFERENT", starts=THIS_MONTH),
    Accounts(number=3, kind="SUBSCRIPTION_ACCOUNT", relation="DIFFERENT", starts=THIS_MONTH, ends=LATER_THIS_MONTH),
)

CASES = (
    LimitCase(
        name="01 same and related subjects share 50 mini programs: asked for the same",
        bound=SHARED_MINI_PROGRAMS,
        kind="MINI_PROGRAM",
        remaining=1,
        limited_by="BOUND_AT_ONCE",
        components=SHARED_MINI_PROGRAMS_ANSWER,
    ),
    LimitCase(
        name="02 same and related subjects share 50 mini programs: asked for the related",
        bound=SHARED_MINI_PROGRAMS,
        kind="MINI_PROGRAM",
        relation="RELATED",
        remaining=1,
        limited_by="BOUND_AT_ONCE",
        components=SHARED_MINI_PROGRAMS_ANSWER,
    ),
    LimitCase(
        name="03 of different subjects, existence bites before the month does",
        bound=(
            Accounts(number=2, kind="MINI_PROGRAM", relation="DIFFERENT"),
            Accounts(number=2, kind="MINI_PROGRAM", relation="DIFFERENT", starts=THIS_MONTH),
        ),
        kind="MINI_PROGRAM",
        relation="DIFFERENT",
        remaining=1,
        limited_by="BOUND_AT_ONCE",
        components=(at_once(MINI_PROGRAM_DIFFERENT, 5, 4, 1), this_month(MINI_PROGRAM_NEW, 5, 2, 3, effect="LOWERS"), wall(4, 96)),
    ),
    LimitCase(
        name="04 unbinding gives no monthly binding back",
        bound=FIVE_NEW_THREE_GONE,
        kind="SERVICE_ACCOUNT",
        relation="DIFFERENT",
        remaining=0,
        limited_by="NEW_THIS_MONTH",
        components=(at_once(OFFICIAL_DIFFERENT, 5, 2, 3), this_month(OFFICIAL_NEW, 5, 5, 0, effect="REFUSES"), wall(2, 98)),
    ),
    LimitCase(
        name="05 one month later the month's bindings are back",
        bound=FIVE_NEW_THREE_GONE,
        now=MID_APRIL,
        kind="SERVICE_ACCOUNT",
        relation="DIFFERENT",
        remaining=3,
        limited_by="BOUND_AT_ONCE",
        components=(
            at_once(OFFICIAL_DIFFERENT, 5, 2, 3),
            this_month(OFFICIAL_NEW, 5, 0, 5, effect="REFUSES", resets_at=MAY_BEGINS),
            wall(2, 98),
        ),
    ),
    LimitCase(
        name="06 mini games have a quota of their own and no wall",
        bound=(Accounts(number=52, kind="MINI_GAME"),),
        kind="MINI_GAME",
        remaining=48,
        limited_by="BOUND_AT_ONCE",
        components=(at_once(MINI_GAME_SAME, 100, 52, 48),),
    ),
    LimitCase(
        name="07 subscription and service accounts share 50",
        bound=(Accounts(number=30, kind="SUBSCRIPTION_ACCOUNT"), Accounts(number=19, kind="SERVICE_ACCOUNT")),
        kind="SERVICE_ACCOUNT",
        remaining=1,
        limited_by="BOUND_AT_ONCE",
        components=(at_once(OFFICIAL_SAME, 50, 49, 1), wall(49, 51)),
    ),
    LimitCase(
        name="08 an unqualified account made by API binds 5 by API",
        bound=(Accounts(number=5, kind="MINI_PROGRAM", path="API"),),
        is_qualified=False,
        created_via="API",
        kind="MINI_PROGRAM",
        path="API",
        remaining=0,
        limited_by="API_PATH",
        components=(at_once(MINI_PROGRAM_SAME, 50, 5, 45), wall(5, 95, effect="REFUSES"), by_api(API_MADE_UNQUALIFIED, 5, 5, 0)),
    ),
    LimitCase(
        name="09 an unqualified account binds no official account",
        is_qualified=False,
        kind="SERVICE_ACCOUNT",
        remaining=0,
        limited_by="QUALIFICATION",
        components=(at_once(OFFICIAL_SAME, 50, 0, 50), wall(0, 100), qualification(UNQUALIFIED_OFFICIAL, 0, 0, 0)),
    ),
    LimitCase(
        name="10 an unqualified account creates 10 mobile apps",
        bound=(Accounts(number=9, kind="MOBILE_APP"),),
        is_qualified=False,
        kind="MOBILE_APP",
        remaining=1,
        limited_by="QUALIFICATION",
        components=(at_once(MOBILE_SAME, 50, 9, 41), qualification(UNQUALIFIED_MOBILE, 10, 9, 1)),
    ),
    LimitCase(
        name="11 by API the wall of 100 refuses, as the quota of 50 does",
        bound=(Accounts(number=50, kind="SERVICE_ACCOUNT"), Accounts(number=50, kind="MINI_PROGRAM")),
        kind="SERVICE_ACCOUNT",
        path="API",
        remaining=0,
        limited_by="BOUND_AT_ONCE",
        components=(at_once(OFFICIAL_SAME, 50, 50, 0), wall(100, 0, effect="REFUSES"), by_api(API_QUALIFIED, 50, 50, 0)),
    ),
    LimitCase(
        name="12 a lapsed qualification leaves 0, never less, and dissolves nothing",
        bound=(Accounts(number=30, kind="MINI_PROGRAM"),),
        qualified_until="2026-02-28",
        kind="MINI_PROGRAM",
        remaining=0,
        limited_by="QUALIFICATION",
        components=(at_once(MINI_PROGRAM_SAME, 50, 30, 20), wall(30, 70), qualification(UNQUALIFIED_MINI_PROGRAM, 5, 30, 0)),
    ),
    LimitCase(
        name="13 an unknown subject counts as a different one",
        bound=(
            Accounts(number=2, kind="MINI_PROGRAM", relation="DIFFERENT"),
            Accounts(number=1, kind="MINI_PROGRAM", relation="UNKNOWN"),
        ),
        kind="MINI_PROGRAM",
        relation="UNKNOWN",
        remaining=2,
        limited_by="BOUND_AT_ONCE",
        components=(
            at_once(MINI_PROGRAM_DIFFERENT, 5, 3, 2, "subject_unknown"),
            this_month(MINI_PROGRAM_NEW, 5, 0, 5, effect="LOWERS"),
            wall(3, 97),
        ),
    ),
    LimitCase(
        name="14 ten website apps are all there may be",
        bound=(Accounts(number=10, kind="WEBSITE_APP"),),
        kind="WEBSITE_APP",
        remaining=0,
        limited_by="BOUND_AT_ONCE",
        components=(at_once(WEBSITE_SAME, 10, 10, 0),),
    ),
)
