"""The page: from our own origin, closed to everything else, with a key only where that was asked for."""

import html
import re
from pathlib import Path

import httpx
import pytest

from app.http.endpoint import GraphQLEndpoint
from app.http.graphiql import GraphiQL, Prefilled, Tab, _loaded
from app.http.web import web_app
from tests.http.conftest import Caller
from tests.http.test_service import Scripted

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
KEY = "ug_the_key"


def installed(folder: Path) -> Path:
    """A folder with every file the page needs, if with other content."""
    for file in _loaded():
        (folder / file.place).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.place).write_text("/* a file */", encoding="utf-8")
    return folder


async def opened(page: GraphiQL, path: str = "/graphql", host: str = "127.0.0.1:8000", client: str = "127.0.0.1") -> httpx.Response:
    """What a browser gets."""

    async def nobody(_: str | None) -> object:
        raise AssertionError("a page needs no key")

    async def health() -> dict[str, object]:
        return {}

    endpoint = GraphQLEndpoint(Scripted(), nobody, page)  # type: ignore[arg-type]  # never asked
    transport = httpx.ASGITransport(app=web_app(endpoint, page, health), client=(client, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
        return await http.get(path, headers={"accept": BROWSER})


async def test_a_browser_gets_the_page(tmp_path: Path) -> None:
    """The page names only files of our own origin, each with its digest, under a policy without inline scripts."""
    response = await opened(GraphiQL(installed(tmp_path)))
    addresses = re.findall(r'(?:src|href)="([^"]*)"', response.text)
    assert (200, "text/html; charset=utf-8") == (response.status_code, response.headers["content-type"])
    assert [] == [one for one in addresses if not one.startswith(("/graphiql/", "/page/", "data:"))]
    assert len(_loaded()) == response.text.count('integrity="sha384-')
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "<script>" not in response.text


async def test_its_files_are_served_and_may_be_kept(tmp_path: Path) -> None:
    """A file whose address names its version may be kept by browsers; our own script is always asked for."""
    page = GraphiQL(installed(tmp_path))
    theirs = await opened(page, f"/graphiql/{_loaded()[0].place.as_posix()}")
    own = await opened(page, "/page/graphiql.js")
    assert (200, 200) == (theirs.status_code, own.status_code)
    assert ("public, max-age=31536000, immutable", "private, no-store") == (theirs.headers["cache-control"], own.headers["cache-control"])


async def test_no_key_stands_in_the_page_by_default(tmp_path: Path) -> None:
    """Unless asked for, the page holds no key."""
    assert "Bearer ug_" not in html.unescape((await opened(GraphiQL(installed(tmp_path)))).text)


async def test_a_prefilled_page_has_the_key_and_the_questions(tmp_path: Path) -> None:
    """The demo's page opens with its key and its questions."""
    page = GraphiQL(installed(tmp_path), Prefilled(key=KEY, tabs=[Tab(title="One", query="{ viewer { tenant } }")]))
    text = html.unescape((await opened(page)).text)
    assert (True, True) == (f"Bearer {KEY}" in text, "{ viewer { tenant } }" in text)


@pytest.mark.parametrize(
    "host, client",
    [
        ("attacker.example", "127.0.0.1"),
        ("192.168.1.5:8000", "192.168.1.9"),
        ("127.0.0.1:8000", "192.168.1.9"),
        ("0.0.0.0:8000", "127.0.0.1"),
    ],
)
async def test_the_key_is_shown_to_this_machine_only(tmp_path: Path, host: str, client: str) -> None:
    """A browser elsewhere, or one that a foreign name led here, gets the page without the key."""
    text = (await opened(GraphiQL(installed(tmp_path), Prefilled(key=KEY)), host=host, client=client)).text
    assert KEY not in text


async def test_missing_files_are_said_plainly(tmp_path: Path) -> None:
    """Without its files there is a plain page that says how to get them, and no key in it; asking for a file is no failure."""
    page = GraphiQL(tmp_path / "nothing", Prefilled(key=KEY))
    response = await opened(page)
    assert (200, True, False) == (response.status_code, "make install" in response.text, KEY in response.text)
    assert 404 == (await opened(page, "/graphiql/react.js")).status_code


async def test_the_root_leads_to_the_page(caller: Caller) -> None:
    """Who opens the address alone is led to /graphql."""
    response = await caller.send("GET", "/")
    assert (307, "/graphql") == (response.status_code, response.headers["location"])
