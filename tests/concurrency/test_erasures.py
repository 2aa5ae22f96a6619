"""Many people erased by a real service: nothing of them is in the store, its log, the feed or an export, and every receipt holds."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import create_key
from graph.apikeys import Scope
from graph.evidence import ResolutionSource
from graph.keys import Keys
from graph.receipts import verifies
from graph.rows import ExternalRef, Row
from tests.concurrency import brand
from tests.concurrency.rebuild import differences
from tests.concurrency.service import item, post, program, served
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite
from tests.stores.harness import SECRET

ERASED = int(os.environ.get("ERASED", "40"))
USUALLY = 40
STAYING = 0.5
"""For each who is erased so many stay."""
AT_ONCE = 8
KILLS = 3
BATCH = 500
VALUE = re.compile(r"q7[0-9a-f]{20}|13990\d{6}")
"""What every identifier of these people looks like, so that one look finds all of them."""
RECORD = """mutation ($input: RecordResolutionsInput!) { recordResolutions(input: $input) {
  rejected results { error { code } } errors { code } } }"""
ERASE = """mutation ($input: EraseCustomerInput!) { eraseCustomer(input: $input) {
  receipt { document signature publicKey } wouldErase errors { code message } } }"""
DIFFERENT = "mutation ($input: DeclareDifferentInput!) { declareDifferent(input: $input) { decision { id } errors { code } } }"
CHANGES = """query ($after: String) { changes(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes {
  kind cause customerId previousCustomerIds identifierIds erasedIdentifierIds customer { openIds { value } } } } }"""


async def test_the_erased_leave_nothing_on_sqlite(tmp_path: Path) -> None:
    """On SQLite no byte of the erased is left in files, log, feed or export."""
    await Play(on_sqlite(tmp_path), tmp_path, min(ERASED, USUALLY)).run()


async def test_the_erased_leave_nothing_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """On Neo4j no property of any node or relationship holds anything of the erased; nor do log, feed and export."""
    await Play(on_neo4j(neo4j_uri), tmp_path, min(ERASED, USUALLY)).run()


@pytest.mark.crash
async def test_a_thousand_erased_leave_nothing_on_sqlite(tmp_path: Path) -> None:
    """However many are erased on SQLite, nothing of them is left."""
    await Play(on_sqlite(tmp_path), tmp_path, _many()).run()


@pytest.mark.crash
async def test_a_thousand_erased_leave_nothing_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """However many are erased on Neo4j, nothing of them is left."""
    await Play(on_neo4j(neo4j_uri), tmp_path, _many()).run()


async def test_erasures_are_killed_on_sqlite(tmp_path: Path) -> None:
    """On SQLite a kill -9 leaves everybody either whole or erased with a receipt, and no bytes once it is there again."""
    await Play(on_sqlite(tmp_path), tmp_path, USUALLY).killed()


async def test_erasures_are_killed_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """On Neo4j a kill -9 leaves everybody either whole or erased with a receipt."""
    await Play(on_neo4j(neo4j_uri), tmp_path, USUALLY).killed()


def _many() -> int:
    if ERASED <= USUALLY:
        pytest.skip("a few erasures are in the ordinary suite; more with ERASED=1000, which `make test-crash` sets")
    return ERASED


@dataclass(frozen=True, eq=False)
class Person:
    """What is told of somebody, and the values in it."""

    rows: list[Row]
    values: frozenset[str]

    @classmethod
    def new(cls, number: int) -> Person:
        """Met at three touchpoints of two platforms, and at one that nobody knows, whose row waits whole; with a phone of their own."""
        open_ids = [f"q7{secrets.token_hex(10)}" for _ in range(4)]
        unions = {platform: f"q7{secrets.token_hex(10)}" for platform in brand.PLATFORMS}
        member, phone = f"q7{secrets.token_hex(10)}", f"13990{number:06d}"
        refs = (ExternalRef(namespace="member", value=member), ExternalRef(namespace="phone", value=phone))
        rows = [
            Row(
                app_id=app,
                open_id=open_id,
                union_id=unions[brand.HOME.get(app, "wxopA")],
                observed=brand.now() - brand.HOUR,
                source=ResolutionSource.CODE2SESSION,
                external_ids=refs,
            )
            for app, open_id in zip(("wxapp0", "wxapp2", "wxapp3", brand.LATE), open_ids, strict=True)
        ]
        return cls(rows, frozenset([*open_ids, *unions.values(), member, phone]))

    @property
    def by(self) -> dict[str, Any]:
        """How a caller names them."""
        return {"openId": {"appId": self.rows[0].app_id, "value": self.rows[0].open_id}}


class Play:
    """Everybody is told, some are erased, and then nothing of these is found where that of the others is."""

    def __init__(self, stage: Stage, folder: Path, erased: int) -> None:
        self.stage, self.folder = stage, folder
        everybody = [Person.new(number) for number in random.sample(range(10**6), erased + int(erased * STAYING))]
        self.leaving, self.staying = everybody[:erased], everybody[erased:]
        self.gone = frozenset().union(*(person.values for person in self.leaving))
        self.clear = frozenset(value for person in self.staying for value in person.values if value.startswith("q7"))
        """What is found of the others: phones never stand anywhere."""

    async def run(self) -> None:
        """The whole of it."""
        async with self.stage.open(brand.now) as tenant:
            await brand.found(tenant)
            _, key = await create_key(tenant, "erasures", list(Scope))
        async with served(self.stage, self.folder, "--log-level", "debug") as service, service.client(key) as client:
            assert Counter() == await self._record(client, [*self.leaving, *self.staying])
            await self._decide(client)
            assert {value for value in self.gone if value.startswith("q7")} == self.gone & self._found(self.stage.text())
            started = time.monotonic()
            receipts = await self._erase_all(client)
            seconds = time.monotonic() - started
            assert [4 * len(self.leaving), 0] == [sum((await self._record(client, them)).values()) for them in (self.leaving, self.staying)]
            assert (frozenset(), self.clear) == self._split(self.stage.text())
            feed = await self._feed(client)
        assert len(self.leaving) == feed.count('"ERASED"')
        assert frozenset() == self.gone & self._found(feed)
        assert frozenset() == (self.gone | self.clear) & self._found("".join(service.log))
        assert (frozenset(), self.clear) == self._split(await self._export())
        assert frozenset() == self.gone & self._found(self.stage.text())
        self._check(receipts)
        people = len(self.leaving) + len(self.staying)
        print(  # noqa: T201  # how long it takes is half of what one wants to know
            f"\n{len(receipts)} of {people} people erased in {seconds:.1f} s, {len(self.gone)} values: none found"
        )

    async def killed(self) -> None:
        """The service dies three times while people are erased; whoever asked and heard nothing asks again."""
        async with self.stage.open(brand.now) as tenant:
            await brand.found(tenant)
            _, key = await create_key(tenant, "erasures", list(Scope))
        async with served(self.stage, self.folder) as service, service.client(key) as client:
            assert Counter() == await self._record(client, [*self.leaving, *self.staying])
        receipts: dict[Person, dict[str, str]] = {}
        for kill in range(1, KILLS + 1):
            async with served(self.stage, self.folder) as service, service.client(key) as client:
                self._look(receipts)
                asking = asyncio.create_task(self._erase_some(client, receipts))
                while len(receipts) < len(self.leaving) * kill // (KILLS + 1) and not asking.done():  # noqa: ASYNC110  # another process is watched
                    await asyncio.sleep(0.001)
                service.process.kill()
                await service.process.wait()
                await asking
        assert len(receipts) < len(self.leaving)
        async with served(self.stage, self.folder) as service, service.client(key) as client:
            self._look(receipts)
            await self._erase_some(client, receipts)
            feed = await self._feed(client)
        assert (frozenset(), self.clear) == self._split(self.stage.text())
        assert "" == "\n".join(differences(await asyncio.to_thread(self.stage.read), Keys(SECRET, self.stage.tenant)))
        assert len(self.leaving) == feed.count('"ERASED"')
        self._check(list(receipts.values()))

    def _look(self, receipts: dict[Person, dict[str, str]]) -> None:
        """Of whoever has a receipt nothing is there; of the others all is, or nothing where only the answer was lost."""
        there = self._found(self.stage.text())
        for person in self.leaving:
            found, all_ = person.values & there, frozenset(value for value in person.values if value.startswith("q7"))
            assert found in ((frozenset(),) if person in receipts else (frozenset(), all_))

    async def _erase_some(self, client: httpx.AsyncClient, receipts: dict[Person, dict[str, str]]) -> None:
        """Everybody who has no receipt yet, several at once, for as long as anybody answers."""
        left = iter([person for person in self.leaving if person not in receipts])

        async def erase() -> None:
            for person in left:
                try:
                    answer = await post(client, ERASE, {"input": {"by": person.by, "reason": "Asked by letter."}})
                except httpx.HTTPError:
                    return
                receipts[person] = answer["data"]["eraseCustomer"]["receipt"]

        await asyncio.gather(*(erase() for _ in range(AT_ONCE)))

    async def _record(self, client: httpx.AsyncClient, people: list[Person]) -> Counter[str]:
        """Tell everything of these; gives the codes of what was rejected."""
        rows = [item(row) for person in people for row in person.rows]
        codes: Counter[str] = Counter()
        for start in range(0, len(rows), BATCH):
            payload = (await post(client, RECORD, {"input": {"items": rows[start : start + BATCH]}}))["data"]["recordResolutions"]
            assert [] == payload["errors"]
            codes.update(one["error"]["code"] for one in payload["results"] if one["error"])
        return codes

    async def _decide(self, client: httpx.AsyncClient) -> None:
        """A decision that names one who goes, and one that only quotes them."""
        quoted = next(value for value in self.leaving[0].values if value.startswith("q7"))
        for a, b in ((self.leaving[0], self.staying[0]), (self.staying[1], self.staying[2])):
            given = {"a": a.by, "b": b.by, "reason": f"It says {quoted}."}
            assert (await post(client, DIFFERENT, {"input": given}))["data"]["declareDifferent"]["decision"]

    async def _erase_all(self, client: httpx.AsyncClient) -> list[dict[str, str]]:
        """Several callers at once, each with a reason that quotes the person."""
        door = asyncio.Semaphore(AT_ONCE)

        async def erase(person: Person) -> dict[str, str]:
            async with door:
                reason = f"Asked for {' and '.join(sorted(person.values))}."
                payload = (await post(client, ERASE, {"input": {"by": person.by, "reason": reason}}))["data"]["eraseCustomer"]
            assert [] == payload["errors"]
            receipt: dict[str, str] = payload["receipt"]
            assert len(person.values) - 1 == len(payload["wouldErase"])  # one OpenID was only ever in quarantine
            return receipt

        return await asyncio.gather(*map(erase, self.leaving))

    async def _feed(self, client: httpx.AsyncClient) -> str:
        """All of it, as it is answered."""
        pages, after = [], None
        while True:
            changes = (await post(client, CHANGES, {"after": after}))["data"]["changes"]
            pages.append(json.dumps(changes["nodes"]))
            after = changes["pageInfo"]["endCursor"]
            if not changes["pageInfo"]["hasNextPage"]:
                return "".join(pages)

    async def _export(self) -> str:
        """An export, as the command writes it."""
        file = self.folder / "export.jsonl"
        command, environment = program(self.stage, self.folder, "export", "--tenant", self.stage.tenant, str(file))
        process = await asyncio.create_subprocess_exec(*command, cwd=self.folder, env=environment, stderr=asyncio.subprocess.DEVNULL)
        assert 0 == await process.wait()
        return file.read_text(encoding="utf-8")

    def _check(self, receipts: list[dict[str, str]]) -> None:
        """Each receipt verifies, and with one byte changed it does not; none quotes anybody."""
        assert len(self.leaving) == len({receipt["document"] for receipt in receipts})
        for number, receipt in enumerate(receipts):
            document, signature, key = receipt["document"], receipt["signature"], receipt["publicKey"]
            at = number * 31 % len(document)
            changed = document[:at] + chr(ord(document[at]) ^ 1) + document[at + 1 :]
            assert (True, False) == (verifies(document, signature, key), verifies(changed, signature, key))
        assert frozenset() == self.gone & self._found(json.dumps(receipts))

    def _found(self, text: str) -> frozenset[str]:
        return frozenset(VALUE.findall(text))

    def _split(self, text: str) -> tuple[frozenset[str], frozenset[str]]:
        """What of the erased is found, and what of the others."""
        found = self._found(text)
        return self.gone & found, self.clear & found
