"""Backfills against the sandbox: everybody who follows, with progress; killed or refused, nothing is lost or doubled."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.ingest.backfill import Backfills
from app.wechat.client import WeChatClient
from app.wechat.errors import QuotaExhausted, WeChatUnavailable
from app.wechat.messages import BatchAnswer, FollowerPage
from graph.errors import Refused, UserErrorCode
from graph.gather import Recorder
from graph.jobs import Job, JobState
from graph.node import millis
from graph.results import Result
from graph.rows import Row
from graph.tenant import Tenant
from graph.upkeep import LEASE, cancel, change_job, replay_quarantine, take
from tests.ingest.conftest import World

COFFEE = "Linjian Coffee"


class Killed(BaseException):
    """What kill -9 is to a process."""


class Dying(Recorder):
    """Records so many chunks and dies right after, before anybody can note it."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    async def record(
        self, tenant: Tenant, rows: Sequence[Row], *, request_id: str | None = None, keeps_malformed: bool = False
    ) -> list[Result]:
        """Record, then die."""
        results = await super().record(tenant, rows, request_id=request_id, keeps_malformed=keeps_malformed)
        self.left -= 1
        if self.left == 0:
            raise Killed
        return results


class Troubled:
    """WeChat with something wrong; everything else is the real client."""

    def __init__(self, wechat: WeChatClient, failure: Exception | None = None, changed: BatchAnswer | None = None) -> None:
        self.wechat, self.failure, self.changed = wechat, failure, changed
        self.batches: list[int] = []

    async def followers(self, app_id: str, after: str | None = None) -> FollowerPage:
        """Page."""
        if self.failure:
            raise self.failure
        return await self.wechat.followers(app_id, after)

    async def user_infos(self, app_id: str, open_ids: Sequence[str]) -> BatchAnswer:
        """Answer, with holes in large batches and one unknown OpenID."""
        self.batches.append(len(open_ids))
        answer = await self.wechat.user_infos(app_id, open_ids)
        if len(open_ids) <= 10:
            return answer
        lost, unknown, *kept = answer.found
        return BatchAnswer(tuple(kept), {**answer.refused, unknown.open_id: 40003}, (*answer.missing, lost.open_id))


