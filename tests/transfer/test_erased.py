"""Whoever was erased stays erased, whichever way an export goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.brand import PLATFORMS, found
from graph.binding import retract_binding
from graph.changes import ChangeKind
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
from graph.steward import Word, declare, revoke_decision
from graph.stores import Store, open_store
from graph.tenant import Tenant
from graph.tombstones import Tombstone
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
APP, SAME_PLATFORM = "wxtouchpoint0", f"wxtouchpoint{PLATFORMS}"
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
    content = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))  # the log of a SQLite file, too
    return [text for text in (GONE, "uGone", "oElsewhere", "oOnlyThere", "oSamePerson") if text.encode() in content]


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


async def test_a_newer_export_erases_there(tmp_path: Path) -> None:
    """Whoever was erased where an export is from goes where it is brought in, with what names them, their bytes, and word to followers."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenant, there = await brand(one), Tenant(two, NAME)
        await record_resolutions(tenant, [row(APP, "oOther", at=NOW - DAY)])
        await exported(tenant, tmp_path / "before.jsonl")
        await brought_in(two, NAME, tmp_path / "before.jsonl")
        a, b = (By(open_id=(APP, name)) for name in (GONE, STAYS))
        revoked = await declare(there, DecisionKind.DIFFERENT, a, b, Word(reason=f"{GONE} said so.", author="test"))
        assert revoked.decision
        await revoke_decision(there, revoked.decision.id, Word(reason=f"{GONE} took it back.", author="test"))
        await written_down(there, f"由{GONE}提出")
        await record_resolutions(there, [row("wxnowhere", "oOnlyThere", "uGone", at=NOW - DAY)])
        await erase(tenant)
        await exported(tenant, tmp_path / "after.jsonl")
        assert [GONE, "uGone", "oElsewhere", "oOnlyThere"] == clear(paths[1])
        await brought_in(two, NAME, tmp_path / "after.jsonl")
        gone, stays = (tenant.keys.open_id(APP, name) for name in (GONE, STAYS))
        assert [None, stays] == [one and one.key for one in await there.customers([gone, stays])]
        assert [] == clear(paths[1])
        after = from_sqlite(paths[1], NAME)
        assert ["由[erased]提出"] * 3 == [text for node in after.nodes for text in words_of(node).values()]
        assert [] == differences(after, there.keys)
        assert await receipts_about(tenant, f"cus_{gone}") == await receipts_about(there, f"cus_{gone}") != []
        last = (await two.changes(NAME, 0, 100))[-1]
        assert (ChangeKind.ERASED, gone, "import") == (last.kind, last.customer_key, last.cause)
        sequence = after.sequence
        await brought_in(two, NAME, tmp_path / "after.jsonl")
        assert sequence == from_sqlite(paths[1], NAME).sequence


async def test_who_logged_in_since_logs_in_again(tmp_path: Path) -> None:
    """Somebody who was erased elsewhere goes with what was said here since, for it is not told apart; their next login begins anew."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    now = [NOW]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: now[0]) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenant, there = await brand(one), Tenant(two, NAME)
        await exported(tenant, tmp_path / "before.jsonl")
        await brought_in(two, NAME, tmp_path / "before.jsonl")
        await erase(tenant)
        await exported(tenant, tmp_path / "after.jsonl")
        now[0] += DAY
        await record_resolutions(there, [row(APP, GONE, "uGone", at=now[0])])
        await brought_in(two, NAME, tmp_path / "after.jsonl")
        gone = tenant.keys.open_id(APP, GONE)
        assert [None] == await there.customers([gone])
        now[0] += DAY
        await record_resolutions(there, [row(APP, GONE, "uGone", at=now[0])])
        await brought_in(two, NAME, tmp_path / "after.jsonl")
        member = from_sqlite(paths[1], NAME).members[gone]
        assert (now[0], now[0], 1) == (member.first, member.last, member.times)


async def test_who_came_back_in_both_stores_stays(tmp_path: Path) -> None:
    """Somebody of whose erasure both stores know, and who logged in at both since, is erased by no import; the earlier login counts."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    now = [NOW]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: now[0]) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenants = [await brand(one), Tenant(two, NAME)]
        await erase(tenants[0])
        await exported(tenants[0], tmp_path / "erased.jsonl")
        await brought_in(two, NAME, tmp_path / "erased.jsonl")
        for each in tenants:
            now[0] += DAY
            await record_resolutions(each, [row(APP, GONE, "uGone", at=now[0])])
        for here, there, name in ((tenants[0], two, "one"), (tenants[1], one, "two")):
            await exported(here, tmp_path / f"{name}.jsonl")
            await brought_in(there, NAME, tmp_path / f"{name}.jsonl")
        gone = tenants[0].keys.open_id(APP, GONE)
        for each, path in zip(tenants, paths, strict=True):
            member = from_sqlite(path, NAME).members[gone]
            [stone] = await each.store.nodes(NAME, [gone])
            assert isinstance(stone, Tombstone)
            assert (NOW + DAY, NOW + DAY, NOW + 2 * DAY) == (stone.returned, member.first, member.last)


