"""Whoever was erased stays erased, whichever way an export goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.brand import found
from graph.binding import retract_binding
from graph.decisions import Decision, DecisionKind
from graph.erase import Order, erase_customer, receipts_about
from graph.incoming import merged, worded
from graph.keys import Keys
from graph.limits import LimitOverride, Rules
from graph.link import By
from graph.node import Key
from graph.policy import DEFAULT_POLICY
from graph.record import record_resolutions
from graph.registry import override_limit
from graph.rows import ExternalRef
from graph.steward import Word, declare
from graph.stores import Store, open_store
from graph.tenant import Tenant
from graph.wording import Wording, words_of
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
HERE = "[erased]"


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


async def written_down(tenant: Tenant, words: str) -> None:
    """Somebody wrote this in a decision, an override, and a retracted binding, all about others."""
    a, b = (By(open_id=(APP, name)) for name in (STAYS, "oOther"))
    await declare(tenant, DecisionKind.DIFFERENT, a, b, Word(reason=words, author="test"))
    await override_limit(tenant, min(Rules.names()), reason=words, author="test", value=9)
    binding = min((await tenant.store.registry(NAME)).bindings)
    await retract_binding(tenant, f"bnd_{binding}", reason=words)


async def test_an_old_export_takes_no_rewording_back(tmp_path: Path) -> None:
    """Words that lost an erased value here do not get it back from an export that was made before."""
    path = tmp_path / "one.db"
    async with open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) as store:
        tenant = await brand(store)
        await record_resolutions(tenant, [row(APP, "oOther", at=NOW - DAY)])
        await written_down(tenant, f"由{GONE}提出")
        await exported(tenant, tmp_path / "before.jsonl")
        await erase(tenant)
        assert [] == clear(path)
        await brought_in(store, NAME, tmp_path / "before.jsonl")
        assert [] == clear(path)
        assert ["由[erased]提出"] * 3 == [text for node in from_sqlite(path, NAME).nodes for text in words_of(node).values()]


async def test_words_that_come_in_lose_hidden_values(tmp_path: Path) -> None:
    """Words that are not here come in without the phone of somebody who was erased here, for its key is known."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenant, there = await brand(one), Tenant(two, NAME)
        phone = ExternalRef(namespace="phone", value="13800138000")
        await record_resolutions(tenant, [replace(row(APP, GONE, at=NOW - DAY), external_ids=(phone,)), row(APP, "oOther", at=NOW - DAY)])
        await exported(tenant, tmp_path / "first.jsonl")
        await brought_in(two, NAME, tmp_path / "first.jsonl")
        await erase(there)
        await written_down(tenant, "来电138-0013-8000要求")
        await exported(tenant, tmp_path / "second.jsonl")
        await brought_in(two, NAME, tmp_path / "second.jsonl")
        found = [text for node in from_sqlite(paths[1], NAME).nodes for text in words_of(node).values()]
        assert ["来电[erased]要求"] * 3 == found


def test_of_copies_the_words_that_are_here_stay() -> None:
    """A decision revoked in the export is revoked, for the reason given there; later overrides come with theirs."""
    nothing = Wording((), frozenset(), DEFAULT_POLICY, Keys(SECRET, NAME))
    key, a, b = Key("k" * 22), Key("a" * 22), Key("b" * 22)
    here = Decision(key=key, kind=DecisionKind.SAME, a=a, b=b, reason=HERE, author="test", decided=1)
    there = replace(here, reason="there", revoked=2, revoked_by="test", revoked_reason="no longer")
    assert replace(there, reason=HERE) == worded(there, here, nothing)
    override = LimitOverride(key=key, rule="r", platform_key=None, value=1, author="test", reason=HERE, made=5)
    for made, counts in ((4, override), (5, replace(override, value=2)), (6, replace(override, value=2, reason="there", made=6))):
        assert counts == merged(replace(override, value=2, reason="there", made=made), override, nothing)
