"""Use case: erasures of another store, as its export tells them. Whoever was erased there goes here, too, as if it had been asked here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from graph.accounts import Registry
from graph.decisions import Decision
from graph.erasure import Erasing
from graph.jobs import Job
from graph.node import Key, Node
from graph.quarantine import Quarantined
from graph.receipts import ErasureReceipt
from graph.removal import Removal
from graph.restoring import noted
from graph.rows import from_json, naming_of
from graph.state import Label
from graph.stores import Page
from graph.tenant import Tenant
from graph.tombstones import Naming, Tombstone, is_barred
from graph.turn import Incomplete, Loaded, Scope, Writes
from graph.upkeep import PAGE
from graph.wording import TELLING

BATCH = 200
"""Receipts, or tombstones, in one turn; more where one erasure has more."""
Stones = Sequence[Tombstone]


async def restore_erasures(tenant: Tenant, stones: Stones, receipts: Sequence[ErasureReceipt], job: Job) -> None:
    """Bring in receipts and tombstones. Whom these name, and what hangs at them alone, goes with its bytes; what others claim is theirs.

    In the order in which they were asked for there: each changes who is who, and so who would go with the next. All of it again changes
    nothing. Killed in between, it is to be done again.
    """
    asked = {one.key: one.erased for one in receipts}
    stones = sorted(stones, key=lambda one: (asked.get(one.receipt, one.erased), one.receipt, one.key))
    for at in range(0, len(receipts), BATCH):
        await _put_receipts(tenant, receipts[at : at + BATCH], job)
    erased: list[Stones] = []
    for batch in _batches(stones):
        for group in await _put_stones(tenant, batch, job):
            await _erase(tenant, group, job)
            erased += ([stone] for stone in group)
    for at in range(0, len(erased), BATCH):  # what somebody claimed who went after it
        await _put_stones(tenant, erased[at : at + BATCH], job)
    for kind in (Decision, Quarantined) if stones else ():
        await _turn_away(tenant, kind, job)


async def _put_receipts(tenant: Tenant, receipts: Sequence[ErasureReceipt], job: Job) -> None:
    """One that is here already stays as it is, but leads to all that either copy leads to."""

    def decide(loaded: Loaded) -> tuple[Writes, None]:
        writes = Writes()
        for come in receipts:
            known = loaded.nodes.get(come.key)
            node = _leading(known, come.previous.split()) if isinstance(known, ErasureReceipt) else come
            writes.put += [node] if node != known else []
        return noted(writes, loaded, job), None

    await tenant.write(lambda _: Scope(keys=frozenset([job.key, *(one.key for one in receipts)])), decide)


def _leading(receipt: ErasureReceipt, former: Iterable[str]) -> ErasureReceipt:
    return replace(receipt, previous=" ".join(sorted({*receipt.previous.split(), *former})))


def _batches(stones: Iterable[Tombstone]) -> Iterator[list[Stones]]:
    """The tombstones of each erasure, which follow each other, many erasures together."""
    batch: list[Stones] = []
    for _, group in groupby(stones, lambda one: one.receipt):
        batch.append(list(group))
        if sum(map(len, batch)) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _put_stones(tenant: Tenant, batch: Sequence[Stones], job: Job) -> list[Stones]:
    """Tombstones of whom nothing is here; gives those of the others."""
    keys = frozenset(stone.key for group in batch for stone in group)
    chains = _Chains()

    def decide(loaded: Loaded) -> tuple[Writes, list[Stones]]:
        named = set(loaded.members).union(*((one.rollup.a, one.rollup.b) for one in loaded.rollups.values()))
        named |= {one.text_key for one in loaded.members.values() if one.text_key}
        left = [group for group in batch if not named.isdisjoint(_fresh(_news(group, loaded.tombstones), loaded.tombstones))]
        put = [stone for group in batch if group not in left for stone in group]
        writes = Writes(put=[*_news(put, loaded.tombstones).values()])
        chains.add(put, loaded, writes)
        return noted(writes, loaded, job), left

    own = frozenset([job.key, *(group[0].receipt for group in batch)])
    return await tenant.write(lambda _: Scope(people=keys, names=keys, keys=own), decide)


def _news(stones: Stones, known: Mapping[Key, Tombstone]) -> dict[Key, Tombstone]:
    """Tombstones that say more than is known here."""
    after = {one.key: known[one.key].with_copy(one) if one.key in known else one for one in stones}
    return {key: one for key, one in after.items() if one != known.get(key)}


def _fresh(news: Mapping[Key, Tombstone], known: Mapping[Key, Tombstone]) -> set[Key]:
    """Whose erasure is not known here, beside those who only came back there."""
    return {key for key, one in news.items() if key not in known or known[key].receipt != one.receipt}


class _Chains:
    """Receipts of whom both stores erased: the later one leads to the earlier. Remembers, in one turn, which it has asked for."""

    def __init__(self) -> None:
        self._asked = set[Key]()

    def add(self, stones: Iterable[Tombstone], loaded: Loaded, writes: Writes) -> None:
        """Add them to what is written, on top of what is written of them already. One in no store is left out. Raises Incomplete."""
        leads: dict[Key, set[Key]] = {}
        for stone in stones:
            other = loaded.tombstones.get(stone.key)
            if other is not None and other.receipt != stone.receipt:
                latest = other.with_copy(stone).receipt
                leads.setdefault(latest, set()).update({stone.receipt, other.receipt} - {latest})
        if unseen := leads.keys() - loaded.nodes.keys() - self._asked:
            self._asked |= unseen
            raise Incomplete(keys=unseen)
        put = {node.key: node for node in writes.put}
        for key, former in leads.items():
            receipt = put.get(key, loaded.nodes.get(key))
            if isinstance(receipt, ErasureReceipt) and (leading := _leading(receipt, former)) != receipt:
                put[key] = leading
        writes.put = list(put.values())


async def _erase(tenant: Tenant, stones: Stones, job: Job) -> None:
    """One erasure, done here as well: whatever of it is here, other OpenIDs of the accounts of its OpenIDs, and what only these name.

    What others claim stays theirs. Who is joined to them by a claim or a decision stays, too: it may be wrong, and is not in the receipt.
    """
    keys, first, chains = frozenset(one.key for one in stones), stones[0], _Chains()

    def decide(loaded: Loaded) -> tuple[Writes, frozenset[str]]:
        known, members = loaded.tombstones, loaded.members
        news = _news(stones, known)
        fresh = _fresh(news, known)
        open_ids = {key: one.account for key, one in members.items() if one.label is Label.OPEN_ID}
        accounts = {open_ids[key] for key in fresh & open_ids.keys()} - {None}
        theirs = (fresh & members.keys()) | {key for key, account in open_ids.items() if account in accounts}
        erasing = Erasing(loaded, tenant.keys, theirs, named=fresh)
        parted = {members[key].customer for key in erasing.erased & members.keys()}
        left = {one.customer for key, one in members.items() if one.label is not Label.EXTERNAL_ID and key not in erasing.erased}
        removal = Removal(erasing, tenant.keys, tenant.now())
        writes = removal.writes("import", parted - left)
        more = [Tombstone(key=key, erased=first.erased, receipt=first.receipt) for key in sorted(erasing.gone - news.keys())]
        writes.put += [one for key, one in news.items() if key not in erasing.kept]
        # An erasure of theirs that is later than this one counts on, but a return from it is undone.
        writes.put += [replace(known[one.key].with_copy(one), returned=None) if one.key in known else one for one in more]
        chains.add([*stones, *more], loaded, writes)
        return noted(writes, loaded, job), removal.patterns

    scope = Scope(people=keys, names=keys, keys=frozenset([job.key, first.receipt]))
    if traces := await tenant.write(lambda _: scope, decide):
        await tenant.store.forget(traces)


async def _turn_away(tenant: Tenant, kind: type[Decision | Quarantined], job: Job) -> None:
    """Decisions, revoked ones too, or rows that wait go where they name who is kept out."""
    page = Page(limit=PAGE)
    while True:
        registry, found = await tenant.store.page(tenant.name, kind, page)
        named = {node.key: _naming(node, registry, tenant) for node in found.items}
        names = sorted({key for naming in named.values() for one in naming for key in one.names})
        if any(isinstance(one, Tombstone) for one in await tenant.store.nodes(tenant.name, names)):
            await _turned_away(tenant, named, job)
        if not found.has_more:
            return
        page = Page(limit=PAGE, after=found.items[-1].key)


def _naming(node: Decision | Quarantined, registry: Registry, tenant: Tenant) -> list[Naming]:
    """Whom it names; a note that a UnionID waits goes with its evidence."""
    if isinstance(node, Decision):
        return [Naming(frozenset(node.pair), node.decided, is_login=False)]
    return [naming_of(row, registry.policy, tenant.keys, tenant.now()) for row in (from_json(node) if node.row else ())]


async def _turned_away(tenant: Tenant, named: Mapping[Key, list[Naming]], job: Job) -> None:
    names = frozenset(key for naming in named.values() for one in naming for key in one.names)

    def decide(loaded: Loaded) -> tuple[Writes, list[Node]]:
        barred = {key for key, naming in named.items() if any(is_barred(one.names, one.at, loaded.tombstones) for one in naming)}
        gone = [node for key, node in loaded.nodes.items() if key in barred]
        return noted(Writes(drop=gone, wipes=bool(gone)), loaded, job), gone

    gone = await tenant.write(lambda _: Scope(keys=names | named.keys() | {job.key}), decide)
    rows = [row for node in gone if isinstance(node, Quarantined) for row in from_json(node)]
    texts = {text for row in rows for text in (row.open_id, row.union_id, *(one.value for one in row.external_ids))}
    if gone:
        await tenant.store.forget({text for text in texts if text and len(text) >= TELLING} | {node.key for node in gone})
