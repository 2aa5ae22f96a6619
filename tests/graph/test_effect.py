"""What a change does to who is who, by hand."""

from __future__ import annotations

from graph.effect import CustomerSketch, PartitionEffect, effect
from graph.node import Id, Key

IDS = {Key(one): Id(f"oid_{one}") for one in "abcde"}


def classes(*members: str) -> dict[Key, Key]:
    """A partition from its classes, each named by its first member."""
    return {Key(one): Key(names[0]) for names in members for one in names}


def sketch(members: str) -> CustomerSketch:
    """A customer named by its first member."""
    return CustomerSketch(customer_id=Id(f"cus_{members[0]}"), identifiers=[IDS[Key(one)] for one in sorted(members)])


def test_nothing_changed() -> None:
    """Where everybody stays whose they were, nobody is listed."""
    assert PartitionEffect(before=[], after=[]) == effect(classes("ab", "c"), classes("ab", "c"), IDS)


def test_those_that_change_are_listed_and_no_others() -> None:
    """A merge beside somebody who stays lists both who meet, and what they become."""
    expected = PartitionEffect(before=[sketch("ab"), sketch("c")], after=[sketch("abc")])
    assert expected == effect(classes("ab", "c", "de"), classes("abc", "de"), IDS)


def test_a_split_with_its_remainder() -> None:
    """A customer that loses somebody is listed on both sides, although its id stays."""
    assert PartitionEffect(before=[sketch("abc")], after=[sketch("ab"), sketch("c")]) == effect(classes("abc"), classes("ab", "c"), IDS)


def test_another_name_is_a_change() -> None:
    """The same members under another id are listed."""
    assert PartitionEffect(before=[sketch("ab")], after=[sketch("ba")]) == effect(classes("ab"), classes("ba"), IDS)


def test_who_comes_and_who_goes() -> None:
    """Somebody new is there after and not before; somebody who ends is there before and not after."""
    assert PartitionEffect(before=[sketch("a")], after=[sketch("b")]) == effect(classes("a"), classes("b"), IDS)
