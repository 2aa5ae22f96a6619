"""GraphQL over HTTP: from request to answer, by the GraphQL-over-HTTP specification. What operations mean belongs to app.api."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from app.http.answers import JSON, Problem, dump, problem_response, result_body
from app.http.events import event_stream
from app.http.graphql_request import METHODS, GraphQLRequest, read_request
from app.http.negotiation import EVENT_STREAM, GRAPHQL_JSON, HTML, answer_type
from graph.stores import StoreUnavailable

_log = structlog.get_logger()

ALLOWED = {"GET": (OperationType.QUERY,), "POST": (OperationType.QUERY, OperationType.MUTATION)}
"""What is answered as JSON. As events, subscriptions too."""
FOLLOWED = {"GET": (OperationType.QUERY, OperationType.SUBSCRIPTION), "POST": tuple(OperationType)}
SUBSCRIBE = "Subscribe with `Accept: text/event-stream`, or over WebSocket by the protocol graphql-transport-ws."
UNRESOLVABLE = "The document has no operation of that name, or several and `operationName` does not say which."
STORE_RETRY = {"Retry-After": "1"}
OPERATION = re.compile(r"\b(?:query|mutation|subscription)\b|^\s*\{")
MOST_TOKENS = 20_000
"""More than any document that the schema's own limits let pass."""


Admit = Callable[[str | None], Awaitable[Any]]
"""Gives the context of a caller by the value of `Authorization`. Raises Problem."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a single request may take."""

    largest_body: int = 2_000_000
    seconds: float = 30


class GraphQLEndpoint:
    """The ASGI application at /graphql."""

    def __init__(
        self, schema: BaseSchema, admit: Admit, page: Callable[[Request], Response] | None = None, limits: Limits | None = None
    ) -> None:
        self._schema = schema
        self._admit = admit
        self._page = page
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            wants_page = request.method == "GET" and "query" not in request.query_params and self._page is not None
            media_type = answer_type(request.headers.get("accept"), is_page_possible=wants_page)
        except Problem as problem:
            return problem_response(problem)
        if media_type == HTML and self._page is not None:
            return self._page(request)
        try:
            return await self._within_time(request, media_type)
        except Problem as problem:
            return problem_response(problem, _json(media_type))
        except StoreUnavailable:
            unavailable = Problem(503, "STORE_UNAVAILABLE", "The store does not answer: try again later.", STORE_RETRY)
            return problem_response(unavailable, _json(media_type))
        except Exception:  # noqa: BLE001 - the boundary: what was not foreseen is logged, and answered without its text
            error_id = secrets.token_hex(8)
            _log.exception("request_failed", error_id=error_id)
            unforeseen = Problem(500, "INTERNAL_SERVER_ERROR", f"Something went wrong on our side; the log has more under {error_id}.")
            return problem_response(unforeseen, _json(media_type), {"errorId": error_id})

    async def _within_time(self, request: Request, media_type: str) -> Response:
        try:
            async with asyncio.timeout(self._limits.seconds):
                if request.method not in ALLOWED:
                    raise Problem(405, "METHOD_NOT_ALLOWED", f"{request.method} is not answered here: use POST.", {"Allow": METHODS})
                context = await self._admit(request.headers.get("authorization"))
                asked = await read_request(request, self._limits.largest_body)
                if media_type == EVENT_STREAM:
                    return await self._followed(asked, context, request)
                return await self._executed(asked, context, request.method, media_type)
        except TimeoutError:
            message = (
                f"The request took longer than {self._limits.seconds:g} seconds and was given up. What it had begun to write may still "
                "be applied; sending it again changes nothing twice."
            )
            raise Problem(503, "TIMED_OUT", message) from None

    async def _executed(self, asked: GraphQLRequest, context: object, method: str, media_type: str) -> Response:
        _check_named(asked)
        try:
            result = await self._schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=ALLOWED[method],
                operation_extensions=asked.extensions,
            )
        except CannotGetOperationTypeError:
            raise Problem(400, "OPERATION_RESOLUTION_FAILURE", UNRESOLVABLE) from None
        except InvalidOperationTypeError as refused:
            if refused.operation_type is OperationType.MUTATION:
                raise Problem(405, "METHOD_NOT_ALLOWED", "A mutation has to be sent by POST.", {"Allow": "POST"}) from None
            raise Problem(400, "BAD_REQUEST", SUBSCRIBE) from None
        body, is_request_error = result_body(result)
        status = 400 if is_request_error and media_type == GRAPHQL_JSON else 200
        return Response(dump(body), status_code=status, media_type=media_type)

    async def _followed(self, asked: GraphQLRequest, context: Any, request: Request) -> Response:  # noqa: ANN401 - whatever `admit` gives
        """The same as events, for as long as there are any."""
        _check_named(asked)
        context.resumes_after = request.headers.get("last-event-id") or None
        results = await self._schema.stream(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=FOLLOWED[request.method],
            operation_extensions=asked.extensions,
        )
        return event_stream(results, lambda: context.at)


def _json(media_type: str) -> str:
    """What a refusal is written in: events come when there is something to follow."""
    return JSON if media_type == EVENT_STREAM else media_type


def _check_named(asked: GraphQLRequest) -> None:
    """Strawberry would run the first of several operations, where the specification wants to be told which."""
    if asked.operation_name is None and _is_ambiguous(asked.query):
        raise Problem(400, "OPERATION_RESOLUTION_FAILURE", UNRESOLVABLE)


def _is_ambiguous(document: str) -> bool:
    """Whether a document has several operations. Only one that looks so is parsed here."""
    if len(OPERATION.findall(document)) < 2:  # noqa: PLR2004 - several
        return False
    try:
        definitions = parse(document, max_tokens=MOST_TOKENS).definitions
    except GraphQLSyntaxError:
        return False  # the schema says so, in its own words
    return sum(isinstance(definition, OperationDefinitionNode) for definition in definitions) > 1