class Damaging(httpx.AsyncHTTPTransport):
    """The way to the sandbox, on which one text is replaced in what it answers."""

    def __init__(self, text: str, damaged: str) -> None:
        super().__init__()
        self.texts = text.encode(), damaged.encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, and damage the answer."""
        answer = await super().handle_async_request(request)
        body = (await answer.aread()).replace(*self.texts)
        await answer.aclose()
        return httpx.Response(answer.status_code, content=body)


def followers(world: World, name: str = COFFEE) -> list[int]:
    """Who follows."""
    return list(world.brand.crowd.followers(world.touchpoint(name).app_id))


async def finished(world: World, backfills: Backfills, job: Job, owner: str = "me") -> Job:
    """The job after somebody did it."""
    held = await take(world.tenant, job.key, owner)
    assert held is not None
    await backfills.run(world.tenant, held, owner)
    return await stored(world, job)


async def stored(world: World, job: Job) -> Job:
    """The job as it stands."""
    found = (await world.tenant.store.nodes(world.tenant.name, [job.key]))[0]
    assert isinstance(found, Job)
    return found


async def test_every_follower_is_recorded(world: World) -> None:
    """Afterwards every follower is a customer, with the UnionID where WeChat showed one, and the job says so."""
    app_id = world.touchpoint(COFFEE).app_id
    job = await world.backfills.start(world.tenant, app_id)
    done = await finished(world, world.backfills, job)
    expected = {world.tenant.keys.open_id(app_id, world.brand.open_id(number, app_id)) for number in followers(world)}
    shown = sum(world.brand.crowd.quirk(number) in {"PLAIN", "PADDED"} for number in followers(world))
    people, waiting = await world.state()
    assert expected == {open_id[0] for one in people for open_id in one[1]}
    assert (JobState.DONE, len(expected), len(expected), shown, 0) == (done.state, done.done, done.total, done.with_union_id, done.failed)
    assert ([], True) == (waiting, len(expected) > 500)


async def test_holes_are_asked_again_and_unknown_ones_counted(world: World) -> None:
    """What a large batch leaves out is asked once more in batches of ten or fewer; what WeChat does not know counts as failed."""
    troubled = Troubled(world.wechat)
    backfills = Backfills(troubled, world.recorder, lambda _: True)  # type: ignore[arg-type]  # all that is asked of it
    job = await backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    done = await finished(world, backfills, job)
    people, _ = await world.state()
    large = [size for size in troubled.batches if size > 10]
    assert len(large) == done.failed
    assert len(followers(world)) - done.failed == sum(len(one[1]) for one in people)
    assert (len(followers(world)), 0) == (done.done, sum(size > 100 for size in troubled.batches))


async def test_a_damaged_union_id_waits_beside_its_open_id(world: World) -> None:
    """A follower with a UnionID that cannot be one is recorded without it, and failed; what came waits, once, also after a kill."""
    app_id = world.touchpoint(COFFEE).app_id
    person = next(n for n in followers(world) if world.brand.crowd.quirk(n) == "PLAIN")
    union_id = world.brand.union_id(person, app_id)
    assert union_id is not None
    async with WeChatClient(world.wechat._credentials, base_url=world.door, transport=Damaging(union_id, "o\\u0000 ?")) as wechat:
        backfills = replace(world.backfills, wechat=wechat)
        job = await backfills.start(world.tenant, app_id)
        with pytest.raises(Killed):
            await finished(world, replace(backfills, recorder=Dying(1)), job)
        world.clock.ahead += LEASE + 1
        done = await finished(world, backfills, job, owner="another")
    assert (JobState.DONE, 1, len(followers(world))) == (done.state, done.failed, done.done)
    people, waiting = await world.state()
    assert [("MALFORMED", 1)] == [(one[1], one[4]) for one in waiting]
    seen = [
        (one[1][0][3], one[2]) for one in people if one[1][0][0] == world.tenant.keys.open_id(app_id, world.brand.open_id(person, app_id))
    ]
    assert [(1, [])] == seen
    assert 0 == await replay_quarantine(world.tenant, None)
    assert (people, waiting) == await world.state()


@pytest.mark.parametrize("chunks", [1, 2])
async def test_killed_and_begun_again_nothing_is_lost_or_doubled(world: World, chunks: int) -> None:
    """Killed after recording and before noting it, the job goes on elsewhere when its lease is over, and ends as if never killed."""
    app_id = world.touchpoint(COFFEE).app_id
    job = await world.backfills.start(world.tenant, app_id)
    with pytest.raises(Killed):
        await finished(world, replace(world.backfills, recorder=Dying(chunks)), job)
    assert await take(world.tenant, job.key, "another") is None
    world.clock.ahead += LEASE + 1
    done = await finished(world, world.backfills, job, owner="another")
    people, _ = await world.state()
    counts = [open_id[3] for one in people for open_id in one[1]]
    assert (JobState.DONE, len(followers(world))) == (done.state, done.done)
    assert [1] * len(followers(world)) == counts


async def test_a_follower_who_left_does_not_stop_it(world: World) -> None:
    """Where the one it stood at follows no more, it reads from the first page again, counts anew and doubles nothing."""
    app_id = world.touchpoint(COFFEE).app_id
    job = await world.backfills.start(world.tenant, app_id)
    with pytest.raises(Killed):
        await finished(world, replace(world.backfills, recorder=Dying(2)), job)
    held = replace(await stored(world, job), checkpoint="of-somebody-who-left-00", state=JobState.QUEUED, lease_owner="", lease_until=0)
    await change_job(world.tenant, job.key, lambda *_: held)
    done = await finished(world, world.backfills, job, owner="another")
    people, _ = await world.state()
    assert (JobState.DONE, len(followers(world))) == (done.state, done.done)
    assert {1} == {open_id[3] for one in people for open_id in one[1]}


async def test_no_identifier_stands_in_a_job(world: World) -> None:
    """A checkpoint tells nobody an OpenID."""
    app_id = world.touchpoint(COFFEE).app_id
    job = await world.backfills.start(world.tenant, app_id)
    with pytest.raises(Killed):
        await finished(world, replace(world.backfills, recorder=Dying(2)), job)
    noted = await stored(world, job)
    assert 22 == len(noted.checkpoint)
    assert [] == [n for n in followers(world) if world.brand.open_id(n, app_id) in repr(noted)]


async def test_used_up_quota_is_waited_for(world: World) -> None:
    """After 45009 the job waits, held by nobody, until the quota comes back, and goes on then."""
    until = datetime.now(UTC) + timedelta(hours=3)
    exhausted = QuotaExhausted("used up", path="/cgi-bin/user/get", app_id="wx", remedy="wait", errcode=45009, until=until)
    backfills = replace(world.backfills, wechat=Troubled(world.wechat, exhausted))  # type: ignore[arg-type]  # all that is asked of it
    job = await backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    waiting = await finished(world, backfills, job)
    assert (JobState.WAITING_FOR_QUOTA, "", millis(until)) == (waiting.state, waiting.lease_owner, waiting.lease_until)
    assert [] == await world.tenant.store.jobs(world.clock())
    world.clock.ahead += 3 * 3_600_000 + 1_000
    assert [job.key] == [one.key for _, one in await world.tenant.store.jobs(world.clock())]
    assert JobState.DONE is (await finished(world, world.backfills, job)).state


async def test_wechat_out_of_reach_is_tried_again_later(world: World) -> None:
    """A failure that may pass leaves the job queued, with the reason, for half a minute later."""
    away = WeChatUnavailable("no answer", path="/cgi-bin/user/get", app_id="wx", remedy="wait")
    backfills = replace(world.backfills, wechat=Troubled(world.wechat, away))  # type: ignore[arg-type]  # all that is asked of it
    job = await backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    left = await finished(world, backfills, job)
    assert (JobState.QUEUED, "", True) == (left.state, left.lease_owner, "no answer" in (left.last_error or ""))


async def test_an_account_without_the_right_fails_with_the_remedy(world: World) -> None:
    """WeChat's 48001 ends the job with what to do."""
    job = await world.backfills.start(world.tenant, world.touchpoint("Linjian Campus").app_id)
    failed = await finished(world, world.backfills, job)
    assert (JobState.FAILED, True, True) == (failed.state, "48001" in (failed.last_error or ""), "verify" in (failed.last_error or ""))


