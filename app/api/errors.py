"""What a caller is told when something fails: expected failures stand in the payload, all others carry `extensions.code`.

Unexpected ones are masked: the caller gets an id, the log gets the id and what happened.
"""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Iterable

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from app.access import Forbidden, Unauthenticated
from app.api.document_limits import TOO_COSTLY, is_too_long
from app.following import TooMany
from graph.errors import Refused
from graph.stores import StoreUnavailable

log = structlog.get_logger(__name__)


def coded(code: str, message: str, **more: object) -> GraphQLError:
    """A failure of the whole field, with its code."""
    return GraphQLError(message, extensions={"code": code, **more})


def bad_input(message: str) -> GraphQLError:
    """An argument cannot be taken as it is."""
    return coded("BAD_USER_INPUT", message)


def presented(errors: Iterable[GraphQLError], *, are_early: bool) -> list[GraphQLError]:
    """Errors as the caller may see them. Early ones were found before anything was executed."""
    return [_presented(error, is_early=are_early) for error in errors]


CODES: tuple[tuple[type[BaseException], str], ...] = (
    (GraphQLSyntaxError, "GRAPHQL_PARSE_FAILED"),
    (StoreUnavailable, "STORE_UNAVAILABLE"),
    (Forbidden, "FORBIDDEN"),
    (Unauthenticated, "UNAUTHENTICATED"),
    (TooMany, "TOO_MANY_SUBSCRIPTIONS"),
)
"""What may be told as it is."""


VALUE = re.compile(r", but encountered error .*|[,;]? [Ff]ound: .*|(?<=cannot represent)( [^:]*): .*", re.DOTALL)
"""How graphql-core quotes a value that does not fit: at the end, after what was expected."""
CHOICE = re.compile(r"Value '.*' does not exist in", re.DOTALL)
"""How it quotes a value that is none of an enum's."""
TOKEN = re.compile(r" (String|BlockString|Int|Float) '.*'", re.DOTALL)
"""How it quotes a literal that stands where none may."""


def without_value(message: str) -> str:
    """What graphql-core says of an input that it cannot take, without that: it may be somebody's identifier."""
    told = TOKEN.sub(r" \1", CHOICE.sub("The value does not exist in", VALUE.sub(lambda found: found[1] or "", message)))
    return told if told.endswith((".", "?")) else f"{told}."


def _presented(error: GraphQLError, *, is_early: bool) -> GraphQLError:
    if error.extensions and "code" in error.extensions:
        return error
    cause = _cause(error)
    message = _message(cause)
    code = next((code for kind, code in CODES if isinstance(cause, kind)), None)
    if isinstance(cause, Refused):
        code = cause.errors[0].code.value
    elif isinstance(cause, GraphQLSyntaxError) and is_too_long(cause):
        code = TOO_COSTLY
    elif code is None and isinstance(cause, GraphQLError) and error.path is None:
        code = "GRAPHQL_VALIDATION_FAILED" if is_early else "BAD_USER_INPUT"  # a variable that does not fit its type
        message = without_value(error.message)
    return _with(error, code, message) if code else _masked(error, cause)


def _message(cause: BaseException) -> str:
    if isinstance(cause, StoreUnavailable):
        return "The store did not answer in time: try again."
    if isinstance(cause, GraphQLSyntaxError):
        return without_value(cause.message)
    return cause.message if isinstance(cause, GraphQLError) else str(cause)


def _cause(error: GraphQLError) -> BaseException:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _with(error: GraphQLError, code: str, message: str, **more: str) -> GraphQLError:
    extensions = {"code": code, **more}
    return GraphQLError(message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=extensions)


def _masked(error: GraphQLError, cause: BaseException) -> GraphQLError:
    error_id = secrets.token_hex(8)
    # Formatted here, because what formats it elsewhere may show local variables, and with them somebody's identifiers.
    happened = "".join(traceback.format_exception(cause))
    log.error("unexpected error", error_id=error_id, path=error.path, happened=happened)
    message = "Something went wrong on our side. Whoever runs this service finds out more by the `errorId`."
    return _with(error, "INTERNAL_SERVER_ERROR", message, errorId=error_id)
