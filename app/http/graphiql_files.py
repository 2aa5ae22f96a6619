"""GraphiQL's files, fetched once at installation so that no browser ever asks another origin. Serving them belongs elsewhere.

Strawberry's own page names each file with its package, version and SHA-384; the page itself is ours (graphiql.py). npm fetches
the packages, wherever it is set up to fetch from; only bytes with the promised digest are kept. Run as
`python -m app.http.graphiql_files`.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import strawberry

PREFIX = "/graphiql/"  # where the service serves the folder; the page's addresses begin with it

NOT_NEEDED = {"js-cookie"}
"""Strawberry's page reads a cookie with it; there are none here."""
_ORIGIN = r'https://[^/"]+/'
_PACKAGE = r"(?P<name>(?:@[\w-]+/)?[\w.-]+)@(?P<version>\d[\w.-]*)"
_FILE = re.compile(_ORIGIN + _PACKAGE + r'/(?P<path>[\w./-]+)"\s+integrity="sha384-(?P<digest>[^"]+)"')
_FETCH_TIMEOUT = 300  # seconds for one package on a slow line


class GraphiQLError(Exception):
    """GraphiQL's files could not be had as the page names them."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One file the page loads."""

    package: str
    version: str
    path: str
    digest: str

    @property
    def place(self) -> Path:
        """Where it lies below the folder and below PREFIX."""
        return Path(f"{self.package}@{self.version}") / self.path


def folder() -> Path:
    """The folder of the files that the page loads: part of the environment that runs the service."""
    return Path(sys.prefix) / "graphiql"


def page() -> str:
    """The page as Strawberry ships it."""
    return (Path(strawberry.__file__).parent / "static" / "graphiql.html").read_text(encoding="utf-8")


def files(text: str) -> list[File]:
    """Every file the page names together with its digest, but for what ours does not need."""
    named = [File(package=m["name"], version=m["version"], path=m["path"], digest=m["digest"]) for m in _FILE.finditer(text)]
    found = [file for file in named if file.package not in NOT_NEEDED]
    if not found:
        raise GraphiQLError("Strawberry's GraphiQL page names no file with a digest; was Strawberry upgraded?")
    return found


def fetch(wanted: list[File], npm: str) -> Iterator[tuple[File, bytes]]:
    """Each file with its verified bytes; each package is fetched once."""
    with tempfile.TemporaryDirectory() as name:
        archives: dict[str, Path] = {}
        for file in wanted:
            package = f"{file.package}@{file.version}"
            if package not in archives:
                archives[package] = _pack(package, npm, Path(name) / str(len(archives)))
            yield file, _verified(file, archives[package])


def _pack(package: str, npm: str, into: Path) -> Path:
    into.mkdir()
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(into), package]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH_TIMEOUT)  # noqa: S603 - our own npm, names from a pinned page
    except subprocess.CalledProcessError as error:
        raise GraphiQLError(f"npm could not fetch {package}: {error.stderr.strip() or f'exit status {error.returncode}'}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GraphiQLError(f"npm could not fetch {package}: {error}") from error
    archives = list(into.glob("*.tgz"))
    if len(archives) != 1:
        raise GraphiQLError(f"npm left {len(archives)} archives for {package}, where one was expected")
    return archives[0]


def _verified(file: File, archive: Path) -> bytes:
    with tarfile.open(archive) as members:
        try:
            member = members.extractfile(f"package/{file.path}")
        except KeyError:
            member = None
        if member is None:
            raise GraphiQLError(f"{file.package}@{file.version} has no file {file.path}")
        data = member.read()
    digest = base64.b64encode(hashlib.sha384(data).digest()).decode()
    if digest != file.digest:
        raise GraphiQLError(f"{file.place} has the SHA-384 {digest}, but the page promises {file.digest}: it is not kept")
    return data


def install(into: Path, npm: str) -> int:
    """Write the files in place of whatever was there. Returns the bytes written."""
    shutil.rmtree(into, ignore_errors=True)
    size = 0
    for file, data in fetch(files(page()), npm):
        target = into / file.place
        target.parent.mkdir(parents=True, exist_ok=True)
        size += target.write_bytes(data)
    return size


def main() -> int:
    """Install for the environment that runs this; one line about it, one line if it fails."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("GraphiQL's files are fetched by npm, which is not installed (make does it without).\n")
        return 1
    try:
        size = install(folder(), npm)
    except GraphiQLError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"GraphiQL's files are verified: {size / 1e6:.1f} MB in {folder()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
