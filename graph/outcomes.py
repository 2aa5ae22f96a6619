"""What is answered to each row of a turn, from what followed of all of them. Pure; one rule for record.py and link.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from graph.derive import Derived
from graph.evidence import Rollup
from graph.node import Key
from graph.results import Outcome, Result


@dataclass
class Outcomes:
    """Answers to the rows of one turn, asked for in their order."""

    derived: Derived
    _told: set[Key] = field(default_factory=set)
    """New roll-ups that a row was answered APPLIED for: the same pair again in one turn says nothing new."""

    def of(self, rollups: Collection[Rollup], *, named: Iterable[Key]) -> Result:
        """What became of a row that said this about its first roll-up's `a`. A conflict is its own where it is about whom it named."""
        new = {rollup.key for rollup in rollups} & self.derived.fresh - self._told
        self._told |= new
        customer = self.derived.customer[next(iter(rollups)).a]
        names = set(named)
        return Result(
            outcome=Outcome.UNCHANGED if not new and self.derived.changing.isdisjoint(rollups) else Outcome.APPLIED,
            customer=customer,
            is_new_customer=customer in self.derived.created,
            conflict=next((row.key for row in self.derived.opened if not names.isdisjoint(row.about)), None),
        )
