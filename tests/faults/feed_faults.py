"""What could be wrong with the change feed and with ids that are gone: entered into the same list as the faults of the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from graph import changes, derive
from graph.changes import Change, ChangeKind, Difference
from tests.faults.faults import FAULTS, fault

__all__ = ["FAULTS"]
FEED = "the_feed_tells_the_membership"
IDS = "old_ids_lead_on"


def _each(patch: pytest.MonkeyPatch, change: Callable[[Change], Change]) -> None:
    """Have every item of the feed written otherwise."""
    patch.setattr(derive, "in_feed", lambda *a, **named: [change(one) for one in changes.in_feed(*a, **named)])


@fault(FEED)
def a_gap_in_the_feed(patch: pytest.MonkeyPatch) -> None:
    """The numbers of a turn with several changes leave one out."""
    _each(patch, lambda one: replace(one, sequence=one.sequence + (one.changes_left == 0 and one.kind is ChangeKind.SPLIT)))


@fault(FEED)
def a_renaming_not_told(patch: pytest.MonkeyPatch) -> None:
    """A customer whose id alone changes is no news."""

    def found(*partitions: Any, **erased: Any) -> list[Difference]:  # noqa: ANN401  # handed on as they are
        return [one for one in changes.differences(*partitions, **erased) if one.kind is not ChangeKind.RENAMED]

    patch.setattr(derive, "differences", found)


@fault(FEED)
def only_what_came_is_told(patch: pytest.MonkeyPatch) -> None:
    """A change of a customer that shrank says nothing of those who are left."""
    _each(patch, lambda one: replace(one, identifiers=[]) if one.kind is ChangeKind.SHRANK else one)


@fault(FEED)
def former_ids_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A merge does not say which customers went into it."""
    _each(patch, lambda one: replace(one, previous=[one.customer_key]) if one.kind is ChangeKind.MERGED else one)


@fault(FEED)
def transactions_not_whole(patch: pytest.MonkeyPatch) -> None:
    """Every change claims to be the last of its transaction."""
    _each(patch, lambda one: replace(one, changes_left=0))


@fault(IDS)
def no_witness(patch: pytest.MonkeyPatch) -> None:
    """An identifier that is gone is forgotten."""
    patch.setattr(derive, "witnesses", lambda *_, **__: {})
