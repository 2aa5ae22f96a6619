"""The binding rules as data: overrides, and what every rule says of itself."""

from __future__ import annotations

from datetime import date
from itertools import product

from graph.bindings import BindingPath
from graph.limits import Certainty, LimitAvailability, Rules, binding_limits
from graph.node import Key
from tests.graph.limit_samples import (
    MINI,
    NOW,
    OTHER_PLATFORM,
    PLATFORM,
    bound,
    limit,
    override,
    platform,
    rules,
)


def test_an_override_for_one_account_beats_one_for_all() -> None:
    """Of overrides the account's own counts, else the tenant's; of two alike the later; one for another account does not matter."""
    everywhere, later = override("mini_program_same", 60), override("mini_program_same", 61, made="2026-02-02T00:00:00Z")
    own = override("mini_program_same", 70, of=PLATFORM, made="2026-01-01T00:00:00Z")
    elsewhere = override("mini_program_same", 80, of=OTHER_PLATFORM)
    assert 70 == rules(everywhere, own, later, elsewhere)["mini_program_same"].value
    assert 61 == rules(later, elsewhere, everywhere)["mini_program_same"].value
    assert 61 == Rules.with_overrides([own, later, everywhere], Key(""))["mini_program_same"].value
    assert 50 == rules(elsewhere)["mini_program_same"].value


def test_an_overridden_rule_tells_both_values() -> None:
    """An overridden rule keeps our value and source beside the operator's, and is dated and as sure as the operator's word."""
    rule = rules(override("mini_program_same", 70, made="2026-01-31T16:00:00Z"))["mini_program_same"]
    assert (70, 50, True) == (rule.value, rule.default_value, rule.is_overridden)
    assert (Certainty.REPORTED, date(2026, 2, 1)) == (rule.certainty, rule.as_of)
    first, second = rule.source.splitlines()
    assert "Override by operations, 2026-02-01: WeChat's service desk told us so." == first
    assert second.startswith("Default: WeChat Open Platform, page 开放平台绑定应用账号 (not before 2025-11-28): 50 mini programs")
    untouched = rules()["mini_program_same"]
    assert (50, 50, False) == (untouched.value, untouched.default_value, untouched.is_overridden)


def test_overrides_change_what_remains() -> None:
    """A lower value lowers what remains, 0 forbids, and a raised month can make existence the tighter one."""
    facts = platform(bound(MINI))
    assert 2 == limit(facts, MINI, applying=rules(override("mini_program_same", 3))).remaining
    assert 0 == limit(facts, MINI, applying=rules(override("mini_program_same", 0))).remaining


def test_unlimited_leaves_any_number() -> None:
    """With its only refusing rule unlimited a limit leaves any number and nothing limits it, though the wall still warns."""
    free = limit(platform(bound(MINI)), MINI, applying=rules(override("mini_program_same", None, is_unlimited=True)))
    assert (None, None, None, LimitAvailability.UNLIMITED) == (free.remaining, free.limit, free.limited_by, free.availability)
    assert 1 == free.used
    assert (None, None, 1) == (free.components[0].limit, free.components[0].remaining, free.components[0].used)


def test_an_unknown_rule_is_recognised() -> None:
    """Rules are known by name; an override left over from a rule that no longer exists changes nothing."""
    assert {"mini_program_same", "total_wall", "api_made_unqualified"} <= Rules.names()
    assert "mini_programme_same" not in Rules.names()
    assert rules().listed == rules(override("mini_programme_same", 1)).listed


def test_every_rule_says_where_it_comes_from() -> None:
    """Each listed rule has an id, a source, a date, and a note that begins with a word for programs where it has one."""
    listed = rules().listed
    assert Rules.names() == {rule.name for rule in listed}
    for rule in listed:
        assert f"rule_{rule.name}" == rule.id
        assert rule.source.endswith(".")
        assert date(2024, 12, 30) <= rule.as_of <= date(2026, 11, 22)
        assert rule.note is None or rule.note.partition(": ")[0].replace("_", "").isalnum()


def test_every_rule_applies_somewhere() -> None:
    """No rule stands in the file without a limit that shows it."""
    states = [platform(is_qualified=qualified, created_via=via) for qualified, via in product((True, False), BindingPath)]
    shown = {part.rule.name for facts in states for one in binding_limits(PLATFORM, facts, rules(), NOW) for part in one.components}
    assert Rules.names() == shown
