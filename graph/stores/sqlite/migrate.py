"""Makes or opens the file: folder, schema version, the secret it was made with. Old schemas are brought forward step by step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import apsw

from graph.stores import StoreRefused
from graph.stores.sqlite.database import Database
from graph.stores.sqlite.statements import read, sql
from graph.stores.sqlite.sweep import sweep_after_crash

STEPS = ("schema.sql", "schema.2.sql", "schema.3.sql", "schema.4.sql")
"""The files that lead from an empty file to the schema of today; how many were taken is in PRAGMA user_version. Only ever append."""
FIRST_THAT_ERASES = 2
"""The schema from which on somebody may have been erased."""
APPLICATION = 0x556E4772
"""Written into the file's header, by which SQLite files of other programs are told apart ("UnGr")."""


def path_of(url: str) -> Path:
    """The file that `sqlite:///path` names: relative to the working directory, or absolute with one slash more."""
    name = url.removeprefix("sqlite:///")
    if name == url or not name or name == ":memory:":
        raise StoreRefused("An embedded store is a file: sqlite:///folder/name.db, or sqlite:////folder/name.db from the root.")
    return Path(name)


def opened(path: Path, fingerprint: str) -> Database:
    """The writing connection to the file, with today's schema."""
    _make_file(path)
    try:
        database = Database(path)
        try:
            _prepare(database, fingerprint)
        except BaseException:
            database.close()
            raise
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreRefused(f"{path} is no UnionGraph store: it is not a SQLite file, or a damaged one.") from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise StoreRefused(f"{path} cannot be written: check the permissions of the file and its folder.") from error
    return database


def _make_file(path: Path) -> None:
    """What is inside concerns people: only its owner may read a new one. One that is there SQLite alone opens: see `Database.holds`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreRefused(f"{path} cannot be made or written: {error.strerror}.") from error


def _prepare(database: Database, fingerprint: str) -> None:
    database.log_ahead()
    database.pragma("synchronous", "FULL")
    database.pragma("secure_delete", "ON")
    with database.turn():  # two processes may open a new file at the same moment
        version = int(database.pragma("user_version"))
        application = int(database.pragma("application_id"))
        is_empty = not database.rows("SELECT 1 FROM sqlite_schema LIMIT 1")
        if not is_empty and application != APPLICATION:
            raise StoreRefused("This SQLite file belongs to another program. Name a file of its own for the store.")
        if version > len(STEPS):
            raise StoreRefused(
                f"This store has schema version {version}; this program knows {len(STEPS)}. Run the newer program that last opened it."
            )
        for step in STEPS[version:]:
            database.script(read(step))
        database.pragma("user_version", len(STEPS))
        database.pragma("application_id", APPLICATION)
        _check_secret(database, fingerprint)
    if version >= FIRST_THAT_ERASES:
        sweep_after_crash(database)


def _check_secret(database: Database, fingerprint: str) -> None:
    found = database.row(sql("tenant.fingerprint"))
    if found is None:
        database.rows(sql("tenant.set_fingerprint"), {"fingerprint": fingerprint})
    elif cast("str", found[0]) != fingerprint:
        raise StoreRefused("This store was made with another secret. Set UNIONGRAPH_SECRET to that one, or use another store.")
