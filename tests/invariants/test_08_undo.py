"""Invariant 8: adding evidence and retracting it, or deciding and revoking, leaves everything as it was."""

from __future__ import annotations

import pytest

from graph.evidence import ResolutionSource, Said
from graph.link import By, ExternalLink, link_external_ids
from graph.node import Key
from graph.record import Row as GivenRow
from graph.record import record_resolutions
from graph.results import Outcome
from graph.steward import retract_evidence, revoke_decision
from tests.invariants.desk import WORD, Desk
from tests.invariants.told import Told
from tests.resolver.facts import Name
from tests.resolver.names import external
from tests.resolver.operations import Row

pytestmark = pytest.mark.histories
LATE = 90_000
"""Later than everything in a history, so that nobody's first sight moves."""


async def decided_and_revoked_is_as_before(desk: Desk) -> None:
    """Make a few decisions, one upon another, and revoke them in another order."""
    before, standing = await desk.state(), await desk.standing()
    made = {}
    for _ in range(desk.chance.randint(1, 3)):
        ruling = await desk.decided(await desk.something())
        if ruling and ruling.decision and ruling.decision.key not in standing:
            made[ruling.decision.id] = ruling
            desk.tenant.tally["changes"] += bool(ruling.effect.after)
    for decision in desk.chance.sample(sorted(made), len(made)):
        await revoke_decision(desk.tenant, decision, WORD)
    assert before == await desk.state()


async def added_and_retracted_is_as_before(desk: Desk) -> None:
    """Say something new of somebody who is known, then take it back; let it count again, and take it back for good."""
    before = await desk.state()
    rows = [one for one in desk.story.operations if isinstance(one, Row) and desk.names.key(one.seen.who) in before.people]
    who, other = desk.chance.choice(rows).seen.who, desk.chance.choice(rows)
    texts: list[Name] = [("text", "", other.seen.text)] if other.seen.text else []
    said = desk.chance.choice([*other.exts, *texts] or [("ext", "member", "new")])
    if await _is_said(desk, who, said):
        return
    evidence = await _say(desk, who, said)
    during = await desk.state()
    desk.tenant.tally["changes"] += during != before
    ruling = await retract_evidence(desk.tenant, f"evd_{evidence}", WORD)
    assert before == await desk.state()
    assert ruling.decision
    if ruling.decision.decided < desk.tenant.now():  # it was retracted before it was said
        assert during == before
        return
    await revoke_decision(desk.tenant, ruling.decision.id, WORD)
    assert during == await desk.state()
    await retract_evidence(desk.tenant, f"evd_{evidence}", WORD)
    assert before == await desk.state()


def _key(desk: Desk, who: Name, said: Name, source: ResolutionSource) -> Key:
    kind = Said.RESOLVED_AS if said[0] == "text" else Said.CLAIMS
    return desk.tenant.keys.evidence(kind.value, desk.names.key(who), desk.names.key(said), source.value)


async def _is_said(desk: Desk, who: Name, said: Name) -> bool:
    """Whether anybody has said it before."""
    keys = [_key(desk, who, said, source) for source in ResolutionSource]
    return any(await desk.tenant.store.evidence(desk.tenant.name, keys))


async def _say(desk: Desk, who: Name, said: Name) -> Key:
    """An OpenID came with a UnionID, or was given an external id; gives the evidence's key."""
    if said[0] == "ext":
        link = ExternalLink(customer=By(open_id=who[1:]), external_id=external(said), observed=LATE)
        (result,) = await link_external_ids(desk.tenant, [link])
        source = ResolutionSource.MANUAL
    else:
        source = desk.chance.choice(list(ResolutionSource))
        row = GivenRow(app_id=who[1], open_id=who[2], union_id=said[2], observed=LATE, source=source)
        (result,) = await record_resolutions(desk.tenant, [row])
    assert Outcome.REJECTED is not result.outcome
    return _key(desk, who, said, source)


async def test_08_decided_and_revoked_is_as_before(told: Told) -> None:
    """A steward's decisions, whatever they did, leave no trace in who is who and what is in conflict once they are revoked."""
    await told.hold(decided_and_revoked_is_as_before, worth="changes")


async def test_08_added_and_retracted_is_as_before(told: Told) -> None:
    """Evidence that was retracted leaves no trace, and counts again as if nothing had been when the decision is revoked."""
    await told.hold(added_and_retracted_is_as_before, worth="changes")
