"""`uniongraph export`, `import` of exports and `rebuild`, as they are typed: what they print, refuse, leave behind, and go on with."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.__main__ import main
from bench.brand import found, open_id, populate
from graph.jobs import Job, JobState
from graph.record import record_resolutions
from graph.stores import Page, Store, open_store
from graph.tenant import Tenant
from graph.turn import Writes
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.rebuild import differences
from tests.stores.harness import write
from tests.stores.rebuilding import row
from tests.transfer.moving import unlike

ROOT = Path(__file__).parents[2]
SECRET = "a secret of thirty-two characters"
NAME = "acme"
PEOPLE = 60


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from outside but the secret; the working folder is a fresh one."""
    for name in os.environ:
        if name.startswith("UNIONGRAPH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UNIONGRAPH_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = main(words)
    output = capsys.readouterr()
    return code, output.out, output.err


@asynccontextmanager
async def opened(path: str) -> AsyncIterator[Store]:
    """A store by the name of its file."""
    async with open_store(f"sqlite:///{path}", secret=SECRET.encode(), clock=lambda: time.time_ns() // 1_000_000) as store:
        yield store


@pytest.fixture
async def there(tmp_path: Path) -> Everything:
    """A brand in one.db, with a row in quarantine."""
    async with opened("one.db") as store:
        tenant = Tenant(store, NAME)
        await found(tenant)
        await populate(tenant, 0, PEOPLE)
        await record_resolutions(tenant, [row("wxunknown", "waits", "too")])
    return from_sqlite(tmp_path / "one.db", NAME)


def move(capsys: pytest.CaptureFixture[str], change: Callable[[list[str]], list[str]] = lambda lines: lines) -> tuple[int, str, str]:
    """Export from one.db, change the lines, import into two.db."""
    assert 0 == ran(capsys, "export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl")[0]
    file = Path("acme.jsonl")
    file.write_text("".join(change(file.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    return ran(capsys, "import", "--store", "sqlite:///two.db", "--tenant", NAME, "acme.jsonl")


def test_a_tenant_moves_by_two_commands(there: Everything, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was exported is there after the import, derived anew, and only its owner may read the file."""
    code, _, told = move(capsys)
    assert (0, True) == (code, " 0 of them rejected" in told)
    assert [] == unlike(there, from_sqlite(tmp_path / "two.db", NAME))
    assert 0o600 == stat.S_IMODE(Path("acme.jsonl").stat().st_mode)
    assert {"one.db", "two.db", "acme.jsonl"} == {path.name for path in tmp_path.iterdir() if "-" not in path.name}
    assert 0 == ran(capsys, "rebuild", "--verify", "--store", "sqlite:///two.db", "--tenant", NAME)[0]


def test_an_export_goes_to_standard_output(there: Everything, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """With - in place of a file its lines are written out: each JSON, the first saying what it is, the last how many there are."""
    assert 0 == main(("export", "--store", "sqlite:///one.db", "--tenant", NAME, "-"))
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert ("uniongraph export", 1, NAME) == (lines[0]["is"], lines[0]["format"], lines[0]["tenant"])
    assert ("end", len(lines) - 2) == (lines[-1]["is"], lines[-1]["lines"])
    assert lines[-1]["wholeUpToTurn"] == lines[-1]["readUntilTurn"] == there.turn
    assert {"said", "Touchpoint", "Binding", "Entity", "OpenPlatform", "policy", "Quarantined"} == {line["is"] for line in lines[1:-1]}
    assert SECRET not in json.dumps(lines)


@pytest.mark.parametrize(
    "change, words, text",
    [
        (lambda lines: lines[:-1], (), "was cut short"),
        (lambda lines: [*lines[:5], *lines[6:]], (), "between its first and its last"),
        (lambda lines: [lines[0].replace('"format":1', '"format":2'), *lines[1:]], (), "format 2; this program reads up to 1"),
        (lambda lines: lines, ("--tenant", "globex"), "give --tenant acme"),
    ],
)
def test_what_must_not_be_imported_is_refused(
    there: Everything, capsys: pytest.CaptureFixture[str], change: Callable[[list[str]], list[str]], words: tuple[str, ...], text: str
) -> None:
    """A file that is not whole, is of a newer format, or is another tenant's is refused in one line, and nothing is brought in."""
    ran(capsys, "export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl")
    file = Path("acme.jsonl")
    file.write_text("".join(change(file.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    code, _, told = ran(capsys, "import", "--store", "sqlite:///two.db", "acme.jsonl", *(words or ("--tenant", NAME)))
    assert (1, 1, True) == (code, told.count("\n"), text in told)
    assert 1 == ran(capsys, "export", "--store", "sqlite:///two.db", "--tenant", NAME, "-")[0]


def test_another_secret_is_told(there: Everything, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys were derived with the secret, so a store of another one takes nothing, and says what to do."""
    ran(capsys, "export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl")
    monkeypatch.setenv("UNIONGRAPH_SECRET", SECRET[::-1])
    code, _, told = ran(capsys, "import", "--store", "sqlite:///two.db", "--tenant", NAME, "acme.jsonl")
    assert (1, True) == (code, "set UNIONGRAPH_SECRET to that one" in told)


def test_lines_that_do_not_fit_are_put_aside(there: Everything, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line whose key is not its own, or that cannot be read, goes to a file with the reason; all others are brought in."""

    def change(lines: list[str]) -> list[str]:
        said = [n for n, line in enumerate(lines) if line.startswith('{"is":"said"')]
        lines[said[3]] = lines[said[3]].replace('"value":"o', '"value":"x', 1)
        lines[said[5]] = '{"is":"said","by":"somebody"}\n'
        lines[said[7]] = lines[said[7]].replace('"source":"', '"source":"NO_', 1)
        return lines

    code, printed, told = move(capsys, change)
    assert (0, "", True) == (code, printed, "3 of them rejected" in told)
    rejected = Path("acme.jsonl.rejected.jsonl")
    assert 0o600 == stat.S_IMODE(rejected.stat().st_mode)
    reasons = [json.loads(line)["rejectedBecause"] for line in rejected.read_text(encoding="utf-8").splitlines()]
    assert ["The key of an OpenID is not its own.", *["A field of it is missing, or is not what it should be."] * 2] == reasons
    two = from_sqlite(tmp_path / "two.db", NAME)
    assert 3 * 2 == len(there.rollups) - len(two.rollups)


STUCK = """
import asyncio, sys
from app.__main__ import main
from app.transfer.exporting import Export

async def lines(self, whole=Export.lines):
    async for chunk in whole(self):
        yield chunk * 1000
        print("begun", flush=True)
        await asyncio.sleep(600)

Export.lines = lines
sys.exit(main(sys.argv[1:]))
"""


def test_what_a_killed_export_left_is_removed(there: Everything, tmp_path: Path) -> None:
    """The next export to the same file removes what a killed one left, and leaves alone what somebody writes or what is not its own."""
    words = ("export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl")
    Path(".acme.jsonl.mine.new").touch()
    Path(".other.jsonl.7.new").touch()
    kept = {".acme.jsonl.mine.new", ".other.jsonl.7.new"}
    command = [sys.executable, "-c", STUCK, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as exporting:
        assert exporting.stdout is not None
        begun = exporting.stdout.readline()
        beside = apart_ran(*words)[0], hidden(tmp_path)
        exporting.send_signal(signal.SIGKILL)
    written = Path(f".acme.jsonl.{exporting.pid}.new")
    assert (b"begun\n", (0, {*kept, written.name})) == (begun, beside)
    assert 0o600 == stat.S_IMODE(written.stat().st_mode)
    assert written.stat().st_size
    assert 0 == apart_ran(*words)[0]
    assert kept == hidden(tmp_path)
    assert 0o600 == stat.S_IMODE(Path("acme.jsonl").stat().st_mode)


def test_a_number_that_comes_again_is_no_obstacle(there: Everything, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a container every process may have the number of the one that was killed: what that one left is replaced."""
    left = Path(f".acme.jsonl.{os.getpid()}.new")
    left.write_text("left", encoding="utf-8")
    assert 0 == ran(capsys, "export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl")[0]
    assert set() == hidden(tmp_path)


def hidden(folder: Path) -> set[str]:
    """Files whose names begin with a dot."""
    return {path.name for path in folder.iterdir() if path.name.startswith(".")}


async def test_an_import_that_is_killed_goes_on(there: Everything, tmp_path: Path) -> None:
    """Killed with -9 at any moment, the next attempt goes on behind what is in, and ends with the same graph as one that ran through."""
    ran_export = [sys.executable, "-m", "app", "export", "--store", "sqlite:///one.db", "--tenant", NAME, "acme.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(ran_export, check=True, capture_output=True, env=environment)  # noqa: ASYNC221  # nothing else runs here
    command = [sys.executable, "-m", "app", "import", "--store", "sqlite:///two.db", "--tenant", NAME, "acme.jsonl"]
    async with opened("two.db") as store:
        await store.create_tenant(NAME)
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as importing:  # noqa: ASYNC220  # it is killed
            while importing.poll() is None and not [job for job in await jobs(store) if job.checkpoint]:
                time.sleep(0.002)  # noqa: ASYNC251  # nothing else runs here
            importing.send_signal(signal.SIGKILL)
        [job] = [job for job in await jobs(store) if job.checkpoint]
        assert JobState.RUNNING is job.state
    finished = subprocess.run(command, check=True, capture_output=True, env=environment, text=True)  # noqa: ASYNC221
    assert "Went on after line" in finished.stderr
    two = from_sqlite(tmp_path / "two.db", NAME)
    async with opened("two.db") as store:
        assert [] == unlike(there, two)
        assert [] == differences(two, store.keys(NAME))
        assert {JobState.DONE} == {job.state for job in await jobs(store)}


async def jobs(store: Store) -> list[Job]:
    """All of the tenant's."""
    return (await store.page(NAME, Job, Page(limit=100)))[1].items


async def test_a_rebuild_says_and_mends_what_differs(there: Everything, tmp_path: Path) -> None:
    """With --verify a difference is printed by kind and key and the exit code is 1; without it, it is mended, and nothing differs then."""
    async with opened("one.db") as store:
        key = store.keys(NAME).open_id(*open_id(3))
        await write(store, NAME, Writes(members=[replace(there.members[key], first=1)]))
    words = ("rebuild", "--store", "sqlite:///one.db", "--tenant", NAME)
    code, printed, told = apart_ran(*words, "--verify")
    assert (1, f"identifier: 1: {key}\n", True) == (code, printed, "1 differences" in told)
    assert open_id(3)[1] not in printed + told
    code, _, told = apart_ran(*words)
    assert (0, True) == (code, "1 differences mended" in told)
    assert (0, "") == apart_ran(*words, "--verify")[:2]
    assert [] == unlike(there, from_sqlite(tmp_path / "one.db", NAME))


def apart_ran(*words: str) -> tuple[int, str, str]:
    """A command has an event loop of its own, so it runs in a process of its own where this test has one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "app", *words], check=False, capture_output=True, env=environment, text=True)
    return done.returncode, done.stdout, done.stderr
