"""A touchpoint's binding history: whatever the order of the assertions, the same epochs, without gaps and without overlaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.bindings import Epoch, History, history, in_force, segment_end
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis


@dataclass(frozen=True)
class Said:
    """One assertion."""

    key: Key
    platform_key: Key | None
    starts: Millis
    is_retracted: bool = False


A, B = Key("platform a"), Key("platform b")


def said(key: str, platform: Key | None, starts: Millis, *, is_retracted: bool = False) -> Said:
    """One assertion in a line."""
    return Said(Key(key), platform, starts, is_retracted)


def epochs(*assertions: Said) -> list[tuple[Key | None, Millis, Millis, Key | None]]:
    """What a history says, in plain tuples."""
    return [(one.platform_key, one.starts, one.ends, one.assertion) for one in history(assertions).epochs]


@st.composite
def assertions(draw: st.DrawFn, *, distinct_times: bool = True) -> list[Said]:
    """Some assertions of one touchpoint, some of them retracted, one perhaps since ever."""
    times = draw(st.lists(st.sampled_from([SINCE_EVER, *range(8)]), max_size=8, unique=distinct_times))
    platforms = st.sampled_from([A, B, None])
    return [Said(Key(f"{number}"), draw(platforms), starts, draw(st.booleans())) for number, starts in enumerate(times)]


def platform_at(all_said: list[Said], moment: Millis) -> Key | None:
    """What a history must say, by the plainest rule: the latest live assertion up to then counts."""
    live = [one for one in all_said if not one.is_retracted and one.starts <= moment]
    return max(live, key=lambda one: (one.starts, one.key)).platform_key if live else None


@given(st.data(), assertions(distinct_times=False))
def test_the_order_of_arrival_does_not_matter(data: st.DataObject, all_said: list[Said]) -> None:
    """Any order of the same assertions gives the same history."""
    assert history(all_said) == history(data.draw(st.permutations(all_said)))


@given(assertions(distinct_times=False))
def test_epochs_cover_all_time_once(all_said: list[Said]) -> None:
    """Epochs reach from ever to ever, each begins where the one before ends, and exactly one covers any moment."""
    found = history(all_said).epochs
    assert (SINCE_EVER, FOR_EVER) == (found[0].starts, found[-1].ends)
    assert all(one.ends == following.starts for one, following in pairwise(found))
    assert all(one.starts < one.ends for one in found)
    for moment in [SINCE_EVER, -1, *range(9), FOR_EVER - 1]:
        covering = [one for one in found if one.covers(moment)]
        assert [history(all_said).at(moment)] == covering


@given(assertions(distinct_times=False))
def test_the_latest_assertion_counts(all_said: list[Said]) -> None:
    """At any moment the touchpoint is bound to what the latest live assertion up to then says."""
    for moment in [SINCE_EVER, -1, *range(9)]:
        assert platform_at(all_said, moment) == history(all_said).at(moment).platform_key


@given(assertions())
def test_neighbours_differ(all_said: list[Said]) -> None:
    """No two epochs side by side name the same platform: knowing of a binding twice is not binding twice."""
    assert all(one.platform_key != following.platform_key for one, following in pairwise(history(all_said).epochs))


@given(assertions())
def test_retracting_undoes(all_said: list[Said]) -> None:
    """An assertion made and retracted leaves the history as if it had never been made."""
    for number, one in enumerate(all_said):
        without = [*all_said[:number], *all_said[number + 1 :]]
        assert history(without) == history([*without, replace(one, is_retracted=True)])


@given(assertions(), st.integers(min_value=0, max_value=8))
def test_repeating_what_holds_changes_nothing(all_said: list[Said], moment: Millis) -> None:
    """An assertion of what is in force already, between two others, moves no epoch."""
    if any(one.starts == moment for one in all_said):
        return
    again = Said(Key("again"), platform_at(all_said, moment), moment)
    before, after = history(all_said), history([*all_said, again])
    assert [(one.platform_key, one.starts, one.ends) for one in before.epochs] == [
        (one.platform_key, one.starts, one.ends) for one in after.epochs
    ]


def test_nothing_said_is_one_epoch_of_nothing() -> None:
    """A touchpoint of which nothing was said is bound to nothing, ever."""
    assert History((Epoch(None, SINCE_EVER, FOR_EVER, None),)) == history([])


def test_a_move_and_an_unbinding() -> None:
    """Bound since ever, moved, unbound: three epochs, each begun by its assertion."""
    expected = [(A, SINCE_EVER, 10, "1"), (B, 10, 20, "2"), (None, 20, FOR_EVER, "3")]
    assert expected == epochs(said("3", None, 20), said("1", A, SINCE_EVER), said("2", B, 10))


def test_a_first_binding_from_a_day_on() -> None:
    """Before a first binding from a day on, an epoch of nothing begun by nobody; the first instant belongs to the binding."""
    assert [(None, SINCE_EVER, 10, None), (A, 10, FOR_EVER, "1")] == epochs(said("1", A, 10))
    assert [None, A] == [history([said("1", A, 10)]).at(moment).platform_key for moment in (9, 10)]


def test_a_late_assertion_takes_its_place() -> None:
    """A move learnt late comes in between, and what followed it stays."""
    assert [
        (A, SINCE_EVER, 10, "1"),
        (B, 10, 20, "3"),
        (A, 20, FOR_EVER, "2"),
    ] == epochs(said("1", A, SINCE_EVER), said("2", A, 20), said("3", B, 10))


def test_retracting_the_move_joins_what_it_parted() -> None:
    """Without the move between them two assertions of one platform are one epoch, begun by the first."""
    assert [(A, SINCE_EVER, FOR_EVER, "1")] == epochs(said("1", A, SINCE_EVER), said("2", B, 10, is_retracted=True), said("3", A, 20))


def test_unbinding_what_was_never_bound_begins_nothing() -> None:
    """To be unbound where nothing was bound begins no epoch."""
    assert [(None, SINCE_EVER, FOR_EVER, None)] == epochs(said("1", None, 10))


def test_of_equal_times_the_greater_key_counts() -> None:
    """Equal times cannot be stored; were they, the greater key would decide, in either order."""
    two = [said("1", A, 10), said("2", B, 10)]
    assert [B, B] == [history(order).at(10).platform_key for order in (two, two[::-1])]
    assert ["1", "2"] == [one.key for one in in_force(two[::-1])]


@pytest.mark.parametrize("starts, ends", [(SINCE_EVER, 10), (10, 20), (20, FOR_EVER)])
def test_an_assertion_ends_where_the_next_live_one_begins(starts: Millis, ends: Millis) -> None:
    """What one assertion alone says ends at the next that was not retracted, even if that repeats it."""
    all_said = [said("1", A, SINCE_EVER), said("2", A, 10), said("3", B, 15, is_retracted=True), said("4", B, 20)]
    assert ends == segment_end(next(one for one in all_said if one.starts == starts), all_said)
