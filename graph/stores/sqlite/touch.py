"""The touch: most traffic says what is known already, and then only times move. Looked up for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from graph.node import Key, Millis
from graph.stores.sqlite.database import Database, listed
from graph.stores.sqlite.statements import sql
from graph.turn import Touch


class _Known(NamedTuple):
    """A roll-up that is there."""

    settled: bool
    first: Millis
    last: Millis
    ends: list[Key]


def move(database: Database, tenant: int, touches: Sequence[Touch]) -> list[Key | None]:
    """Apply those that may be applied; the caller holds the lock and has looked at the registry's version."""
    known = _rollups(database, tenant, {sighting.rollup for one in touches for sighting in one.sightings})
    good = [one if _may(one, known) else None for one in touches]
    ends = {end for one in good if one for sighting in one.sightings for end in known[sighting.rollup].ends}
    customer, without_value = _people(database, tenant, ends | {one.open_id for one in good if one})
    moves = _Moves()
    answer: list[Key | None] = []
    for one in good:
        if one is None or one.open_id not in customer or not without_value.isdisjoint(one.valued):
            answer.append(None)
            continue
        answer.append(customer[one.open_id])
        moves.add(one, known, customer)
    moves.write(database, tenant)
    return answer


def _rollups(database: Database, tenant: int, keys: set[Key]) -> dict[Key, _Known]:
    rows = database.rows(sql("touch.rollups"), {"tenant": tenant, "keys": listed(sorted(keys))})
    return {key: _Known(bool(settled), first, last, list(orjson.loads(ends))) for key, settled, first, last, ends in rows}


def _people(database: Database, tenant: int, keys: set[Key]) -> tuple[dict[Key, Key], set[Key]]:
    """Everybody's customer, and who is known without a value."""
    rows = database.rows(sql("touch.people"), {"tenant": tenant, "keys": listed(sorted(keys))})
    return {key: customer for key, customer, _ in rows}, {key for key, _, is_without in rows if is_without}


def _may(one: Touch, known: dict[Key, _Known]) -> bool:
    """Whether all its roll-ups are known, settled, not older than it, and last seen in its own epoch."""
    for sighting in one.sightings:
        rollup = known.get(sighting.rollup)
        if rollup is None or not rollup.settled or rollup.first > one.at or not sighting.epoch_starts <= rollup.last < sighting.epoch_ends:
            return False
    return bool(one.sightings)


@dataclass
class _Moves:
    """What moves, added up: one batch may see the same person twice."""

    evidence: dict[Key, tuple[Millis, int]] = field(default_factory=dict)
    identifiers: dict[Key, tuple[Millis, int]] = field(default_factory=dict)
    customers: dict[Key, Millis] = field(default_factory=dict)

    def add(self, one: Touch, known: dict[Key, _Known], customer: dict[Key, Key]) -> None:
        """One touch: every roll-up and the OpenID once more, what they link to and all their customers as of now."""
        _move(self.identifiers, one.open_id, one.at, 1)
        concerned = {one.open_id}
        for sighting in one.sightings:
            _move(self.evidence, sighting.rollup, one.at, 1)
            for end in known[sighting.rollup].ends:
                if end in customer:
                    _move(self.identifiers, end, one.at, 0)
                    concerned.add(end)
        for key in concerned:
            self.customers[customer[key]] = max(one.at, self.customers.get(customer[key], one.at))

    def write(self, database: Database, tenant: int) -> None:
        """Apply all of it."""
        for name, moved in (("touch.evidence", self.evidence), ("touch.identifier", self.identifiers)):
            database.many(sql(name), [(at, times, tenant, key) for key, (at, times) in sorted(moved.items())])
        database.many(sql("touch.customer"), [(at, tenant, key) for key, at in sorted(self.customers.items())])


def _move(moved: dict[Key, tuple[Millis, int]], key: Key, at: Millis, times: int) -> None:
    last, before = moved.get(key, (at, 0))
    moved[key] = (max(last, at), before + times)
