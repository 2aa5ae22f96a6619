"""The use case that erases a customer: one turn that takes everything away and leaves tombstones and a signed receipt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graph.changes import ChangeKind
from graph.erasure import Erasing
from graph.errors import invalid, not_found
from graph.given import reason_text
from graph.keys import random_key
from graph.link import By
from graph.node import Id, Key, Millis, key_of
from graph.receipts import ErasureReceipt, Facts, Traces, names, receipt_of
from graph.removal import Removal
from graph.state import PREFIX
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from graph.turn import Incomplete, Loaded, Scope, Writes
from graph.wording import Wording, without_contacts

LED_ON = (
    "Nothing names the identifier any more that this id was made of. It leads to cus_{} by whoever it came with, which may be one of many: "
    "name them by their own id or an identifier."
)


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
        if whom in loaded.followed:
            raise invalid(LED_ON.format(member.customer), "by")
        targets = {key for key, one in loaded.members.items() if one.customer == member.customer}
        erasing = Erasing(loaded, self.tenant.keys, targets)
        if targets.isdisjoint(erasing.erased):
            raise invalid("Other customers claim this external id: it is theirs. Name a customer by another identifier.", "by")
        removal = Removal(erasing, self.tenant.keys, self.now)
        writes = removal.writes("eraseCustomer", {member.customer})
        answer = Erasure(receipt=None, identifiers=erasing.ids)
        if self.is_dry_run:
            return Writes(), answer
        receipt = self._receipt(erasing, removal.wording, writes)
        until = erasing.until(self.now)
        writes.put += [receipt, *(Tombstone(key=key, erased=until, receipt=self.key) for key in sorted(erasing.gone))]
        return writes, replace(answer, receipt=receipt, traces=removal.patterns)

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
