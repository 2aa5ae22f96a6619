"""What stewards do beside the writers: decide, retract, revoke, erase, change the policy; and what of all that must be there afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from graph.decisions import Decision, DecisionKind
from graph.erase import Order, erase_customer
from graph.link import By
from graph.node import Key, key_of
from graph.policy import DEFAULT_POLICY
from graph.policy_changes import PolicyChange
from graph.receipts import ErasureReceipt, verifies
from graph.set_policy import Change, set_identity_policy
from graph.steward import Word, declare, retract_evidence, revoke_decision
from graph.stores import Page
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from tests.concurrency import brand
from tests.concurrency.everything import Everything

WORD = Word(reason="a test", author="test")
POLICIES = (
    Change(generic_after=3),
    Change(generic_after=5),
    Change(namespaces=[replace(one, max_per_customer=2) if one.namespace == "member" else one for one in DEFAULT_POLICY.namespaces]),
    Change(namespaces=DEFAULT_POLICY.namespaces),
)
"""What is generic, and how many member numbers one may have, changes to and fro."""


Place = tuple[int, str]
"""A person, and where they are met."""
NOBODY: Place = (0, brand.LATE)


@dataclass
class Ledger:
    """What was acknowledged to the stewards of a process, as JSON can hold it."""

    decided: dict[str, list[str]] = field(default_factory=dict)
    """By key the two keys that each decision names."""
    revoked: list[str] = field(default_factory=list)
    erased: dict[str, list[str]] = field(default_factory=dict)
    """By the receipt's key the ids that each erasure took."""
    policies: int = 0


class Steward:
    """One of them: speaks of people whom the writers of a process have met."""

    def __init__(self, tenant: Tenant, chance: Random, ledger: Ledger, met: set[Place]) -> None:
        self.tenant, self.chance, self.ledger, self.met = tenant, chance, ledger, met

    async def declare(self) -> None:
        """That somebody is the same as themselves elsewhere or as the neighbour, or is not."""
        one = self._somebody()
        others = [other for other in self.met if other != one and other[0] | 1 == one[0] | 1]
        kind = self.chance.choice([DecisionKind.SAME, DecisionKind.DIFFERENT])
        self._note((await declare(self.tenant, kind, _by(one), _by(self.chance.choice(others or [one])), WORD)).decision)

    async def retract(self) -> None:
        """Something that was said of somebody, whatever it is."""
        person, app = self._somebody()
        [customer] = await self.tenant.customers([self.tenant.keys.open_id(app, brand.open_id_of(person))])
        if customer and customer.rollups:
            said = self.chance.choice(customer.rollups).rollup
            self._note((await retract_evidence(self.tenant, f"evd_{said.key}", WORD)).decision)

    async def revoke(self) -> None:
        """A decision of anybody's, revoked or not."""
        after = self.tenant.keys.derive("anywhere", str(self.chance.random()))
        for one in (await self.tenant.store.page(self.tenant.name, Decision, Page(limit=1, after=after)))[1].items:
            await revoke_decision(self.tenant, one.id, WORD)
            self.ledger.revoked.append(one.key)

    async def erase(self) -> None:
        """Somebody, for good or until they log in again."""
        erasure = await erase_customer(self.tenant, Order(by=_by(self._somebody()), reason="a test", author="test", backup_days=1))
        assert erasure.receipt is not None
        self.ledger.erased.setdefault(erasure.receipt.key, []).extend(erasure.identifiers)

    async def change_policy(self) -> None:
        """What is generic, or how many member numbers one may have."""
        await set_identity_policy(self.tenant, self.chance.choice(POLICIES), reason="a test", author="test")
        self.ledger.policies += 1

    def _somebody(self) -> Place:
        return self.chance.choice([*self.met] or [NOBODY])

    def _note(self, decision: Decision | None) -> None:
        assert decision is not None
        self.ledger.decided[decision.key] = [decision.a, decision.b]


def _by(place: Place) -> By:
    person, app = place
    return By(open_id=(app, brand.open_id_of(person)))


def missing(stored: Everything, ledgers: list[Ledger]) -> Iterator[str]:
    """What was acknowledged and is not there; what names the erased goes with them."""
    stones = {one.key: one for one in stored.each(Tombstone)}
    decisions = {one.key: one for one in stored.each(Decision)}
    receipts = {one.key: one for one in stored.each(ErasureReceipt)}
    for ledger in ledgers:
        for key, pair in ledger.decided.items():
            if key not in decisions and stones.keys().isdisjoint(pair):
                yield f"decision {key} is not there"
        yield from (f"decision {key} stands again" for key in ledger.revoked if key in decisions and decisions[Key(key)].revoked is None)
        for key, ids in ledger.erased.items():
            receipt = receipts.get(Key(key))
            if receipt is None or not verifies(receipt.document, receipt.signature, receipt.public_key):
                yield f"receipt {key} is not there, or not signed"
            yield from _remains(stored, stones, ids)
    noted = sum(1 for _ in stored.each(PolicyChange))
    if noted != sum(ledger.policies for ledger in ledgers):
        yield f"{noted} changes of policy are noted"


def _remains(stored: Everything, stones: dict[Key, Tombstone], ids: list[str]) -> Iterator[str]:
    """Identifiers that were erased and not remembered as such, or that are there although nobody logged in again."""
    for key in filter(None, map(key_of, ids)):
        if key not in stones:
            yield f"{key} is not known to be erased"
        elif (member := stored.members.get(key)) and all(stones[name].returned is None for name in member.names):
            yield f"{member.label.value} {key} is there again"


def ledgers_of(told: list[dict[str, Any]]) -> list[Ledger]:
    """As the processes told them."""
    return [Ledger(**one["ledger"]) for one in told]
