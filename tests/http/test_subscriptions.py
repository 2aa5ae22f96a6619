"""Following the feed over WebSocket and by server-sent events: each change once and in order, and an end that says why."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from app.access import create_key, revoke_key
from app.api.changes import change_at, cursor_at
from app.api.connection import cursor_of
from app.following import Room
from app.settings import Settings
from graph.apikeys import Scope
from tests.http.conftest import settings_in
from tests.http.live import CHANGES, PROTOCOL, Json, Live, edge, live, received, subscribe
from tests.stores.harness import SECRET

SLOW = 200
"""Changes of 10 kB each: more than the buffers hold that lie between."""
NODES = " ".join(f"i{number}: node {{ identifierIds customerId id previousCustomerIds transactionId }}" for number in range(45))
MUCH = f"subscription ($after: String) {{ changes(after: $after) {{ cursor {NODES} }} }}"


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("neo4j", marks=[pytest.mark.neo4j, pytest.mark.xdist_group("subscriptions on neo4j")])],
)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """On a store of each kind; the server of Neo4j may hold what other tests left."""
    folder = tmp_path_factory.mktemp("live")
    if request.param == "sqlite":
        return settings_in(folder)
    return settings_in(folder, store=request.getfixturevalue("neo4j_uri"), secret=SECRET.decode())


@pytest.fixture(scope="module")
async def service(settings: Settings) -> AsyncIterator[Live]:
    """One service for these tests: each writes changes of its own and begins where the feed then ends."""
    async with live(settings, f"subscriptions {secrets.token_hex(4)}") as one:
        yield one


async def end(service: Live) -> str:
    """The feed's present end."""
    return cursor_at(await change_at(service.tenant, await service.tenant.store.feed_end(service.name)))


async def code_of(line: ClientConnection) -> int | None:
    """With which code the other side ends a connection."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(30):
            async for _ in line:
                pass
    return line.close_code


def errors_in(message: Json) -> list[Json]:
    """Of a result, or of what never became one."""
    payload = message["payload"]
    found: list[Json] = payload if message["type"] == "error" else payload["errors"]
    return found


def narrow(address: str) -> socket.socket:
    """A connected socket whose other side cannot send much ahead."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    host, port = address.removeprefix("http://").split(":")
    made.connect((host, int(port)))
    made.setblocking(False)  # noqa: FBT003  # its only argument
    return made


async def seats(service: Live, number: int) -> None:
    """Wait until so many follow."""
    async with asyncio.timeout(10):
        while service.parts.services.following.followers != number:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)


async def test_a_change_arrives_at_once(service: Live) -> None:
    """Without a cursor a subscription begins at the present end, and what is written then is there soon after."""
    await service.record("before-1")
    async with service.socket() as line, service.events() as events:
        await subscribe(line)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await service.record("at-once-1", "at-once-2")
        mine = [await edge(line), await edge(line)]
        theirs = [await anext(events), await anext(events)]
        assert 2 > time.monotonic() - began
        assert (await service.numbers())[-2:] == [one["node"]["id"] for one in mine]
        assert mine == [one["data"]["data"]["changes"] for one in theirs]
        assert [one["cursor"] for one in mine] == [one["id"] for one in theirs]


async def test_it_goes_on_behind_a_cursor(service: Live) -> None:
    """With a cursor every change behind it comes, then what is new; the same over both transports."""
    since = await end(service)
    await service.record(*(f"behind-{number}" for number in range(250)))
    expected = (await service.numbers())[-250:]
    async with service.socket() as line, service.events(variables={"after": since}) as events:
        await subscribe(line, since)
        assert expected == [(await edge(line))["node"]["id"] for _ in range(250)]
        assert expected == [(await anext(events))["data"]["data"]["changes"]["node"]["id"] for _ in range(250)]
        await service.record("behind-new")
        last = (await service.numbers())[-1]
        assert last == (await edge(line))["node"]["id"]
        assert last == (await anext(events))["data"]["data"]["changes"]["node"]["id"]


