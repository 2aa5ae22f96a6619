"""Which recorded bindings WeChat would have refused, as far as its rules are known."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from graph.bindings import TouchpointKind
from graph.limits import LimitOverride, PlatformFacts, over_limit
from graph.node import SINCE_EVER, Key, Millis
from tests.graph.limit_samples import API, DIFFERENT, MINI, MOBILE, RELATED, SAME, SERVICE, at, bound, override, platform, rules


def flagged(facts: PlatformFacts, *overrides: LimitOverride) -> set[str]:
    """The keys of the bindings that are over a limit."""
    return {one.key for one in facts.bound if over_limit(one.key, facts, rules(*overrides))}


def day(number: int) -> Millis:
    """A day of March 2026, at noon in China."""
    return at(f"2026-03-{number:02}T04:00:00Z")


def test_the_first_to_exceed_is_over() -> None:
    """Of six where five are allowed the sixth in time is over the limit, in whatever order they are stored."""
    six = [bound(MINI, DIFFERENT, key=str(number), starts=at(f"2026-0{number}-05T00:00:00Z")) for number in range(1, 7)]
    Random(7).shuffle(six)
    assert {"6"} == flagged(platform(*six))


@pytest.mark.parametrize("starts", [SINCE_EVER, day(5)])
def test_equal_times_count_in_the_order_of_keys(starts: Millis) -> None:
    """Of those that began together, or since ever, the last by key is over the limit."""
    keys = ["f", "b", "d", "a", "e", "c"]
    assert {"f"} == flagged(platform(*[bound(MINI, DIFFERENT, key=key, starts=starts) for key in keys]))


def test_a_place_freed_in_time_may_be_taken() -> None:
    """A binding that ended before, or at the very moment, does not stand in the way; one that ends a moment later does."""
    others = [bound(MINI, DIFFERENT, key=str(number)) for number in range(4)]
    leaving = bound(MINI, DIFFERENT, key="leaving", starts=at("2026-01-05T00:00:00Z"), ends=day(5))
    assert set() == flagged(platform(*others, leaving, bound(MINI, DIFFERENT, key="new", starts=day(5))))
    assert {"new"} == flagged(platform(*others, leaving, bound(MINI, DIFFERENT, key="new", starts=day(5) - 1)))


def test_the_month_refuses_official_accounts_and_not_mini_programs() -> None:
    """The sixth new official account of a month is over the limit though five were unbound; the sixth mini program is not."""
    for kind, over in ((SERVICE, {"6"}), (MINI, set())):
        brief = [bound(kind, DIFFERENT, key=str(number), starts=day(number), ends=day(number) + 1) for number in range(1, 7)]
        assert over == flagged(platform(*brief))


def test_another_month_is_another_count() -> None:
    """What was bound on 31 January in China does not weigh on what is bound on 1 February there."""
    january = [
        bound(
            SERVICE, DIFFERENT, key=str(number), starts=at("2026-01-31T15:59:59+00:00") + number, ends=at("2026-01-31T15:59:59.999+00:00")
        )
        for number in range(5)
    ]
    assert set() == flagged(platform(*january, bound(SERVICE, DIFFERENT, key="new", starts=at("2026-01-31T16:00:00+00:00"))))
    assert {"new"} == flagged(platform(*january, bound(SERVICE, DIFFERENT, key="new", starts=at("2026-01-31T15:59:59.999+00:00"))))


def test_the_wall_refuses_by_api_only() -> None:
    """The 101st account is over the limit if it was bound by API, and not if it was bound in the console."""
    hundred = [bound(kind, key=f"{kind.value} {number:02}") for kind, most in ((SERVICE, 49), (MINI, 46)) for number in range(most)]
    hundred += [bound(TouchpointKind.OFFICIAL_TEST_ACCOUNT, key=f"test {number}") for number in range(5)]
    assert set() == flagged(platform(*hundred, bound(SERVICE, key="new", starts=day(1))))
    assert {"new"} == flagged(platform(*hundred, bound(SERVICE, key="new", starts=day(1), path=API)))


def test_a_related_subject_by_api_is_over() -> None:
    """WeChat's API refuses a related subject from the first one on; the console does not."""
    facts = platform(bound(MINI, RELATED, key="console"), bound(MINI, RELATED, key="api", path=API))
    assert {"api"} == flagged(facts)


def test_the_subject_of_that_day_counts() -> None:
    """An affiliation that ended since does not put a binding over the limit."""
    once_related = [bound(MINI, DIFFERENT, then=RELATED, key=str(number), starts=day(number)) for number in range(1, 10)]
    assert set() == flagged(platform(*once_related))


def test_what_was_bound_before_the_qualification_lapsed_is_not_over() -> None:
    """Bindings made while the account was qualified are not over the limit of an unqualified one; those made later are."""
    while_qualified = [bound(MINI, key=f"{number:02}", starts=day(1) + number) for number in range(30)]
    after = bound(MINI, key="after", starts=day(9))
    lapsed = platform(bound(SERVICE, key="ever"), *while_qualified, after, is_qualified=False, qualified_until=date(2026, 3, 8))
    assert {"after"} == flagged(lapsed)


def test_an_account_never_qualified_is_over_from_the_start() -> None:
    """An account that never was qualified binds no official account, five mini programs and ten mobile apps."""
    apps = [bound(MOBILE, key=f"app {number:02}") for number in range(11)]
    minis = [bound(MINI, SAME, key=f"mini {number}") for number in range(6)]
    facts = platform(bound(SERVICE, key="official"), *apps, *minis, is_qualified=False)
    assert {"official", "app 10", "mini 5"} == flagged(facts)


def test_overrides_count() -> None:
    """With the limit overridden, another one is over it, or none."""
    three = [bound(MINI, key=str(number), starts=day(number)) for number in range(1, 4)]
    assert {"3"} == flagged(platform(*three), override("mini_program_same", 2))
    everything = [bound(MINI, DIFFERENT, key=str(number), starts=day(number)) for number in range(1, 8)]
    assert set() == flagged(platform(*everything), override("mini_program_different", None, is_unlimited=True))


def test_what_began_no_binding_is_not_over() -> None:
    """An assertion that repeats what was known begins no binding, so no limit speaks of it."""
    assert not over_limit(Key("unheard of"), platform(), rules())
