"""The composition root: from settings to a running service. Nothing else knows all the parts."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TextIO

import structlog
import uvicorn
from starlette.applications import Starlette

from app.access import Access, Unauthenticated, create_key
from app.api.context import Context, Services
from app.api.schema import schema
from app.following import Following
from app.http.answers import Problem
from app.http.endpoint import GraphQLEndpoint, Limits
from app.http.graphiql import GraphiQL
from app.http.patience import AbruptHTTP, PatientSocket
from app.http.socket import GraphQLSocket
from app.http.web import web_app
from app.ingest.backfill import Backfills
from app.ingest.login import Logins
from app.ingest.worker import Worker
from app.settings import Settings, read_secret
from app.wechat.client import WeChatClient
from app.wechat.credentials import Credentials
from app.wechat.redact import Redactor
from graph.apikeys import Scope
from graph.gather import Recorder
from graph.node import Millis
from graph.stores import Store, open_store
from graph.tenant import Tenant

FIRST_TENANT = "default"
FIRST_KEY = "first start"
GRACE = 10
"""Seconds that requests in flight have to end when the service is stopped."""
IDLE = 75
"""Seconds that a connection is kept for the next request: longer than clients' pools and proxies keep one (mostly 60 or less), so that they
close it and not we; who sends a request at the moment that the other side closes loses it, and cannot know whether it was done."""
UNREAD = 60
"""Seconds after which a connection whose other side takes nothing is forgotten by the system."""
COLLECTED = (50_000, 20, 100)
"""How many new objects the garbage collector waits for, by generation: a call with 500 rows makes many that live as long as it does, and
looking through them again and again took 7 % of its time (measured in one process, side by side)."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="uniongraph"'}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
STOPPING = (signal.SIGINT, signal.SIGTERM)

Say = Callable[[str], object]
"""Tells the person who started the program something, once."""


def now() -> Millis:
    """The clock of the process, in milliseconds."""
    return time.time_ns() // 1_000_000


def say(text: str) -> None:
    """The usual way to tell."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def set_up_logs(level: str, credentials: Credentials, stream: TextIO | None = None) -> None:
    """Structured lines on standard error, each value masked: nobody's identifiers and no secret gets into a log."""
    out = stream or sys.stderr
    # Plain tracebacks, without the values of variables: those may be identifiers.
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = console if out.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            Redactor(credentials.secrets.values()),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(out),
    )


@asynccontextmanager
async def opened_store(settings: Settings, tell: Say = say) -> AsyncIterator[Store]:
    """The store that the settings name. Raises SettingsInvalid, StoreRefused."""
    async with open_store(settings.store_url, secret=read_secret(settings, tell), clock=now) as store:
        yield store


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What lives as long as the process: services for the API, and the worker."""

    services: Services
    wechat: WeChatClient
    backfills: Backfills
    worker: Worker


@asynccontextmanager
async def opened_parts(settings: Settings, credentials: Credentials, tell: Say = say) -> AsyncIterator[Parts]:
    """Everything but HTTP, with the worker not begun yet."""
    async with opened_store(settings, tell) as store, WeChatClient(credentials, base_url=settings.wechat_base_url) as wechat:
        recorder, access = Recorder(), Access(store)
        backfills = Backfills(wechat, recorder, lambda app_id: app_id in credentials.secrets)
        worker = Worker(store, backfills)
        services = Services(
            store=store,
            recorder=recorder,
            access=access,
            logins=Logins(wechat, recorder),
            backfills=backfills,
            following=Following(store),
            wake=worker.wake,
            backup_days=settings.backup_days,
        )
        try:
            yield Parts(services=services, wechat=wechat, backfills=backfills, worker=worker)
        finally:
            await recorder.close()
            await access.close()


@dataclass
class Service:
    """The web application and, while it runs, its parts."""

    settings: Settings
    credentials: Credentials
    page: GraphiQL
    tell: Say = say
    parts: Parts | None = None

    def application(self) -> Starlette:
        """The ASGI application."""
        limits = Limits(largest_body=self.settings.max_body, seconds=self.settings.request_timeout)
        endpoint = GraphQLEndpoint(schema, self._admit, self.page, limits)
        socket = GraphQLSocket(schema, self._admit, self.settings.cors_origins)
        return web_app(endpoint, self.page, self._health, socket=socket, cors_origins=self.settings.cors_origins)

    async def _admit(self, authorization: str | None) -> Context:
        services = self._running.services
        try:
            caller = await services.access.authenticate(authorization)
        except Unauthenticated as refused:
            raise Problem(401, "UNAUTHENTICATED", str(refused), CHALLENGE) from None
        return Context(services=services, caller=caller, renewed=partial(services.access.authenticate, authorization))

    async def _health(self) -> dict[str, Any]:
        return await self._running.services.store.health()

    @property
    def _running(self) -> Parts:
        if self.parts is None:
            raise RuntimeError("the service does not run: requests are answered within `running`")
        return self.parts

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Parts]:
        """Open the parts and let the worker work; the application answers only in here. Raises SettingsInvalid, StoreRefused."""
        async with opened_parts(self.settings, self.credentials, self.tell) as parts:
            if key := await self._first_key(parts.services.store):
                self.page.prefilled = replace(self.page.prefilled, key=key)
            self.parts = parts
            work = asyncio.create_task(parts.worker.run(), name="worker")
            # What was loaded so far stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTED)
            try:
                yield parts
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                self.parts = None

    async def _first_key(self, store: Store) -> str | None:
        """On a fresh embedded store that only this machine can reach: a tenant and a key, shown this once."""
        if await store.tenants():
            return None
        if not (self.settings.is_embedded and self.settings.host in LOOPBACK):
            self.tell(f"There is no tenant yet. Make one with its first key: uniongraph key create --tenant {FIRST_TENANT}")
            return None
        await store.create_tenant(FIRST_TENANT)
        _, secret = await create_key(Tenant(store, FIRST_TENANT), FIRST_KEY, list(Scope))
        self.tell(f"A first start: tenant {FIRST_TENANT}, and its key with every scope, shown this once:\n  {secret}")
        return secret


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named; without that each small answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Who takes nothing for so long is gone; what lies in their buffer goes with them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD * 1000)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """How a browser on this machine reaches it."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class WebServer(uvicorn.Server):
    """uvicorn, stopped by a signal without passing it on: what runs around it ends in order, too."""

    leaving: Callable[[], object] | None = None
    """Told when it stops: what would last for ever ends."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: first what lasts, for uvicorn waits for it."""
        if self.leaving:
            self.leaving()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal, at once at the second; in another thread than the main one signals never come."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOPPING:
                loop.remove_signal_handler(number)


def web_server(application: Starlette, *, largest_message: int = 2_000_000) -> WebServer:
    """Uvicorn without what costs time and is not needed; an access log would quote addresses."""
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        http=AbruptHTTP,
        ws=PatientSocket,
        ws_per_message_deflate=False,  # messages are small, and each connection would keep a window
        ws_max_size=largest_message,
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=IDLE,
    )
    return WebServer(config)


async def serve(service: Service, server: WebServer, listener: socket.socket, started: Callable[[], object]) -> None:
    """Serve until stopped; `started` is told when requests are answered. Raises SettingsInvalid, StoreRefused."""
    async with service.running() as parts:
        server.leaving = parts.services.following.leave
        started()
        await server.serve(sockets=[listener])
