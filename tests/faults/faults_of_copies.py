"""What could be wrong with rebuilding, copying and caps: entered into the same list as the faults of the rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from graph import derive, entomb, rebuild, restoring
from graph.decisions import Decision
from graph.evidence import Rollup
from graph.node import Key
from graph.rebuild import Difference, Part
from graph.removal import Removal
from graph.state import Member, StoredRollup
from tests.faults.faults import fault

REBUILT = "incremental_equals_rebuild"
CAPS = "no_cap_drops_data"
SEEN = "whatever_is_wrong_is_seen"
COPIED = "copies_change_nothing"
ELSEWHERE = "erased_in_one_is_erased_in_all"


@fault(REBUILT)
def dates_not_written(patch: pytest.MonkeyPatch) -> None:
    """An identifier of which only times moved is not written."""
    right = derive._Derivation._is_new

    def is_new(self: derive._Derivation, made: Any, stored: Any) -> bool:  # noqa: ANN401  # either kind of row
        if isinstance(made, Member) and stored is not None:
            made = replace(made, first=stored.first, last=stored.last, times=stored.times)
        return right(self, made, stored)

    patch.setattr(derive._Derivation, "_is_new", is_new)


@fault(CAPS)
def crowds_not_stored(patch: pytest.MonkeyPatch) -> None:
    """What joins nothing because it is generic is not stored either."""
    right = derive._Derivation._rollup_writes

    def rollup_writes(self: derive._Derivation) -> Iterable[StoredRollup]:
        return (one for one in right(self) if not any(end in self.resolution.crowded for end, _ in one.ends))

    patch.setattr(derive._Derivation, "_rollup_writes", rollup_writes)


@fault(SEEN)
def only_customers_compared(patch: pytest.MonkeyPatch) -> None:
    """A comparison looks at customers alone."""
    right = rebuild._differing

    def differing(part: Part, follows: Mapping[Key, object], stored: Mapping[Key, object]) -> Iterator[Difference]:
        return right(part, follows, stored) if part is Part.CUSTOMER else iter(())

    patch.setattr(rebuild, "_differing", differing)


@fault(SEEN)
def only_what_follows_compared(patch: pytest.MonkeyPatch) -> None:
    """What should be there and is not goes unnoticed."""
    right = rebuild._differing

    def differing(part: Part, follows: Mapping[Key, object], stored: Mapping[Key, object]) -> Iterator[Difference]:
        return right(part, {key: one for key, one in follows.items() if key in stored}, stored)

    patch.setattr(rebuild, "_differing", differing)


@fault(COPIED)
def copies_added_up(patch: pytest.MonkeyPatch) -> None:
    """A roll-up that is brought in again counts once more."""
    patch.setattr(Rollup, "restored", Rollup.merged)


@fault(COPIED)
def revoked_decisions_left_out(patch: pytest.MonkeyPatch) -> None:
    """A decision that was revoked is not brought in."""
    right = restoring.restore_decisions

    async def restored(tenant: Any, decisions: list[Decision], job: Any) -> dict[Key, str]:  # noqa: ANN401  # passed on as they are
        return await right(tenant, [one for one in decisions if one.revoked is None], job)

    patch.setattr("tests.faults.copies.restore_decisions", restored)


@fault(ELSEWHERE)
def tombstones_take_nobody_along(patch: pytest.MonkeyPatch) -> None:
    """Whoever is here stays, though another store says that they were erased."""
    patch.setattr(entomb, "_erase", _nothing)


@fault(ELSEWHERE)
def decisions_outlive_tombstones(patch: pytest.MonkeyPatch) -> None:
    """Decisions that name whom another store erased stay."""
    patch.setattr(Removal, "_named", lambda *_: iter(()))
    patch.setattr(entomb, "_turned_away", _nothing)


async def _nothing(*_: object) -> None:
    return None
