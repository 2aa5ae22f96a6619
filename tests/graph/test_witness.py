"""By whom an identifier is followed once nothing names it any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph.evidence import ResolutionSource
from graph.keys import Keys
from graph.node import Key
from graph.resolve import Link
from graph.state import EvidenceKind, Member
from graph.witness import witnesses
from tests.stores.cast import Cast

CAST = Cast(Keys(b"secret of the tests", "t"))
OLD, NEW = CAST.open_id("wxa", "old", at=1), CAST.open_id("wxa", "new", at=2)
UNION, PHONE = CAST.union_id("wxo", "u"), CAST.external_id("phone", "1")


def claim(a: Member, b: Member) -> Link:
    """One identifier came with another."""
    source = (ResolutionSource.MANUAL,)
    return Link(kind=EvidenceKind.CLAIMS, a=a.key, b=b.key, strength=1, observed=1, first=1, last=1, sources=source, evidence=Key("e"))


def found(
    links: Sequence[Link], *members: Member, before: Sequence[Member] = (), partial: Sequence[Member] = (), erased: Sequence[Member] = ()
) -> dict[Key, Key]:
    """The witnesses of these."""
    return witnesses(
        links,
        {one.key: one for one in members},
        {one.key: one.customer for one in members},
        first={one.key: one.first for one in members},
        before={one.key: one for one in before},
        partial=[one.key for one in partial],
        erased=[one.key for one in erased],
    )


def test_the_one_first_seen() -> None:
    """Of several OpenIDs that name it the one first seen is its witness."""
    assert {PHONE.key: OLD.key} == found([claim(NEW, PHONE), claim(OLD, PHONE)], OLD, NEW, PHONE)


def test_its_own_customers_first() -> None:
    """An OpenID of its own customer counts before one that was refused, however old."""
    theirs = replace(PHONE, customer=NEW.customer)
    assert {PHONE.key: NEW.key} == found([claim(NEW, theirs), claim(OLD, theirs)], OLD, NEW, theirs)


def test_the_one_it_had_stays() -> None:
    """A witness stays as long as it says so, and when nobody does any more."""
    had = replace(PHONE, witness=NEW.key)
    assert {PHONE.key: NEW.key} == found([claim(NEW, PHONE), claim(OLD, PHONE)], OLD, NEW, PHONE, before=[had])
    assert {PHONE.key: NEW.key} == found([], OLD, PHONE, before=[had])
    assert {PHONE.key: OLD.key} == found([claim(OLD, PHONE)], OLD, PHONE, before=[had])


def test_what_is_seen_in_part_keeps_its_own() -> None:
    """Where not all that was said is at hand, nothing is concluded from what is."""
    had = replace(PHONE, witness=NEW.key)
    assert {PHONE.key: NEW.key} == found([claim(OLD, PHONE)], OLD, PHONE, before=[had], partial=[PHONE])


def test_through_what_claimed_it() -> None:
    """What only a UnionID or an external id ever claimed has the witness of that, over any number of steps."""
    crm = CAST.external_id("crm", "1")
    union = replace(UNION, witness=OLD.key)
    assert {UNION.key: OLD.key, PHONE.key: OLD.key, crm.key: OLD.key} == found(
        [claim(PHONE, crm), claim(UNION, PHONE)], UNION, PHONE, crm, before=[union]
    )
    assert {} == found([claim(PHONE, crm), claim(crm, PHONE)], PHONE, crm)


def test_the_erased_witness_nothing() -> None:
    """Whoever was erased is nobody's witness any more, not where nobody else says it either."""
    had = replace(PHONE, witness=NEW.key)
    assert {} == found([], OLD, PHONE, before=[had], erased=[NEW])
    assert {PHONE.key: OLD.key} == found([claim(OLD, PHONE)], OLD, PHONE, before=[had], partial=[had], erased=[NEW])
