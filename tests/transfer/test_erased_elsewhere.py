"""Somebody who was erased in one store goes in the others, too, with the next export: whichever of two exports comes first."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import apsw
import pytest

from graph.decisions import Decision, DecisionKind
from graph.erase import Order, erase_customer, receipts_about
from graph.errors import Refused
from graph.evidence import ResolutionSource, Said
from graph.link import By
from graph.node import Key, key_of
from graph.receipts import ErasureReceipt
from graph.record import record_resolutions
from graph.rows import ExternalRef, Row
from graph.state import Label
from graph.steward import Word, declare, retract_evidence
from graph.stores import open_store
from graph.tenant import Tenant
from graph.tombstones import Tombstone, is_barred
from tests.concurrency.everything import Everything, from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.resolver.memory_store import NOW
from tests.resolver.tally import WORTHS, dealt
from tests.stores.harness import SECRET
from tests.transfer.moving import brought_in, exported, unlike
from tests.transfer.test_round_trip import Side, told

pytestmark = pytest.mark.histories
ONE_IN = 20
"""Of so many histories one is told: several imports of each. `make test-long` tells all."""
DAY = 86_400_000
MOST_ERASED = 4


class Clock:
    """Stands still until it is moved."""

    now = NOW

    def __call__(self) -> int:
        """What it shows."""
        return self.now


async def erase_some(tenant: Tenant, there: Everything, clock: Clock, chance: Random) -> None:
    """A few are erased; a day later some of these log in again, and somebody sends old rows of all."""
    values = {key: one.value for key, one in there.members.items() if one.label is Label.OPEN_ID and one.value}
    app_ids = {key: there.registry.touchpoints[Key(one.scope)].app_id for key, one in there.members.items() if key in values}
    gone = chance.sample(sorted(values), min(len(values), chance.randint(1, MOST_ERASED)))
    for key in gone:
        if (await tenant.customers([key]))[0] is not None:
            clock.now += 1
            by = By(open_id=(app_ids[key], values[key] or ""))
            await erase_customer(tenant, Order(by=by, reason="test", author="test", backup_days=1))
    clock.now += DAY
    back = [key for key in gone if chance.random() < 0.5]
    rows = [(key, NOW - DAY, ResolutionSource.IMPORT) for key in gone] + [(key, clock.now, ResolutionSource.CODE2SESSION) for key in back]
    await record_resolutions(
        tenant, [Row(app_id=app_ids[k], open_id=values[k] or "", observed=at, source=source) for k, at, source in rows]
    )


async def whole(side: Side, name: str, path: Path) -> None:
    """Bring an export in, of which no line is rejected."""
    assert 0 == (await brought_in(side.store, name, path)).rejected


async def check(sides: list[Side], clock: Clock, seeds: Iterable[int], folder: Path, run: str | None = None) -> None:
    """The second store gets the export from before and then that from after the erasures, the third the other way round.

    A tenant's name decides ties, so that a `run` can be told again.
    """
    one, two, three = sides
    for seed in seeds:
        name = f"erased elsewhere {seed} {run or secrets.token_hex(4)}"
        clock.now = NOW
        tenant = await told(one.store, name, seed)
        before, after = folder / f"{seed}-before.jsonl", folder / f"{seed}-after.jsonl"
        await exported(tenant, before)
        await whole(two, name, before)
        await erase_some(tenant, await asyncio.to_thread(one.read, name), clock, Random(seed))
        await exported(tenant, after)
        for side, path in ((two, after), (three, after), (three, before)):
            await whole(side, name, path)
        right = await asyncio.to_thread(one.read, name)
        for side in (two, three):
            there = await asyncio.to_thread(side.read, name)
            assert [] == unlike(right, there), f"history {seed}"
            assert [] == differences(there, tenant.keys), f"history {seed}"


async def done(use: Awaitable[object]) -> bool:
    """Whether it was done, not refused."""
    try:
        await use
    except Refused:
        return False
    return True


async def live_on(tenant: Tenant, there: Everything, clock: Clock, chance: Random) -> dict[str, int]:
    """A copy goes its own way: rows, waiting ones too, retractions, a SAME that quotes somebody, an erasure, a return; counted."""
    values = {key: one.value or "" for key, one in there.members.items() if one.label is Label.OPEN_ID}
    apps = {key: there.registry.touchpoints[Key(there.members[key].scope)].app_id for key in values}
    texts = sorted({one.rollup.text for one in there.rollups.values() if one.rollup.said is Said.RESOLVED_AS}) or ["uOwnOnly"]
    here = [(apps[key], values[key]) for key in chance.sample(sorted(values), min(4, len(values)))]
    new = [(chance.choice([*apps.values(), "wxnowhere"]), f"ownOpenId{number}") for number in range(4)]
    rows = [
        Row(
            app_id=app_id,
            open_id=open_id,
            union_id=chance.choice([*texts, None]),
            observed=NOW - DAY,
            source=chance.choice([ResolutionSource.CODE2SESSION, ResolutionSource.IMPORT]),
            external_ids=(ExternalRef(namespace=chance.choice(["crm", "member"]), value=f"own value {chance.randrange(3)}"),),
        )
        for app_id, open_id in [*here, *new]
    ]
    await record_resolutions(tenant, rows)
    links = sorted(key for key, one in there.rollups.items() if one.rollup.said in {Said.RESOLVED_AS, Said.CLAIMS})
    a, b = (By(open_id=chance.choice(here)) for _ in range(2))
    retracted = 0
    for key in chance.sample(links, min(2, len(links))):
        retracted += await done(retract_evidence(tenant, f"evd_{key}", Word(reason="test", author="test")))
    same = await done(declare(tenant, DecisionKind.SAME, a, b, Word(reason=f"as {here[0][1]} said", author="test")))
    back = chance.choice(here)
    order = Order(by=By(open_id=back), reason=f"as {here[-1][1]} asked", author="test", backup_days=1)
    erased = await done(erase_customer(tenant, order))
    clock.now += DAY
    returned = chance.random() < 0.5
    if returned:
        await record_resolutions(tenant, [replace(rows[0], app_id=back[0], open_id=back[1], observed=clock.now)])
    waiting = sum(row.app_id == "wxnowhere" for row in rows)
    return {"retractions": retracted, "SAMEs": same, "erasures": erased, "returns": erased and returned, "waiting rows": waiting}


async def check_own_life(sides: list[Side], clock: Clock, seeds: Iterable[int], folder: Path) -> None:
    """The second store is a copy that went its own way when the export from after the erasures comes."""
    one, two = sides
    for seed in seeds:
        name = f"own life {seed} {secrets.token_hex(4)}"
        clock.now, chance = NOW, Random(seed)
        tenant, there = await told(one.store, name, seed), Tenant(two.store, name)
        before, after = folder / f"{seed}-before.jsonl", folder / f"{seed}-after.jsonl"
        await exported(tenant, before)
        await whole(two, name, before)
        lived = await live_on(there, await asyncio.to_thread(two.read, name), clock, chance)
        here = await asyncio.to_thread(two.read, name)
        await erase_some(tenant, await asyncio.to_thread(one.read, name), clock, chance)
        await exported(tenant, after)
        receipts = [receipt for side in sides for receipt in _receipts(await asyncio.to_thread(side.read, name))]
        await brought_in(two.store, name, after)
        found = await asyncio.to_thread(two.read, name)
        stones = _stones(found)
        lived["erasures by the import"] = len(here.members.keys() & (stones.keys() - _stones(here).keys()))
        for thing, times in lived.items():
            WORTHS[f"a life of its own ({type(two.store).__name__}): {thing} came up"].update(histories=1, worth=times)
        barred = [stored for stored in found.rollups.values() if is_barred((stored.rollup.a, stored.rollup.b), stored.rollup.first, stones)]
        assert [] == barred, f"history {seed}"
        decided = [node for node in found.nodes if isinstance(node, Decision) and is_barred(node.pair, node.decided, stones)]
        assert [] == decided, f"history {seed}"
        names = {one.text_key or key for key, one in found.members.items()}
        assert [] == [key for key in names & stones.keys() if stones[key].returned is None], f"history {seed}"
        assert [] == differences(found, tenant.keys), f"history {seed}"
        theirs = found.members.keys() | {stored.rollup.b for stored in found.rollups.values()}  # what others claim, or once did
        for receipt in receipts:
            for one_id in json.loads(receipt.document)["identifiers"]:
                told_of = {one.key for one in await receipts_about(there, one_id)}
                assert key_of(one_id) in theirs or receipt.key in told_of, f"history {seed}"
        await brought_in(two.store, name, after)
        again = await asyncio.to_thread(two.read, name)
        assert [] == unlike(found, again), f"history {seed}"
        assert found.sequence == again.sequence, f"history {seed}"
        assert _lasting(found) == _lasting(again), f"history {seed}"


def _stones(there: Everything) -> dict[Key, Tombstone]:
    return {node.key: node for node in there.nodes if isinstance(node, Tombstone)}


def _receipts(there: Everything) -> list[ErasureReceipt]:
    return [node for node in there.nodes if isinstance(node, ErasureReceipt)]


def _lasting(there: Everything) -> list[str]:
    return sorted(repr(node) for node in there.nodes if isinstance(node, (Tombstone, ErasureReceipt)))


def opened(path: Path) -> Callable[[str], Everything]:
    """The back door to a file."""
    return lambda name: from_sqlite(path, name)


async def check_files(seeds: Iterable[int], folder: Path, run: str | None = None) -> None:
    """The same of three files."""
    clock, paths = Clock(), [folder / f"{name}.db" for name in ("one", "two", "three")]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) for path in paths]
    async with stores[0] as one, stores[1] as two, stores[2] as three:
        sides = [Side(store, opened(path)) for store, path in zip((one, two, three), paths, strict=True)]
        await check(sides, clock, seeds, folder, run)


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN))
async def test_in_files(seeds: range, tmp_path: Path) -> None:
    """Three files hold the same in the end, nothing of the erased among it, whichever export came first."""
    await check_files(seeds, tmp_path)


@pytest.mark.parametrize("attempt", range(6))  # the keys of receipts are of chance: one attempt of two did not hold
async def test_erasures_come_in_their_order(attempt: int, tmp_path: Path) -> None:
    """A history that once did not hold, for who goes with an erasure depends on those before it."""
    await check_files([1666], tmp_path, run="eaa38cf9")


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN))
async def test_in_neo4j(seeds: range, tmp_path: Path, neo4j_uri: str) -> None:
    """The same where the second store is Neo4j."""
    clock, paths = Clock(), [tmp_path / f"{name}.db" for name in ("one", "three")]
    stores = [open_store(url, secret=SECRET, clock=clock) for url in (f"sqlite:///{paths[0]}", neo4j_uri, f"sqlite:///{paths[1]}")]
    async with stores[0] as one, stores[1] as two, stores[2] as three:
        sides = [Side(one, opened(paths[0])), Side(two, lambda name: from_neo4j(neo4j_uri, name)), Side(three, opened(paths[1]))]
        await check(sides, clock, seeds, tmp_path)


@pytest.mark.parametrize("seeds", dealt("sqlite", ONE_IN))
async def test_in_a_file_with_a_life_of_its_own(seeds: range, tmp_path: Path) -> None:
    """Where a copy went its own way, nothing is left that a tombstone keeps out, what is left follows, and no receipt is lost."""
    clock, paths = Clock(), [tmp_path / f"{name}.db" for name in ("one", "two")]
    stores = [open_store(f"sqlite:///{path}", secret=SECRET, clock=clock) for path in paths]
    async with stores[0] as one, stores[1] as two:
        await check_own_life([Side(one, opened(paths[0])), Side(two, opened(paths[1]))], clock, seeds, tmp_path)
        with apsw.Connection(str(paths[1])) as file:
            assert [(0,)] == file.execute("SELECT unswept FROM store").fetchall()


@pytest.mark.parametrize("seeds", dealt("neo4j", ONE_IN))
async def test_in_neo4j_with_a_life_of_its_own(seeds: range, tmp_path: Path, neo4j_uri: str) -> None:
    """The same where the copy is in Neo4j."""
    clock, path = Clock(), tmp_path / "one.db"
    stores = [open_store(url, secret=SECRET, clock=clock) for url in (f"sqlite:///{path}", neo4j_uri)]
    async with stores[0] as one, stores[1] as two:
        await check_own_life([Side(one, opened(path)), Side(two, lambda name: from_neo4j(neo4j_uri, name))], clock, seeds, tmp_path)
