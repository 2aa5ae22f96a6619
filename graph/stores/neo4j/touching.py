"""Moving times only, for rows that say nothing new: one statement for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph.node import Key
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.texts import text
from graph.turn import Touch


async def touch(ask: Ask, tenant: str, version: int, touches: Sequence[Touch]) -> list[Key | None] | None:
    """Each touch's customer, in order; None where it may not be applied. None for all where version or tenant is unknown."""
    row = await ask(text("touch"), tenant=tenant, version=version, touches=[_row(i, one) for i, one in enumerate(touches)])
    if row is None:
        return None
    applied: dict[int, Key] = dict(row[0])
    return [applied.get(i) for i in range(len(touches))]


def _row(index: int, one: Touch) -> dict[str, Any]:
    sightings = {sighting.rollup: [sighting.rollup, sighting.epoch_starts, sighting.epoch_ends] for sighting in one.sightings}
    links = {"rollups": list(sightings), "sightings": list(sightings.values()), "valued": list(one.valued)}
    return {"index": index, "openId": one.open_id, "at": one.at} | links