async def test_what_only_they_have_here_goes_and_what_others_have_stays(tmp_path: Path) -> None:
    """Whoever goes because they were erased elsewhere takes along what only they claim here, and leaves others what these claim, too."""
    paths = [tmp_path / "one.db", tmp_path / "two.db"]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: NOW) for path in paths]
    async with stores[0] as one, stores[1] as two:
        tenant, there = await brand(one), Tenant(two, NAME)
        await record_resolutions(tenant, [row(APP, GONE, at=NOW - DAY, member="shared there")])
        await exported(tenant, tmp_path / "before.jsonl")
        await brought_in(two, NAME, tmp_path / "before.jsonl")
        only = replace(row(APP, GONE, at=NOW - DAY), external_ids=(ExternalRef(namespace="crm", value="only-there-77001"),))
        same = row(SAME_PLATFORM, "oSamePerson", "uGone", at=NOW - DAY)
        await record_resolutions(there, [only, same, row(APP, "oOther", at=NOW - DAY, member="shared there")])
        await written_down(there, "see only-there-77001")
        await erase(tenant)
        await exported(tenant, tmp_path / "after.jsonl")
        await brought_in(two, NAME, tmp_path / "after.jsonl")
        after, keys = from_sqlite(paths[1], NAME), tenant.keys
        assert ["see [erased]"] * 3 == [text for node in after.nodes for text in words_of(node).values()]
        assert b"only-there" not in paths[1].read_bytes()
        assert keys.open_id(SAME_PLATFORM, "oSamePerson") not in after.members
        assert [] == clear(paths[1])
        kept, lost, gone = keys.external_id("member", "shared there"), keys.external_id("crm", "only-there-77001"), keys.open_id(APP, GONE)
        assert (True, False, False) == tuple(key in after.members for key in (kept, lost, gone))
        assert await receipts_about(there, f"xid_{lost}") == await receipts_about(there, f"cus_{gone}") != []
        [erased] = [one for one in await two.changes(NAME, 0, 100) if one.kind is ChangeKind.ERASED]
        assert (gone, True) == (erased.customer_key, f"xid_{lost}" in erased.erased)
        [result] = await record_resolutions(there, [row(APP, "oOther", at=NOW - 1, member="shared there")])
        assert result.error is None
        assert [] == differences(from_sqlite(paths[1], NAME), keys)


async def test_two_erasures_of_one_person(tmp_path: Path) -> None:
    """Somebody who was erased in both stores has both receipts in each, whichever was told first, and the later erasure counts."""
    paths = [tmp_path / f"{name}.db" for name in ("one", "two", "three")]
    now = [NOW]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=lambda: now[0]) for path in paths]
    async with stores[0] as one, stores[1] as two, stores[2] as three:
        tenants = [await brand(one), Tenant(two, NAME), Tenant(three, NAME)]
        await exported(tenants[0], tmp_path / "before.jsonl")
        await brought_in(two, NAME, tmp_path / "before.jsonl")
        for each in (tenants[1], tenants[0]):
            await erase(each)
            now[0] += DAY
        for number, (side, other) in enumerate(((tenants[0], two), (tenants[1], one), (tenants[0], three))):
            await exported(side, tmp_path / f"{number}.jsonl")
            await brought_in(other, NAME, tmp_path / f"{number}.jsonl")
        gone = tenants[0].keys.open_id(APP, GONE)
        for each in tenants:
            found = await receipts_about(each, f"cus_{gone}")
            assert [NOW, NOW + DAY] == sorted(receipt.erased for receipt in found)
            [stone] = await each.store.nodes(NAME, [gone])
            assert isinstance(stone, Tombstone)
            assert NOW + DAY == stone.erased


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
