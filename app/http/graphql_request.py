"""Reading a GraphQL request out of HTTP: body or query string, checked field by field. What it asks is not looked at here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from app.http.answers import Problem
from app.http.negotiation import check_content_type

METHODS = "GET, POST"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation to be run."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


async def read_request(request: Request, largest_body: int) -> GraphQLRequest:
    """The operation that a request asks for. Raises Problem."""
    if request.method == "POST":
        check_content_type(request.headers.get("content-type"))
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Compressed requests are not read: send it without Content-Encoding.")
        return _checked(_object(await _body(request, largest_body), "The body"))
    if request.method == "GET":
        return _checked(_from_query_string(request))
    raise Problem(405, "METHOD_NOT_ALLOWED", f"{request.method} is not answered here: use POST.", {"Allow": METHODS})


async def _body(request: Request, largest: int) -> bytes:
    too_large = Problem(413, "PAYLOAD_TOO_LARGE", f"The request is larger than {largest} bytes: split it, or raise UNIONGRAPH_MAX_BODY.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > largest:
        raise too_large
    parts, size = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > largest:
                raise too_large
    except ClientDisconnect:
        raise Problem(400, "BAD_REQUEST", "The connection closed before the whole request had come.") from None
    return b"".join(parts)


def _from_query_string(request: Request) -> dict[str, Any]:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if len(names) != len(set(names)):
        raise Problem(400, "BAD_REQUEST", "A parameter stands twice in the query string: give each one once.")
    parameters: dict[str, Any] = dict(given)
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _object(parameters[name] or "null", f"`{name}`", is_optional=True)
    return parameters


def _object(text: bytes | str, what: str, *, is_optional: bool = False) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Problem(400, "BAD_REQUEST", f"{what} is not valid JSON in UTF-8.") from None
    if isinstance(value, list) and not is_optional:
        raise Problem(400, "BAD_REQUEST", "Batching is not supported: send one operation in a request.")
    if not isinstance(value, dict) and not (value is None and is_optional):
        raise Problem(400, "BAD_REQUEST", f"{what} has to be a JSON object.")
    return value


def _checked(given: Mapping[str, Any]) -> GraphQLRequest:
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Problem(400, "BAD_REQUEST", 'There is no `query`: send {"query": "…"}, with `variables` and `operationName` where needed.')
    if name is not None and not isinstance(name, str):
        raise Problem(400, "OPERATION_RESOLUTION_FAILURE", "`operationName` has to be text or null.")
    for field in ("variables", "extensions"):
        if not isinstance(given.get(field), dict | None):
            raise Problem(400, "BAD_REQUEST", f"`{field}` has to be a JSON object or null.")
    # An empty name, which some clients send for none, is none.
    return GraphQLRequest(query, given.get("variables"), name or None, given.get("extensions"))
