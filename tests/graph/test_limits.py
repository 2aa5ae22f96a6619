"""WeChat's binding limits: the worked cases, and the rules behind them, on the pure functions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count

import pytest

from graph.bindings import BindingPath, SubjectRelation, TouchpointKind
from graph.limits import Bound, LimitAvailability, LimitComponent, LimitComponentKind, PlatformFacts, binding_limits, china_day
from graph.node import FOR_EVER
from tests.graph.limit_cases import CASES, Accounts, Component, LimitCase
from tests.graph.limit_samples import (
    API,
    CONSOLE,
    DIFFERENT,
    GAME,
    MINI,
    MOBILE,
    NOW,
    PLATFORM,
    RELATED,
    SAME,
    SERVICE,
    UNKNOWN,
    at,
    bound,
    component,
    limit,
    override,
    platform,
    rules,
)


def case_facts(case: LimitCase) -> PlatformFacts:
    """What a worked case registers."""
    keys = count()
    until = date.fromisoformat(case.qualified_until) if case.qualified_until else None
    return PlatformFacts(
        is_qualified=case.is_qualified and (until is None or china_day(at(case.now)) <= until),
        qualified_until=until,
        created_via=BindingPath(case.created_via),
        bound=tuple(_one(accounts, next(keys)) for accounts in case.bound for _ in range(accounts.number)),
    )


def _one(accounts: Accounts, number: int) -> Bound:
    return bound(
        TouchpointKind(accounts.kind),
        SubjectRelation(accounts.relation),
        key=f"{number:03}",
        starts=at(accounts.starts),
        ends=at(accounts.ends) if accounts.ends else FOR_EVER,
        path=BindingPath(accounts.path),
    )


def _seen(one: LimitComponent) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "limit": one.limit,
        "used": one.used,
        "remaining": one.remaining,
        "effect": one.effect.value,
        "resets_at": one.resets_at,
        "rule": one.rule.name,
        "value": one.rule.value,
        "certainty": one.rule.certainty.value,
        "source": one.rule.source,
        "as_of": one.rule.as_of,
        "notes": [note.partition(":")[0] for note in (one.note or "").splitlines()],
    }


def _expected(one: Component) -> dict[str, object]:
    return {
        "kind": one.kind,
        "limit": one.limit,
        "used": one.used,
        "remaining": one.remaining,
        "effect": one.effect,
        "resets_at": datetime.fromisoformat(one.resets_at) if one.resets_at else None,
        "rule": one.rule.name,
        "value": one.limit,
        "certainty": one.rule.certainty,
        "source": one.rule.source,
        "as_of": date.fromisoformat(one.rule.as_of),
        "notes": [*one.rule.notes, *one.more_notes],
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_worked_case(case: LimitCase) -> None:
    """Each worked case gives what remains, what limits it, and every component with its source."""
    found = limit(case_facts(case), TouchpointKind(case.kind), SubjectRelation(case.relation), BindingPath(case.path), now=at(case.now))
    assert [_expected(one) for one in case.components] == [_seen(one) for one in found.components]
    assert (case.remaining, case.limited_by) == (found.remaining, found.limited_by and found.limited_by.value)
    assert LimitAvailability.LIMITED is found.availability


def test_every_quota_relation_and_path_has_a_limit() -> None:
    """An account has 9 quotas, each for same and different subjects, in the console and by API, each with its own id."""
    limits = binding_limits(PLATFORM, platform(), rules(), NOW)
    assert 9 * 2 * 2 == len(limits) == len({one.id for one in limits})
    assert "lim_platform_OFFICIAL_ACCOUNT_DIFFERENT_API" in {one.id for one in limits}
    ids = [part.id for one in limits for part in one.components]
    assert len(ids) == len(set(ids))
    assert "lim_platform_MINI_PROGRAM_SAME_CONSOLE_TOTAL_WALL" in ids


@pytest.mark.parametrize("is_qualified", [True, False])
@pytest.mark.parametrize("created_via", BindingPath)
def test_components_are_one_of_a_kind(*, is_qualified: bool, created_via: BindingPath) -> None:
    """A limit has at most one component of each kind, in the order of the kinds; API_PATH always by API, and only there."""
    order = list(LimitComponentKind)
    for one in binding_limits(PLATFORM, platform(is_qualified=is_qualified, created_via=created_via), rules(), NOW):
        places = [order.index(part.kind) for part in one.components]
        assert sorted(set(places)) == places
        assert (one.path is API) == (LimitComponentKind.API_PATH in {part.kind for part in one.components})
        assert (one.path is CONSOLE and not is_qualified) == (LimitComponentKind.QUALIFICATION in {part.kind for part in one.components})


def test_the_whole_table() -> None:
    """A qualified account with nothing bound leaves what WeChat's table says, by kind, for same and different subjects in the console."""
    table = {
        "MINI_PROGRAM": (50, 5),
        "MINI_GAME": (100, 5),
        "SUBSCRIPTION_ACCOUNT": (50, 5),
        "SERVICE_ACCOUNT": (50, 5),
        "OFFICIAL_TEST_ACCOUNT": (5, 0),
        "MOBILE_APP": (50, 0),
        "WEBSITE_APP": (10, 0),
        "STORE": (10, 0),
        "STORE_TALENT": (10, 0),
        "STORE_AGENCY": (10, 0),
    }
    found = {kind.value: tuple(limit(platform(), kind, relation).remaining for relation in (SAME, DIFFERENT)) for kind in TouchpointKind}
    assert table == found


