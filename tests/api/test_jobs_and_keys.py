"""Jobs started, listed and ended; keys made, listed and revoked."""

from __future__ import annotations

from graph.errors import Refused, SimpleError, UserErrorCode
from tests.api.asking import Api

JOB = "job { id kind state done total failed touchpoint { appId } startedAt finishedAt etaSeconds }"


async def test_a_backfill_is_started_and_cancelled(brand: Api) -> None:
    """A started job is listed and wakes the worker; cancelled, it stays as it ended, however often one cancels."""
    woken = brand.woken
    job = (await brand.done("startBackfill", JOB, appId="wxserv"))["job"]
    assert ("BACKFILL", "QUEUED", {"appId": "wxserv"}, 0, None) == tuple(
        job[name] for name in ("kind", "state", "touchpoint", "done", "etaSeconds")
    )
    assert woken + 1 == brand.woken
    brand.clock.now += 60_000
    ended = (await brand.done("cancelJob", JOB, jobId=job["id"]))["job"]
    assert job | {"state": "CANCELLED", "finishedAt": "2026-03-15T04:01:00Z"} == ended
    brand.clock.now += 60_000
    assert ended == (await brand.done("cancelJob", JOB, jobId=job["id"]))["job"]
    for nothing in ("job_nothing", "job_" + "x" * 22, job["id"].replace("job_", "cus_")):
        assert ["NOT_FOUND"] == [error["code"] for error in (await brand.do("cancelJob", JOB, jobId=nothing))["errors"]]


async def test_a_job_is_resumed(brand: Api) -> None:
    """A cancelled job is queued again, unless another one works on its touchpoint; one that has not ended is left as it is."""
    job = (await brand.done("startBackfill", JOB, appId="wxserv"))["job"]
    assert job == (await brand.done("resumeJob", JOB, jobId=job["id"]))["job"]
    await brand.done("cancelJob", JOB, jobId=job["id"])
    other = (await brand.done("startBackfill", JOB, appId="wxserv"))["job"]
    refused = await brand.do("resumeJob", JOB, jobId=job["id"])
    assert (None, [("JOB_RUNNING", ["jobId"])]) == (refused["job"], [(error["code"], error["path"]) for error in refused["errors"]])
    await brand.done("cancelJob", JOB, jobId=other["id"])
    woken = brand.woken
    assert job == (await brand.done("resumeJob", JOB, jobId=job["id"]))["job"]
    assert woken + 1 == brand.woken
    assert ["NOT_FOUND"] == [error["code"] for error in (await brand.do("resumeJob", JOB, jobId="job_" + "x" * 22))["errors"]]


async def test_jobs_by_filter(brand: Api) -> None:
    """By kind, state and touchpoint, all together; the page keeps its touchpoints."""
    await brand.done("startBackfill", appId="wxserv")
    document = "query ($f: JobFilter) { jobs(filter: $f) { totalCount nodes { kind touchpoint { appId } } } }"
    for which, expected in (
        ({}, 6),
        ({"kinds": ["BACKFILL"]}, 1),
        ({"kinds": ["RESCOPE"]}, 5),
        ({"states": ["DONE"]}, 5),
        ({"states": ["QUEUED", "RUNNING"]}, 1),
        ({"appId": "wxserv"}, 3),
        ({"appId": "wxserv", "kinds": ["BACKFILL"], "states": ["QUEUED"]}, 1),
        ({"appId": "wxnobody"}, 0),
        ({"appId": None, "kinds": None, "states": []}, 6),
    ):
        found = (await brand.ask(document, f=which))["jobs"]
        assert (which, expected) == (which, found["totalCount"])
        assert all(one["touchpoint"] for one in found["nodes"])


async def test_a_backfill_that_is_refused(brand: Api) -> None:
    """A refusal stands in the payload, and nobody is woken."""
    brand.backfills.refusal = Refused(SimpleError(message="Running.", code=UserErrorCode.JOB_RUNNING, path=["appId"]))
    woken = brand.woken
    payload = await brand.do("startBackfill", JOB, appId="wxserv")
    assert (None, [("JOB_RUNNING", ["appId"])]) == (payload["job"], [(error["code"], error["path"]) for error in payload["errors"]])
    assert woken == brand.woken


async def test_the_viewer(api: Api) -> None:
    """Whoever holds a key sees its tenant, name and scopes."""
    data, _ = await api.execute("{ viewer { tenant keyName scopes } }", scopes=[])
    assert {"viewer": {"tenant": "acme", "keyName": "tests", "scopes": []}} == data


async def test_a_key_is_made_and_revoked(api: Api) -> None:
    """A made key opens its tenant with its scopes; its secret is shown once; revoked, it opens nothing and stays listed."""
    fields = "apiKey { id name scopes createdAt lastUsedAt expiresAt revokedAt } secret"
    payload = await api.done("createApiKey", fields, name="dashboard", scopes=["MANAGE", "READ", "READ"], expiresAt="2026-03-16T00:00:00Z")
    key = payload["apiKey"]
    assert key == {
        "id": key["id"],
        "name": "dashboard",
        "scopes": ["READ", "MANAGE"],
        "createdAt": "2026-03-15T04:00:00Z",
        "lastUsedAt": None,
        "expiresAt": "2026-03-16T00:00:00Z",
        "revokedAt": None,
    }
    access = api.services().access
    caller = await access.authenticate(f"Bearer {payload['secret']}")
    assert ("acme", "dashboard") == (caller.tenant, caller.key_name)
    await access.close()
    listed = (await api.ask("{ apiKeys { nodes { id lastUsedAt } } }"))["apiKeys"]["nodes"]
    assert [{"id": key["id"], "lastUsedAt": "2026-03-15T04:00:00Z"}] == listed
    revoked = (await api.done("revokeApiKey", "apiKey { revokedAt }", id=key["id"]))["apiKey"]
    api.clock.now += 1000
    assert revoked == (await api.done("revokeApiKey", "apiKey { revokedAt }", id=key["id"]))["apiKey"]
    assert {"revokedAt": "2026-03-15T04:00:00Z"} == revoked
    for given, code in (({"name": " ", "scopes": ["READ"]}, "name"), ({"name": "x", "scopes": []}, "scopes")):
        refused = await api.do("createApiKey", fields, **given)
        assert ((None, None), [("INVALID_INPUT", [code])]) == (
            (refused["apiKey"], refused["secret"]),
            [(error["code"], error["path"]) for error in refused["errors"]],
        )
    past = await api.do("createApiKey", fields, name="x", scopes=["READ"], expiresAt="2026-03-15T04:00:00Z")
    assert [["expiresAt"]] == [error["path"] for error in past["errors"]]
