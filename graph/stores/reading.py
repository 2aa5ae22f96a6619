"""The part of the port that reads a tenant whole, page by page: for exports and rebuilds. Every page takes a key to go on after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from graph.accounts import Registry
from graph.node import Key, Node
from graph.state import ConflictRow, CustomerRow, Member, StoredRollup

N = TypeVar("N", bound=Node)

PAGE = 1000
"""Rows read at once."""


class Keyed(Protocol):
    """Anything with a key."""

    @property
    def key(self) -> Key:
        """Its place in the order of pages."""
        ...


K = TypeVar("K", bound=Keyed)


async def paged(page: Callable[[Key | None, int], Awaitable[list[K]]]) -> AsyncIterator[list[K]]:
    """Page after page to the end; none is empty."""
    after: Key | None = None
    while found := await page(after, PAGE):
        yield found
        if len(found) < PAGE:
            return
        after = found[-1].key


ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""What keys are written with, in the order in which they are paged."""


def share(key: Key) -> float:
    """Which share of all keys is not greater: keys are spread evenly, so this is how far a walk has come."""
    return (ALPHABET.find(key[0]) * len(ALPHABET) + ALPHABET.find(key[1])) / len(ALPHABET) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a tenant has come."""

    turn: int
    """Writing turns so far; a touch, which moves times alone, is none."""
    sequence: int
    """The last change's number."""
    version: int
    """The registry's version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One identifier and all that it said."""

    key: Key
    member: Member | None
    """None where no evidence makes it exist now: what it once said is kept all the same."""
    rollups: tuple[StoredRollup, ...]
    witness: Key | None = None
    """Where it does not exist now: the OpenID by which the customer id that it once gave is followed."""


class Reading(Protocol):
    """One tenant while it is read whole."""

    @property
    def is_snapshot(self) -> bool:
        """Whether every answer is of the moment in which the reading began; else of its own moment, and `state` tells what passed."""
        ...

    async def state(self) -> State:
        """How far the tenant has come."""
        ...

    async def registry(self) -> Registry:
        """The brand's side."""
        ...

    async def holdings(self, after: Key | None, limit: int) -> list[Holding]:
        """Everybody of whom anything is stored, in the order of their keys."""
        ...

    async def holdings_of(self, keys: Sequence[Key]) -> list[Holding]:
        """These of them, as far as there are such, in the order of their keys."""
        ...

    async def customers(self, after: Key | None, limit: int) -> list[CustomerRow]:
        """Customers by themselves, in the order of their keys."""
        ...

    async def conflicts(self, after: Key | None, limit: int) -> list[ConflictRow]:
        """Conflicts as they are stored, resolved ones too, in the order of their keys."""
        ...

    async def nodes(self, kind: type[N], after: Key | None, limit: int) -> list[N]:
        """Nodes of one kind outside the registry and the feed, in the order of their keys."""
        ...
