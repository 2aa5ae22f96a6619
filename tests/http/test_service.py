"""What stands around the endpoint: time-outs, failures, CORS, health, the first key, and one real server."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.http.answers import Problem
from app.http.endpoint import GraphQLEndpoint, Limits
from app.http.graphiql import GraphiQL
from app.http.web import web_app
from app.server import Service, address_of, listen, serve, web_server
from app.wechat.credentials import Credentials
from graph.stores import StoreUnavailable
from tests.http.conftest import Caller, serving, settings_in
from tests.http.live import live

VIEWER = {"query": "{ viewer { tenant } }"}


class Scripted:
    """A schema that does one thing."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    async def execute(self, *_: object, **__: object) -> None:
        """Fail, or never come back."""
        if self.failure:
            raise self.failure
        await asyncio.sleep(60)


async def _asked(failure: Exception | None, tmp_path: Path) -> httpx.Response:
    async def admit(_: str | None) -> object:
        return None

    async def health() -> dict[str, Any]:
        raise StoreUnavailable("it is away")

    page = GraphiQL(tmp_path)
    endpoint = GraphQLEndpoint(Scripted(failure), admit, page, Limits(seconds=0.05))  # type: ignore[arg-type]  # all that is asked of it
    transport = httpx.ASGITransport(app=web_app(endpoint, page, health))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        assert 503 == (await http.get("/health/ready")).status_code
        return await http.post("/graphql", json=VIEWER)


async def test_a_slow_request_is_given_up(tmp_path: Path) -> None:
    """Past its time a request gets 503 and TIMED_OUT."""
    response = await _asked(None, tmp_path)
    assert (503, "TIMED_OUT") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


async def test_an_unforeseen_failure_is_masked(tmp_path: Path) -> None:
    """Whatever escapes is answered with an id and without its text."""
    response = await _asked(RuntimeError("the secret word"), tmp_path)
    extensions = response.json()["errors"][0]["extensions"]
    assert (500, "INTERNAL_SERVER_ERROR", 16) == (response.status_code, extensions["code"], len(extensions["errorId"]))
    assert "secret word" not in response.text


async def test_a_store_that_is_away_is_503(tmp_path: Path) -> None:
    """A store that does not answer is no mistake of the caller's: 503 with Retry-After."""
    response = await _asked(StoreUnavailable("it is away"), tmp_path)
    assert (503, "STORE_UNAVAILABLE") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])
    assert "1" == response.headers["retry-after"]


async def test_a_problem_of_admission_keeps_its_status(tmp_path: Path) -> None:
    """What admission refuses keeps its status and code."""
    response = await _asked(Problem(429, "RATE_LIMITED", "slowly"), tmp_path)
    assert (429, "RATE_LIMITED") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


async def test_no_other_site_may_call_by_default(caller: Caller) -> None:
    """Without the setting no answer allows another origin."""
    response = await caller.post(VIEWER, origin="https://elsewhere.example")
    assert "access-control-allow-origin" not in response.headers


async def test_a_named_site_may_call(tmp_path: Path) -> None:
    """A site named in the setting may, and no other one."""
    settings = settings_in(tmp_path, cors_origins=("https://dashboard.example",))
    async for caller in serving(settings, []):
        asks = {
            "origin": "https://dashboard.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        preflight = await caller.http.options("/graphql", headers=asks)
        other = await caller.http.options("/graphql", headers=asks | {"origin": "https://elsewhere.example"})
        assert (200, "https://dashboard.example") == (preflight.status_code, preflight.headers["access-control-allow-origin"])
        assert "access-control-allow-origin" not in other.headers


async def test_health_says_live_and_ready(caller: Caller) -> None:
    """Live needs nothing; ready asks the store; neither needs a key."""
    live, ready = await caller.http.get("/health/live"), await caller.http.get("/health/ready")
    assert [(200, "live"), (200, "ready")] == [(one.status_code, one.json()["status"]) for one in (live, ready)]


async def test_a_fresh_local_start_makes_one_key(tmp_path: Path, told: list[str]) -> None:
    """The first start on an embedded store makes tenant and key and says the key; the second one does not."""
    async for _ in serving(settings_in(tmp_path), told):
        pass
    first = [line for line in told if "ug_" in line]
    async for _ in serving(settings_in(tmp_path), told):
        pass
    assert (1, 1) == (len(first), len([line for line in told if "ug_" in line]))


async def test_a_start_for_others_makes_no_key(tmp_path: Path, told: list[str]) -> None:
    """Where other machines can reach the service, nobody finds a key in its log; the command that makes one is named."""
    settings = settings_in(tmp_path, host="0.0.0.0")  # noqa: S104 - nothing is bound
    service = Service(settings, Credentials(), GraphiQL(settings.graphiql), tell=told.append)
    async with service.running():
        assert [True] == ["uniongraph key create" in line for line in told]


async def test_an_idle_connection_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is kept for longer than the 60 seconds that pools and proxies keep one: they close it, so that no request is lost."""
    loop = asyncio.get_running_loop()
    clock = loop.time
    async with live(settings_in(tmp_path)) as service:
        reader, writer = await asyncio.open_connection(*service.address.removeprefix("http://").split(":"))
        for passed in (0, 61, 122):
            monkeypatch.setattr(loop, "time", lambda passed=passed: clock() + passed)
            await asyncio.sleep(0.1)
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"HTTP/1.1 200 OK\r\n" == await reader.readline()
            while b"content-length: " not in (line := await reader.readline()):
                pass
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(line.split()[1]))
        writer.close()


async def test_a_real_server_answers_quickly_and_stops(tmp_path: Path) -> None:
    """Over a real socket a small answer takes a few milliseconds, not the 40 of a delayed acknowledgement; stopping ends in order."""
    settings = settings_in(tmp_path, port=0)
    told: list[str] = []
    service = Service(settings, Credentials(), GraphiQL(settings.graphiql), tell=told.append)
    listener = listen("127.0.0.1", 0)
    server = web_server(service.application())
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(service, server, listener, ready.set)))
    thread.start()
    assert ready.wait(20)
    key = told[-1].split()[-1]
    async with httpx.AsyncClient(base_url=address_of(listener), headers={"authorization": f"Bearer {key}"}) as http:
        answers = [await http.post("/graphql", json=VIEWER) for _ in range(20)]
    server.should_exit = True
    thread.join(20)
    listener.close()
    assert not thread.is_alive()
    assert [200] * 20 == [answer.status_code for answer in answers]
    assert sorted(answer.elapsed.total_seconds() for answer in answers)[10] < 0.03


@pytest.mark.parametrize("host, expected", [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")])  # noqa: S104
def test_the_address_is_one_a_browser_understands(host: str, expected: str) -> None:
    """An address of every interface is shown as loopback, one of IPv6 in brackets."""
    try:
        listener = listen(host, 0)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with listener:
        assert address_of(listener).startswith(expected)
