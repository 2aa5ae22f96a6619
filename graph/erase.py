"""The use case that erases a customer: one turn that takes everything away and leaves tombstones and a signed receipt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from graph.changes import ChangeKind
from graph.decisions import Decision
from graph.derive import News, derive
from graph.erasure import Erasing
from graph.errors import invalid, not_found
from graph.given import reason_text
from graph.keys import random_key
from graph.link import By
from graph.node import Id, Key, Millis, Node, key_of
from graph.quarantine import Quarantined, QuarantineReason
from graph.receipts import ErasureReceipt, Facts, Traces, names, reason_in, receipt_of, reworded
from graph.rows import Row, from_json, naming_of
from graph.state import PREFIX, Label
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from graph.turn import Incomplete, Loaded, Scope, Writes
from graph.wording import TELLING, Wording, searchable, without_contacts, words_of


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What came of it."""

    receipt: ErasureReceipt | None
    """None where nothing was done yet."""
    identifiers: list[Id]
    """What goes, or would go; empty where it went before."""
    traces: frozenset[str] = frozenset()
    """What to look for in the store's bytes. Never to be shown."""
    is_wiped: bool = False
    """Whether the bytes of it are gone; where they are not yet, the store goes on trying."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Whom to erase, why, and what the receipt is to say."""

    by: By
    reason: str
    author: str
    backup_days: int


async def erase_customer(tenant: Tenant, order: Order, *, is_dry_run: bool = False) -> Erasure:
    """Erase a customer, or say what would go. Somebody who was erased before and has not come back is answered with the same receipt.

    Raises Refused: NOT_FOUND for nobody, INVALID_INPUT for a reason that is none, or an external id that belongs to others alone.
    """
    order = replace(order, reason=reason_text(order.reason))
    turn = _Turn(tenant, order, random_key(), await tenant.store.traces(), tenant.now(), is_dry_run=is_dry_run)
    erasure = await tenant.write(lambda registry: turn.scope(order.by.key(registry, tenant.keys)), turn.decide)
    if erasure.traces:
        erasure = replace(erasure, is_wiped=await tenant.store.forget(erasure.traces), traces=frozenset())
    return erasure


async def receipts_about(tenant: Tenant, some_id: str) -> list[ErasureReceipt]:
    """The receipts of all erasures of whoever had this id, in the order of their keys; none where it was never erased."""
    key, found = key_of(some_id), dict[Key, ErasureReceipt]()
    stone = (await tenant.store.nodes(tenant.name, [key]))[0] if key else None
    wanted = [stone.receipt] if isinstance(stone, Tombstone) else []
    latest = wanted[:1]
    while wanted:
        receipts = [one for one in await tenant.store.nodes(tenant.name, wanted) if isinstance(one, ErasureReceipt)]
        found |= {one.key: one for one in receipts}
        wanted = [Key(key) for one in receipts for key in one.previous.split() if key not in found]
    return [one for key, one in sorted(found.items()) if key in latest or names(one, some_id)]


