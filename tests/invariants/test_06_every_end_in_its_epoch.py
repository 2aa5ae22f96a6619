"""Invariant 6: each end of a roll-up lands in the epoch that covers it; where none does it waits, and is never guessed."""

from __future__ import annotations

import pytest

from graph.decisions import DecisionKind
from graph.evidence import Said
from tests.invariants.desk import Desk
from tests.invariants.told import Told
from tests.resolver.operations import Row, said
from tests.resolver.reference import epoch

pytestmark = pytest.mark.histories


async def every_end_is_in_its_epoch(desk: Desk) -> None:
    """Scope the first and the last time of every UnionID that came, by the plain word of the reference."""
    bound, waiting = said(desk.story.operations).bound, await desk.waiting()
    apps = {desk.names.key(row.seen.who): row.seen.who[1] for row in desk.story.operations if isinstance(row, Row)}
    retracted = [one.pair for one in await desk.decisions() if one.kind is DecisionKind.RETRACT]
    for stored in await desk.rollups():
        rollup = stored.rollup
        if rollup.said is not Said.RESOLVED_AS:
            continue
        holders = {epoch(bound, apps[rollup.a], at)[0] for at in (rollup.first, rollup.last)}
        is_retracted = frozenset((rollup.a, rollup.b)) in retracted
        scoped = {desk.names.key(("union", holder, rollup.text)) for holder in holders if holder}
        assert (set() if is_retracted else scoped) == {end for end, _ in stored.ends}
        is_waiting = desk.tenant.keys.derive("Waiting", rollup.key) in waiting
        assert (None in holders and not is_retracted) is is_waiting
        desk.tenant.tally["waits"] += is_waiting


async def test_06_every_end_is_in_its_epoch(told: Told) -> None:
    """A UnionID is scoped by who held the touchpoint when it came, or waits."""
    await told.hold(every_end_is_in_its_epoch, worth="waits")
