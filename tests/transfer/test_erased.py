"""Whoever was erased stays erased, whichever way an export goes."""

from __future__ import annotations

from pathlib import Path

from bench.brand import found
from graph.decisions import Decision, DecisionKind
from graph.erase import Order, erase_customer, receipts_about
from graph.link import By
from graph.record import record_resolutions
from graph.steward import Word, declare
from graph.stores import Store, open_store
from graph.tenant import Tenant
from tests.concurrency.everything import from_sqlite
from tests.concurrency.rebuild import differences
from tests.stores.harness import SECRET
from tests.stores.rebuilding import row
from tests.transfer.moving import brought_in, exported

NAME = "acme"
DAY = 86_400_000
NOW = 1_800_000_000_000
GONE, STAYS = "oGone", "oStays"
APP = "wxtouchpoint0"


async def brand(store: Store) -> Tenant:
    """Two people, one of whom will go, and a row of the same one that waits for its touchpoint."""
    tenant = Tenant(store, NAME)
    await found(tenant)
    rows = [row(APP, GONE, "uGone", at=NOW - DAY, member="7"), row(APP, STAYS, "uStays", at=NOW - DAY)]
    await record_resolutions(tenant, [*rows, row("wxunknown", "oElsewhere", "uGone", at=NOW - DAY)])
    return tenant


async def erase(tenant: Tenant) -> None:
    """The one goes."""
    order = Order(by=By(open_id=(APP, GONE)), reason="asked by letter", author="test", backup_days=30)
    await erase_customer(tenant, order)


def clear(path: Path) -> list[str]:
    """What a file holds in clear of the one who went."""
    content = path.read_bytes()
    return [text for text in (GONE, "uGone", "oElsewhere") if text.encode() in content]


async def test_tombstones_and_receipts_move(tmp_path: Path) -> None:
    """An export made after an erasure holds nothing of the erased but tombstones and receipt, and both do on the other side."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenant, there = await brand(one), Tenant(two, NAME)
        await erase(tenant)
        await exported(tenant, tmp_path / "acme.jsonl")
        assert [] == clear(tmp_path / "acme.jsonl")
        await brought_in(two, NAME, tmp_path / "acme.jsonl")
        gone = tenant.keys.open_id(APP, GONE)
        assert await receipts_about(tenant, f"cus_{gone}") == await receipts_about(there, f"cus_{gone}") != []
        await record_resolutions(there, [row(APP, GONE, "uGone", at=NOW - DAY)])
        assert [None] == await there.customers([gone])
        assert [] == differences(from_sqlite(paths[1], NAME), there.keys)


async def test_an_old_export_revives_nobody(tmp_path: Path) -> None:
    """An export made before an erasure, brought in after it, brings back all but the erased, nor rows or decisions about them."""
    path = tmp_path / "one.db"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
        tenant = await brand(store)
        a, b = (By(open_id=(APP, name)) for name in (GONE, STAYS))
        await declare(tenant, DecisionKind.DIFFERENT, a, b, Word(reason=f"{GONE} said so.", author="test"))
        await exported(tenant, tmp_path / "before.jsonl")
        await erase(tenant)
        before = from_sqlite(path, NAME)
        await brought_in(store, NAME, tmp_path / "before.jsonl")
        after = from_sqlite(path, NAME)
        assert (before.members, before.rollups.keys()) == (after.members, after.rollups.keys())
        assert before.waiting == after.waiting
        assert [] == [one for one in after.nodes if isinstance(one, Decision)]
        assert [] == clear(path)
        assert [] == differences(after, tenant.keys)
