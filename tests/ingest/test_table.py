"""Imports: what a table may look like, and that an import repeated or killed ends as one that was not."""

import asyncio
import csv
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.ingest.table import Import, Tally
from app.ingest.table_file import open_table
from app.ingest.table_rows import TableInvalid
from app.sandbox import write_table
from graph.bindings import TouchpointKind
from graph.node import Millis
from graph.registry import register_touchpoint
from graph.stores import open_store
from graph.tenant import Tenant
from graph.upkeep import new_owner, run_rescopes
from tests.ingest.conftest import SECRET, World, register, state_of

CHINA_NOON: Millis = 1_795_320_000_000
"""2026-11-22T12:00:00+08:00."""


async def imported(tenant: Tenant, path: Path, *ignored: str) -> Tally:
    """Import a file."""
    return await Import(tenant, open_table(path, ignored), "sqlite:///somewhere").run()


def table_of(world: World, path: Path, people: int = 400) -> Path:
    """The table that the brand already has, for some of its people."""
    with path.open("w", encoding="utf-8") as file:
        write_table(world.brand, file, range(people))
    return path


def one_row(world: World, number: int = 1) -> tuple[str, str]:
    """An AppID and an OpenID that the graph takes."""
    app_id = world.touchpoint("Linjian Coffee Ordering").app_id
    return app_id, world.brand.open_id(number, app_id)


async def test_the_brands_own_table_is_imported(world: World, tmp_path: Path) -> None:
    """Every row is applied, waits, or stands in the file of rejected ones with its line and the reason."""
    path = table_of(world, tmp_path / "customers.csv", people=1_300)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tally = await imported(world.tenant, path)
    with (tmp_path / "customers.csv.rejected.csv").open(encoding="utf-8") as file:
        rejected = list(csv.DictReader(file))
    assert len(rows) == tally.rows == tally.applied + tally.unchanged + tally.quarantined + tally.rejected
    assert [rows[int(one["rejectedLine"]) - 2]["openId"] for one in rejected] == [one["openId"] for one in rejected]
    assert {"appId", "observedAt", "openId"} == {name for one in rejected for name in ("appId", "observedAt", "openId") if name in one}
    assert {
        "An OpenID has 1 to 64 characters out of 0-9 A-Z a-z _ -. Send it exactly as WeChat gave it.",
        "It waits in quarantine: no touchpoint with this AppID is registered. Once it is, the row is applied by itself.",
        "it has no openId",
    } == {one["rejectedBecause"] for one in rejected if one["rejectedLine"]}
    assert not (tmp_path / "customers.csv.progress").exists()


async def test_importing_twice_changes_nothing(world: World, tmp_path: Path) -> None:
    """The same table again leaves everything as it was, counts of sightings and waiting rows included."""
    path = table_of(world, tmp_path / "customers.csv", people=500)
    first = await imported(world.tenant, path)
    before = await world.state()
    second = await imported(world.tenant, path)
    assert before == await world.state()
    assert (0, first.rows, first.rejected) == (second.applied, second.rows, second.rejected)


async def test_rows_without_a_time_repeat_without_doubling(world: World, tmp_path: Path) -> None:
    """Rows that give no time get the file's, so the same file again says the same."""
    app_id, open_id = one_row(world)
    path = tmp_path / "customers.csv"
    path.write_text(f"appId,openId\n{app_id},{open_id}\n", encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    await imported(world.tenant, path)
    before = await world.state()
    await imported(world.tenant, path)
    customer = (await world.tenant.customers([world.tenant.keys.open_id(app_id, open_id)]))[0]
    assert customer is not None
    assert (1_700_000_000_000, 1) == (customer.first, customer.open_ids[0].times)
    assert before == await world.state()


HEADERS = {
    "plain": "appId,openId,unionId,observedAt,member",
    "other spelling": "APP_ID,Open ID,union-id,observed_at,Member",
    "semicolons": "appId;openId;unionId;observedAt;member",
    "tabs": "appId\topenId\tunionId\tobservedAt\tmember",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
async def test_common_forms_of_csv_say_the_same(world: World, tmp_path: Path, header: str, encoding: str) -> None:
    """Header spelling, delimiter and the usual encodings do not matter; an unlisted column is a namespace of external ids."""
    app_id, open_id = one_row(world)
    delimiter = next(one for one in ",;\t" if one in header)
    line = delimiter.join((app_id, open_id, "oUnionOfSomebody0000000000001", "2026-11-22T12:00:00+08:00", '"会员""7"""'))
    path = tmp_path / "customers.csv"
    path.write_bytes(f"{header}\r\n{line}\r\n".encode(encoding))
    await imported(world.tenant, path)
    customer = (await world.tenant.customers([world.tenant.keys.open_id(app_id, open_id)]))[0]
    assert customer is not None
    assert [("member", '会员"7"')] == [(one.namespace, one.value) for one in customer.external_ids]
    assert (["oUnionOfSomebody0000000000001"], CHINA_NOON) == ([one.value for one in customer.union_ids], customer.first)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-22T12:00:00+08:00",
        "2026-11-22T04:00:00Z",
        "2026-11-22 12:00:00",
        "2026/11/22 12:00",
        "2026年11月22日 12:00",
        "1795320000",
        "1795320000000",
    ],
)
async def test_common_forms_of_time_say_the_same(world: World, tmp_path: Path, moment: str) -> None:
    """ISO 8601, the ways spreadsheets write it, seconds and milliseconds; without an offset it is China's time."""
    app_id, open_id = one_row(world)
    path = tmp_path / "customers.csv"
    path.write_text(f"appId,openId,observedAt\n{app_id},{open_id},{moment}\n", encoding="utf-8")
    await imported(world.tenant, path)
    customer = (await world.tenant.customers([world.tenant.keys.open_id(app_id, open_id)]))[0]
    assert customer is not None
    assert CHINA_NOON == customer.first