def test_the_whole_table_unqualified() -> None:
    """An unqualified account may have 5 mini programs, 10 mobile apps and 10 website apps of its own subject, and nothing else."""
    table = dict.fromkeys(TouchpointKind, (0, 0)) | {MINI: (5, 0), MOBILE: (10, 0), TouchpointKind.WEBSITE_APP: (10, 0)}
    facts = platform(is_qualified=False)
    assert table == {kind: tuple(limit(facts, kind, relation).remaining for relation in (SAME, DIFFERENT)) for kind in TouchpointKind}


def test_a_guess_is_marked() -> None:
    """Stores and agencies have a number that no source gives: their limit is UNKNOWN, that of talents is not."""
    unknown = {kind for kind in TouchpointKind if limit(platform(), kind).availability is LimitAvailability.UNKNOWN}
    assert {TouchpointKind.STORE, TouchpointKind.STORE_AGENCY} == unknown


@pytest.mark.parametrize("kind", [MINI, SERVICE])
def test_a_related_subject_does_not_bind_by_api(kind: TouchpointKind) -> None:
    """By API only the very same subject binds: a related one meets the limit of different subjects, which is 0, with a note."""
    related = limit(platform(), kind, RELATED, API)
    assert (DIFFERENT, 0, LimitComponentKind.API_PATH) == (related.relation, related.remaining, related.limited_by)
    assert (component(related, LimitComponentKind.API_PATH).note or "").startswith("api_same_subject_only:")
    assert 50 == limit(platform(), kind, RELATED, CONSOLE).remaining


def test_the_api_knows_official_accounts_and_mini_programs_only() -> None:
    """Of any other kind nothing binds by API."""
    refused = {kind for kind in TouchpointKind if limit(platform(), kind, SAME, API).remaining == 0}
    assert set(TouchpointKind) - {MINI, SERVICE, TouchpointKind.SUBSCRIPTION_ACCOUNT} == refused
    assert LimitComponentKind.API_PATH is limit(platform(), GAME, SAME, API).limited_by


def test_an_unqualified_account_of_the_console_binds_nothing_by_api() -> None:
    """The API refuses an unqualified account that was registered in the console, and allows one made by API 5 of both kinds together."""
    assert 0 == limit(platform(is_qualified=False), MINI, SAME, API).remaining
    made = platform(bound(MINI), bound(SERVICE), is_qualified=False, created_via=API)
    assert [3, 3] == [limit(made, kind, SAME, API).remaining for kind in (MINI, SERVICE)]


def test_the_wall_warns_in_the_console() -> None:
    """With 100 bound the wall leaves 0 of its own and takes nothing from the console's; it counts test accounts, not games."""
    test_account = TouchpointKind.OFFICIAL_TEST_ACCOUNT
    facts = platform(*[bound(MINI)] * 49, *[bound(SERVICE)] * 46, *[bound(test_account)] * 5, *[bound(GAME)] * 7)
    console, api = limit(facts, SERVICE), limit(facts, SERVICE, SAME, API)
    assert (100, 0) == (component(console, LimitComponentKind.TOTAL_WALL).used, component(console, LimitComponentKind.TOTAL_WALL).remaining)
    assert (4, LimitComponentKind.BOUND_AT_ONCE) == (console.remaining, console.limited_by)
    assert (0, LimitComponentKind.TOTAL_WALL) == (api.remaining, api.limited_by)


