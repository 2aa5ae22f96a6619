"""The GraphiQL page: from our own origin, with files that installation fetched, under a policy that lets nothing else load.

The page never holds a key, but where whoever started the service asked for it (the demo and a fresh local start), and then only
for a browser on this very machine.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from app.http.answers import dump
from app.http.graphiql_files import PREFIX, File, files, page

OWN = Path(__file__).parent / "page"
"""Our own script and style, which turn GraphiQL's files into a page."""
OWN_PREFIX = "/page/"
POLICY = (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    # GraphiQL's dialogs write style elements while they are open.
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MISSING = """\
<h1>UnionGraph</h1>
<p>The API answers here: send GraphQL by POST, with an API key as <code>Authorization: Bearer …</code>.</p>
<p>GraphiQL, the page to try it out in, is not installed: its files are missing in <code>{folder}</code>.
<code>make install</code> fetches them; <code>UNIONGRAPH_GRAPHIQL</code> names another folder.</p>
"""
LONGEST_AGE = 31_536_000
"""A year, in seconds: a file's address names its version."""


@dataclass(frozen=True, kw_only=True)
class Tab:
    """An operation that stands in the page when it opens."""

    title: str
    query: str
    variables: str = ""


@dataclass(frozen=True, kw_only=True)
class Prefilled:
    """What the page opens with."""

    key: str | None = None
    tabs: Sequence[Tab] = ()


class VersionedFiles(StaticFiles):
    """Files whose addresses name their version, so that a browser may keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """The file, to be kept."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        response.headers["Cache-Control"] = f"public, max-age={LONGEST_AGE}, immutable"
        return response

    async def check_config(self) -> None:
        """A folder that is not there holds no files: each is answered as unknown."""


class GraphiQL:
    """Answers the page."""

    def __init__(self, folder: Path, prefilled: Prefilled | None = None) -> None:
        self._folder = folder
        self.prefilled = prefilled or Prefilled()

    @property
    def missing(self) -> list[Path]:
        """The files that are not there."""
        return [self._folder / file.place for file in _loaded() if not (self._folder / file.place).is_file()]

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    def __call__(self, request: Request) -> Response:
        """The page, or a plain one that says what is missing."""
        if self.missing:
            return _html(_document(MISSING.format(folder=escape(str(self._folder))), ""))
        return _html(_document(*self._body(is_local=_is_local(request))))

    def _body(self, *, is_local: bool) -> tuple[str, str]:
        key = self.prefilled.key if is_local else None
        settings = {
            "headers": dump({"Authorization": f"Bearer {key}"}).decode() if key else "",
            "tabs": [asdict(tab) for tab in self.prefilled.tabs],
        }
        scripts = "".join(f'<script src="{PREFIX}{f.place.as_posix()}" integrity="sha384-{f.digest}"></script>' for f in _loaded(".js"))
        styles = "".join(
            f'<link rel="stylesheet" href="{PREFIX}{f.place.as_posix()}" integrity="sha384-{f.digest}">' for f in _loaded(".css")
        )
        place = f'<div id="graphiql" data-settings="{escape(dump(settings).decode())}">Loading …</div>'
        return f'{place}{scripts}<script src="{OWN_PREFIX}graphiql.js"></script>', styles


def _loaded(suffix: str = "") -> list[File]:
    return [file for file in files(page()) if file.place.name.endswith(suffix)]


def _document(body: str, head: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>UnionGraph</title>'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{OWN_PREFIX}graphiql.css">{head}</head><body>{body}</body></html>'
    )


def _html(text: str) -> Response:
    return Response(text, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})


def _is_local(request: Request) -> bool:
    """Whether the browser runs on this machine and was sent here by nobody: a foreign name that leads to this address is refused."""
    host = request.url.hostname or ""
    return request.client is not None and _is_loopback(request.client.host) and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
