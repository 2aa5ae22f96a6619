"""How large a GraphQL document may be: told before anything is executed, with the code QUERY_TOO_COSTLY."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)
from strawberry.extensions import SchemaExtension

TOO_COSTLY = "QUERY_TOO_COSTLY"


@dataclass(frozen=True, kw_only=True)
class DocumentLimits:
    """The largest document that is executed."""

    depth: int = 15
    """Fields below each other. The longest useful path is 13: from a customer through a conflict to a binding rule's name."""
    aliases: int = 50
    tokens: int = 20_000
    """recordResolutions with 500 items written into the document has some 12,000."""


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int
    aliases: int


class DocumentLimiter(SchemaExtension):
    """Refuses documents beyond the limits."""

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._rule = _rule(limits)

    def on_operation(self) -> Iterator[None]:
        """Tell the parser and the validator."""
        context: Any = self.execution_context
        context.parse_options["max_tokens"] = self._limits.tokens
        context.validation_rules = (*context.validation_rules, self._rule)
        yield


_RULES: dict[DocumentLimits, type[ValidationRule]] = {}


def _rule(limits: DocumentLimits) -> type[ValidationRule]:
    """One class for the same limits, or the cache of validated documents would never hit."""
    if limits not in _RULES:
        _RULES[limits] = type("DocumentSize", (_DocumentSize,), {"limits": limits})
    return _RULES[limits]


def is_too_long(error: GraphQLSyntaxError) -> bool:
    """Whether the parser gave up because of `tokens`; it has no other sign of that."""
    return error.description.endswith("Parsing aborted.") and "tokens" in error.description


class _DocumentSize(ValidationRule):
    limits: DocumentLimits

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        sizes = _Sizes(context.document)
        for node in context.document.definitions:
            if isinstance(node, OperationDefinitionNode):
                size = sizes.of(node.selection_set)
                self._must_fit("deep", size.depth, self.limits.depth, node)
                self._must_fit("aliases", size.aliases, self.limits.aliases, node)

    def _must_fit(self, what: str, size: int, largest: int, node: OperationDefinitionNode) -> None:
        if size > largest:
            message = (
                f"The operation is {size} fields deep; {largest} are allowed."
                if what == "deep"
                else (f"The operation has {size} {what}; {largest} are allowed.")
            )
            self.report_error(GraphQLError(message, [node], extensions={"code": TOO_COSTLY}))


class _Sizes:
    """Depth and aliases of selections; each fragment is measured once, so that fragments within fragments cannot make this slow."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self._known: dict[str, _Size] = {}

    def of(self, selected: SelectionSetNode | None) -> _Size:
        depth = aliases = 0
        for node in selected.selections if selected else ():
            if isinstance(node, FragmentSpreadNode):
                size = self._of_fragment(node.name.value)
            elif isinstance(node, FieldNode):
                # How deep introspection may go is graphql-core's own limit.
                below = _Size(0, 0) if node.name.value.startswith("__") else self.of(node.selection_set)
                size = _Size(below.depth + 1, below.aliases + (node.alias is not None))
            else:
                size = self.of(getattr(node, "selection_set", None))
            depth, aliases = max(depth, size.depth), aliases + size.aliases
        return _Size(depth, aliases)

    def _of_fragment(self, name: str) -> _Size:
        if name not in self._known:
            self._known[name] = _Size(0, 0)  # a fragment within itself is another rule's business
            fragment = self._fragments.get(name)
            self._known[name] = self.of(fragment.selection_set if fragment else None)
        return self._known[name]
