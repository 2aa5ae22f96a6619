"""Who was erased, and who came back: the model's plain word on what an erasure keeps out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from tests.resolver.facts import Claimed, Decided, Moved, Name, Seen, Unlinked
from tests.resolver.operations import as_decided

LOGINS = {"CODE2SESSION", "WEB_OAUTH", "APP_OAUTH"}
Fact = Seen | Moved | Claimed | Unlinked
T = TypeVar("T")


@dataclass
class Grave:
    """An erased name; a UnionID's text stands for all of its scopes."""

    erased: int
    returned: int | None = None

    def bars(self, at: int) -> bool:
        """Whether what was seen at this time stays out."""
        return self.returned is None or at < self.returned


class Graves:
    """All of them, by name."""

    def __init__(self) -> None:
        self.all: dict[Name, Grave] = {}

    def login(self, names: Iterable[Name], at: int) -> None:
        """Somebody logged in: who was erased before that comes back, if nobody of the names was erased later."""
        erased = [self.all[name] for name in names if name in self.all]
        if all(at > grave.erased for grave in erased):
            for grave in erased:
                grave.returned = at if grave.returned is None else min(at, grave.returned)

    def bar(self, names: Iterable[Name], at: int) -> bool:
        """Whether one of the names keeps a row out."""
        return any(self.all[name].bars(at) for name in names if name in self.all)

    def dig(self, names: Iterable[Name], until: int) -> None:
        """Nothing of these names seen until then counts any more."""
        self.all |= {name: Grave(until) for name in names}


def named(fact: Fact) -> set[Name]:
    """Who a fact is about; a UnionID by its text."""
    match fact:
        case Seen(who, _, _, text):
            return {who} | ({("text", "", text)} if text else set())
        case Moved(old, new):
            return {old, new}
        case Claimed(claimant, ext) | Unlinked(claimant, ext):
            return {as_decided(claimant), ext}


def texts_that_go(erased: Collection[Name], facts: Collection[Fact]) -> set[Name]:
    """Of those who are erased: the texts of their UnionIDs, and those that they came with and nobody else did."""
    said = [fact for fact in facts if isinstance(fact, Seen) and fact.text]
    others = {fact.text for fact in said if fact.who not in erased}
    theirs = {fact.text for fact in said if fact.who in erased} - others
    return {as_decided(name) for name in erased if name[0] == "union"} | {("text", "", str(text)) for text in theirs}


def what_is_left(facts: Iterable[Fact], gone: Collection[Name]) -> set[Fact]:
    """The facts without those that name the erased; but that others were seen was so all the same."""
    left: set[Fact] = set()
    for fact in facts:
        if named(fact).isdisjoint(gone):
            left.add(fact)
        elif isinstance(fact, Seen) and fact.who not in gone:
            left.add(replace(fact, text=None))
        elif isinstance(fact, Moved):
            left |= {Seen(who, fact.source, fact.at) for who in (fact.old, fact.new) if who not in gone}
    return left


def decisions_left(decisions: dict[str, Decided], gone: Collection[Name]) -> dict[str, Decided]:
    """The decisions that name none of the erased."""
    return {key: one for key, one in decisions.items() if {one.a, one.b}.isdisjoint(gone)}
