"""Nothing of the erased, nor of what came to be sensitive, is left in the bytes of the embedded store's files."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from graph.erase import Order, erase_customer
from graph.errors import Refused
from graph.evidence import ResolutionSource
from graph.link import By
from graph.policy import DEFAULT_POLICY
from graph.policy_walk import run_policy_changes
from graph.record import record_resolutions
from graph.rows import ExternalRef, Row
from graph.set_policy import Change, set_identity_policy
from graph.stores import Store, open_store
from graph.stores.sqlite.database import Database
from graph.tenant import Tenant
from tests.api.asking import Api, StandingClock
from tests.stores.harness import SECRET

ERASED = int(os.environ.get("ERASED", "40"))
USUALLY, AT_ONCE = 40, 50
PEOPLE = 3
"""As many people as this for each who is erased."""


def row(app: str, open_id: str, union_id: str, member: str, *, phone: str | None = None, at: int = 1) -> Row:
    """One of somebody's rows."""
    refs = [ExternalRef(namespace="member", value=member), *([ExternalRef(namespace="phone", value=phone)] if phone else [])]
    return Row(app_id=app, open_id=open_id, union_id=union_id, source=ResolutionSource.IMPORT, observed=at, external_ids=tuple(refs))


def somebody(*, waits: bool) -> tuple[list[Row], list[str]]:
    """One person's rows, if asked for also such as wait for a binding or a touchpoint, and the values in them."""
    a, b, c, d = (f"o{letter}{secrets.token_hex(11)}" for letter in "abcd")
    union_id, member, other = f"u{secrets.token_hex(12)}", f"M-{secrets.token_hex(6)}", f"N-{secrets.token_hex(6)}"
    rows = [
        row("wxmini", a, union_id, member, phone=f"+86138{secrets.randbelow(10**8):08d}"),
        row("wxserv", b, union_id, member),
        row("wxserv", b, union_id, other, at=2),  # refused: a second member number
    ]
    if not waits:
        return rows, [a, b, union_id, member, other]
    rows.append(row("wxshop", c, union_id, member))  # bound to nothing
    rows.append(row("wxghost", d, union_id, member))  # in quarantine whole
    return rows, [a, b, union_id, member, other, c, d]


async def filled(api: Api, people: int) -> list[tuple[Row, list[str]]]:
    """Many people, told in an order in which everybody's rows lie apart, some of them again; each one's first row and values."""
    await api.register()
    everybody = [somebody(waits=n % 10 == 0) for n in range(people)]
    rows = [one for told, _ in everybody for one in told]
    random.Random(7).shuffle(rows)
    for start in range(0, len(rows), 500):
        await record_resolutions(api.tenant, rows[start : start + 500])
    return [(told[0], values) for told, values in everybody]


async def erase(tenant: Tenant, one: Row, reason: str) -> None:
    """One person erased, whatever the steward wrote."""
    order = Order(by=By(open_id=(one.app_id, one.open_id)), reason=reason, author="tests", backup_days=30)
    assert (await erase_customer(tenant, order)).is_wiped


def found(path: Path, values: list[str]) -> list[str]:
    """Those that stand anywhere in the store's files."""
    bytes_ = [file.read_bytes() for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")) if file.exists()]
    return [value for value in values if any(value.encode() in content for content in bytes_)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "graph.db"


async def test_some_erased_leave_no_byte(path: Path) -> None:
    """People erased many at a time: none of their values is in the file, its log or its index, though the store is open."""
    await erase_many(path, min(ERASED, USUALLY))


@pytest.mark.crash
async def test_a_thousand_erased_leave_no_byte(path: Path) -> None:
    """However many are erased, none of their values is in the store's files."""
    if ERASED <= USUALLY:
        pytest.skip("a few erasures are in the ordinary suite; more with ERASED=1000, which `make test-crash` sets")
    await erase_many(path, ERASED)


async def erase_many(path: Path, erased: int) -> None:
    """Some of several times as many people erased; theirs is gone, what the others have is there."""
    clock = StandingClock()
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) as store:
        await store.create_tenant("acme")
        api = Api(store, clock)
        people = await filled(api, PEOPLE * erased)
        everything = [value for _, values in people for value in values]
        assert set(everything) == set(found(path, everything))
        chosen = random.Random(5).sample(people, erased)
        for start in range(0, erased, AT_ONCE):
            part = chosen[start : start + AT_ONCE]
            await asyncio.gather(*(erase(api.tenant, one, f"asked about {values[0]} and {values[3]}") for one, values in part))
        gone = [value for _, values in chosen for value in values]
        assert [] == found(path, gone)
        left = set(everything) - set(gone)
        assert left == set(found(path, list(left)))
        assert 0 == path.with_name(path.name + "-wal").stat().st_size


async def test_what_becomes_sensitive_leaves_no_byte(path: Path) -> None:
    """When the job is done, no value of a namespace that came to be sensitive is in the file, its log or its index."""
    clock = StandingClock()
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) as store:
        await store.create_tenant("acme")
        api = Api(store, clock)
        await api.register()
        numbers = [f"HIDDEN-{n:05d}" for n in range(2000)]
        rows = [
            Row(app_id="wxmini", open_id=f"o{i}", source=ResolutionSource.IMPORT, external_ids=(crm(n),)) for i, n in enumerate(numbers)
        ]
        for start in range(0, len(rows), 500):
            await record_resolutions(api.tenant, rows[start : start + 500])
        assert numbers == found(path, numbers)
        spaces = [replace(one, is_sensitive=one.is_sensitive or one.namespace == "crm") for one in DEFAULT_POLICY.namespaces]
        await set_identity_policy(api.tenant, Change(namespaces=spaces), reason="They are secret now.", author="tests")
        assert 1 == await run_policy_changes(store, "tests")
        assert [] == found(path, numbers)