async def test_json_lines_say_the_same_as_csv(world: World, tmp_path: Path) -> None:
    """One object a line, external ids as members of their own or together, leads to the same graph."""
    app_id, open_id = one_row(world)
    rows: list[dict[str, Any]] = [
        {"appId": app_id, "openId": open_id, "observedAt": 1_795_320_000, "member": "7", "phone": "13800138000"},
        {"appId": app_id, "openId": open_id, "observedAt": 1_795_320_000, "externalIds": {"member": "7", "phone": "+86 138 0013 8000"}},
        {"appId": app_id, "openId": open_id, "observedAt": 1_795_320_000, "externalIds": [{"namespace": "member", "value": 7}]},
    ]
    path = tmp_path / "customers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tally = await imported(world.tenant, path)
    customer = (await world.tenant.customers([world.tenant.keys.open_id(app_id, open_id)]))[0]
    assert customer is not None
    assert (3, 0) == (tally.rows, tally.rejected)
    assert ["member", "phone"] == sorted(one.namespace for one in customer.external_ids)


BAD = {
    "unclosed quotation mark": ('{a},{o},"x\n', "a quotation mark is never closed"),
    "too many cells": ("{a},{o},,,,,\n", "it has 7 cells, the header has 3: is a cell with a ',' not in quotes?"),
    "no AppID": (",{o},\n", "it has no appId"),
    "no time": ("{a},{o},yesterday\n", "observedAt is no time: write it as 2026-11-22T18:00:00+08:00"),
    "the future": ("{a},{o},2126-01-01\n", "observedAt lies in the future, or before 1970. Send the time at which WeChat was asked."),
}


@pytest.mark.parametrize("line, reason", BAD.values(), ids=BAD.keys())
async def test_a_bad_line_harms_no_other(world: World, tmp_path: Path, line: str, reason: str) -> None:
    """A row that cannot be read is rejected with its line and the reason; the ones before and behind it are applied."""
    app_id, open_id = one_row(world)
    other = one_row(world, 2)[1]
    path = tmp_path / "customers.csv"
    path.write_text(
        f"appId,openId,observedAt\n{app_id},{other},\n" + line.format(a=app_id, o=open_id) + f"{app_id},{other},\n", encoding="utf-8"
    )
    tally = await imported(world.tenant, path)
    with (tmp_path / "customers.csv.rejected.csv").open(encoding="utf-8") as file:
        rejected = list(csv.DictReader(file))
    assert [("3", reason)] == [(one["rejectedLine"], one["rejectedBecause"]) for one in rejected]
    assert (3, 1, 1) == (tally.rows, tally.rejected, len((await world.state())[0]))


async def test_a_cell_may_hold_line_breaks(world: World, tmp_path: Path) -> None:
    """A row goes on in the next line while a quotation mark is open."""
    app_id, open_id = one_row(world)
    path = tmp_path / "customers.csv"
    path.write_text(f'appId,note,openId\n{app_id},"two\nlines",{open_id}\n', encoding="utf-8")
    assert Tally(rows=1, applied=1) == await imported(world.tenant, path, "note")
    assert [] == (await world.state())[0][0][3]


async def test_a_mended_file_of_rejected_rows_can_be_imported(world: World, tmp_path: Path) -> None:
    """Its two extra columns are no external ids."""
    app_id, open_id = one_row(world)
    path = tmp_path / "customers.csv"
    path.write_text(f"appId,openId,observedAt\n{app_id},{open_id},yesterday\n", encoding="utf-8")
    await imported(world.tenant, path)
    rejected = tmp_path / "customers.csv.rejected.csv"
    rejected.write_text(rejected.read_text(encoding="utf-8").replace("yesterday", "2026-11-01"), encoding="utf-8")
    assert Tally(rows=1, applied=1) == await imported(world.tenant, rejected)
    assert [] == (await world.state())[0][0][3]


