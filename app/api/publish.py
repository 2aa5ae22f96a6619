"""Publishes a dataclass of graph/ in place: the GraphQL type is that class, so a property is declared once, where it is made.

Fields and cached properties, less Internal ones, become GraphQL fields; docstrings and Doc notes become descriptions.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, TypeVar, cast

import strawberry

from app.api.input_reader import InputReader
from graph.given import Unset
from graph.node import As, Doc, Internal

T = TypeVar("T")

DEFINITION = "__strawberry_definition__"
UNDOCUMENTED = ("origin", "interfaces", "from_input")
"""What publishing sets on Strawberry's definition of a type, and Strawberry does not document."""


class CannotPublishError(Exception):
    """A class cannot be published as it is, or not by this version of Strawberry."""


@dataclasses.dataclass(frozen=True)
class _Member:
    """One field to be: its type and its description, for inputs its default, and its name where that is not its attribute's."""

    kind: Any
    description: str
    default: Any
    name: str | None = None


def publish(
    kind: type[T],
    decorator: Callable[..., Any] = strawberry.type,
    *,
    names: Mapping[str, type] | None = None,
    resolvers: Mapping[str, Any] | None = None,
    is_node: bool = True,
) -> type[T]:
    """Publish a class whose bases are published; `names` are those that its module imports for type checking alone.

    Resolvers are for what needs I/O. One that is no node has its id and yet does not implement the interface: no `node(id:)` answers it.
    """
    is_input = getattr(decorator, "func", decorator) is strawberry.input
    members = {name: member for name, member in _members(kind, names or {}, is_input=is_input) if name not in (resolvers or {})}
    fields = {name: _field(member) for name, member in members.items()} | dict(resolvers or {})
    body = fields | {"__annotations__": dict.fromkeys(members, Any), "__module__": kind.__module__}
    made = decorator(type(kind.__name__, (), body), description=_text(kind.__doc__, kind.__name__))
    definition = getattr(made, DEFINITION, None)
    if not all(hasattr(definition, name) for name in UNDOCUMENTED):
        raise CannotPublishError(f"This Strawberry keeps no {' or '.join(UNDOCUMENTED)} on a type: install the version in pyproject.toml.")
    above = [vars(base)[DEFINITION] for base in kind.__mro__[1:] if DEFINITION in vars(base)]
    interfaces = [one for one in above if one.is_interface] if is_node else []
    definition.origin, definition.interfaces = kind, interfaces  # type: ignore[union-attr]  # it was looked at above
    if is_input:
        definition.from_input = InputReader(definition)  # type: ignore[union-attr, arg-type]  # it is one
    setattr(kind, DEFINITION, definition)
    return kind


def publish_input(kind: type[T]) -> type[T]:
    """Publish a dataclass as an input: what its fields default to may be left out."""
    return publish(kind, strawberry.input)


def publish_choice(kind: type[T]) -> type[T]:
    """Publish a dataclass as an input of which exactly one field is given."""
    return publish(kind, partial(strawberry.input, one_of=True))


def publish_enum(kind: type[enum.Enum], name: str | None = None) -> None:
    """Publish an enum with its docstring and the string under each value."""
    strawberry.enum(kind, name=name, description=_text(kind.__doc__, kind.__name__))
    said = dict(_strings_under(kind))
    for value in vars(kind)[DEFINITION].values:
        value.description = _text(said.get(value.name), f"{kind.__name__}.{value.name}")


def _field(member: _Member) -> object:
    if member.default is dataclasses.MISSING:
        return strawberry.field(name=member.name, description=member.description, graphql_type=member.kind)
    return strawberry.field(description=member.description, graphql_type=member.kind, default=member.default)


def _members(kind: type, names: Mapping[str, type], *, is_input: bool) -> Iterator[tuple[str, _Member]]:
    """Every published field; an id first, then those of the class itself, then those of its bases."""
    where = f"{kind.__module__}.{kind.__name__}"
    found: dict[str, _Member] = {}
    known = typing.get_type_hints(kind, localns=dict(names), include_extras=True)
    stored = {one.name: one for one in dataclasses.fields(kind)}
    for base in kind.__mro__:
        own = [name for name in vars(base).get("__annotations__", {}) if name in stored]
        for name in own:
            type_, notes = _noted(known[name])
            if name not in found and not _is_internal(notes):
                default = _default(stored[name]) if is_input else dataclasses.MISSING
                found[name] = _Member(type_, _described(notes, f"{where}.{name}"), default)
        for name, made in vars(base).items():
            if isinstance(made, cached_property) and not name.startswith("_") and name not in found:
                type_, notes = _noted(typing.get_type_hints(made.func, localns=dict(names), include_extras=True)["return"])
                if not _is_internal(notes):
                    its_name = next((note for note in notes if isinstance(note, As)), None)
                    found[name] = _Member(type_, _text(made.func.__doc__, f"{where}.{name}"), dataclasses.MISSING, its_name)
    yield from sorted(found.items(), key=lambda item: item[0] != "id")


def _noted(hint: object) -> tuple[Any, tuple[Any, ...]]:
    """A type without its notes, and without UNSET, which GraphQL says by leaving a field out; and the notes."""
    bare, *notes = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    arms = typing.get_args(bare)
    if Unset in arms and isinstance(bare, types.UnionType):
        bare = typing.Union[tuple(arm for arm in arms if arm is not Unset)]  # noqa: UP007  # a union of what is left, made at run time
    return bare, tuple(notes)


def _is_internal(notes: tuple[Any, ...]) -> bool:
    return any(note is Internal or isinstance(note, Internal) for note in notes)


def _described(notes: tuple[Any, ...], where: str) -> str:
    return _text(next((note for note in notes if isinstance(note, Doc)), None), where)


def _default(stored: dataclasses.Field[Any]) -> object:
    """What the schema prints as an input's default: nothing where it may be left out."""
    if stored.default is dataclasses.MISSING:
        return dataclasses.MISSING
    return strawberry.UNSET if stored.default is None or isinstance(stored.default, Unset) else stored.default


def _text(said: str | None, where: str) -> str:
    if not said:
        raise CannotPublishError(f"{where} has no description: give it a docstring or a Doc note.")
    return inspect.cleandoc(said)


def _strings_under(kind: type[enum.Enum]) -> Iterator[tuple[str, str]]:
    """The string literal under each value of an enum, read from its source: Python drops it at run time."""
    body = cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]).body
    for value, below in pairwise(body):
        match value, below:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, said
