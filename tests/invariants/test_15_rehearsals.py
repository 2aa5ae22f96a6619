"""Invariant 15: what a dry run says is what the real call does. Here of decisions, and that no dry run is left out."""

from __future__ import annotations

import re

import pytest

from app.api.schema import schema
from graph.steward import revoke_decision
from tests.invariants.desk import REHEARSED, WORD, Desk, difference
from tests.invariants.told import Told

pytestmark = pytest.mark.histories
TRIED = {
    "DeclareSame": "here",
    "DeclareDifferent": "here",
    "RetractEvidence": "here",
    "RevokeDecision": "here",
    "EraseCustomer": "test_11_erasure.py",
    "SetIdentityPolicy": "test_15_policy_changes.py",
}
"""Every mutation with a dry run, and where it is followed by the real call; tests/stateful/ does so through GraphQL."""


async def a_rehearsal_foretells(desk: Desk) -> None:
    """Rehearse a decision, make it, rehearse its revocation, revoke it; each time compare with who changed, counted plainly."""
    standing = await desk.standing()
    before, ids = await desk.state(), await desk.ids()
    decide = await desk.something()
    foretold = await desk.decided(decide, REHEARSED)
    assert (before, standing) == (await desk.state(), await desk.standing())
    real = await desk.decided(decide)
    if foretold is None or real is None or decide is None:
        assert foretold is real is None
        return
    after, ids = await desk.state(), ids | await desk.ids()
    assert foretold.effect == real.effect == difference(before, after, ids)
    desk.tenant.tally["effects"] += bool(real.effect.after)
    assert real.decision
    if real.decision.key in standing:
        return
    foretold = await revoke_decision(desk.tenant, real.decision.id, REHEARSED)
    assert (after, real.decision) == (await desk.state(), foretold.decision)
    real = await revoke_decision(desk.tenant, real.decision.id, WORD)
    assert foretold.effect == real.effect == difference(after, before, ids)


async def test_15_a_rehearsal_foretells(told: Told) -> None:
    """A dry run changes nothing, and what it foretells of a decision or its revocation comes true to the letter."""
    await told.hold(a_rehearsal_foretells, worth="effects")


def test_15_no_dry_run_is_left_out() -> None:
    """Whatever the API offers to rehearse is rehearsed in a test."""
    assert TRIED.keys() == set(re.findall(r"^input (\w+)Input \{[^}]*?^  dryRun:", schema.as_str(), re.MULTILINE))
