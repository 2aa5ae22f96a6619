"""One connection to the file, and the threads that own connections: no connection may serve two threads at once, so nobody shares one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import apsw
import orjson

from graph.stores import StoreUnavailable

T = TypeVar("T")
Row = tuple[Any, ...]
Bindings = Mapping[str, Any]

PATIENCE = 30.0
"""Seconds to wait for another process that is writing."""
READERS_END = 5.0
"""Seconds to wait for whoever still reads an old state of the file."""
PAGES_IN_MEMORY = 65_536
"""KiB of the file that a connection keeps in memory."""
MAPPED = 2**31 - 1
"""Bytes of the file that are read where the operating system keeps them, without a call for each page: the most that SQLite maps."""

PIECE = 2**22
"""Bytes of the file that are searched at once."""


def listed(values: object) -> str:
    """A list as a statement takes it: JSON for json_each."""
    return orjson.dumps(values).decode()


class Database:
    """A connection that counts its statements and waits its turn instead of failing."""

    def __init__(self, path: Path, *, read_only: bool = False, patience: float = PATIENCE) -> None:
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        self._connection = apsw.Connection(str(path), flags=flags, statementcachesize=200)
        # Else SQLite prepares a statement anew whenever a value is bound that might suggest another plan: 0.6 ms instead of 0.05.
        self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        self._patience = patience
        self._waiting_since = 0.0
        self.statements = 0
        # SQLite's own waiting sleeps up to 100 ms between looks: a busy process could starve another one for longer than anybody waits.
        self._connection.set_busy_handler(self._wait)
        self.pragma("cache_size", -PAGES_IN_MEMORY)
        self.pragma("mmap_size", MAPPED)
        self.pragma("temp_store", "MEMORY")

    def _wait(self, looks: int) -> bool:
        now = time.monotonic()
        if looks == 0:
            self._waiting_since = now
        _pause()
        return now - self._waiting_since < self._patience

    def pragma(self, name: str, value: str | int | None = None) -> Any:  # noqa: ANN401  # whatever SQLite answers
        """Ask for a setting, or set it."""
        return self._connection.pragma(name) if value is None else self._connection.pragma(name, value)

    def log_ahead(self) -> None:
        """Keep a write-ahead log. SQLite waits for whoever writes, and not for who turns the same log on in a new file at that moment."""
        until = time.monotonic() + self._patience
        with busy_is_unavailable():
            while True:
                try:
                    self.pragma("journal_mode", "WAL")
                except apsw.BusyError:
                    if time.monotonic() > until:
                        raise
                    _pause()
                else:
                    return

    def rows(self, statement: LiteralString, bindings: Bindings | None = None) -> list[Row]:
        """Everything a statement answers."""
        self.statements += 1
        with busy_is_unavailable():
            return self._connection.execute(statement, bindings).fetchall()

    def row(self, statement: LiteralString, bindings: Bindings | None = None) -> Row | None:
        """Its only row."""
        rows = self.rows(statement, bindings)
        return rows[0] if rows else None

    def many(self, statement: LiteralString, bindings: Sequence[Bindings | Row]) -> None:
        """The same statement for each of these."""
        if bindings:
            self.statements += 1
            self._connection.executemany(statement, bindings)

    def script(self, text: str) -> None:
        """Several statements at once, from a file of ours."""
        self._connection.execute(text)

    def on_connection(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do something that no statement says."""
        return work(self._connection)

    def after_commit(self, look: Callable[[apsw.Connection, int], None]) -> None:
        """Let somebody look after each commit at how many pages the write-ahead log has by then."""

        def looked(connection: apsw.Connection, _: str, pages: int) -> int:
            look(connection, pages)
            return apsw.SQLITE_OK

        self._connection.set_wal_hook(looked)

    def log_emptied(self) -> bool:
        """Copy the write-ahead log into the file and cut it off. False where somebody reads an old state for too long.

        SQLite waits for readers by itself, and not for who is copying the log at that moment.
        """
        self._patience, patience = READERS_END, self._patience
        until = time.monotonic() + READERS_END
        try:
            while self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
                if time.monotonic() > until:
                    return False
                time.sleep(0.005)
        except StoreUnavailable:
            return False
        else:
            return True
        finally:
            self._patience = patience

    def holds(self, texts: Iterable[str]) -> bool:
        """Whether any of these stands in the log or the file, also where no row leads to it.

        Both are opened as SQLite opens them: closing any other handle to its file would cost SQLite the locks on it. They are read and not
        mapped, for another process may cut them off. The log comes first: what is copied from it meanwhile is met in the file.
        """
        wanted = [text.encode() for text in texts]
        connection = self._connection
        return _stands_in(connection.filename_wal, apsw.SQLITE_OPEN_WAL, wanted) or _stands_in(
            connection.filename, apsw.SQLITE_OPEN_MAIN_DB, wanted
        )

    def vacuum(self) -> None:
        """Write the whole file anew. Meanwhile others may read; on the way it lies in a temporary file rather than in memory."""
        self.pragma("temp_store", "FILE")
        try:
            self.rows("VACUUM")
        finally:
            self.pragma("temp_store", "MEMORY")

    def changed(self) -> int:
        """How many rows the last statement changed."""
        return self._connection.changes()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A writing transaction: alone from its first statement on, undone by whatever is raised inside."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.rows("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads of one state of the file."""
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.rows("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _pause() -> None:
    """Two that wait shall not look at the same moments."""
    time.sleep(random.uniform(0.0003, 0.002))  # noqa: S311  # no secret


def _stands_in(name: str, kind: int, wanted: Sequence[bytes]) -> bool:
    """Whether one of these is in the file as it is now; others may cut it off meanwhile."""
    overlap = max(map(len, wanted), default=0)
    file = apsw.VFSFile("", name, [kind | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        place = 0
        while (left := file.xFileSize() - place) > 0:
            asked = min(left, PIECE + overlap)
            piece = file.xRead(asked, place)
            if len(piece) < asked:
                continue
            if any(one in piece for one in wanted):
                return True
            place += PIECE
        return False
    finally:
        file.xClose()


@contextmanager
def busy_is_unavailable() -> Iterator[None]:
    """Who waited in vain is told so in the port's words."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreUnavailable("The store is busy: another process has been writing to it for too long.") from error
    except apsw.ConnectionClosedError as error:
        raise StoreUnavailable("The store is closed.") from error


class Worker:
    """One thread with a connection of its own: a thread hop costs more than a point read, so only writes and long reads come here."""

    BREATH, STRETCH = 0.003, 0.05
    """Seconds: after this long without a gap a writer leaves one, in which another process that waits takes its turn."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._since = self._until = 0.0
        self._is_closed = False

    async def run(self, work: Callable[[Database], T]) -> T:
        """Do this there. What was begun is done to the end even where the caller stops waiting for it."""
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, work)

    def _work(self, work: Callable[[Database], T]) -> T:
        now = time.monotonic()
        if now - self._until > self.BREATH:
            self._since = now
        elif now - self._since > self.STRETCH:
            time.sleep(self.BREATH)
            self._since = time.monotonic()
        try:
            return work(self.database)
        finally:
            self._until = time.monotonic()

    async def close(self) -> None:
        """Finish what was begun, then let go."""
        self._is_closed = True
        await asyncio.to_thread(self._pool.shutdown)
        self.database.close()
