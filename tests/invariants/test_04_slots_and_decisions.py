"""Invariant 4: slots hold but for what a SAME joined, no DIFFERENT pair shares a customer, and a SAME never separates anybody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from graph.decisions import Decision, DecisionKind
from graph.node import Key
from graph.partition import Partition
from graph.state import EvidenceKind, Label, Member
from tests.invariants.desk import Desk, Group
from tests.invariants.told import Told
from tests.resolver.facts import Rules

pytestmark = pytest.mark.histories


async def slots_and_decisions_hold(desk: Desk) -> None:
    """Count what each account and customer holds; then see that nobody is apart who would be together if no SAME stood."""
    groups, decisions = await desk.groups(), await desk.decisions()
    for group in groups:
        _within_slots(group, desk.story.world.rules)
    _apart([one for one in decisions if one.kind is DecisionKind.DIFFERENT], groups)
    desk.tenant.tally["SAMEs"] += sum(one.kind is DecisionKind.SAME for one in decisions)
    with_sames = (await desk.state()).people
    without = await desk.rebuilt([one for one in decisions if one.kind is not DecisionKind.SAME])
    together: dict[Key, set[Key]] = defaultdict(set)
    for key, (_, customer) in without.people.items():
        together[customer].add(with_sames[key][1])
    assert all(len(customers) == 1 for customers in together.values())


def _within_slots(group: Group, rules: Rules) -> None:
    """One OpenID for each touchpoint and one UnionID for each platform in an account; of a namespace what the policy allows."""
    for account in _accounts(group.members):
        assert set(Counter((member.label, member.scope) for member in account).values()) <= {1}
    for part in _without_sames(group):
        values = Counter(member.scope for member in part if member.label is Label.EXTERNAL_ID)
        assert all(count <= (rules.most[namespace] or count) for namespace, count in values.items())


def _apart(different: Iterable[Decision], groups: Iterable[Group]) -> None:
    """No two whom a decision keeps apart have one customer; a UnionID's text stands for all that have it."""
    named: dict[Key, set[Key]] = defaultdict(set)
    for member in (member for group in groups for member in group.members):
        named[member.names[0]].add(member.customer)
    assert all(named[one.a].isdisjoint(named[one.b]) for one in different)


def _accounts(members: Iterable[Member]) -> Iterable[list[Member]]:
    found: dict[Key, list[Member]] = defaultdict(list)
    for member in members:
        if member.account:
            found[member.account].append(member)
    return found.values()


def _without_sames(group: Group) -> list[list[Member]]:
    """What of a customer hangs together by evidence alone."""
    here = {member.key: member for member in group.members}
    evidence = [(step.a, step.b) for step in group.steps if step.kind is not EvidenceKind.DECLARED_SAME]
    return [[here[key] for key in keys] for keys in Partition.by_pairs(here, evidence).classes()]


async def test_04_slots_and_decisions_hold(told: Told) -> None:
    """Whatever was said, in whatever order: policy and stewards are obeyed, and a SAME only ever joins."""
    await told.hold(slots_and_decisions_hold, worth="SAMEs")
