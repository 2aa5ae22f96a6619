"""Whoever reads the map of ids while others write, and then applies the feed, has the truth in the end; however torn the pages were."""

from __future__ import annotations

import asyncio
import random

from tests.api.asking import Api
from tests.hard_cases.brands import Brands
from tests.hard_cases.feed import applied, read
from tests.hard_cases.orders import rescoped
from tests.hard_cases.steps import day
from tests.hard_cases.test_changes import now

MAP = """query ($after: String) { customerIdMap(first: 3, after: $after) {
  nodes { customerId identifierIds } pageInfo { hasNextPage endCursor } feedCursor } }"""
PEOPLE, WRITES = 12, 60


async def write(api: Api, dice: random.Random) -> None:
    """People come, meet in UnionIDs and member numbers, and part again."""
    for _ in range(WRITES):
        person, app = dice.randrange(PEOPLE), dice.choice(("mini", "serv", "other"))
        number = f"member:{dice.randrange(PEOPLE // 2)}"
        if dice.random() < 0.3:
            by = {"openId": {"appId": app, "value": f"o{person}"}}
            external = {"namespace": "member", "value": number.partition(":")[2]}
            item = {"customer": by, "externalId": external, "observedAt": day(dice.randint(1, 14))}
            await api.done("unlinkExternalIds", "results { outcome }", items=[item])
        else:
            row = f"{app} o{person} {f'u{person}' if dice.random() < 0.5 else '-'} {number if dice.random() < 0.4 else ''}"
            await api.record(row, when=day(dice.randint(1, 14)))
        await asyncio.sleep(0)


async def test_the_map_read_while_others_write(brands: Brands) -> None:
    """Pages read over many requests beside two writers, and the feed from the first page's cursor on, come to what is answered then."""
    for seed in range(3 if brands.most_orders > 2 else 1):
        api, dice = await brands.fresh(), random.Random(seed)
        await write(api, dice)
        writing = [asyncio.create_task(write(api, random.Random(seed * 10 + n))) for n in (1, 2)]
        known: dict[str, list[str]] = {}
        begin, after = None, None
        while True:
            page = (await api.ask(MAP, after=after))["customerIdMap"]
            known |= {one["customerId"]: one["identifierIds"] for one in page["nodes"]}
            begin, after = begin or page["feedCursor"], page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            await asyncio.sleep(0.01)
        await asyncio.gather(*writing)
        await rescoped(api)
        changes, _ = await read(api, begin)
        assert changes, "nothing was written while the map was read"
        assert await now(api) == applied(changes, known)
