"""Readers beside the writers: each answer must show whole customers, whatever is being written at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from graph.node import Key
from graph.stores import Aggregate
from graph.tenant import Tenant
from graph.tombstones import Tombstone
from tests.concurrency import brand

ASKED, FORMER = 6, 2
"""OpenIDs, and ids that customers had once, in one question."""
PEOPLE = 400
PAUSE = 0.02
"""Seconds: readers who never rest would leave the writers no processor."""


@dataclass
class Audience:
    """What the readers have seen."""

    tenant: Tenant
    reads: int = 0
    met: set[Key] = field(default_factory=set)
    """OpenIDs that were in a customer once: from then on they are, always, or are known to be erased."""
    ids: list[Key] = field(default_factory=list)
    """Of customers that were met; each leads to a customer, always, or is known to be erased."""
    erased: int = 0
    """So many of these were found to be."""
    torn: list[str] = field(default_factory=list)

    async def read(self, seed: int) -> None:
        """Ask again and again, until cancelled."""
        chance = Random(seed)
        while True:
            person = chance.randrange(PEOPLE)
            names = [(app, brand.open_id_of(person ^ chance.choice([0, 0, 1]))) for app in chance.sample(brand.APPS, ASKED)]
            open_ids = [self.tenant.keys.open_id(*name) for name in names]
            ids = chance.choices(self.ids, k=FORMER) if self.ids else []
            met = self.met.intersection(open_ids) | set(ids)
            _, found = await self.tenant.store.customers(self.tenant.name, [*open_ids, *ids])
            self.reads += 1
            self.torn += tears(open_ids, found[:ASKED])
            await self._missed([key for key, one in zip([*open_ids, *ids], found, strict=True) if one is None and key in met])
            self._meet(open_ids, found)
            await asyncio.sleep(PAUSE)

    async def _missed(self, keys: list[Key]) -> None:
        """Those who lead nowhere: they were erased, or something is wrong."""
        stones = await self.tenant.store.nodes(self.tenant.name, keys) if keys else []
        self.erased += len(stones)
        self.torn += [
            f"{key} leads nowhere and is not known to be erased"
            for key, stone in zip(keys, stones, strict=True)
            if not isinstance(stone, Tombstone)
        ]

    def _meet(self, open_ids: Sequence[Key], found: Sequence[Aggregate | None]) -> None:
        self.met.update(key for key, one in zip(open_ids, found, strict=False) if one)
        self.ids += {one.row.key for one in found if one}.difference(self.ids)


def tears(keys: Sequence[Key], found: Sequence[Aggregate | None]) -> list[str]:
    """Everything that a reader must never see in one answer about OpenIDs."""
    torn = []
    holders: dict[Key, Key] = {}
    for key, one in zip(keys, found, strict=True):
        if one is not None and key not in {member.key for member in one.members}:
            torn.append(f"{key} is not in the customer that was answered for it")
    for whole in {one.row.key: one for one in found if one}.values():
        for member in whole.members:
            if member.customer != whole.row.key:
                torn.append(f"{member.key} stands in {whole.row.key} and belongs to {member.customer}")
            if member.turn != whole.row.turn:
                torn.append(f"{member.key} is of turn {member.turn}, its customer of {whole.row.turn}")
            if holders.setdefault(member.key, whole.row.key) != whole.row.key:
                torn.append(f"{member.key} is in two customers of one answer")
    return torn
