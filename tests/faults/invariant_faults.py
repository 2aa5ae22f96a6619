"""What could be wrong with places, bindings, scopes, limits and moves: entered into the same list as the faults of the rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from graph import accounts, bindings, derive, evidence, limits, rules
from graph.bindings import Assertion, History
from graph.limits import BindingLimit, PlatformFacts
from graph.node import SINCE_EVER, Key, Millis
from graph.rules import Rules
from graph.state import Member
from tests.faults.faults import FAULTS, fault

__all__ = ["FAULTS"]
PLACES = "everybody_has_one_place"
ONE_PLATFORM = "one_platform_holds_an_app"
EPOCHS = "every_end_is_in_its_epoch"
LIMITS = "limits_add_up"
MOVES = "moves_take_nothing"
NOTICED = (PLACES, ONE_PLATFORM, EPOCHS, LIMITS, MOVES)


@fault(PLACES)
def accounts_kept(patch: pytest.MonkeyPatch) -> None:
    """Whoever was in an account stays in it, though the customers part."""
    right = derive._Derivation._member

    def member(self: derive._Derivation, key: Key, customer: Key) -> Member:
        known = self.loaded.members.get(key)
        made = right(self, key, customer)
        return replace(made, account=known.account) if known and known.account else made

    patch.setattr(derive._Derivation, "_member", member)


@fault(ONE_PLATFORM)
def bindings_never_end(patch: pytest.MonkeyPatch) -> None:
    """What was bound is shown as bound for ever, whatever was bound after it."""
    patch.setattr(accounts.Binding, "ends", 2**62)


@fault(ONE_PLATFORM)
def last_said_holds(patch: pytest.MonkeyPatch) -> None:
    """Of bindings the last that was reported counts, not that of the time."""

    def in_force(said: Iterable[Assertion]) -> list[Assertion]:
        return sorted((one for one in said if not one.is_retracted), key=lambda one: one.key)

    patch.setattr(bindings, "in_force", in_force)


@fault(EPOCHS)
def uncovered_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A UnionID that no binding covers is dropped instead of waiting."""
    patch.setattr(derive, "waiting", lambda *_: False)


@fault(EPOCHS)
def only_the_present_scopes(patch: pytest.MonkeyPatch) -> None:
    """Whoever holds a touchpoint now is taken to have held it always."""
    patch.setattr(derive, "ends", lambda rollup, history: evidence.ends(rollup, _as_it_is_now(history)))


@fault(MOVES)
def a_move_rewrites_the_past(patch: pytest.MonkeyPatch) -> None:
    """A move counts for what was seen before it, too."""
    right = bindings.history

    def history(said: Sequence[Assertion]) -> History:
        return _as_it_is_now(right(said))

    patch.setattr(accounts, "history", history)


def _as_it_is_now(history: History) -> History:
    return History((replace(history.epochs[-1], starts=SINCE_EVER),))


@fault(LIMITS)
def months_of_london(patch: pytest.MonkeyPatch) -> None:
    """A month of bindings begins at midnight in London."""
    right, hours = rules.china_month, 8 * 3_600_000

    def month(at: Millis) -> tuple[Millis, Millis]:
        first, following = right(at - hours)
        return first + hours, following + hours

    patch.setattr(limits, "china_month", month)


@fault(LIMITS)
def ended_bindings_are_no_events(patch: pytest.MonkeyPatch) -> None:
    """A binding that ended in its own month is not counted for it."""
    right = limits.binding_limits

    def counted(key: Key, facts: PlatformFacts, those: Rules, now: Millis) -> list[BindingLimit]:
        return right(key, replace(facts, bound=tuple(one for one in facts.bound if now < one.ends)), those, now)

    patch.setattr(accounts, "binding_limits", counted)
