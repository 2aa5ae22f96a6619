"""What goes out: JSON bodies, problems in GraphQL's own shape, and the headers that every answer carries."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.types import ExecutionResult

JSON = "application/json"
STATUS_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
CAREFUL = {
    # Answers hold personal data: no cache, shared or not, may keep them.
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Problem(Exception):
    """The request cannot be answered as GraphQL; status, code and text go to the caller."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def dump(content: object) -> bytes:
    """JSON; what orjson refuses (half a character, a number past 64 bits) is escaped instead of failing."""
    try:
        return orjson.dumps(content)
    except TypeError:
        return json.dumps(content, default=str).encode()


def problem_response(problem: Problem, media_type: str = JSON, extensions: Mapping[str, Any] | None = None) -> Response:
    """A problem in the shape of a GraphQL answer, so that every client can read it."""
    error = {"message": problem.message, "extensions": {"code": problem.code, **(extensions or {})}}
    return Response(dump({"errors": [error]}), status_code=problem.status, headers=problem.headers, media_type=media_type)


def result_body(result: ExecutionResult) -> tuple[dict[str, Any], bool]:
    """The answer's body, and whether the operation was never run: then it has no `data` at all."""
    body: dict[str, Any] = {}
    errors = result.errors
    is_request_error = result.data is None and all(error.path is None for error in errors or ())
    if errors:
        body["errors"] = [error.formatted for error in errors]
    if not is_request_error:
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body, is_request_error


async def starlette_problem(_: Request, error: Exception) -> Response:
    """What the router refuses, as JSON like everything else."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    code = STATUS_CODES.get(error.status_code, "BAD_REQUEST")
    return problem_response(Problem(error.status_code, code, f"{error.detail}: the API is at /graphql.", error.headers))


class CarefulHeaders:
    """Puts the headers of CAREFUL on every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete the head of the answer."""

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, careful if scope["type"] == "http" else send)
