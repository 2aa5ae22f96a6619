"""Node ↔ row of plain values, by the field names of its class: the one place where a stored property is mapped, for every store."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from graph.accounts import Binding, Entity, EntityRelation, OpenPlatform, Touchpoint
from graph.apikeys import ApiKey
from graph.changes import Change
from graph.decisions import Decision
from graph.jobs import Job
from graph.limits import LimitOverride
from graph.node import Node
from graph.policy import IdentityPolicy
from graph.policy_changes import PolicyChange
from graph.quarantine import Quarantined
from graph.receipts import ErasureReceipt
from graph.requests import Request
from graph.tombstones import Tombstone

D = TypeVar("D")

REGISTRY_NODES: tuple[type[Node], ...] = (Entity, EntityRelation, OpenPlatform, Touchpoint, Binding, LimitOverride)
OTHER_NODES: tuple[type[Node], ...] = (Job, Quarantined, ApiKey, Decision, Change, Tombstone, ErasureReceipt, Request, PolicyChange)
STAYING: tuple[type[Node], ...] = (Job, ApiKey, Change, Request)
"""Nodes that belong to this store alone: no export takes them along."""
TRAVELLING: tuple[type[Node], ...] = tuple(kind for kind in OTHER_NODES if kind not in STAYING)
"""Nodes beside the registry that an export takes along."""
NODES: dict[str, type[Node]] = {kind.__name__: kind for kind in (*REGISTRY_NODES, *OTHER_NODES)}
"""Every stored node class by its label."""

Plain = str | int | float | bool | list[Any] | None


def to_row(thing: object) -> dict[str, Plain]:
    """A stored dataclass as plain values: enums by name, dates as ISO text, lists of enums as lists of names."""
    return {name: _plain(getattr(thing, name)) for name in _readers(type(thing))}


def from_row(cls: type[D], row: Mapping[str, Any]) -> D:
    """The dataclass again. A field that the row lacks keeps its default, or is None: a property added later needs no migration."""
    values: dict[str, Any] = {}
    for name, (read, is_optional) in _readers(cls).items():
        value = row.get(name)
        if value is not None:
            values[name] = read(value)
        elif not is_optional:
            values[name] = None
    return cls(**values)


def policy_row(policy: IdentityPolicy) -> dict[str, Any]:
    """An identity policy as plain values."""
    return policy.to_plain()


def policy_from(row: Mapping[str, Any]) -> IdentityPolicy:
    """And back."""
    return IdentityPolicy.from_plain(row)


def _plain(value: Any) -> Plain:  # noqa: ANN401  # whatever a stored field holds
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value  # type: ignore[no-any-return]  # stored fields are plain otherwise


_known_readers: dict[type, dict[str, tuple[Callable[[Any], Any], bool]]] = {}


def _readers(cls: type) -> dict[str, tuple[Callable[[Any], Any], bool]]:
    """For each stored field, how to read it and whether it has a default."""
    if cls not in _known_readers:
        _known_readers[cls] = _make_readers(cls)
    return _known_readers[cls]


def _make_readers(cls: type) -> dict[str, tuple[Callable[[Any], Any], bool]]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: (_reader(hints[field.name]), field.default is not dataclasses.MISSING)
        for field in dataclasses.fields(cls)
        if field.compare  # what is not compared is filled in when it is shown, and not stored
    }


def _reader(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401  # a type hint has no type
    """How to read a plain value of this type."""
    arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _reader(arms[0])
    if typing.get_origin(hint) is list:
        item = _reader(arms[0])
        return lambda values: [item(value) for value in values]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint.__getitem__
    if hint is date:
        return date.fromisoformat
    return lambda value: value
