"""A service on a fresh SQLite store, asked in process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import create_key
from app.http.graphiql import GraphiQL
from app.server import Parts, Service
from app.settings import Settings
from app.wechat.credentials import Credentials
from graph.apikeys import Scope
from graph.tenant import Tenant

SECRET = "a secret of thirty-two characters"


@dataclass
class Caller:
    """An HTTP client with a good key."""

    http: httpx.AsyncClient
    key: str
    parts: Parts
    service: Service

    async def post(self, document: object, **headers: str) -> httpx.Response:
        """POST JSON to the endpoint; a header given as empty text is left out."""
        return await self.http.post("/graphql", json=document, headers=self.headers(**headers))

    async def send(self, method: str, path: str = "/graphql", content: bytes | None = None, **headers: str) -> httpx.Response:
        """Send anything."""
        return await self.http.request(method, path, content=content, headers=self.headers(**headers))

    def headers(self, **given: str) -> dict[str, str]:
        """The usual headers, changed by name with _ for -."""
        usual = {"authorization": f"Bearer {self.key}", "content-type": "application/json", "accept": "application/json"}
        return {name: value for name, value in (usual | {name.replace("_", "-"): text for name, text in given.items()}).items() if value}


def settings_in(folder: Path, **changed: Any) -> Settings:  # noqa: ANN401 - each field has a type of its own
    """Settings that touch nothing outside of a folder."""
    return replace(Settings(data=folder / "data", secret=SECRET, graphiql=folder / "graphiql"), **changed)


async def serving(settings: Settings, told: list[str]) -> AsyncIterator[Caller]:
    """A running service, and a caller whose key has every scope."""
    service = Service(settings, Credentials(), GraphiQL(settings.graphiql), tell=told.append)
    transport = httpx.ASGITransport(app=service.application(), raise_app_exceptions=True, client=("127.0.0.1", 40_000))
    async with service.running() as parts, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        _, key = await create_key(Tenant(parts.services.store, "default"), "tests", list(Scope))
        yield Caller(http, key, parts, service)


@pytest.fixture
def told() -> list[str]:
    """What the service told the person who started it."""
    return []


@pytest.fixture
async def caller(tmp_path: Path, told: list[str]) -> AsyncIterator[Caller]:
    """A caller of a fresh service."""
    async for one in serving(settings_in(tmp_path, max_body=20_000), told):
        yield one
