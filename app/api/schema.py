"""The schema: every question and every mutation, put together once; and how it is printed for schema.graphql."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry
from graphql import GraphQLSyntaxError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult
from strawberry.types.execution import ExecutionContext, PreExecutionError

from app.api import types
from app.api.accounts import AccountMutations, AccountQueries
from app.api.bindings import BindingMutations
from app.api.document_limits import DocumentLimiter, DocumentLimits
from app.api.erasure import ErasureMutations, ErasureQueries
from app.api.errors import presented
from app.api.feed import FeedQueries, FeedSubscriptions
from app.api.jobs import JobMutations, JobQueries
from app.api.keys import KeyMutations, KeyQueries
from app.api.logins import LoginMutations
from app.api.nodes import NodeQueries
from app.api.people import PeopleQueries
from app.api.policy import PolicyMutations, PolicyQueries
from app.api.resolutions import ResolutionMutations
from app.api.rules import RuleMutations, RuleQueries
from app.api.scalars import SCALARS
from app.api.steward import StewardMutations, StewardQueries
from app.following import Leaving

REMEMBERED = 256
"""Documents whose parsed form and validation are kept: a client repeats few."""


@strawberry.type(description="What can be asked. Needs the scope READ, but for `viewer`.")
class Query(
    KeyQueries,
    NodeQueries,
    PeopleQueries,
    StewardQueries,
    AccountQueries,
    RuleQueries,
    JobQueries,
    FeedQueries,
    ErasureQueries,
    PolicyQueries,
):
    """Every question."""


@strawberry.type(
    description="What can be changed. Every payload says in `errors` what was refused; each mutation names the scope it needs. "
    "What its nodes lead to, other nodes and pages of some, needs READ, too."
)
class Mutation(
    AccountMutations,
    BindingMutations,
    RuleMutations,
    ResolutionMutations,
    LoginMutations,
    JobMutations,
    StewardMutations,
    KeyMutations,
    ErasureMutations,
    PolicyMutations,
):
    """Every mutation."""


@strawberry.type(description="What can be followed, over graphql-transport-ws or as server-sent events.")
class Subscription(FeedSubscriptions):
    """Every subscription."""


class Schema(strawberry.Schema):
    """Strawberry's schema, whose errors all have a code and say nothing that is not the caller's business."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:  # noqa: ANN401  # handed on as they are
        """Execute one operation."""
        result = await super().execute(*args, **kwargs)
        if result.errors:
            result.errors = presented(result.errors, are_early=isinstance(result, PreExecutionError))
        return result

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401  # handed on as they are
        """Execute one operation of any kind; gives what results, one after another. Raises Leaving when the process is being stopped."""
        return self._streamed(await super().stream(*args, **kwargs))

    async def _streamed(self, results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(results):
                async for result in results:
                    for error in result.errors or ():
                        if isinstance(error.original_error, Leaving):
                            raise error.original_error
                    if result.errors:
                        result.errors = presented(result.errors, are_early=isinstance(result, PreExecutionError))
                    yield result
        except GraphQLSyntaxError as error:  # which `execute` makes a result of, and `stream` does not
            yield PreExecutionError(data=None, errors=presented([error], are_early=True))

    def process_errors(self, errors: list[Any], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: what is unexpected is logged where it is masked, and the rest is the caller's."""


def make_schema(*, limits: DocumentLimits | None = None, has_suggestions: bool = True) -> Schema:
    """The schema; without suggestions, errors do not answer a wrong name with the right ones."""
    limits = limits or DocumentLimits()
    return Schema(
        Query,
        Mutation,
        Subscription,
        types=[*types.IMPLEMENTING, *types.ERRORS],
        extensions=[
            lambda: DocumentLimiter(limits),
            lambda: ParserCache(maxsize=REMEMBERED),
            lambda: ValidationCache(maxsize=REMEMBERED),
        ],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not has_suggestions),
    )


schema = make_schema()


def schema_sdl() -> str:
    """The schema as text: what schema.graphql holds."""
    return schema.as_str() + "\n"