async def test_a_browser_goes_on_by_itself(service: Live) -> None:
    """`Last-Event-ID`, which a reconnecting browser sends, counts more than the operation's own cursor; GET will do."""
    since = await end(service)
    await service.record("browser-1", "browser-2", "browser-3")
    async with service.events(variables={"after": since}) as events:
        first = await anext(events)
    async with service.events(variables={"after": since}, Last_Event_ID=first["id"]) as events:
        assert (await service.numbers())[-2] == (await anext(events))["data"]["data"]["changes"]["node"]["id"]
    async with httpx.AsyncClient(base_url=service.address) as http:
        asked = {"query": CHANGES, "variables": json.dumps({"after": since})}
        async with http.stream("GET", "/graphql", params=asked, headers={**service.headers, "Accept": "text/event-stream"}) as answer:
            assert 200 == answer.status_code
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    break


async def test_a_query_as_events(service: Live) -> None:
    """Whoever prefers events is answered a query in them: one result, then `complete`; whoever likes JSON as well gets JSON."""
    async with service.events("{ viewer { tenant } }") as events:
        assert {"data": {"viewer": {"tenant": service.name}}} == (await anext(events))["data"]
        assert "complete" == (await anext(events))["event"]
    async with httpx.AsyncClient(base_url=service.address) as http:
        accept = "application/graphql-response+json, application/json, text/event-stream"
        answer = await http.post("/graphql", json={"query": "{ viewer { tenant } }"}, headers={**service.headers, "Accept": accept})
        assert "application/graphql-response+json" == answer.headers["content-type"]
        refused = await http.post("/graphql", json={"query": CHANGES}, headers={**service.headers, "Accept": "application/json"})
        assert (400, True) == (refused.status_code, "text/event-stream" in refused.text)
        nobody = await http.post("/graphql", json={"query": CHANGES}, headers={"Accept": "text/event-stream"})
        assert (401, "UNAUTHENTICATED") == (nobody.status_code, nobody.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("document", ["subscription { changes { nothing } }", "subscription { changes { cursor }", "{" * 20])
async def test_a_wrong_document(service: Live, document: str) -> None:
    """A document that cannot be run is told so, over both transports."""
    async with service.events(document) as events:
        assert (await anext(events))["data"]["errors"][0]["extensions"]["code"].startswith("GRAPHQL_")
        assert "complete" == (await anext(events))["event"]
    async with service.socket() as line:
        await subscribe(line, document=document)
        assert errors_in(await received(line))[0]["extensions"]["code"].startswith("GRAPHQL_")


async def test_limits_hold_for_subscriptions(service: Live) -> None:
    """Depth and aliases of a subscription are limited as those of a query."""
    aliases = " ".join(f"a{number}: cursor" for number in range(60))
    async with service.events(f"subscription {{ changes {{ {aliases} }} }}") as events:
        assert "QUERY_TOO_COSTLY" == (await anext(events))["data"]["errors"][0]["extensions"]["code"]


async def test_a_wrong_cursor_ends_it(service: Live) -> None:
    """A cursor that is none, lies past the end, or is of another feed, is an error, not a wait."""
    await service.record("wrong-cursor")
    ahead, another = (cursor_of(f"{number:016d}{'x' * 8}") for number in (10**9, 1))
    wrong = {"nonsense": "BAD_USER_INPUT", "": "BAD_USER_INPUT", ahead: "CURSOR_AHEAD_OF_FEED", another: "CURSOR_OF_ANOTHER_FEED"}
    for cursor, code in wrong.items():
        async with service.events(variables={"after": cursor}) as events:
            assert code == (await anext(events))["data"]["errors"][0]["extensions"]["code"]
        async with service.socket() as line:
            await subscribe(line, cursor)
            assert code == errors_in(await received(line))[0]["extensions"]["code"]
            assert "complete" == (await received(line))["type"]


async def test_only_the_newer_protocol(service: Live) -> None:
    """Any other subprotocol than graphql-transport-ws, or none, is ended with 4406."""
    for protocols in (None, [Subprotocol("graphql-ws")]):
        async with connect(f"{service.address.replace('http', 'ws')}/graphql", subprotocols=protocols, proxy=None) as line:
            assert 4406 == await code_of(line)


async def test_who_may_speak(service: Live) -> None:
    """A key comes in the header or in `connection_init`; without a good one the code is 4403, and 4401 for who does not begin with that."""
    async with service.socket(init={"Authorization": f"Bearer {service.key}"}) as line:
        await subscribe(line, document="query { viewer { tenant } }")
        assert {"viewer": {"tenant": service.name}} == (await received(line))["payload"]["data"]
    for payload in ({}, {"Authorization": "Bearer ug_nobody"}, {"Authorization": 7}):
        async with connect(f"{service.address.replace('http', 'ws')}/graphql", subprotocols=[PROTOCOL], proxy=None) as line:
            await line.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert 4403 == await code_of(line)
    async with connect(f"{service.address.replace('http', 'ws')}/graphql", subprotocols=[PROTOCOL], proxy=None) as line:
        await subscribe(line)
        assert 4401 == await code_of(line)


async def test_another_site_may_not(service: Live) -> None:
    """A page of another origin is refused at the handshake; our own is not."""
    with pytest.raises(InvalidStatus, match="403"):
        async with service.socket(origin="https://evil.example"):
            raise AssertionError("it was let in")
    async with service.socket(origin=service.address):
        pass


@pytest.mark.parametrize(
    "message", ["[]", "7", "{", "{}", '{"type": "nothing"}', '{"type": "subscribe", "id": "1", "payload": null}', '{"type": "complete"}']
)
async def test_a_malformed_message(service: Live, message: str) -> None:
    """What is no message ends the connection with 4400."""
    async with service.socket() as line:
        await line.send(message)
        assert 4400 == await code_of(line)


async def test_a_scope_is_needed(service: Live) -> None:
    """A key without READ follows nothing."""
    _, secret = await create_key(service.tenant, "writer", [Scope.INGEST])
    async with service.events(Authorization=f"Bearer {secret}") as events:
        assert "FORBIDDEN" == (await anext(events))["data"]["errors"][0]["extensions"]["code"]


async def test_a_revoked_key_ends_it(service: Live) -> None:
    """A subscription ends when its key is revoked, also while nothing happens."""
    made, secret = await create_key(service.tenant, "short-lived", [Scope.READ])
    async with (
        service.socket(init={"Authorization": f"Bearer {secret}"}) as line,
        service.events(Authorization=f"Bearer {secret}") as events,
    ):
        await subscribe(line)
        await asyncio.sleep(0.2)
        service.parts.services.access.forget(await revoke_key(service.tenant, made.key))
        assert 4403 == await code_of(line)
        assert "UNAUTHENTICATED" == (await anext(events))["data"]["errors"][0]["extensions"]["code"]
        assert "complete" == (await anext(events))["event"]


async def test_a_connection_has_so_many_operations(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused with a code and says what to do; the others go on, and whoever ends one makes room."""
    monkeypatch.setattr("app.http.socket.OPERATIONS", 1)
    await seats(service, 0)
    async with service.socket() as line:
        await subscribe(line, name="1")
        await seats(service, 1)
        await subscribe(line, name="2")
        refused = await received(line)
        (error,) = refused["payload"]
        assert ("2", "error", "TOO_MANY_SUBSCRIPTIONS") == (refused["id"], refused["type"], error["extensions"]["code"])
        assert "end one" in error["message"]
        await line.send(json.dumps({"type": "complete", "id": "1"}))
        await seats(service, 0)
        await subscribe(line, name="3")
        await seats(service, 1)


async def test_there_is_room_for_so_many(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key has so many subscriptions at once, and so has the process; whoever ends one makes room."""
    following = service.parts.services.following
    await seats(service, 0)
    monkeypatch.setattr(following, "_room", Room(key=2, process=3))
    async with service.socket() as line:
        for number in (1, 2):
            await subscribe(line, name=str(number))
            await seats(service, number)
        await subscribe(line, name="3")
        refused = await received(line)
        assert ("3", "TOO_MANY_SUBSCRIPTIONS") == (refused["id"], errors_in(refused)[0]["extensions"]["code"])
        assert "complete" == (await received(line))["type"]
        assert 2 == following.followers
        await line.send(json.dumps({"type": "complete", "id": "1"}))
        await seats(service, 1)
        await subscribe(line, name="4")
        await seats(service, 2)
    await seats(service, 0)
    assert {} == following._watches


async def test_a_slow_reader_is_cut_off(service: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves what is sent lying is cut off with 4413; nothing was kept for them, and they go on from their cursor."""
    monkeypatch.setattr("app.http.patience.PATIENCE", 0.5)
    since = await end(service)
    await service.record(*(f"slow-{number}" for number in range(SLOW)))
    read: list[str] = []
    async with service.socket(max_queue=1, sock=narrow(service.address)) as line:
        await subscribe(line, since, MUCH)
        await seats(service, 1)
        await seats(service, 0)
        with suppress(ConnectionClosed):
            async for message in line:
                read.append(json.loads(message)["payload"]["data"]["changes"]["cursor"])  # noqa: PERF401  # what was read counts
        assert 4413 == line.close_code
        assert 0 < len(read) < SLOW
    async with service.socket() as line:
        await subscribe(line, read[-1])
        assert (await service.numbers())[len(read) - SLOW] == (await edge(line))["node"]["id"]


async def test_a_slow_reader_of_events_is_cut_off(service: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Who leaves events lying loses seat and connection, which is no news for the log, and goes on from the last one that they took."""
    monkeypatch.setattr("app.http.patience.PATIENCE", 0.5)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "handlers", [caplog.handler])
    since = await end(service)
    await service.record(*(f"slow-event-{number}" for number in range(SLOW)))
    headers = {**service.headers, "Accept": "text/event-stream"}
    request = httpx.Request("POST", service.address, headers=headers, json={"query": MUCH, "variables": {"after": since}})
    with narrow(service.address) as line:
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(line, f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + request.content)
        await seats(service, 1)
        await seats(service, 0)
        async with asyncio.timeout(5):
            while service.server.server_state.connections:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
        taken = b""
        with suppress(ConnectionError):
            while more := await loop.sock_recv(line, 65536):
                taken += more
    read = [one.decode() for one in re.findall(rb"\nid: (\S+)\ndata: .*\n\n", taken)]
    assert 0 < len(read) < SLOW
    assert [] == caplog.messages
    async with service.events(Last_Event_ID=read[-1]) as events:
        assert (await service.numbers())[len(read) - SLOW] == (await anext(events))["data"]["data"]["changes"]["node"]["id"]


async def test_stopping_leaves_it_to_be_resumed(settings: Settings, tmp_path: Path) -> None:
    """A service that stops ends subscriptions at once, without `complete`: a follower goes on from their cursor when it is back."""
    settings, name = replace(settings, data=tmp_path), f"stopping {secrets.token_hex(4)}"
    async with live(settings, name) as one:
        async with one.socket() as line, one.events() as events:
            await subscribe(line)
            await asyncio.sleep(0.3)
            await one.record("stopping-1")
            cursor = (await edge(line))["cursor"]
            await anext(events)
            began = time.monotonic()
            one.server.should_exit = True
            assert 1012 == await code_of(line)
            assert [] == [event async for event in events]
            assert 5 > time.monotonic() - began
        key = one.key
    async with live(settings, name) as again:
        again.key = key
        await again.record("stopping-2")
        async with again.socket() as line:
            await subscribe(line, cursor)
            assert (await again.numbers())[-1] == (await edge(line))["node"]["id"]