async def test_only_listed_namespaces_are_taken(world: World, tmp_path: Path) -> None:
    """A row with an external id of a namespace that nobody meant is rejected: whoever lives in one city is not one customer."""
    app_id, open_id = one_row(world)
    path = tmp_path / "customers.jsonl"
    rows = [{"appId": app_id, "openId": open_id, "member": "M-1"}, {"appId": app_id, "openId": open_id, "city": "Ningbo"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    work = Import(world.tenant, open_table(path), "", frozenset({"member"}))
    assert Tally(rows=2, applied=1, rejected=1) == await work.run()
    assert "lists no such namespaces: city" in work.rejected_path.read_text(encoding="utf-8")
    assert [0o600] == [stat.S_IMODE(work.rejected_path.stat().st_mode)]


async def test_waiting_rows_are_released_when_their_touchpoint_is_registered(world: World, tmp_path: Path) -> None:
    """Rows of an unknown touchpoint are kept; registering it applies them."""
    path = tmp_path / "customers.csv"
    path.write_text("appId,openId\nwx00000000000000ff,oOfAnUnknownTouchpoint00001\n", encoding="utf-8")
    assert Tally(rows=1, quarantined=1) == await imported(world.tenant, path)
    await register_touchpoint(world.tenant, "wx00000000000000ff", kind=TouchpointKind.MINI_PROGRAM, name="Late")
    await run_rescopes(world.tenant.store, new_owner())
    people, waiting = await world.state()
    assert (1, []) == (len(people), waiting)


REFUSED = {
    "no header": (b"wx0000000000000001,oOne\n", "must be a header"),
    "empty": (b"", "is empty"),
    "workbook": (b"PK\x03\x04", "workbook"),
    "UTF-16": ("appId,openId\n".encode("utf-16"), "UTF-16"),
    "binary": (b"appId,openId\n\xff\xff\xff\xff", "neither UTF-8 nor GB 18030"),
}


@pytest.mark.parametrize("content, text", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_no_table_is_refused_as_a_whole(tmp_path: Path, content: bytes, text: str) -> None:
    """It says what is wrong with the file, and nothing is imported."""
    path = tmp_path / "customers.csv"
    path.write_bytes(content)
    with pytest.raises(TableInvalid, match=text) as refused:
        open_table(path)
    assert "oOne" not in str(refused.value)  # what stands where a header should is somebody's


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    """No traceback for a mistyped name."""
    with pytest.raises(TableInvalid, match="No such file"):
        open_table(tmp_path / "nothing.csv")


@pytest.mark.crash
async def test_killed_and_begun_again_it_ends_as_one_that_was_not(world: World, tmp_path: Path) -> None:
    """Killed with -9 in the middle, again and again, the import goes on where it stopped: same state, same rejected rows, same tally."""
    path = table_of(world, tmp_path / "customers.csv", people=1_200)
    plain = await imported(world.tenant, path)
    expected, rejected = await world.state(), (tmp_path / "customers.csv.rejected.csv").read_bytes()
    (tmp_path / "customers.csv.rejected.csv").unlink()
    url = f"sqlite:///{tmp_path}/second.db"
    async with open_store(url, secret=SECRET, clock=world.clock) as store:
        await store.create_tenant("default")
        await register(Tenant(store, "default"), world.brand)
    command = [sys.executable, "-m", "app", "import", str(path), "--store", url]
    environment = {**os.environ, "UNIONGRAPH_SECRET": SECRET.decode()}
    kills = 0
    for share in (0.2, 0.4, 0.7):
        kills += await asyncio.to_thread(_killed_at, command, environment, path, share)
    last = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True, check=False)
    assert (0, True) == (last.returncode, f"{plain.rows:,} rows" in last.stderr), last.stderr
    assert kills >= 2
    async with open_store(url, secret=SECRET, clock=world.clock) as store:
        assert expected == await state_of(Tenant(store, "default"))
    assert rejected == (tmp_path / "customers.csv.rejected.csv").read_bytes()


def _killed_at(command: list[str], environment: dict[str, str], path: Path, share: float) -> bool:
    """Run until so much of the table is done, then kill; False where it ended before."""
    progress = Path(f"{path}.progress")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            text = progress.read_text(encoding="utf-8") if progress.exists() else ""
            if text and json.loads(text)["progress"]["offset"] > share * path.stat().st_size:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.002)
    return False
