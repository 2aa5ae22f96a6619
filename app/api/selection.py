"""What an operation selects below a field: so that totals are counted, and other customers loaded, only when somebody asked.

@skip and @include are not looked at: at worst something is loaded that is not shown. Fragments are entered once at each level,
so that fragments within fragments cannot make this slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode, SelectionSetNode

from app.api.context import Info


class Selection:
    """The selections below some fields, all fragments laid open."""

    def __init__(self, nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._nodes = list(nodes)
        self._fragments = fragments

    @classmethod
    def of(cls, info: Info) -> Selection:
        """What is selected below the field that is being resolved."""
        raw = info._raw_info  # noqa: SLF001  # Strawberry's own `selected_fields` copies the whole tree, which is slow
        return cls(raw.field_nodes, raw.fragments)

    @cached_property
    def _below(self) -> dict[str, list[FieldNode]]:
        below: dict[str, list[FieldNode]] = {}
        for node in self._nodes:
            for child in _laid_open(node.selection_set, self._fragments, set()):
                below.setdefault(child.name.value, []).append(child)
        return below

    def has(self, name: str) -> bool:
        """Whether this field is selected directly below."""
        return name in self._below

    def under(self, *path: str) -> Selection:
        """What is selected below the field at the end of a path."""
        here = self
        for name in path:
            here = Selection(here._below.get(name, ()), self._fragments)
        return here

    def both(self, *paths: tuple[str, ...]) -> Selection:
        """What is selected below any of several paths."""
        nodes = [node for path in paths for node in self.under(*path)._nodes]  # noqa: SLF001  # its own kind
        return Selection(nodes, self._fragments)

    @property
    def field(self) -> str:
        """The name of the field that these are below."""
        return self._nodes[0].name.value

    @cached_property
    def names(self) -> frozenset[str]:
        """Every field selected directly below."""
        return frozenset(self._below)

    def levels(self, *names: str) -> int:
        """How many fields of these names lie below each other, at most."""
        return max((_levels(node.selection_set, frozenset(names), self._fragments, {}) for node in self._nodes), default=0)


def _laid_open(
    selected: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], entered: set[str]
) -> Iterator[FieldNode]:
    for node in selected.selections if selected else ():
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _laid_open(node.selection_set, fragments, entered)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in entered:
            entered.add(node.name.value)
            yield from _laid_open(fragments[node.name.value].selection_set, fragments, entered)


def _levels(
    selected: SelectionSetNode | None, names: frozenset[str], fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, int]
) -> int:
    return max((_level(node, names, fragments, known) for node in (selected.selections if selected else ())), default=0)


def _level(node: SelectionNode, names: frozenset[str], fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, int]) -> int:
    if isinstance(node, FieldNode):
        return (node.name.value in names) + _levels(node.selection_set, names, fragments, known)
    if isinstance(node, InlineFragmentNode):
        return _levels(node.selection_set, names, fragments, known)
    assert isinstance(node, FragmentSpreadNode)  # noqa: S101  # GraphQL has no fourth kind
    name = node.name.value
    if name not in known:
        known[name] = _levels(fragments[name].selection_set, names, fragments, known)
    return known[name]
