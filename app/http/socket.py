"""GraphQL over WebSocket by graphql-transport-ws, and no older protocol. The messages are Strawberry's business; who may speak is ours."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import structlog
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin
from strawberry.schema.base import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types import ExecutionResult

from app.api.errors import coded
from app.following import Leaving
from app.http.answers import Problem, dump
from graph.stores import StoreUnavailable

_log = structlog.get_logger()

Admit = Callable[[str | None], Awaitable[Any]]
INIT_SECONDS = 10
OPERATIONS = 50
"""Operations at once on one connection."""
FORBIDDEN, UNACCEPTABLE, TRY_LATER, RESTARTING = 4403, 4406, 1013, 1012


class GraphQLSocket:
    """The ASGI application at /graphql for WebSockets. Browsers may come from our own pages, and from the origins named."""

    def __init__(self, schema: BaseSchema, admit: Admit, origins: Collection[str] = ()) -> None:
        self._schema = schema
        self._admit = admit
        self._origins = normalize_allowed_origins(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        websocket = WebSocket(scope, receive, send)
        if not self._is_welcome(websocket):
            await websocket.close()  # answers the handshake with 403
            return
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(UNACCEPTABLE, "Subprotocol not acceptable")
            return
        await websocket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL)
        line = _Line(websocket)
        session = _Session(self._schema, self._admit, line, websocket.headers.get("authorization"))
        await _Handler(session, line).handle()

    def _is_welcome(self, websocket: WebSocket) -> bool:
        origin = websocket.headers.get("origin")
        if origin is None or is_same_origin(origin, websocket.headers.get("host")):
            return True
        return not self._origins.isdisjoint({"*", normalize_origin(origin) or ""})


class _Line:
    """One WebSocket as Strawberry speaks to it. What is said after its end is lost, and nobody minds."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    @property
    def _is_open(self) -> bool:
        return self._websocket.application_state is WebSocketState.CONNECTED

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """What comes in."""
        with suppress(WebSocketDisconnect):
            while self._is_open:
                try:
                    yield orjson.loads(await self._websocket.receive_text())
                except KeyError:
                    raise NonTextMessageReceived from None
                except orjson.JSONDecodeError:
                    if not ignore_parsing_errors:
                        raise NonJsonMessageReceived from None

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Say something. Raises WebSocketDisconnected."""
        if not self._is_open:
            raise WebSocketDisconnected
        try:
            await self._websocket.send_text(dump(message).decode())
        except (WebSocketDisconnect, RuntimeError) as gone:
            raise WebSocketDisconnected from gone

    async def close(self, code: int, reason: str) -> None:
        """End it, unless it has ended."""
        if self._is_open:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._websocket.close(code, reason)


@dataclass
class _Session:
    """Who speaks on a connection, known once `connection_init` has come; and the schema as they may ask it."""

    schema: BaseSchema
    admit: Admit
    line: _Line
    authorization: str | None = field(repr=False)
    connection_params: dict[str, Any] | None = field(default=None, repr=False)
    """Set by Strawberry: the payload of `connection_init`."""

    async def on_ws_connect(self, _: object) -> dict[str, object]:
        """Let in whose key is good: from the header of the handshake, else from the payload."""
        if self.authorization is None:
            given = {name.lower(): value for name, value in (self.connection_params or {}).items()}.get("authorization")
            self.authorization = given if isinstance(given, str) else None
        try:
            await self.admit(self.authorization)
        except Problem:
            raise ConnectionRejectionError from None
        except StoreUnavailable:
            await self.line.close(TRY_LATER, "The store does not answer")
        return {}

    async def stream(self, query: str, *, variable_values: Any, operation_name: str | None, **_: object) -> Any:  # noqa: ANN401 - as Strawberry's
        """Run one operation, in a context of its own."""
        return self._streamed(query, variable_values, operation_name)

    async def _streamed(self, query: str, variables: Any, name: str | None) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - whatever was sent
        try:
            context = await self.admit(self.authorization)
            results = await self.schema.stream(query, variable_values=variables, context_value=context, operation_name=name)
            async with aclosing(results):
                async for result in results:
                    yield result
                    if _is_shut_out(result):
                        raise Problem(401, "UNAUTHENTICATED", "Forbidden")  # noqa: TRY301 - as when it is told at the door
        except Problem:
            await self.line.close(FORBIDDEN, "Forbidden")
        except StoreUnavailable:
            await self.line.close(TRY_LATER, "The store does not answer")
        except Leaving:
            await self.line.close(RESTARTING, "Service restart")


def _is_shut_out(result: object) -> bool:
    errors = result.errors if isinstance(result, ExecutionResult) else None
    return any((error.extensions or {}).get("code") == "UNAUTHENTICATED" for error in errors or ())


class _Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's, which trusts that messages have the shape they should."""

    def __init__(self, session: _Session, line: _Line) -> None:
        super().__init__(
            view=session,  # type: ignore[arg-type]  # all that is asked of it is `on_ws_connect`
            websocket=line,  # type: ignore[arg-type]  # it has the three methods
            context=session,
            root_value=None,
            schema=session,  # type: ignore[arg-type]  # all that is asked of it is `stream`
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
        )

    async def handle_message(self, message: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Handle it if it is one."""
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Invalid message")

    async def handle_subscribe(self, message: Any) -> None:  # noqa: ANN401 - as checked
        """Begin an operation, or say with a code why there is no room for one."""
        if self.connection_acknowledged and len(self.operations) >= OPERATIONS and message["id"] not in self.operations:
            full = coded(
                "TOO_MANY_SUBSCRIPTIONS", f"A connection has {OPERATIONS} operations at once: end one, or open another connection."
            )
            await self.send_message({"id": message["id"], "type": "error", "payload": [full.formatted]})
        else:
            await super().handle_subscribe(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what was not foreseen, without anybody's values."""
        if not isinstance(error, WebSocketDisconnected | asyncio.CancelledError):
            _log.error("socket_failed", error_id=secrets.token_hex(8), kind=type(error).__name__)


def _is_message(message: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] == "subscribe":
        payload = message.get("payload")
        return (
            isinstance(message.get("id"), str)
            and isinstance(payload, dict)
            and isinstance(payload.get("query"), str)
            and isinstance(payload.get("variables"), dict | None)
            and isinstance(payload.get("operationName"), str | None)
        )
    return message["type"] != "complete" or isinstance(message.get("id"), str)
