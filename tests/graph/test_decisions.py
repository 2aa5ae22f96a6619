"""Which standing decisions forbid a new one, by hand, and for decisions at random."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from graph.decisions import Decision, DecisionKind, contradiction
from graph.node import Key

SAME, DIFFERENT, RETRACT = DecisionKind


def decision(text: str, decided: int = 0) -> Decision:
    """`a=b` for SAME, `a!b` for DIFFERENT, `a?b` for RETRACT; its key is the text."""
    kind = {"=": SAME, "!": DIFFERENT, "?": RETRACT}[text[1]]
    return Decision(key=Key(text), kind=kind, a=Key(text[0]), b=Key(text[2]), reason="x", author="x", decided=decided)


def named(new: str, standing: str) -> str:
    """What a new decision is refused with, after these, oldest first."""
    return " ".join(one.key for one in contradiction(decision(new), [decision(text, at) for at, text in enumerate(standing.split())]))


@pytest.mark.parametrize(
    "new, standing, expected",
    [
        ("a!b", "", ""),
        ("a=b", "", ""),
        ("a!b", "a=b", "a=b"),
        ("b!a", "a=b", "a=b"),
        ("a=b", "a!b", "a!b"),
        ("a!c", "x=a a=b b=c", "a=b b=c"),  # the oldest SAME of all is off the way
        ("a!d", "a=b b=c c=d a=e e=d", "a=e e=d"),  # the shortest way, although it is the newest
        ("a!d", "a=c c=d a=b b=d", "a=c c=d"),  # as long as the other, and older
        ("a!b", "a=c d=b", ""),
        ("a=b", "a=c d=b c!d", "c!d a=c d=b"),
        ("a=b", "d=b d!c c=a x=a", "d!c c=a d=b"),  # its sides the other way round, and a SAME off the way
        ("a=b", "a=c c=d d!b a!b", "a!b"),  # the DIFFERENT with the fewest SAMEs
        ("a=b", "a=c c!b d!b a=d", "c!b a=c"),  # of two alike the older one
        ("a=b", "x=y y!z", ""),
        ("a=b", "a!c", ""),
        ("a?b", "a=b", ""),
        ("a!b", "a?b", ""),
    ],
)
def test_what_forbids_a_decision_is_named(new: str, standing: str, expected: str) -> None:
    """Named are the DIFFERENT and every SAME of the shortest way between its sides, and none beside these."""
    assert expected == named(new, standing)


def test_what_is_revoked_forbids_nothing() -> None:
    """Neither does a revoked decision forbid, nor is one forbidden."""
    new, other = decision("a!b"), decision("a=b")
    assert [] == contradiction(new, [replace(other, revoked=1)])
    assert [] == contradiction(replace(new, revoked=1), [other])


@pytest.mark.parametrize("seed", range(50))
def test_revoking_any_one_of_them_opens_the_way(seed: int) -> None:
    """Where only one way leads from each to each, revoking any one of those named lets the decision be made, and of others none does."""
    chance = Random(seed)
    groups = {key: key for key in "abcdefgh"}
    standing: list[Decision] = []
    for at in range(14):
        one, other = chance.sample(sorted(groups), 2)
        made = decision(f"{one}{chance.choice('=!')}{other}", at)
        if contradiction(made, standing) or (made.kind is SAME and groups[one] == groups[other]):
            continue
        standing.append(made)
        if made.kind is SAME:
            groups = {key: groups[one] if group == groups[other] else group for key, group in groups.items()}
    apart = [one for one in standing if one.kind is DIFFERENT]
    for new in (decision(f"{a}!{b}") for a in groups for b in groups if a != b):
        forbidding = contradiction(new, standing)
        assert bool(forbidding) is (groups[new.a] == groups[new.b])
        opening = [one for one in standing if not contradiction(new, [other for other in standing if other is not one])]
        assert not forbidding or sorted(one.key for one in forbidding) == sorted(one.key for one in opening)
    for new in (decision(f"{a}={b}") for a in groups for b in groups if a != b):
        met = [one for one in apart if {groups[one.a], groups[one.b]} == {groups[new.a], groups[new.b]}]
        forbidding = contradiction(new, standing)
        assert bool(forbidding) is bool(met)
        if len(met) == 1:
            opening = [one for one in standing if not contradiction(new, [other for other in standing if other is not one])]
            assert sorted(one.key for one in forbidding) == sorted(one.key for one in opening)
