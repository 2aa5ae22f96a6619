"""Readers beside the writers: each answer must show whole customers, whatever is being written at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from graph.node import Key
from graph.stores import Aggregate
from graph.tenant import Tenant
from tests.concurrency import brand

ASKED = 6
"""OpenIDs in one question."""
PEOPLE = 400
PAUSE = 0.02
"""Seconds: readers who never rest would leave the writers no processor."""


@dataclass
class Audience:
    """What the readers have seen."""

    tenant: Tenant
    reads: int = 0
    met: set[Key] = field(default_factory=set)
    """OpenIDs that were in a customer once: from then on they are, always."""
    torn: list[str] = field(default_factory=list)

    async def read(self, seed: int) -> None:
        """Ask again and again, until cancelled."""
        chance = Random(seed)
        while True:
            person = chance.randrange(PEOPLE)
            names = [(app, brand.open_id_of(person ^ chance.choice([0, 0, 1]))) for app in chance.sample(brand.APPS, ASKED)]
            keys = [self.tenant.keys.open_id(*name) for name in names]
            met = self.met.intersection(keys)
            _, found = await self.tenant.store.customers(self.tenant.name, keys)
            self.reads += 1
            self.torn += tears(keys, found, met)
            self.met.update(key for key, one in zip(keys, found, strict=True) if one)
            await asyncio.sleep(PAUSE)


def tears(keys: Sequence[Key], found: Sequence[Aggregate | None], met: set[Key]) -> list[str]:
    """Everything that a reader must never see."""
    torn = [f"{key} is in no customer any more" for key, one in zip(keys, found, strict=True) if one is None and key in met]
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
