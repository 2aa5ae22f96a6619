"""A backfill whose service is killed with -9 again and again ends right: every follower is in the graph once, and was seen once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.access import create_key
from app.sandbox import Brand, make_brand, running_sandbox
from app.sandbox.people import UnionIdQuirk
from graph.apikeys import Scope
from graph.jobs import Job, JobState
from graph.node import Key, key_of
from graph.state import Label
from graph.tenant import Tenant
from graph.upkeep import change_job, new_owner, take
from tests.concurrency import brand
from tests.concurrency.rebuild import differences
from tests.concurrency.service import PATIENCE, post, served
from tests.concurrency.stage import Stage, on_neo4j, on_sqlite
from tests.ingest.conftest import register

PEOPLE = 10_000
"""So many that the followers of the account are several chunks, each recorded in a turn and noted in the next."""
ACCOUNT = "Linjian Coffee"
KILLS = 2
START = "mutation ($input: StartBackfillInput!) { startBackfill(input: $input) { job { id } } }"


async def test_the_service_is_killed_on_sqlite(tmp_path: Path) -> None:
    """On SQLite a backfill whose service is killed, and started again, loses and doubles no follower."""
    await Play(on_sqlite(tmp_path), tmp_path).end()


async def test_the_service_is_killed_on_neo4j(neo4j_uri: str, tmp_path: Path) -> None:
    """On Neo4j a backfill whose service is killed, and started again, loses and doubles no follower."""
    await Play(on_neo4j(neo4j_uri), tmp_path).end()


@dataclass
class Play:
    """The sample brand behind the sandbox, and services that die while they ask for followers."""

    stage: Stage
    folder: Path
    sample: Brand = field(default_factory=lambda: make_brand(people=PEOPLE))
    killed_at: list[tuple[int, int]] = field(default_factory=list)
    """How many followers were noted as done, and how many were recorded."""

    def __post_init__(self) -> None:
        self.app_id = next(one.app_id for one in self.sample.touchpoints if one.english_name == ACCOUNT)
        self.followers = list(self.sample.crowd.followers(self.app_id))

    async def end(self) -> None:
        """Start the backfill, kill the services that do it, let the last one end it, and look at what lies there."""
        credentials = self.folder / "credentials.toml"
        credentials.touch(mode=0o600)
        credentials.write_text(self.sample.credentials(), encoding="utf-8")
        with running_sandbox(self.sample) as door:
            wechat = ("--wechat-base-url", door, "--wechat-credentials", str(credentials))
            async with self.stage.open(brand.now) as tenant:
                await register(tenant, self.sample)
                async with served(self.stage, self.folder, *wechat) as service:
                    _, secret = await create_key(tenant, "crash", list(Scope))
                    async with service.client(secret) as client:
                        answer = await post(client, START, {"input": {"appId": self.app_id}})
                    key = key_of(answer["data"]["startBackfill"]["job"]["id"])
                    assert key is not None
                    await self._kill(service.process, tenant, key)
                for _ in range(KILLS - 1):
                    async with served(self.stage, self.folder, *wechat) as service:
                        await self._kill(service.process, tenant, key)
                async with served(self.stage, self.folder, *wechat):
                    job = await _until(tenant, key, lambda job: job.finished is not None)
                await self._check(tenant, job)
        print(f"\nkilled with (noted, recorded) {self.killed_at} of {len(self.followers)}")  # noqa: T201  # when it was

    async def _kill(self, process: asyncio.subprocess.Process, tenant: Tenant, key: Key) -> None:
        """When it has gone on for a while, at the moment at which another chunk is recorded: it may be noted by then, or not."""
        goal = (len(self.killed_at) + 0.5) / (KILLS + 1) * len(self.followers)
        await _until(tenant, key, lambda job: job.done >= goal)
        recorded = await tenant.store.feed_end(tenant.name)
        async with asyncio.timeout(PATIENCE):
            while await tenant.store.feed_end(tenant.name) == recorded:  # noqa: ASYNC110  # it is another process that is watched
                await asyncio.sleep(0)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert await take(tenant, key, new_owner()) is None, "nobody takes a job before its lease has run out"
        left = await change_job(tenant, key, lambda job, now: replace(job, lease_until=now))  # as if a minute had passed
        assert left is not None
        assert (JobState.RUNNING, True) == (left.state, left.done < len(self.followers))
        stored = await asyncio.to_thread(self.stage.read)
        self.killed_at.append((left.done, sum(member.label is Label.OPEN_ID for member in stored.members.values())))

    async def _check(self, tenant: Tenant, job: Job) -> None:
        """Everybody there, once, at the time of the job; each counted once; and all as a rebuild makes it."""
        shown = sum(self.sample.crowd.quirk(person) in {UnionIdQuirk.PLAIN, UnionIdQuirk.PADDED} for person in self.followers)
        counts = (job.done, job.total, job.failed, job.with_union_id)
        assert (JobState.DONE, (len(self.followers), len(self.followers), 0, shown)) == (job.state, counts)
        stored = await asyncio.to_thread(self.stage.read)
        seen = {key: (one.first, one.last, one.times) for key, one in stored.members.items() if one.label is Label.OPEN_ID}
        open_ids = [tenant.keys.open_id(self.app_id, self.sample.open_id(person, self.app_id)) for person in self.followers]
        assert dict.fromkeys(open_ids, (job.started, job.started, 1)) == seen
        assert {1} == {one.rollup.times for one in stored.rollups.values()}
        assert "" == "\n".join(differences(stored, tenant.keys))


async def _until(tenant: Tenant, key: Key, is_so: Callable[[Job], bool]) -> Job:
    """The job, as soon as something is so of it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            [job] = await tenant.store.nodes(tenant.name, [key])
            assert isinstance(job, Job)
            if is_so(job):
                return job
            await asyncio.sleep(0.002)
