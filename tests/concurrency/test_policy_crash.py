"""A change of the identity policy whose worker is killed again and again ends right: every customer in line, each counted once."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from graph import set_policy
from graph.evidence import ResolutionSource
from graph.jobs import Job, JobState
from graph.node import Key
from graph.policy import DEFAULT_POLICY
from graph.record import record_resolutions
from graph.rows import ExternalRef, Row
from graph.set_policy import Change, rehearse_identity_policy, set_identity_policy
from graph.tenant import Tenant
from graph.upkeep import LEASE
from tests.concurrency import brand
from tests.concurrency.everything import Everything
from tests.concurrency.rebuild import differences
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite

PAIRS = 400
BATCH = 500
WAITING = 400
SECRET = "HIDDEN"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run is waited for, however busy the machine is."""
    monkeypatch.setattr(set_policy, "BUDGET", 600.0)


async def test_three_kills_on_sqlite(tmp_path: Path) -> None:
    """On SQLite three killed workers leave a change of policy that a fourth one ends."""
    await play(on_sqlite(tmp_path), Random(1))


async def test_three_kills_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j three killed workers leave a change of policy that a fourth one ends."""
    await play(on_neo4j(neo4j_uri), Random(1))


async def play(stage: Stage, chance: Random) -> None:
    """Pairs that share a CRM id: joined by it, then parted by another policy and its values taken out, then joined again."""
    ahead = 0
    async with stage.open(brand.now) as tenant:
        await brand.found(tenant)
        await tell(tenant)
        for slots, merges, splits in ((1, 0, PAIRS), (None, 2 * PAIRS, 0)):
            spaces = [
                replace(one, max_per_customer=slots, is_sensitive=True) if one.namespace == "crm" else one
                for one in DEFAULT_POLICY.namespaces
            ]
            foreseen = await rehearse_identity_policy(tenant, Change(namespaces=spaces), reason="test")
            _, job = await set_identity_policy(tenant, Change(namespaces=spaces), reason="test", author="test")
            customers = job.total or 0
            for kill in range(3):
                await killed(stage, tenant, job.key, (kill + chance.random()) / 4 * customers, ahead)
                ahead += LEASE + 1000
            async with stage.start("worker", ahead) as worker:
                await worker.communicate()
            ahead += LEASE + 1000
            done = await state(tenant, job.key)
            assert JobState.DONE is done.state
            assert (merges, splits) == (done.merges, done.splits) == (foreseen.merges, foreseen.splits)
            check(await asyncio.to_thread(stage.read), tenant)


async def tell(tenant: Tenant) -> None:
    """Two people a pair, one of whom has a second id of the namespace; and rows that wait for their touchpoint."""
    rows = [row("wxapp0", f"a{n}", f"{SECRET}{n}", f"{SECRET}{n}b") for n in range(PAIRS)]
    rows += [row("wxapp2", f"b{n}", f"{SECRET}{n}b", at=2000) for n in range(PAIRS)]
    rows += [row("wxnew", f"c{n}", f"{SECRET}{n}") for n in range(WAITING)]
    for at in range(0, len(rows), BATCH):
        await record_resolutions(tenant, rows[at : at + BATCH])


def row(app: str, name: str, *values: str, at: int = 1000) -> Row:
    """A login."""
    externals = tuple(ExternalRef(namespace="crm", value=value) for value in values)
    return Row(app_id=app, open_id=name, observed=at, source=ResolutionSource.IMPORT, external_ids=externals)


async def killed(stage: Stage, tenant: Tenant, key: Key, done: float, ahead: int) -> None:
    """A worker that dies some time after it has done so many customers."""
    async with stage.start("worker", ahead) as worker:
        assert worker.stdout is not None
        assert b"at work\n" == await worker.stdout.readline()
        while (job := await state(tenant, key)).done < done and job.state is not JobState.DONE:  # noqa: ASYNC110  # another process is watched
            await asyncio.sleep(0.002)
        worker.send_signal(signal.SIGKILL)
        await worker.communicate()


async def state(tenant: Tenant, key: Key) -> Job:
    """The job as it stands."""
    [job] = await tenant.store.nodes(tenant.name, [key])
    assert isinstance(job, Job)
    return job


def check(stored: Everything, tenant: Tenant) -> None:
    """Equal to a rebuild, and no value in clear anywhere."""
    assert "" == "\n".join(differences(stored, tenant.keys))
    assert WAITING == len(stored.waiting)
    assert SECRET not in repr(stored)