@dataclass(frozen=True)
class _Turn:
    """One erasure; `decide` may run again with more in sight."""

    tenant: Tenant
    order: Order
    key: Key
    traces: Traces
    now: Millis
    is_dry_run: bool

    def scope(self, whom: Key | None) -> Scope:
        return Scope(people=frozenset([whom] if whom else []))

    def decide(self, loaded: Loaded) -> tuple[Writes, Erasure]:
        whom = self.order.by.key(loaded.registry, self.tenant.keys)
        member = loaded.holder(whom) if self.order.by.id is not None else loaded.members.get(whom) if whom else None
        if whom is None or member is None:
            return self._before(whom, loaded)
        targets = {key for key, one in loaded.members.items() if one.customer == member.customer}
        erasing = Erasing(loaded, self.tenant.keys, targets)
        if targets.isdisjoint(erasing.erased):
            raise invalid("Other customers claim this external id: it is theirs. Name a customer by another identifier.", "by")
        wording = self._wording(erasing)
        writes = self._writes(erasing, wording, member.customer)
        answer = Erasure(receipt=None, identifiers=erasing.ids)
        if self.is_dry_run:
            return Writes(), answer
        receipt = self._receipt(erasing, wording, writes)
        until = erasing.until(self.now)
        writes.put += [receipt, *(Tombstone(key=key, erased=until, receipt=self.key) for key in sorted(erasing.gone))]
        return writes, replace(answer, receipt=receipt, traces=_patterns(erasing))

    def _before(self, whom: Key | None, loaded: Loaded) -> tuple[Writes, Erasure]:
        """Nobody is there: somebody who was erased is answered with the receipt."""
        tombstone = loaded.tombstones.get(whom) if whom else None
        if tombstone is None:
            raise not_found("No customer has this identifier.", "by")
        receipt = loaded.nodes.get(tombstone.receipt)
        if receipt is None:
            raise Incomplete(keys=[tombstone.receipt])
        assert isinstance(receipt, ErasureReceipt)  # noqa: S101  # receipts are never dropped
        return Writes(), Erasure(receipt=receipt, identifiers=[])

    def _wording(self, erasing: Erasing) -> Wording:
        """What recognises their values; what is kept as text must have been searched for them.

        Their OpenIDs at touchpoints that nobody knows stand in quarantined rows alone.
        """
        externals = {one.key for one in erasing.identifiers if one.label is Label.EXTERNAL_ID}
        rows = [next(iter(from_json(node))) for node in erasing.loaded.nodes.values() if isinstance(node, Quarantined) and node.row]
        values = erasing.values | {row.open_id for row in rows if not self._named(row, erasing.loaded).isdisjoint(erasing.gone)}
        mentions = searchable(values) | externals
        if not mentions <= erasing.loaded.searched:
            raise Incomplete(mentions=mentions)
        return Wording(values, erasing.erased, erasing.loaded.registry.policy, self.tenant.keys)

    def _writes(self, erasing: Erasing, wording: Wording, customer: Key) -> Writes:
        news = News(cause="eraseCustomer", rollups=erasing.left_over, erased=erasing.erased, erased_customer=customer)
        writes = derive(erasing.remaining, self.tenant.keys, news, self.now).writes
        writes.forgotten += erasing.forgotten
        writes.erased += sorted(erasing.gone)
        led_on = erasing.led_on(writes.retired)
        writes.members += led_on
        writes.retired += sorted({one.key for one in led_on}.difference(writes.retired))
        writes.drop += [*self._waiting(erasing), *self._naming(erasing, wording)]
        dropped = {node.key for node in writes.drop}
        writes.put += [node for node in _reworded(erasing.loaded, wording, self.tenant) if node.key not in dropped]
        return writes

    def _waiting(self, erasing: Erasing) -> Iterator[Node]:
        """Notes about their UnionIDs that waited."""
        for rollup in erasing.forgotten:
            key = self.tenant.keys.derive("Waiting", rollup.key)
            reason = QuarantineReason.NO_BINDING_COVERS_IT
            yield Quarantined(key=key, reason=reason, app_id=None, first=rollup.first, last=rollup.last, times=rollup.times)

    def _naming(self, erasing: Erasing, wording: Wording) -> Iterator[Node]:
        """Decisions and quarantined rows that name them."""
        gone, loaded = erasing.gone, erasing.loaded
        nodes = (*loaded.decisions.values(), *loaded.nodes.values())
        yield from (node for node in nodes if isinstance(node, Decision) and not gone.isdisjoint(node.pair))
        waiting = (node for node in nodes if isinstance(node, Quarantined) and node.row)
        yield from (node for node in waiting if self._names(node, gone, wording, loaded))

    def _names(self, node: Quarantined, gone: frozenset[Key], wording: Wording, loaded: Loaded) -> bool:
        row = next(iter(from_json(node)))
        texts = (row.open_id, row.union_id, *(ref.value for ref in row.external_ids))
        return not gone.isdisjoint(self._named(row, loaded)) or any(map(wording.is_told, texts))

    def _named(self, row: Row, loaded: Loaded) -> frozenset[Key]:
        return naming_of(row, loaded.registry.policy, self.tenant.keys, self.now).names

    def _receipt(self, erasing: Erasing, wording: Wording, writes: Writes) -> ErasureReceipt:
        members, policy = erasing.loaded.members, erasing.loaded.registry.policy
        kept = [f"{PREFIX[members[key].label]}_{key}" for key in erasing.targets - erasing.erased]
        facts = Facts(
            tenant=self.tenant.name,
            at=self.now,
            until=erasing.until(self.now),
            author=self.order.author,
            reason=without_contacts(wording.cleaned(self.order.reason), policy),
            customers=[Id(f"cus_{change.customer_key}") for change in writes.changes if change.kind is ChangeKind.ERASED],
            identifiers=erasing.ids,
            kept=[Id(one) for one in kept],
            traces=self.traces,
            backup_days=self.order.backup_days,
        )
        stones = erasing.loaded.tombstones
        return receipt_of(self.key, facts, self.tenant.keys, [stones[key].receipt for key in sorted(erasing.gone) if key in stones])


def _reworded(loaded: Loaded, wording: Wording, tenant: Tenant) -> Iterator[Node]:
    """Everything in whose words one of their values stands, without it."""
    registry = loaded.registry
    for node in (*loaded.nodes.values(), *loaded.decisions.values(), *registry.bindings.values(), *registry.overrides.values()):
        if isinstance(node, ErasureReceipt):
            again: Node = reworded(node, wording.cleaned(reason_in(node)), tenant.keys)
        else:
            words = {name: wording.cleaned(text) for name, text in words_of(node).items()}
            again = replace(node, **words)  # type: ignore[arg-type]  # these fields are texts
        if again != node:
            yield again


def _patterns(erasing: Erasing) -> frozenset[str]:
    """What only their rows hold: the keys of their roll-ups, and values, short ones with what stands beside them."""
    found: set[str] = {rollup.key for rollup in erasing.forgotten}
    for one in erasing.identifiers:
        if one.value and len(one.value) >= TELLING:
            found.add(one.value)
        elif one.value and one.label is Label.EXTERNAL_ID:
            found |= {f"{one.label.value}{one.scope}{one.value}", f'"{one.scope}", "{one.value}"'}
    return frozenset(found)
