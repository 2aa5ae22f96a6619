"""What the documents print is run: GraphQL against a small brand, the table by the import, the settings as they are declared."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.__main__ import COMMANDS
from app.api.changes import cursor_at
from app.api.schema import schema
from app.commands import serve
from app.http.graphiql import GraphiQL
from app.ingest.table import Import, Tally
from app.ingest.table_file import open_table
from app.server import Service, address_of, listen, web_server
from app.server import serve as serve_until_stopped
from app.settings import table
from app.wechat.credentials import Credentials
from graph.stores import Store, open_store
from tests.api.asking import Api, StandingClock
from tests.http.conftest import settings_in

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
APP_ID, OPEN_ID = "wx5a1c3e7f90b2d846", "oT8kW5pZ1xQeR7vLm3NcYdB0uHsE"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language in all documents."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [found for document in DOCUMENTS for found in fence.findall(document.read_text(encoding="utf-8"))]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A fresh store."""
    async with open_store(f"sqlite:///{tmp_path}/graph.db", secret=b"s" * 32, clock=StandingClock()) as opened:
        await opened.create_tenant("acme")
        yield opened


@pytest.fixture
def api(store: Store) -> Api:
    """An API of a tenant that knows nothing yet: the documents say how it is told."""
    return Api(store, StandingClock())


async def registered(api: Api) -> None:
    """What README registers first."""
    said = await api.ask(next(text for text in blocks("graphql") if text.startswith("mutation Register")))
    assert [[]] * 4 == [payload["errors"] for payload in said.values()]


def variables() -> Iterator[dict[str, object]]:
    """The variables that the documents print beside their operations, an identifier for the questions, and no cursor yet."""
    yield {"by": {"openId": {"appId": APP_ID, "value": OPEN_ID}}, "after": None}
    yield from map(json.loads, blocks("json"))


async def test_every_operation_in_the_documents_runs(api: Api) -> None:
    """A GraphQL operation that is printed is answered without errors, mutations first, and the questions find what they sent."""
    given = {name: value for one in variables() for name, value in one.items()}
    every = blocks("graphql")
    followed = [text for text in every if text.startswith("subscription")]
    operations = sorted((text for text in every if text not in followed), key=lambda text: not text.startswith("mutation"))
    answers = [await api.ask(text, **{name: given[name] for name in re.findall(r"\$(\w+):", text)}) for text in operations]
    for text in followed:
        results = await schema.stream(text, variable_values={"after": cursor_at(None)}, context_value=api.context())
        async with aclosing(results):
            assert (await anext(results)).errors is None
    assert 3 <= len(answers)
    assert [] == [errors for data in answers for field in data.values() if (errors := (field or {}).get("errors"))]
    assert OPEN_ID == next(data["customer"] for data in answers if "customer" in data)["touchpoints"][0]["openId"]["value"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: apt install curl")
def test_the_call_in_the_documents_is_answered(tmp_path: Path) -> None:
    """The command line that README prints asks a service that runs, and is told the tenant."""
    settings = settings_in(tmp_path, port=0)
    told: list[str] = []
    service = Service(settings, Credentials(), GraphiQL(settings.graphiql), tell=told.append)
    listener, ready = listen("127.0.0.1", 0), threading.Event()
    server = web_server(service.application())
    thread = threading.Thread(target=lambda: asyncio.run(serve_until_stopped(service, server, listener, ready.set)))
    thread.start()
    try:
        assert ready.wait(20)
        line = next(text for text in blocks("sh") if text.startswith("curl")).replace("http://127.0.0.1:8000", address_of(listener))
        answer = subprocess.run(line, shell=True, check=True, capture_output=True, env=os.environ | {"KEY": told[-1].split()[-1]})  # noqa: S602  # as it is printed
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert "default" == json.loads(answer.stdout)["data"]["viewer"]["tenant"]


async def test_the_table_in_the_documents_can_be_imported(api: Api, tmp_path: Path) -> None:
    """The CSV that is printed is applied row by row, none refused."""
    await registered(api)
    for text in blocks("csv"):
        file = tmp_path / "table.csv"
        file.write_text(text, encoding="utf-8")
        rows = len(text.splitlines()) - 1
        assert Tally(rows=rows, applied=rows) == await Import(api.tenant, open_table(file), "the store").run()


def test_the_credentials_in_the_documents_can_be_read(tmp_path: Path) -> None:
    """The TOML that is printed is a file of credentials."""
    for text in blocks("toml"):
        file = tmp_path / "credentials.toml"
        file.write_text(text, encoding="utf-8")
        assert [APP_ID] == list(Credentials.from_file(file).app_ids)


def test_the_documents_list_every_setting() -> None:
    """README's table of settings is the one that the code declares."""
    assert table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_service_takes_every_flag_in_the_documents() -> None:
    """A flag that the table prints is one that `uniongraph serve` knows."""
    flags = re.findall(r"`(--[a-z-]+)`", table())
    parser = ArgumentParser()
    serve.COMMAND.add_arguments(parser)
    assert 10 <= len(flags)
    assert [] == [flag for flag in flags if flag not in parser.format_help()]


def test_the_documents_name_commands_that_exist() -> None:
    """Every `uniongraph word` that is printed is a command, and README lists every command."""
    named = {word for document in DOCUMENTS for word in re.findall(r"`uniongraph ([a-z-]+)", document.read_text(encoding="utf-8"))}
    assert {command.name for command in COMMANDS} == named
