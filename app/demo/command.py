"""The demo from beginning to end: sandbox and service started, the brand ingested, the questions answered, GraphiQL left open."""

import argparse
import asyncio
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from app.access import create_key
from app.commands.command import Command, CommandFailed, run_async
from app.commands.import_table import with_bar
from app.demo import brand as story
from app.demo import questions
from app.demo.http import Api, CallFailed
from app.http.graphiql import GraphiQL, Prefilled
from app.ingest.table import Import, Tally
from app.ingest.table_file import open_table
from app.sandbox import Brand, make_brand, running_sandbox, write_table
from app.server import Service, address_of, listen, opened_store, serve, set_up_logs, web_server
from app.settings import Settings
from graph.apikeys import Scope
from graph.tenant import Tenant

TENANT = "default"
PEOPLE, LOGINS = 5_000, 200
PORT = 8000
START_TIME_OUT = 60.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=_people, default=PEOPLE, help="how many people the brand has (default: %(default)s)")
    parser.add_argument("--port", type=int, help=f"port of the service (default: {PORT}, or any free one where that is taken)")
    parser.add_argument("--store", help="where the graph is to live (default: a file that is removed at the end)")
    parser.add_argument("--once", action="store_true", help="end when the questions are answered")


def _people(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(arguments: argparse.Namespace) -> int:
    console = Console(width=None if sys.stdout.isatty() else 160)
    started = time.monotonic()
    brand = make_brand(people=arguments.people)
    with tempfile.TemporaryDirectory(prefix="uniongraph-demo-") as name, running_sandbox(brand) as door:
        settings = _settings(Path(name), brand, door, arguments.store)
        set_up_logs("error", settings.credentials())
        key = _make_key(settings)
        page = GraphiQL(settings.graphiql, Prefilled(key=key))
        with _running_service(Service(settings, settings.credentials(), page, tell=console.print), arguments.port) as address:
            console.print(f"[bold]UnionGraph[/] {address}/graphql    [bold]WeChat sandbox[/] {door}\n")
            try:
                _ingest(Api(address, key), door, brand, settings, console)
            except CallFailed as failed:
                raise CommandFailed(f"The demo cannot go on: {failed}") from None
            page.prefilled = Prefilled(key=key, tabs=questions.tabs(brand))
            console.print(f"\nDone in {time.monotonic() - started:.0f} s.")
            if not arguments.once:
                _stay(console, address, page)
    return 0


def _settings(folder: Path, brand: Brand, door: str, store: str | None) -> Settings:
    credentials = folder / "credentials.toml"
    credentials.touch(mode=0o600)
    credentials.write_text(brand.credentials(), encoding="utf-8")
    own = Settings.load()
    # A store of one's own keeps its usual secret; the one of the demo goes with it.
    data = own.data if store else folder
    secret = own.secret if store else ""
    return Settings(
        store=store or "", data=data, secret=secret, graphiql=own.graphiql, wechat_credentials=str(credentials), wechat_base_url=door
    )


def _make_key(settings: Settings) -> str:
    """A key with every scope, for this demo."""
    made: list[str] = []

    async def make() -> int:
        async with opened_store(settings, lambda _: None) as store:
            await store.create_tenant(TENANT)
            made.append((await create_key(Tenant(store, TENANT), "demo", list(Scope)))[1])
        return 0

    run_async(make())
    return made[0]


def _ingest(api: Api, door: str, brand: Brand, settings: Settings, console: Console) -> None:
    registered = story.register(api, brand)
    console.print(
        f"Registered: {len(brand.entities)} entities, {len(brand.open_platforms)} Open Platform accounts, "
        f"{len(brand.touchpoints)} touchpoints and their binding histories, in {registered} calls."
    )
    console.print("\nFollowers of the official accounts, asked from WeChat:")
    story.backfill(api, brand, console)
    console.print("\nPeople log in:")
    logins = story.log_in(api, door, brand, LOGINS, console)
    console.print("  " + ", ".join(f"{count} {what}" for what, count in logins.most_common()))
    console.print("\nThe table that the brand had before (CSV):")
    tally = _import(settings, brand)
    console.print(
        f"  {tally.rows:,} rows: {tally.applied:,} applied, {tally.unchanged:,} known already, "
        f"{tally.quarantined:,} waiting until something is registered, {tally.rejected:,} rejected.\n"
    )
    story.wait_for_jobs(api)
    questions.answer_both(api, brand, console)


def _import(settings: Settings, brand: Brand) -> Tally:
    """As `uniongraph import` does it beside a running service: through a store of its own."""
    tallies: list[Tally] = []
    path = Path(settings.wechat_credentials).with_name("customers.csv")
    with path.open("w", encoding="utf-8") as file:
        write_table(brand, file)

    async def work() -> int:
        async with opened_store(settings) as store:
            tallies.append(await with_bar(Import(Tenant(store, TENANT), open_table(path), settings.store_url)))
        return 0

    run_async(work())
    return tallies[0]


@contextmanager
def _running_service(service: Service, port: int | None) -> Iterator[str]:
    """The service in a thread of its own."""
    listener = _listener(service.settings.host, port)
    server = web_server(service.application())
    ready = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(serve(service, server, listener, ready.set))
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits
            failures.append(failure)
            ready.set()

    thread = threading.Thread(target=run, name="service", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_TIME_OUT) or failures:
            raise failures[0] if failures else CommandFailed("The service did not start.")
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join(START_TIME_OUT)
        listener.close()


def _listener(host: str, port: int | None) -> socket.socket:
    try:
        return listen(host, PORT if port is None else port)
    except OSError as error:
        if port is not None:
            raise CommandFailed(f"Cannot listen on {host}:{port}: {error.strerror}. Leave --port out for a free one.") from None
        return listen(host, 0)


def _stay(console: Console, address: str, page: GraphiQL) -> None:
    if page.missing:
        console.print(f"GraphiQL is not installed ({page.folder}); the API is at {address}/graphql, its key: {page.prefilled.key}")
    else:
        console.print(f"[bold]GraphiQL[/]: {address}/graphql  (both questions and a key are in it)")
    console.print("Ctrl-C ends the demo.")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


COMMAND = Command("demo", "ingest a sample brand, answer both headline questions, serve GraphiQL", _add_arguments, _run)
