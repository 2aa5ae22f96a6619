"""Text that no store can write, in every place where a caller may give text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
)

from app.api.schema import schema
from graph.errors import invalid
from graph.stores import open_store
from tests.api.asking import Api, StandingClock

SCHEMA: GraphQLSchema = schema._schema
BAD = ("a\x00b", "\x1b[31m", " ", "")
"""Half a character is refused before: orjson reads none (tests/http/test_endpoint.py)."""
PLAIN: dict[str, Any] = {"String": "wx0123456789abcdef", "ID": "cus_" + "0" * 22, "Int": 1, "Boolean": False, "Float": 1.0}
DATES = {"DateTime": "2026-01-15T09:30:00+08:00", "Date": "2026-01-15"}


def example(kind: GraphQLInputType) -> Any:  # noqa: ANN401  # whatever JSON an input takes
    """The least that a type takes."""
    if isinstance(kind, GraphQLNonNull):
        return example(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [example(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if not isinstance(kind, GraphQLInputObjectType):
        return PLAIN.get(str(kind)) or DATES.get(str(kind))
    needed = {name: field for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
    if kind.is_one_of:
        needed = dict([next(iter(kind.fields.items()))])
    return {name: example(field.type) for name, field in needed.items()}


def spoilt(kind: GraphQLInputType, text: str) -> Iterator[Any]:
    """The example with one of its texts after the other replaced, also those that may be left out."""
    if isinstance(kind, GraphQLNonNull):
        yield from spoilt(kind.of_type, text)
    elif isinstance(kind, GraphQLList):
        yield from ([one] for one in spoilt(kind.of_type, text))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            for one in spoilt(field.type, text):
                yield {name: one} if kind.is_one_of else example(kind) | {name: one}
    elif str(kind) in {"String", "ID"}:
        yield text


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A small brand."""
    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=b"s" * 32, clock=StandingClock()) as store:
        await store.create_tenant("acme")
        made = Api(store, StandingClock())
        await made.register()
        made.logins.answer = invalid("Here is no WeChat.", "code")
        yield made


def operations() -> Iterator[tuple[str, str, GraphQLInputType]]:
    """Every root field with each of its arguments that may hold text."""
    for root in (SCHEMA.query_type, SCHEMA.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            for argument, given in field.args.items():
                if any(spoilt(given.type, "")):
                    yield f"{'query' if root is SCHEMA.query_type else 'mutation'} {name}", argument, given.type


def document(operation: str, argument: str, kind: GraphQLInputType) -> str:
    """The operation with one variable, selecting nothing but what there is."""
    word, name = operation.split()
    root = SCHEMA.query_type if word == "query" else SCHEMA.mutation_type
    assert root is not None
    return f"{word} ($v: {kind}) {{ {name}({argument}: $v) {{ __typename }} }}"


@pytest.mark.parametrize("text", BAD, ids=["nul", "escape", "blank", "empty"])
async def test_text_that_cannot_be_stored_is_never_our_failure(api: Api, text: str) -> None:
    """Whatever text stands wherever text may stand, the answer is an answer or a clear refusal, never an internal error."""
    asked, broken = 0, []
    for operation, argument, kind in operations():
        for value in spoilt(kind, text):
            result = await schema.execute(document(operation, argument, kind), variable_values={"v": value}, context_value=api.context())
            asked += 1
            codes = [(error.extensions or {}).get("code") for error in result.errors or ()]
            if "INTERNAL_SERVER_ERROR" in codes:
                broken.append((operation, value))
    assert 60 <= asked
    assert [] == broken