async def test_a_second_one_is_refused_while_the_first_runs(world: World) -> None:
    """One backfill a touchpoint, also of eight started at once; when it has ended, another may begin."""
    app_id = world.touchpoint(COFFEE).app_id
    starts = await asyncio.gather(*(world.backfills.start(world.tenant, app_id) for _ in range(8)), return_exceptions=True)
    jobs = [one for one in starts if isinstance(one, Job)]
    refusals = [one.errors[0].code for one in starts if isinstance(one, Refused)]
    assert (1, [UserErrorCode.JOB_RUNNING] * 7) == (len(jobs), refusals)
    await cancel(world.tenant, jobs[0].key)
    assert jobs[0].key != (await world.backfills.start(world.tenant, app_id)).key


@pytest.mark.parametrize("name", ["Linjian Coffee Ordering", "Linjian App", "Linjian Flagship Store"])
async def test_only_official_accounts_have_followers(world: World, name: str) -> None:
    """Other kinds are refused before WeChat is asked."""
    with pytest.raises(Refused) as refused:
        await world.backfills.start(world.tenant, world.touchpoint(name).app_id)
    assert UserErrorCode.INVALID_INPUT is refused.value.errors[0].code


async def test_a_cancelled_job_stops(world: World) -> None:
    """A job that somebody ended writes nothing more into itself."""
    job = await world.backfills.start(world.tenant, world.touchpoint(COFFEE).app_id)
    held = await take(world.tenant, job.key, "me")
    assert held is not None
    await cancel(world.tenant, job.key)
    await world.backfills.run(world.tenant, held, "me")
    assert (JobState.CANCELLED, 0) == ((await stored(world, job)).state, (await stored(world, job)).done)
