"""What of a mutation's answer needs the scope READ: whatever lies beyond the nodes that the payload holds. Told before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    NamedTypeNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

if TYPE_CHECKING:
    from app.api.context import Info

NODE, CONNECTION = "Node", "Connection"


def leads_beyond(info: Info) -> bool:
    """Whether the field being resolved is asked for what one of its nodes leads to: another node, or a page of some."""
    raw = info._raw_info  # noqa: SLF001  # as in selection.py
    walk = _Walk(raw.schema, raw.fragments)
    payload = get_named_type(raw.return_type)
    return any(walk.leads_on(node.selection_set, payload, inside=False) for node in raw.field_nodes)


class _Walk:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._entered: set[tuple[str, bool]] = set()
        """A fragment leads where it leads, wherever it is spread."""

    def leads_on(self, selected: SelectionSetNode | None, type_: GraphQLNamedType | None, *, inside: bool) -> bool:
        """Whether anything selected of a type leads on; `inside` a node."""
        return any(self._one_leads_on(node, type_, inside=inside) for node in (selected.selections if selected else ()))

    def _one_leads_on(self, node: SelectionNode, type_: GraphQLNamedType | None, *, inside: bool) -> bool:
        if isinstance(node, FieldNode):
            field = getattr(type_, "fields", {}).get(node.name.value)  # `__typename` is none
            return field is not None and self._field_leads_on(node, get_named_type(field.type), inside=inside)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment_leads_on(node.name.value, inside=inside)
        assert isinstance(node, InlineFragmentNode)  # noqa: S101  # there is no other kind
        return self.leads_on(node.selection_set, self._named(node.type_condition) or type_, inside=inside)

    def _field_leads_on(self, node: FieldNode, type_: GraphQLNamedType, *, inside: bool) -> bool:
        if not is_composite_type(type_):
            return False
        if inside and (_is_node(type_) or type_.name.endswith(CONNECTION)):
            return True
        return self.leads_on(node.selection_set, type_, inside=inside or _is_node(type_))

    def _fragment_leads_on(self, name: str, *, inside: bool) -> bool:
        if (name, inside) in self._entered:
            return False
        self._entered.add((name, inside))
        fragment = self._fragments[name]
        return self.leads_on(fragment.selection_set, self._named(fragment.type_condition), inside=inside)

    def _named(self, type_: NamedTypeNode | None) -> GraphQLNamedType | None:
        return self._schema.get_type(type_.name.value) if type_ else None


def _is_node(type_: GraphQLNamedType) -> bool:
    if isinstance(type_, GraphQLUnionType):
        return any(map(_is_node, type_.types))
    return type_.name == NODE or any(one.name == NODE for one in getattr(type_, "interfaces", ()))
