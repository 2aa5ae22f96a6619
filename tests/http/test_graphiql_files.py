"""GraphiQL's files: only what the page promises is kept, and the page asks nobody but us."""

import base64
import hashlib
import io
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from app.http import graphiql_files
from app.http.graphiql_files import File, GraphiQLError

CONTENT = b"console.log('GraphiQL')"
DIGEST = base64.b64encode(hashlib.sha384(CONTENT).digest()).decode()
# An npm that packs one file, from its own folder, whatever package is asked for.
NPM = """#!{python}
import shutil, sys
shutil.copy({archive!r}, sys.argv[sys.argv.index("--pack-destination") + 1])
"""


@pytest.fixture
def npm(tmp_path: Path) -> str:
    """A stand-in for npm: the real one asks a registry."""
    archive = tmp_path / "package-1.0.0.tgz"
    with tarfile.open(archive, "w:gz") as members:
        member = tarfile.TarInfo("package/dist/index.js")
        member.size = len(CONTENT)
        members.addfile(member, io.BytesIO(CONTENT))
    program = tmp_path / "npm"
    program.write_text(NPM.format(python=sys.executable, archive=str(archive)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def _file(*, path: str = "dist/index.js", digest: str = DIGEST) -> File:
    return File(package="@scope/package", version="1.0.0", path=path, digest=digest)


def test_strawberrys_page_names_six_files() -> None:
    """Strawberry's page names six files that ours loads, each with a digest of 384 bits; an upgrade that changes this must be seen."""
    found = graphiql_files.files(graphiql_files.page())

    assert 6 == len({file.place for file in found})
    assert {48} == {len(base64.b64decode(file.digest)) for file in found}


def test_a_page_without_files_is_refused() -> None:
    """A page whose files cannot be read out of it is refused."""
    with pytest.raises(GraphiQLError, match="names no file"):
        graphiql_files.files("<html></html>")


def test_promised_bytes_are_kept(npm: str) -> None:
    """A file with the promised digest is handed on, byte for byte."""
    assert [(_file(), CONTENT)] == list(graphiql_files.fetch([_file()], npm))


def test_other_bytes_are_refused(npm: str) -> None:
    """A file with another digest than the page promises is refused."""
    with pytest.raises(GraphiQLError, match="not kept"):
        list(graphiql_files.fetch([_file(digest="A" * 64)], npm))


def test_a_missing_file_is_named(npm: str) -> None:
    """A file that the package does not have is named in the error."""
    with pytest.raises(GraphiQLError, match=r"has no file dist/other\.js"):
        list(graphiql_files.fetch([_file(path="dist/other.js")], npm))


def test_a_failing_npm_is_reported() -> None:
    """Where npm fails, the error names the package."""
    with pytest.raises(GraphiQLError, match=r"could not fetch @scope/package@1\.0\.0"):
        list(graphiql_files.fetch([_file()], "false"))
