"""A service that listens on a real socket, and small clients that follow its feed: over WebSocket and by server-sent events."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.access import create_key
from app.http.graphiql import GraphiQL
from app.server import Parts, Service, WebServer, address_of, listen, serve, web_server
from app.settings import Settings
from app.wechat.credentials import Credentials
from graph.accounts import Touchpoint
from graph.apikeys import Scope
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.record import Row, record_resolutions
from graph.registry import registry_only
from graph.tenant import Tenant
from graph.turn import Writes

Json = dict[str, Any]
PROTOCOL = Subprotocol("graphql-transport-ws")
CHANGES = "subscription ($after: String) { changes(after: $after) { cursor node { id kind customerId identifierIds } } }"
APP = "wxlive"


@dataclass
class Live:
    """The service, where it is, a tenant of it and a key to that."""

    address: str
    name: str
    key: str
    parts: Parts
    server: WebServer

    @property
    def tenant(self) -> Tenant:
        """Whose key it is."""
        return Tenant(self.parts.services.store, self.name)

    @property
    def headers(self) -> dict[str, str]:
        """With the key."""
        return {"Authorization": f"Bearer {self.key}"}

    async def record(self, *open_ids: str) -> None:
        """Somebody new for each, in one turn."""
        rows = [Row(app_id=APP, open_id=one, source=ResolutionSource.CODE2SESSION) for one in open_ids]
        await record_resolutions(self.tenant, rows)

    async def numbers(self) -> list[str]:
        """The ids of all changes, in order, as they are stored."""
        return [change.id for change in await self.tenant.store.changes(self.name, 0, 100_000)]

    @asynccontextmanager
    async def socket(self, *, init: Json | None = None, **given: Any) -> AsyncIterator[ClientConnection]:  # noqa: ANN401 - whatever `connect` takes
        """A connection that was acknowledged; with `init` as the payload in place of the header."""
        given = {"subprotocols": [PROTOCOL], "additional_headers": None if init is not None else self.headers} | given
        async with connect(f"{self.address.replace('http', 'ws')}/graphql", proxy=None, **given) as line:
            await line.send(json.dumps({"type": "connection_init", "payload": init or {}}))
            assert "connection_ack" == json.loads(await line.recv())["type"]
            yield line

    @asynccontextmanager
    async def events(self, document: str = CHANGES, variables: Json | None = None, **headers: str) -> AsyncIterator[AsyncIterator[Json]]:
        """Server-sent events, each with its `event`, `id` and `data`; comments too, as `comment`."""
        sent = {**self.headers, "Accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as http:
            body = {"query": document, "variables": variables}
            async with http.stream("POST", "/graphql", json=body, headers=sent) as answer:
                assert 200 == answer.status_code, await answer.aread()
                assert answer.headers["content-type"].startswith("text/event-stream")
                yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[Json]:
    found: Json = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(":")
        if line:
            found[name or "comment"] = value.strip()
        elif found:
            if found.get("data"):
                found["data"] = json.loads(found["data"])
            if "event" in found:
                yield found
            found = {}


async def subscribe(line: ClientConnection, after: str | None = None, document: str = CHANGES, name: str = "1") -> None:
    """Begin to follow."""
    await line.send(json.dumps({"id": name, "type": "subscribe", "payload": {"query": document, "variables": {"after": after}}}))


async def received(line: ClientConnection) -> Json:
    """The next message."""
    async with asyncio.timeout(20):
        message: Json = json.loads(await line.recv())
        return message


async def edge(line: ClientConnection) -> Json:
    """The next change with its cursor."""
    message = await received(line)
    assert "next" == message["type"], message
    found: Json = message["payload"]["data"]["changes"]
    return found


@asynccontextmanager
async def live(settings: Settings, name: str = "default") -> AsyncIterator[Live]:
    """A running service, and a tenant of this name whose brand has one touchpoint."""
    service = Service(settings, Credentials(), GraphiQL(settings.graphiql), tell=lambda _: None)
    server, listener, ready = web_server(service.application()), listen("127.0.0.1", 0), asyncio.Event()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # so that a slow reader is noticed after little
    running = asyncio.create_task(serve(service, server, listener, ready.set))
    try:
        await asyncio.wait({running, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert service.parts is not None, running.exception()
        tenant = Tenant(service.parts.services.store, name)
        await tenant.store.create_tenant(tenant.name)
        shop = Touchpoint(key=tenant.keys.touchpoint(APP), app_id=APP, kind=TouchpointKind.MINI_PROGRAM, name=APP)
        await tenant.write(registry_only, lambda _: (Writes(put=[shop]), None))
        _, key = await create_key(tenant, "live", list(Scope))
        while not server.started:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        yield Live(address_of(listener), name, key, service.parts, server)
    finally:
        server.should_exit = True
        await running
        listener.close()
