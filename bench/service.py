"""The service in a process of its own on the same store, asked over HTTP: what a caller of the API waits for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from app.access import create_key
from graph.apikeys import Scope
from graph.node import moment
from graph.rows import Row
from graph.tenant import Tenant

RECORD = "mutation Record($input: RecordResolutionsInput!) { recordResolutions(input: $input) { applied results { outcome customerId } } }"

FOLLOW = "subscription ($after: String!) { changes(after: $after) { cursor node { kind customerId identifierIds } } }"
END = "{ changes(last: 1) { pageInfo { endCursor } } }"


@contextlib.asynccontextmanager
async def serving(store_url: str, secret: bytes) -> AsyncIterator[str]:
    """Its address, while it runs."""
    environment = os.environ | {"UNIONGRAPH_STORE": store_url, "UNIONGRAPH_SECRET": secret.decode(), "UNIONGRAPH_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "serve", env=environment, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield await _address(process)
    finally:
        process.terminate()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101  # it was asked for
    said = ""
    while line := (await process.stderr.readline()).decode():
        said += line
        if "serves http" in line:
            return line.split("serves ")[1].split("/graphql")[0]
    raise SystemExit(f"the service did not start:\n{said}")


class Caller:
    """One who calls the API with a key of a tenant's."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    async def of(cls, tenant: Tenant, address: str) -> Caller:
        """With a new key."""
        _, secret = await create_key(tenant, "bench", list(Scope))
        return cls(httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {secret}"}, timeout=120))

    async def record(self, rows: Sequence[Row]) -> None:
        """Record these rows, all of them new, by one mutation."""
        asked = {"query": RECORD, "variables": {"input": {"items": [_item(row) for row in rows]}}}
        answer = (await self._http.post("/graphql", json=asked)).json()
        if "errors" in answer or answer["data"]["recordResolutions"]["applied"] != len(rows):
            raise SystemExit(f"the API answered otherwise than expected: {str(answer)[:500]}")

    async def lag(self, rows: Sequence[Row]) -> float:
        """Milliseconds from sending rows of somebody new until who follows the feed has the first change that they made."""
        end = (await self._http.post("/graphql", json={"query": END})).json()["data"]["changes"]["pageInfo"]["endCursor"]
        asked = {"query": FOLLOW, "variables": {"after": end}}
        async with self._http.stream("POST", "/graphql", json=asked, headers={"accept": "text/event-stream"}) as answer:
            lines = answer.aiter_lines()
            await anext(lines)  # a comment: it follows
            await asyncio.sleep(0.05)
            start = time.perf_counter()
            recording = asyncio.create_task(self.record(rows))
            async for line in lines:
                if line.startswith("data:"):
                    break
            took = (time.perf_counter() - start) * 1000
            await recording
        return took

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()


def _item(row: Row) -> dict[str, Any]:
    observed = moment(row.observed) if row.observed else datetime.now(UTC)
    return {
        "appId": row.app_id,
        "openId": row.open_id,
        "unionId": row.union_id,
        "source": row.source.name,
        "observedAt": observed.isoformat(),
        "externalIds": [{"namespace": one.namespace, "value": one.value} for one in row.external_ids],
    }
