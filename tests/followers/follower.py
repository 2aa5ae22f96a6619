"""A process that follows the feed and writes down what it read, one line a change; killed, it goes on behind its last line.

Run as `python -m tests.followers.follower ADDRESS KEY websocket|events FILE`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

DOCUMENT = "subscription ($after: String) { changes(after: $after) { cursor node { id kind } } }"
START = "MDAwMDAwMDAwMDAwMDAwMA"
"""The cursor before the first change."""


def last_cursor(file: Path) -> str:
    """Where to go on: behind the last whole line. What a kill left half written is cut off."""
    text = file.read_text() if file.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole)
    return whole.splitlines()[-1].split()[0] if whole else START


async def by_websocket(address: str, key: str, after: str) -> AsyncIterator[dict[str, Any]]:
    """Over graphql-transport-ws."""
    async with connect(address.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as line:
        await line.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}))
        await line.recv()
        await line.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": DOCUMENT, "variables": {"after": after}}}))
        async for text in line:
            message = json.loads(text)
            if message["type"] == "next":
                yield message["payload"]["data"]["changes"]


async def by_events(address: str, key: str, after: str) -> AsyncIterator[dict[str, Any]]:
    """As server-sent events."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    body = {"query": DOCUMENT, "variables": {"after": after}}
    async with httpx.AsyncClient(timeout=30) as http, http.stream("POST", f"{address}/graphql", json=body, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])["data"]["changes"]


async def follow(address: str, key: str, transport: str, file: Path) -> None:
    """For ever; the service may be away for a while."""
    changes = by_websocket if transport == "websocket" else by_events
    while True:
        with suppress(OSError, WebSocketException, httpx.HTTPError), file.open("a") as out:
            async for change in changes(address, key, last_cursor(file)):
                out.write(f"{change['cursor']} {change['node']['id']} {change['node']['kind']}\n")
                out.flush()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])))
