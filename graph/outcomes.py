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
        """What became of a row that said this about its first roll-up's `a`."""
        new = {rollup.key for rollup in rollups} & self.derived.fresh - self._told
        self._told |= new
        customer = self.derived.customer[next(iter(rollups)).a]
        is_new = bool(new) or not self.derived.changing.isdisjoint(rollups)
        return Result(
            outcome=Outcome.APPLIED if is_new else Outcome.UNCHANGED,
            customer=customer,
            is_new_customer=customer in self.derived.created,
            conflict=self._conflict(set(named), customer if is_new else None),
        )

    def _conflict(self, names: set[Key], customer: Key | None) -> Key | None:
        """The conflict that is about whom a row named, or else about others of its customer: what it says may part these."""
        own = (row.key for row in self.derived.opened if not names.isdisjoint(row.about))
        others = (row.key for row in self.derived.opened if customer in map(self.derived.customer.get, row.about))
        return next(own, None) or (next(others, None) if customer else None)
