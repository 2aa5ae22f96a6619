"""What every node has: a derived key, and the id that clients see. Also the notes that fields carry, and the clock's unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, ClassVar, NewType

Key = NewType("Key", str)
"""22 characters of base64url: see keys.py."""

KEY_LENGTH = 22

Id = NewType("Id", str)
"""`<prefix>_<key>`: what clients see."""

Millis = int
"""Milliseconds since 1970-01-01T00:00Z: how every time is stored and compared."""

SINCE_EVER: Millis = -(2**62)
FOR_EVER: Millis = 2**62

Clock = Callable[[], Millis]


class Doc(str):
    """What a field says about itself: its description in the GraphQL schema."""

    __slots__ = ()


class As(str):
    """The name under which a derived edge is published, where a stored field of its class has that name already."""

    __slots__ = ()


class Internal:
    """Marks a field that is stored but never published."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """Anything with an id of its own."""

    prefix: ClassVar[str]
    key: Annotated[Key, Internal]

    @cached_property
    def id(self) -> Id:
        """Opaque and stable; holds no personal data. Any other meaning read into it may change."""
        return Id(f"{self.prefix}_{self.key}")


def key_of(some_id: str, prefix: str | None = None) -> Key | None:
    """The key inside an id, or None where the text is no id (of that prefix): a malformed id is answered as an unknown one."""
    found, _, key = some_id.partition("_")
    if len(key) != KEY_LENGTH or (prefix is not None and found != prefix):
        return None
    return Key(key)


def moment(at: Millis) -> datetime:
    """A stored time as an aware datetime in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC)


def millis(at: datetime) -> Millis:
    """An aware datetime as a stored time; parts of a millisecond are cut off."""
    return int(at.timestamp() * 1000)
