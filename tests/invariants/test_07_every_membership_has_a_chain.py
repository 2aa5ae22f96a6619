"""Invariant 7: every two identifiers of one customer hang together by live evidence and SAMEs, and by nothing else."""

from __future__ import annotations

from itertools import combinations

import pytest

from graph.state import EvidenceKind
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.operations import said

pytestmark = pytest.mark.histories


async def every_membership_has_a_chain(desk: Desk) -> None:
    """Look for a way from everybody to everybody in each customer, and at what each step rests on."""
    everything = said(desk.story.operations)
    retracted = {frozenset(map(desk.names.key, (one.a, one.b))) for one in everything.decided if one.kind == "RETRACT"}
    standing = await desk.standing()
    for group in await desk.groups():
        here = {member.key: member for member in group.members}
        chains = group.chains
        for one, other in combinations(sorted(here), 2):
            way = chains.between(one, other)
            assert way
            desk.tenant.tally["chains"] += 1
            at = one
            for step in way:
                assert at in {step.a, step.b}
                at = step.b if at == step.a else step.a
            assert other == at
        for step in group.steps:
            a, b = here[step.a], here[step.b]
            if step.kind is EvidenceKind.DECLARED_SAME:
                assert step.evidence in standing
                desk.tenant.tally["SAMEs"] += 1
                continue
            assert (step.kind is EvidenceKind.CLAIMS) or a.account == b.account
            assert ("", "") == (a.crowded, b.crowded)
            assert frozenset((a.names[0], b.names[0])) not in retracted


async def test_07_every_membership_has_a_chain(told: Told) -> None:
    """Whatever was said, in whatever order: nobody is in a customer without a reason that the product can tell."""
    await told.hold(every_membership_has_a_chain, worth="chains")
