"""A process with four writers: python -m tests.concurrency.writer URL SECRET TENANT SEED SECONDS. Its last line says what was acknowledged.

They record logins, link and unlink external ids, migrate followers, decide, revoke, erase, and change bindings and the identity policy,
whose jobs are done by whoever finds them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from random import Random

from graph.binding import bind_touchpoint, correct_binding, move_touchpoint, retract_binding, unbind_touchpoint
from graph.errors import Refused
from graph.gather import Recorder
from graph.link import By, ExternalLink, Migration, link_external_ids, record_migrations, unlink_external_ids
from graph.policy import DEFAULT_POLICY
from graph.policy_walk import run_policy_changes
from graph.record import record_resolutions
from graph.results import Outcome, Result
from graph.rows import Row, naming_of
from graph.stores import open_store
from graph.tenant import Tenant
from graph.upkeep import new_owner, replay_quarantine, run_rescopes
from tests.concurrency import brand
from tests.concurrency.desk import Ledger, Steward

WRITERS = 4
POOL, DRIFT = 200, 4
"""So many people are about at a time; so many new ones a second take the place of others, up to CYCLE."""
CYCLE = 400
FIRST_ROUND = 2
"""Processes with a seed from here on come when everybody was met already."""
REGISTRY_EVERY = 2.5
"""Seconds between two changes of a binding, or of the policy, by one process."""
POLICY_SHARE = 0.5
"""Of these changes so many are of the policy."""
LATE_AFTER = 0.4
"""Of the time has passed when the late touchpoint is registered."""


class Process:
    """What the writers of one process share."""

    def __init__(self, tenant: Tenant, seed: str, seconds: float) -> None:
        self.tenant = tenant
        self.recorder = Recorder()
        self.started = time.monotonic()
        self.until = self.started + seconds
        self.seconds = seconds
        self.owner = new_owner()
        self.is_late = int(seed) >= FIRST_ROUND
        self.met: set[tuple[int, str]] = set()
        """Who was seen where by one of these writers."""
        self.acknowledged: Counter[str] = Counter()
        self.waited: list[list[str]] = []
        """Of each row that went to quarantine whole, whose it is and all that it names: it goes with any of them that is erased."""
        self.ledger = Ledger()
        self.did: Counter[str] = Counter()
        self.errors: list[str] = []

    def person(self, chance: Random) -> int:
        """Somebody who is about now; the other process draws from the same pool."""
        return (int((time.time() % 1000) * DRIFT) + chance.randrange(POOL)) % CYCLE

    def acknowledge(self, rows: Sequence[Row], results: Sequence[Result]) -> None:
        """Note which rows were accepted."""
        for row, result in zip(rows, results, strict=True):
            self.did[f"rows {result.outcome.value}"] += 1
            if result.outcome is not Outcome.REJECTED:
                self.acknowledged[f"{row.app_id}/{row.open_id}"] += 1
                if result.customer is None:
                    names = naming_of(row, DEFAULT_POLICY, self.tenant.keys, brand.now()).names
                    self.waited.append([f"{row.app_id}/{row.open_id}", *names])


class Writer:
    """One of them."""

    def __init__(self, process: Process, seed: str, *, is_registrar: bool) -> None:
        self.process, self.tenant, self.chance = process, process.tenant, Random(seed)
        self.steward = Steward(process.tenant, self.chance, process.ledger, process.met)
        self.is_registrar = is_registrar
        self.registry_at = time.monotonic() + self.chance.uniform(0, REGISTRY_EVERY)

    async def write(self) -> None:
        """Until the time is over."""
        while time.monotonic() < self.process.until:
            step = self._next()
            try:
                await step()
                self.process.did[step.__name__.lstrip("_")] += 1
            except Refused as refused:
                self.process.did[f"refused {refused.errors[0].code.value}"] += 1
            except Exception:  # noqa: BLE001  # whatever reaches a caller is what this is about
                self.process.errors.append(traceback.format_exc(limit=-4))

    def _next(self) -> Callable[[], Awaitable[None]]:
        if self.is_registrar and time.monotonic() > self.registry_at:
            self.registry_at = time.monotonic() + REGISTRY_EVERY
            return self._registry
        desk = self.steward
        evidence = self._gathered, self._directly, self._link, self._unlink, self._migrate
        decisions = desk.declare, desk.retract, desk.revoke, desk.erase
        return self.chance.choices((*evidence, *decisions), (50, 15, 15, 8, 4, 25, 10, 14, 6))[0]

    def _rows(self) -> list[Row]:
        places = [(self.process.person(self.chance), self.chance.choice(brand.APPS)) for _ in range(self.chance.randint(1, 60))]
        rows = [brand.row(self.chance, *place, is_known=self.process.is_late or place in self.process.met) for place in places]
        self.process.met.update(places)
        return rows

    async def _gathered(self) -> None:
        rows = self._rows()
        self.process.acknowledge(rows, await self.process.recorder.record(self.tenant, rows))

    async def _directly(self) -> None:
        rows = self._rows()
        self.process.acknowledge(rows, await record_resolutions(self.tenant, rows))

    def _links(self) -> list[ExternalLink]:
        people = [self.process.person(self.chance) for _ in range(self.chance.randint(1, 12))]
        return [
            ExternalLink(
                customer=By(open_id=(self.chance.choice(list(brand.HOME)), brand.open_id_of(person))),
                external_id=brand.member_number(person) if self.chance.random() < 0.7 else brand.phone(person),
            )
            for person in people
        ]

    async def _link(self) -> None:
        results = await link_external_ids(self.tenant, self._links())
        self.process.did.update(f"links {result.outcome.value}" for result in results)

    async def _unlink(self) -> None:
        results = await unlink_external_ids(self.tenant, self._links())
        self.process.did.update(f"unlinks {result.outcome.value}" for result in results)

    async def _migrate(self) -> None:
        old, new = self.chance.sample(list(brand.HOME), 2)
        people = {self.process.person(self.chance) for _ in range(3)}
        items = [Migration(from_open_id=brand.open_id_of(person), to_open_id=brand.open_id_of(person)) for person in people]
        await record_migrations(self.tenant, old, new, items)

    async def _registry(self) -> None:
        """Change a binding or the policy, then do whatever jobs nobody does."""
        late = (await self.tenant.store.registry(self.tenant.name)).touchpoints
        try:
            has_time_come = time.monotonic() - self.process.started > LATE_AFTER * self.process.seconds
            if has_time_come and self.tenant.keys.touchpoint(brand.LATE) not in late:
                await brand.found_late(self.tenant)
            elif self.chance.random() < POLICY_SHARE:
                await self.steward.change_policy()
            else:
                await self._rebind()
        finally:
            for run in (run_rescopes, run_policy_changes):
                self.process.did["jobs done"] += await run(self.tenant.store, self.process.owner)
        if self.chance.random() < 0.3:
            self.process.did["rows released by hand"] += await replay_quarantine(self.tenant, None)

    async def _rebind(self) -> None:
        tenant, chance = self.tenant, self.chance
        app, platform = chance.choice(list(brand.HOME)), chance.choice(brand.PLATFORMS)
        at = brand.now() - chance.randrange(brand.PAST)
        bindings = (await tenant.view()).bindings
        known = chance.choice(bindings).id
        match chance.choice(["move", "move", "unbind", "bind", "correct", "correct", "retract"]):
            case "move":
                await move_touchpoint(tenant, app, platform, at=at, has_happened=True)
            case "unbind":
                await unbind_touchpoint(tenant, app, at=at)
            case "bind":
                await bind_touchpoint(tenant, app, platform, at=at, has_happened=True)
            case "correct":
                await correct_binding(tenant, known, reason="test", open_app_id=platform, at=at)
            case _ if len(bindings) > len(brand.APPS):
                await retract_binding(tenant, known, reason="test")


async def run(url: str, secret: str, name: str, seed: str, seconds: float) -> dict[str, object]:
    """Write; then say what was acknowledged."""
    async with open_store(url, secret=secret.encode(), clock=brand.now) as store:
        process = Process(Tenant(store, name), seed, seconds)
        writers = [Writer(process, f"{seed}/{number}", is_registrar=number == 0) for number in range(WRITERS)]
        await asyncio.gather(*(writer.write() for writer in writers))
        await process.recorder.close()
    return {
        "acknowledged": process.acknowledged,
        "waited": process.waited,
        "did": process.did,
        "ledger": asdict(process.ledger),
        "errors": process.errors,
    }


if __name__ == "__main__":
    _, url_given, secret_given, name_given, seed_given, seconds_given = sys.argv
    sys.stdout.write(json.dumps(asyncio.run(run(url_given, secret_given, name_given, seed_given, float(seconds_given)))) + "\n")