def crm(value: str) -> ExternalRef:
    """An id in a namespace that is kept in clear at first."""
    return ExternalRef(namespace="crm", value=value)


async def test_one_erased_among_many_leaves_no_byte(path: Path) -> None:
    """People erased one by one leave nothing either, where a search of the file decides whether it is written anew."""
    clock = StandingClock()
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) as store:
        await store.create_tenant("acme")
        api = Api(store, clock)
        for one, values in random.Random(5).sample(await filled(api, 400), 40):
            await erase(api.tenant, one, f"asked by {values[1]}")
            assert [] == found(path, values)


async def test_a_reader_of_an_old_state_only_delays_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another connection reads an old state the log cannot be emptied; with the next erasure, or a look, it is made up for."""
    monkeypatch.setattr("graph.stores.sqlite.database.READERS_END", 0.1)
    clock = StandingClock()
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) as store:
        await store.create_tenant("acme")
        api = Api(store, clock)
        ((one, values),) = await filled(api, 1)
        reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM evidence").fetchall()
        order = Order(by=By(open_id=(one.app_id, one.open_id)), reason="asked", author="tests", backup_days=30)
        assert not (await erase_customer(api.tenant, order)).is_wiped
        reader.close()
        assert await store.forget(())
        assert [] == found(path, values)


async def test_who_copies_the_log_is_waited_for(path: Path) -> None:
    """While somebody else copies the log into the file it cannot be emptied: that is waited for, too."""
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=StandingClock()) as store:
        reader, copier, database = apsw.Connection(str(path)), apsw.Connection(str(path)), Database(path)
        reader.execute("BEGIN; SELECT * FROM tenant").fetchall()
        await store.create_tenant("acme")
        copier.set_busy_timeout(10_000)  # it waits for the reader, and is in everybody's way meanwhile
        copying = asyncio.create_task(asyncio.to_thread(lambda: copier.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()))
        await asyncio.sleep(0.1)
        emptying = asyncio.create_task(asyncio.to_thread(database.log_emptied))
        await asyncio.sleep(0.1)
        reader.close()
        assert ([(0, 0, 0)], True) == (await copying, await emptying)
        copier.close()
        database.close()


async def test_what_died_before_wiping_is_wiped_at_the_next_opening(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between an erasure and the wiping of its bytes leaves a note, and the next one wipes them."""
    clock = StandingClock()

    async def dies(store: Store, _: object) -> bool:
        raise Refused

    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) as store:
        await store.create_tenant("acme")
        api = Api(store, clock)
        ((one, values),) = await filled(api, 1)
        monkeypatch.setattr(type(store), "forget", dies)
        with pytest.raises(Refused):
            await erase(api.tenant, one, "asked")
    with apsw.Connection(str(path)) as file:
        assert [(1,)] == file.execute("SELECT unswept FROM store").fetchall()
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=clock):
        assert [] == found(path, values)
    with apsw.Connection(str(path)) as file:
        assert [(0,)] == file.execute("SELECT unswept FROM store").fetchall()


async def test_what_a_page_kept_is_found_and_wiped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that SQLite left in a page's gap stays where nobody searches for it, and is gone once the file was searched."""
    text = f"o{secrets.token_hex(12)}"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=StandingClock()) as store:
        await store.create_tenant("acme")
        with closing(apsw.Connection(str(path))) as careless:  # as SQLite is when it moves rows from one page to another
            careless.pragma("secure_delete", 0)
            careless.execute("INSERT INTO tenant (name) VALUES (?)", [text])
            careless.execute("DELETE FROM tenant WHERE name = ?", [text])
        with monkeypatch.context() as patch:
            patch.setattr(Database, "holds", lambda *_: False)
            assert await store.forget([text])
        assert [text] == found(path, [text])
        assert await store.forget([text])
        assert [] == found(path, [text])
