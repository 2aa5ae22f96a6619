"""What several processes with one SQLite file owe each other: they open it at once, wait their turn, and search it while it changes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from graph.stores import Store, StoreUnavailable
from graph.stores.sqlite import database, migrate
from graph.stores.sqlite.database import Database
from graph.turn import Scope, Writes
from tests.stores.cast import Cast
from tests.stores.test_sqlite_file import ROOT, opened, path

__all__ = ["path"]


async def test_two_stores_open_a_new_file_at_once(path: Path) -> None:
    """Whoever comes second finds the schema made."""
    program = "import asyncio, sys; from tests.stores.test_sqlite_processes import Path, count; asyncio.run(count(Path(sys.argv[1]), 0))"
    children = [subprocess.Popen([sys.executable, "-c", program, path], cwd=ROOT) for _ in range(3)]  # noqa: ASYNC220  # our own program
    assert [0, 0, 0] == [await asyncio.to_thread(child.wait) for child in children]


async def test_a_new_file_is_waited_for(path: Path) -> None:
    """SQLite does not wait for the lock under which a file gets its log: whoever opens the file does, and tells where that is too long."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_schema").fetchall()
    impatient = Database(path, patience=0.05)
    with pytest.raises(StoreUnavailable):
        impatient.log_ahead()
    impatient.close()
    opening = asyncio.create_task(asyncio.to_thread(migrate.opened, path, "fingerprint"))
    await asyncio.sleep(0.1)
    assert not opening.done()
    other.execute("COMMIT")
    other.close()
    (await opening).close()


async def count(path: Path, turns: int) -> None:
    """Add one to a job's count so many times."""
    async with opened(path) as store:
        await store.create_tenant("brand")
        job = Cast(store.keys("brand")).job("count")
        for _ in range(turns):
            await store.write(
                "brand",
                lambda _: Scope(keys=frozenset({job.key})),
                lambda seen: (Writes(put=[replace(job, done=getattr(seen.nodes.get(job.key), "done", 0) + 1)]), None),
            )


async def test_two_processes_write(path: Path) -> None:
    """Turns of several processes follow each other: nobody fails and nothing is lost."""
    async with opened(path):
        pass
    program = "import asyncio, sys; from tests.stores.test_sqlite_processes import Path, count; asyncio.run(count(Path(sys.argv[1]), 150))"
    children = [subprocess.Popen([sys.executable, "-c", program, path], cwd=ROOT) for _ in range(2)]  # noqa: ASYNC220  # our own program
    await count(path, 150)
    assert [0, 0] == [await asyncio.to_thread(child.wait) for child in children]
    with apsw.Connection(str(path)) as file:
        [(turn, body)] = file.execute("SELECT turn, (SELECT body FROM node) FROM tenant")
    assert (450, 450) == (turn, json.loads(body)["done"])


async def searched(_: Path, store: Store) -> None:
    """Somebody's traces are looked for in the file."""
    assert await store.forget(["nobody's"])


async def opened_again(path: Path, _: Store) -> None:
    """The same process opens it once more."""
    async with opened(path):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/locks is Linux's")
@pytest.mark.parametrize("meanwhile", [searched, opened_again])
async def test_sqlite_keeps_its_locks(path: Path, meanwhile: Callable[[Path, Store], Awaitable[None]]) -> None:
    """Whatever a process does with its store, no file of it is closed under SQLite, which would cost SQLite the locks on it."""

    def locks() -> int:
        return sum(f":{path.stat().st_ino} " in line for line in Path("/proc/locks").read_text().splitlines())

    async with opened(path) as store:
        await store.create_tenant("brand")
        assert 1 == locks()
        await meanwhile(path, store)
        assert 1 == locks()


CUTTING = """
import apsw, sys
file = apsw.Connection(sys.argv[1])
file.set_busy_timeout(30_000)
file.execute("CREATE TABLE more (bytes)")
print("ready", flush=True)
while True:
    for _ in range(3):
        file.execute("INSERT INTO more VALUES (zeroblob(4000000))")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    file.execute("DELETE FROM more")
    file.execute("VACUUM")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
"""


async def search(path: Path, times: int) -> None:
    """Somebody's traces are looked for again and again."""
    async with opened(path) as store:
        for _ in range(times):
            await store.forget([f"nobody {number}" for number in range(20)])


async def test_a_file_that_is_cut_off_is_searched(path: Path) -> None:
    """Another process that writes the file anew, so that it becomes shorter, does not bring down the one that searches it."""
    async with opened(path):
        pass
    cutting = await asyncio.create_subprocess_exec(sys.executable, "-c", CUTTING, path, stdout=subprocess.PIPE)
    assert cutting.stdout
    await cutting.stdout.readline()
    program = "import asyncio, sys; from tests.stores.test_sqlite_processes import Path, search; asyncio.run(search(Path(sys.argv[1]), 12))"
    searching = await asyncio.create_subprocess_exec(sys.executable, "-c", program, path, cwd=ROOT)
    try:
        assert 0 == await searching.wait()
        assert cutting.returncode is None
    finally:
        cutting.kill()
        await cutting.wait()


def test_a_text_is_found_wherever_it_stands(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is searched piece by piece, and what lies across two of them is found, in the log and in the file."""
    monkeypatch.setattr(database, "PIECE", 100)
    texts = [f"somebody {place:02}" for place in range(100)]
    with closing(apsw.Connection(str(path))) as writer:
        writer.pragma("journal_mode", "WAL")
        one = Database(path)
        writer.execute("CREATE TABLE told (text)")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert not one.holds(texts)
        for place, text in enumerate(texts):
            writer.execute("INSERT INTO told VALUES (?)", ["." * place + text + "." * (200 - place)])
        assert [] == [text for text in texts if not one.holds(["nobody", text])]
        assert not one.holds([])
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert [] == [text for text in texts if not one.holds(["nobody", text])]
        one.close()
