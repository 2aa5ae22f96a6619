"""The write-ahead log: when its pages are copied into the file, and by whom. On a thread of its own, so that no writer waits for it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import apsw

from graph.stores.sqlite.database import Database

COPIED_EVERY = 24_000
"""Pages of 4 KiB by which the log grows from copy to copy: batches touch the same pages again (measured: 17 %), and a batch that is
written beside a copy takes a fifth longer."""
LARGEST = 64_000
"""Pages from which on the writer copies them itself: the log begins anew only when all of it is copied, and somebody always adds to it."""


class Keeper:
    """Copies the log into the file while the writer goes on."""

    def __init__(self, path: Path, writer: Database) -> None:
        self._database = Database(path)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-log")
        self._copying: Future[None] | None = None
        self._copied = 0
        writer.after_commit(self._look)

    def _look(self, writer: apsw.Connection, pages: int) -> None:
        """Called on the writer's thread after each commit. A copy that failed is tried again; at last by the writer, who is told."""
        if pages < self._copied:  # the log began anew
            self._copied = 0
        if pages >= LARGEST:
            _copy(writer)
        elif pages - self._copied >= COPIED_EVERY and (self._copying is None or self._copying.done()):
            self._copied = pages
            self._copying = self._pool.submit(self._database.on_connection, _copy)

    def close(self) -> None:
        """Finish what was begun. Call it on any thread, when nobody writes any more."""
        self._pool.shutdown()
        self._database.close()


def _copy(connection: apsw.Connection) -> None:
    """As much as no reader needs where it is."""
    with suppress(apsw.BusyError):  # another process is at it
        connection.wal_checkpoint()
