"""What is the embedded store's own: the file, its schema and secret, and an index for every question."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import apsw.ext
import pytest

from graph.stores import ConflictFilter, Page, Store, StoreRefused, StoreUnavailable, open_store
from graph.stores.sqlite import SqliteStore, database, migrate, statements
from graph.stores.sqlite.database import Database
from graph.turn import Scope, Writes
from tests.stores.cast import Cast, together
from tests.stores.harness import NOW, SECRET, loaded, write

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def opened(path: Path, secret: bytes = SECRET) -> AsyncIterator[Store]:
    """A store on this file."""
    async with open_store(f"sqlite:///{path}", secret=secret, clock=lambda: NOW) as store:
        yield store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "store.db"


async def refusal(path: Path, secret: bytes = SECRET) -> str:
    """Why it cannot be opened."""
    with pytest.raises(StoreRefused) as caught:
        async with opened(path, secret):
            pass
    return str(caught.value)


async def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    """What is inside concerns people: nobody else on the machine may read it."""
    async with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600  # noqa: ASYNC240  # a local file


async def test_a_closed_store_is_one_file(path: Path) -> None:
    """Closing copies the log into the file and takes it away, so that a copy of the file is a copy of the store."""
    async with opened(path) as store:
        await store.create_tenant("brand")
        await store.tenants()
    assert [path] == list(path.parent.iterdir())


async def test_a_store_is_opened_again(path: Path) -> None:
    """What was written is there after closing and opening."""
    async with opened(path) as store:
        assert await store.create_tenant("brand")
    async with opened(path) as store:
        assert ["brand"] == await store.tenants()


async def test_another_secret_is_refused(path: Path) -> None:
    """Keys made with another secret would find nobody: the store says so, and stays as it was."""
    async with opened(path):
        pass
    assert "another secret" in await refusal(path, b"some other secret")
    async with opened(path):
        pass


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """A file that a newer program has opened is left alone."""
    async with opened(path):
        pass
    with apsw.Connection(str(path)) as file:
        file.pragma("user_version", len(migrate.STEPS) + 1)
    assert "newer program" in await refusal(path)


async def test_an_older_schema_is_brought_forward(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step that a file lacks is taken on opening, once, and what it held is still there."""
    async with opened(path) as store:
        await store.create_tenant("brand")
    first = migrate.STEPS
    more = {
        "second.sql": "ALTER TABLE tenant ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'",
        "third.sql": "CREATE TABLE third (x TEXT) STRICT",
    }
    monkeypatch.setattr(migrate, "STEPS", (*first, *more))
    monkeypatch.setattr(migrate, "read", lambda file: more.get(file) or statements.read(file))
    for _ in range(2):
        async with opened(path) as store:
            assert ["brand"] == await store.tenants()
            assert len(first) + 2 == (await store.health())["schema_version"]
    with apsw.Connection(str(path)) as file:
        assert [("calm",)] == list(file.execute("SELECT mood FROM tenant"))


async def test_conflicts_of_version_1_find_their_namespace(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict that was stored before conflicts named a namespace is listed by it once the file was opened again."""
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "STEPS", migrate.STEPS[:1])
        async with opened(path) as store:
            await store.create_tenant("brand")
    rows = {"a": "OpenID", "m1": "ExternalID", "m2": "ExternalID", "p1": "ExternalID"}
    spaces = {"a": "wxa", "m1": "member", "m2": "member", "p1": "phone"}
    with apsw.Connection(str(path)) as file:
        for key, label in rows.items():
            person = (key, label, spaces[key], key)
            file.execute("INSERT INTO identifier VALUES (1, ?, ?, ?, 'x', NULL, NULL, ?, 1, 1, 1, '', 1)", person)
            file.execute("INSERT INTO conflict_mention VALUES (1, 'c', ?, ?)", (key, int(key in {"a", "m2"})))
        links = json.dumps({"about": ["a", "m2"], "refused": None, "kept": []})
        file.execute("INSERT INTO conflict VALUES (1, 'c', 'TWO_VALUES_ONE_NAMESPACE', 'OPEN', 1, 5, NULL, ?)", (links,))
    async with opened(path) as store:
        for namespace, keys in (("member", ["c"]), ("phone", [])):
            _, found = await store.conflict_page("brand", ConflictFilter(namespace=namespace), Page())
            assert [(key, namespace) for key in keys] == [(one.row.key, one.row.namespace) for one in found.items]


async def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema moves forward whole or not at all."""
    async with opened(path):
        pass
    first = migrate.STEPS
    monkeypatch.setattr(migrate, "STEPS", (*first, "bad.sql"))
    monkeypatch.setattr(migrate, "read", lambda _: "CREATE TABLE half (x TEXT) STRICT; CREATE TABLE half (x TEXT) STRICT")
    with pytest.raises(apsw.SQLError):
        async with opened(path):
            pass
    monkeypatch.undo()
    async with opened(path) as store:
        assert len(first) == (await store.health())["schema_version"]


async def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is no store is left as it is, and a place where none can be made is named."""
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be looked at" * 100)
    assert "not a SQLite file" in await refusal(text)
    foreign = tmp_path / "foreign.db"
    with apsw.Connection(str(foreign)) as file:
        file.execute("CREATE TABLE theirs (x)")
    assert "another program" in await refusal(foreign)
    assert "cannot be made" in await refusal(text / "inside a file" / "store.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
async def test_a_url_names_a_file(url: str) -> None:
    """What names no file is refused with how to name one."""
    with pytest.raises(StoreRefused, match="sqlite:///folder"):
        async with open_store(url, secret=SECRET, clock=lambda: NOW):
            pass


async def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's busy error reaches nobody: after the patience has run out, the store is unavailable; then it works again."""
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"read_only": False, "patience": 0.2})
    async with opened(path) as store:
        await store.create_tenant("brand")
        blocker = apsw.Connection(str(path))
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await write(store, "brand", Writes())
        assert (await store.registry("brand")).version == 0
        blocker.execute("ROLLBACK")
        blocker.close()
        assert (await loaded(store, "brand", Scope())).turn == 1