def test_ties_are_named_in_order() -> None:
    """Where existence and the month leave the same, existence is named; where the wall and the API do, the wall."""
    new = [bound(MINI, DIFFERENT, starts=at("2026-03-02T00:00:00Z"))] * 3
    tied = limit(platform(*new), MINI, DIFFERENT)
    assert (2, LimitComponentKind.BOUND_AT_ONCE) == (tied.remaining, tied.limited_by)
    assert [2, 2] == [one.remaining for one in tied.components[:2]]
    applying = rules(override("total_wall", 40), override("api_qualified", 40))
    assert LimitComponentKind.TOTAL_WALL is limit(platform(), MINI, SAME, API, applying=applying).limited_by


def test_nothing_is_ever_below_zero() -> None:
    """More than the rule allows leaves 0, and what is bound stays counted."""
    over = limit(platform(*[bound(MINI)] * 53), MINI)
    assert (50, 53, 0) == (over.limit, over.used, over.remaining)
    assert 0 == over.components[0].remaining


@pytest.mark.parametrize(
    "starts, used",
    [
        ("2025-12-31T15:59:59.999+00:00", 0),
        ("2025-12-31T16:00:00+00:00", 1),
        ("2026-01-31T15:59:59.999+00:00", 1),
        ("2026-01-31T16:00:00+00:00", 0),
    ],
)
def test_the_month_is_that_of_china(starts: str, used: int) -> None:
    """January lasts from 16:00 UTC on 31 December to 16:00 UTC on 31 January, the end not included."""
    january = limit(platform(bound(SERVICE, DIFFERENT, starts=at(starts))), SERVICE, DIFFERENT, now=at("2026-01-31T15:59:59.999+00:00"))
    monthly = component(january, LimitComponentKind.NEW_THIS_MONTH)
    assert (used, datetime(2026, 1, 31, 16, tzinfo=UTC)) == (monthly.used, monthly.resets_at)


def test_the_month_begins_anew_at_midnight_in_china() -> None:
    """At 16:00 UTC on 31 January it is February in China: the count is 0 and the next one begins on 28 February at 16:00 UTC."""
    facts = platform(bound(SERVICE, DIFFERENT, starts=at("2026-01-31T15:59:59.999+00:00")))
    february = component(limit(facts, SERVICE, DIFFERENT, now=at("2026-01-31T16:00:00+00:00")), LimitComponentKind.NEW_THIS_MONTH)
    assert (0, datetime(2026, 2, 28, 16, tzinfo=UTC)) == (february.used, february.resets_at)
    assert date(2026, 1, 31) == china_day(at("2026-01-31T15:59:59.999+00:00"))
    assert date(2026, 2, 1) == china_day(at("2026-01-31T16:00:00+00:00"))


def test_the_month_counts_the_subject_of_that_day() -> None:
    """An affiliation that ended since does not make a past binding one of a different subject; what is bound now counts by today's."""
    was_related = bound(MINI, DIFFERENT, then=RELATED, starts=at("2026-03-02T00:00:00Z"))
    found = limit(platform(was_related), MINI, DIFFERENT)
    assert (1, 0) == (found.components[0].used, component(found, LimitComponentKind.NEW_THIS_MONTH).used)


def test_binding_twice_is_two_new_bindings() -> None:
    """A touchpoint unbound and bound again within a month uses up two of the month's bindings."""
    first = bound(SERVICE, DIFFERENT, starts=at("2026-03-02T00:00:00Z"), ends=at("2026-03-03T00:00:00Z"))
    again = bound(SERVICE, DIFFERENT, starts=at("2026-03-04T00:00:00Z"))
    found = limit(platform(first, again), SERVICE, DIFFERENT)
    assert (1, 2) == (found.components[0].used, component(found, LimitComponentKind.NEW_THIS_MONTH).used)


def test_what_holds_since_ever_is_no_new_binding() -> None:
    """A binding without a known beginning is bound now and new in no month."""
    found = limit(platform(bound(SERVICE, DIFFERENT)), SERVICE, DIFFERENT)
    assert (1, 0) == (found.components[0].used, component(found, LimitComponentKind.NEW_THIS_MONTH).used)


def test_an_ended_binding_frees_its_place() -> None:
    """What ended is not bound now; from the very instant of its end on its place is free."""
    facts = platform(bound(MINI, ends=NOW))
    assert [1, 0] == [limit(facts, MINI, now=now).used for now in (NOW - 1, NOW)]


def test_asking_for_an_unknown_subject_says_so() -> None:
    """The limit that an unknown subject meets carries the note even while none is bound; that of a different subject does not."""
    assert "subject_unknown: " in (limit(platform(), MINI, UNKNOWN).components[0].note or "")
    assert "subject_unknown" not in (limit(platform(), MINI, DIFFERENT).components[0].note or "")
