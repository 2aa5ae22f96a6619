"""What the schema promises: it is the one in schema.graphql, everything in it says what it is, and every root field has a scope."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_directive,
    is_specified_scalar_type,
)
from strawberry.types.base import StrawberryObjectDefinition

from app.api.fields import Needs
from app.api.schema import Mutation, Query, Subscription, schema, schema_sdl
from graph.apikeys import Scope

FILE = Path(__file__).parents[2] / "schema.graphql"
CORE = schema._schema
SCOPES = {
    Scope.MANAGE: """registerEntity relateEntities registerOpenPlatform registerTouchpoint bindTouchpoint unbindTouchpoint moveTouchpoint
        correctBinding retractBinding overrideLimit""",
    Scope.INGEST: """recordResolutions recordMigrations exchangeLoginCode linkExternalIds unlinkExternalIds startBackfill cancelJob
        resumeJob replayQuarantine""",
    Scope.STEWARD: "declareSame declareDifferent revokeDecision retractEvidence eraseCustomer",
    Scope.ADMIN: "createApiKey revokeApiKey setIdentityPolicy",
}
QUESTIONS = """viewer node nodes customer customersBy customers entity entities openPlatform openPlatforms touchpoint touchpoints
    identityPolicy bindingRules conflicts quarantine jobs apiKeys changes customerIdMap decisions erasureReceipts policyChanges"""


def needs(root: type) -> dict[str, list[Scope | None]]:
    """The scopes that each field of a root type asks for."""
    definition: StrawberryObjectDefinition = root.__strawberry_definition__  # type: ignore[attr-defined]  # Strawberry puts it there
    name = schema.config.name_converter.get_graphql_name
    return {name(one): [check.scope for check in one.extensions if isinstance(check, Needs)] for one in definition.fields}


def test_the_schema_is_the_one_in_the_file() -> None:
    """schema.graphql is what the code says; after a change: `uniongraph schema > schema.graphql`, and look at the difference."""
    assert FILE.read_text() == schema_sdl()


def undescribed() -> Iterator[str]:
    """Everything that does not say what it is."""
    yield from (f"@{one.name}" for one in CORE.directives if not is_specified_directive(one) and not one.description)
    for name, kind in CORE.type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(kind):
            yield from ([] if kind.description else [name])
            yield from (f"{name}.{part}" for part, one in parts(kind).items() if not one.description)


def parts(kind: GraphQLNamedType) -> dict[str, Any]:
    """The values of an enum; the fields of whatever has fields, and their arguments."""
    if isinstance(kind, GraphQLEnumType):
        return dict(kind.values)
    if isinstance(kind, GraphQLInputObjectType):
        return dict(kind.fields)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        given = {f"{name}({one})": argument for name, field in kind.fields.items() for one, argument in field.args.items()}
        return dict(kind.fields) | given
    return {}


def test_everything_says_what_it_is() -> None:
    """Every type, field, argument, enum value and input field has a description, on one or more lines without a blank edge."""
    assert [] == list(undescribed())
    said = [kind.description for kind in CORE.type_map.values() if kind.description]
    assert said == [text.strip() for text in said]


def test_every_question_needs_read_but_one() -> None:
    """Every question needs READ; `viewer` any good key."""
    asked = needs(Query)
    assert set(QUESTIONS.split()) == set(asked)
    assert {name: [None if name == "viewer" else Scope.READ] for name in asked} == asked


def test_every_mutation_declares_its_scope() -> None:
    """Each mutation needs the scope that the API's plan gives it, and says so."""
    declared = {name: [scope] for scope, names in SCOPES.items() for name in names.split()}
    assert declared == needs(Mutation)
    assert CORE.mutation_type is not None
    for name, (scope,) in declared.items():
        assert f"Needs the scope {scope.value}." in (CORE.mutation_type.fields[name].description or "")


def test_every_subscription_needs_read() -> None:
    """Whoever follows needs READ."""
    assert {"changes": [Scope.READ]} == needs(Subscription)


def test_permissions_are_checked_asynchronously() -> None:
    """The check is a coroutine, so that no field can be let through by a forgotten await."""
    assert iscoroutinefunction(Needs.resolve_async)


def test_every_payload_ends_in_errors() -> None:
    """Every mutation answers a payload of its own with `errors: [UserError!]!`, and all its objects may be null."""
    assert CORE.mutation_type is not None
    for name, field in CORE.mutation_type.fields.items():
        payload = field.type.of_type
        assert f"{name[0].upper()}{name[1:]}Payload" == payload.name
        assert "[UserError!]!" == str(payload.fields["errors"].type)


def test_absent_is_not_null() -> None:
    """No argument and no input field has null for a default, or clients could not leave it out."""
    assert "= null" not in schema_sdl()


def test_no_field_below_the_root_but_three_has_arguments_or_a_resolver() -> None:
    """What lies below a root field is plain data, but for a touchpoint's OpenIDs and a customer's history and explanations."""
    working = {
        f"{name}.{one.python_name}"
        for name, kind in schema.schema_converter.type_map.items()
        if isinstance(definition := kind.definition, StrawberryObjectDefinition) and name not in {"Query", "Mutation", "Subscription"}
        for one in definition.fields
        if one.base_resolver or one.arguments
    }
    assert {"Customer.history", "Customer.why", "Touchpoint.open_ids"} == working