def test_patience_is_generous() -> None:
    """Another process may write for long: half a minute passes before anybody is told."""
    assert database.PATIENCE >= 30


async def test_a_closed_store_says_so(path: Path) -> None:
    """Asked after it was closed, a store is unavailable; closing twice is closing once."""
    async with opened(path) as store:
        await store.create_tenant("brand")
        await store.registry("brand")
    with pytest.raises(StoreUnavailable):
        await store.registry("brand")
    with pytest.raises(StoreUnavailable):
        await write(store, "brand", Writes())
    with pytest.raises(StoreUnavailable):
        await store.health()
    await store.close()


async def test_a_batch_of_any_size_is_one_commit(path: Path) -> None:
    """A thousand people are written in one turn with one transaction."""
    async with opened(path) as store:
        await store.create_tenant("brand")
        cast = Cast(store.keys("brand"))
        people = [cast.open_id("wxa", f"p{n}") for n in range(1000)]
        await write(store, "brand", together(*people, *(cast.seen(one) for one in people)))
        assert 1 == (await loaded(store, "brand", Scope())).turn - 1
        assert 1000 == len([one for one in (await store.customers("brand", [one.key for one in people]))[1] if one])


async def test_every_question_is_answered_by_an_index(path: Path) -> None:
    """No statement looks through a whole table, nor through all rows of a tenant, but where a count or a list asks for all of them."""
    async with opened(path) as store:
        assert isinstance(store, SqliteStore)
    file = apsw.Connection(str(path))
    tables = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    lists_all = {"tenant.fingerprint", "tenant.names", "tenant.to_sweep", "tenant.swept", "tenant.unswept"}
    counts_all = {"customers.count_all"}
    for name in statements.texts():
        if name.endswith("columns") or name in {"customers.matching", "customers.around"}:
            continue
        aliases = tables | {"i", "c", "e", "l", "m", "n", "t", "u", "x", "own"}
        for line in plan(file, statements.sql(name)):
            if line.startswith("SCAN") and "VIRTUAL TABLE" not in line:
                assert line.split()[1] not in aliases or name in lists_all, f"{name}: {line}"
            assert "AUTOMATIC" not in line, f"{name}: {line}"
            assert not line.endswith("(tenant=?)") or name in counts_all, f"{name}: {line}"
    file.close()


def plan(file: apsw.Connection, statement: str) -> Iterator[str]:
    """SQLite's plan for a statement, line by line."""
    info = apsw.ext.query_info(file, statement, explain_query_plan=True)
    steps = [info.query_plan] if info.query_plan else []
    while steps:
        step = steps.pop()
        steps += step.sub or []
        yield step.detail


async def test_pages_in_key_order_are_not_sorted(path: Path) -> None:
    """A page that follows an index reads no more rows than it shows: there is no sorting in its plan."""
    async with opened(path):
        pass
    file = apsw.Connection(str(path))
    for name in (
        "customers.page",
        "customers.page_by_state",
        "customers.page_by_touchpoint",
        "nodes.open_ids",
        "nodes.page",
        "nodes.decisions",
        "nodes.stale",
        "reading.customers",
        "reading.conflicts",
    ):
        for text in (statements.sql(name), statements.backwards(name)):
            assert not [line for line in plan(file, text) if "TEMP B-TREE" in line], name
    file.close()


def test_every_statement_is_used() -> None:
    """No statement lies about that nobody asks."""
    folder = ROOT / "graph" / "stores" / "sqlite"
    text = "".join(file.read_text() for file in sorted(folder.iterdir()) if file.suffix in {".py", ".sql"})
    used = text.replace("-- name: ", "-- ")
    for name in statements.texts():
        stem = name.removesuffix("_of_touchpoint").removesuffix("_of_namespace")
        assert f'"{name}"' in used or f"{{{name}}}" in used or f'"{stem}{{place}}"' in used, name
