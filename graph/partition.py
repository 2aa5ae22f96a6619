"""Disjoint sets whose classes know their members: the arithmetic under resolve.py. What may be joined is not decided here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from graph.node import Key


class Partition:
    """Classes of keys, grown by joining. A key never mentioned is a class of its own once it is asked for."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._root: dict[Key, Key] = {}
        self._members: dict[Key, list[Key]] = {}
        for key in keys:
            self.root(key)

    @classmethod
    def by_pairs(cls, keys: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> Self:
        """The components of a graph."""
        made = cls(keys)
        for a, b in pairs:
            made.join(a, b)
        return made

    def root(self, key: Key) -> Key:
        """The class's present representative; it may change with the next join."""
        root = self._root.get(key)
        if root is None:
            self._root[key] = key
            self._members[key] = [key]
            return key
        while root != key:
            above = self._root[root]
            self._root[key] = above
            key, root = root, above
        return root

    def members(self, key: Key) -> list[Key]:
        """The whole class of a key."""
        return self._members[self.root(key)]

    def joined(self, a: Key, b: Key) -> bool:
        """Whether both are in one class."""
        return self.root(a) == self.root(b)

    def join(self, a: Key, b: Key) -> Key:
        """Make one class of two; gives its representative."""
        one, two = self.root(a), self.root(b)
        if one == two:
            return one
        if len(self._members[one]) < len(self._members[two]):
            one, two = two, one
        self._root[two] = one
        self._members[one] += self._members.pop(two)
        return one

    def classes(self) -> list[list[Key]]:
        """Every class."""
        return list(self._members.values())
