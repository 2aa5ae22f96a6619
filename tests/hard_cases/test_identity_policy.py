"""The identity policy changed: by any order of policies and evidence the same customers, foreseen by a dry run, noted with who and why."""

from __future__ import annotations

import pytest

from graph import policy_walk, set_policy
from graph.apikeys import Scope
from graph.node import Key
from tests.api.asking import Api, Json
from tests.hard_cases.brands import Brands
from tests.hard_cases.orders import Step, in_every_order, play
from tests.hard_cases.picture import picture
from tests.hard_cases.steps import link, policy, record, spaces, unlink

JOB = "job { id kind state isRehearsal done total merges splits lastError etaSeconds }"
EFFECT = "effect { before { customerId identifiers } after { customerId identifiers } }"
SEEN = f"merges splits {EFFECT} policy {{ genericAfter }}"
POLICY = "{ identityPolicy { genericAfter namespaces { namespace maxPerCustomer isSensitive normaliser } } }"
CHANGES = "{ policyChanges(first: 10) { totalCount nodes { id author reason before after changedAt jobId } } }"
PHONE = "phone:13800138000"
TWO_NUMBERS = (record("mini a u member:7", on=1), record("serv b u member:8", on=2), record("mini c w member:8", on=3))
"""One UnionID, two member numbers; the second one has somebody else, too."""


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds two customers, and a dry run is waited for."""
    monkeypatch.setattr(policy_walk, "PAGE", 2)
    monkeypatch.setattr(set_policy, "BUDGET", 600.0)


async def change(api: Api, **given: object) -> Json:
    """A change that is taken, and applied to everybody; gives its job as it ended."""
    job = (await api.done("setIdentityPolicy", JOB, reason="As tested.", **given))["job"]
    await api.rescoped()
    return await job_of(api, job["id"])


async def job_of(api: Api, job_id: str) -> Json:
    """A job as it stands."""
    found: Json = (await api.ask(f"query ($id: ID!) {{ node(id: $id) {{ ... on Job {{ {JOB[6:-2]} }} }} }}", id=job_id))["node"]
    return found


async def foreseen(api: Api, **given: object) -> Json:
    """What a dry run says."""
    return await api.done("setIdentityPolicy", f"{SEEN} {JOB}", reason="As tested.", dryRun=True, **given)


async def test_more_slots_join(brands: Brands, small_pages: None) -> None:
    """A namespace with more room joins what was refused, whichever came first, the room or the evidence; the conflict is gone."""
    seen = await in_every_order(brands, *TWO_NUMBERS, policy(namespaces=spaces(slots={"member": 2})))
    assert ["member:7 member:8 mini:a mini:c serv:b wxA:u wxA:w"] == seen.partition
    assert [] == seen.conflicts


async def test_fewer_slots_split(brands: Brands, small_pages: None) -> None:
    """A namespace with less room parts what it joined, whichever came first."""
    rows = (record("mini a u crm:1", "mini b v crm:1", on=1), record("mini b v crm:2", "mini c w crm:2", on=2))
    seen = await in_every_order(brands, *rows, policy(namespaces=spaces(slots={"crm": 1})))
    assert ["crm:1 mini:a mini:b wxA:u wxA:v", "crm:2 mini:c wxA:w"] == seen.partition
    assert 1 == len(seen.conflicts)


async def test_another_rank(brands: Brands, small_pages: None) -> None:
    """What ranks first joins first: a phone above the member number decides who keeps it."""
    rows = (
        record(f"mini a u member:7 {PHONE}", on=1),
        record(f"serv b v {PHONE}", on=2),
        record("serv b v member:8", on=3),
        record("mini c w member:8", on=4),
    )
    seen = await in_every_order(brands, *rows)
    assert ["member:7 mini:a phone: wxA:u", "member:8 mini:c serv:b wxA:v wxA:w"] == seen.partition
    seen = await in_every_order(brands, *rows, policy(namespaces=spaces("phone", "member", "wecom", "crm", "email")))
    assert ["member:7 mini:a phone: serv:b wxA:u wxA:v", "member:8 mini:c wxA:w"] == seen.partition


@pytest.mark.parametrize("generic_after", [3, 5, 6])
async def test_crowds_come_and_go_with_the_threshold(brands: Brands, small_pages: None, generic_after: int) -> None:
    """Six with one phone are one customer where six are no crowd, and six customers where they are, whichever came first."""
    rows = [record(f"mini {name} u{name} {PHONE}", on=day) for day, name in enumerate("abcdef", 1)]
    seen = await in_every_order(brands, *rows, policy(genericAfter=generic_after))
    assert (1 if generic_after == 6 else 7) == len(seen.people)
    assert (() if generic_after == 6 else ("GENERIC_IDENTIFIER",)) == tuple(one.kind for one in seen.disputes)


async def test_a_dispersed_crowd_is_found_from_any_page(brands: Brands, small_pages: None) -> None:
    """A higher threshold brings a crowd back, a lower one makes it again; the jobs count whom they joined and parted, as foreseen."""
    api = await brands.fresh()
    await play(api, [record(*(f"mini {name} u{name} {PHONE}" for name in "abcdef"), on=1)])
    for generic_after, merges, splits in ((6, 7, 0), (2, 0, 1), (2, 0, 0)):
        saw = await foreseen(api, genericAfter=generic_after)
        job = await change(api, genericAfter=generic_after)
        assert (merges, splits, merges, splits) == (saw["merges"], saw["splits"], job["merges"], job["splits"])
        assert ("DONE", job["done"], None) == (job["state"], job["total"], job["etaSeconds"])
        assert 1 <= job["done"] <= 7


async def test_a_dry_run_shows_whom_it_touches(brands: Brands, small_pages: None) -> None:
    """A dry run changes nothing, and its samples are the customers that are joined, as they are and as they then come to be."""
    api = await brands.fresh()
    await play(api, [*TWO_NUMBERS, record("mini z - crm:9", on=4)])
    before = await picture(api)
    saw = await foreseen(api, namespaces=spaces(slots={"member": 2}))
    assert (2, 0, None, {"genericAfter": 5}) == (saw["merges"], saw["splits"], saw["job"], saw["policy"])
    assert before == await picture(api)
    assert 0 == (await api.ask(CHANGES))["policyChanges"]["totalCount"]
    held = await members(api)
    assert [{"customerId": one, "identifiers": held[one]} for one in sorted(held) if len(held[one]) > 2] == saw["effect"]["before"]
    await change(api, namespaces=spaces(slots={"member": 2}))
    held = await members(api)
    (after,) = saw["effect"]["after"]
    assert held[after["customerId"]] == after["identifiers"]


async def members(api: Api) -> dict[str, list[str]]:
    """Each customer's identifiers."""
    asked = await api.ask("{ customers(first: 100) { nodes { id openIds { id } unionIds { id } externalIds { id } } } }")
    return {
        one["id"]: sorted(held["id"] for kind in ("openIds", "unionIds", "externalIds") for held in one[kind])
        for one in asked["customers"]["nodes"]
    }


async def test_samples_are_bounded(brands: Brands) -> None:
    """However many a change touches, all are counted and at most 20 are shown before and after."""
    api = await brands.fresh()
    await play(api, [record(*(f"mini p{n} u{n} crm:{n // 2}" for n in range(60)), on=1)])
    saw = await foreseen(api, genericAfter=1)
    assert (0, 30) == (saw["merges"], saw["splits"])
    assert (20, 20) == (len(saw["effect"]["before"]), len(saw["effect"]["after"]))


async def test_a_long_dry_run_goes_on_as_a_job(brands: Brands, small_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes too long for a request goes on counting as a job that changes nothing, and can be ended."""
    monkeypatch.setattr(set_policy, "BUDGET", 0.0)
    api = await brands.fresh()
    await play(api, [record(*(f"mini {name} u{name} {PHONE}" for name in "abcdef"), on=1)])
    before, woken = await picture(api), api.woken
    first, second = [(await foreseen(api, genericAfter=6))["job"] for _ in range(2)]
    assert ("POLICY_CHANGE", "QUEUED", True, 7) == (first["kind"], first["state"], first["isRehearsal"], first["total"])
    assert woken + 2 == api.woken
    await api.done("cancelJob", jobId=second["id"])
    await api.rescoped()
    done = await job_of(api, first["id"])
    assert ("DONE", 7, 7, 0) == tuple(done[name] for name in ("state", "done", "merges", "splits"))
    assert "CANCELLED" == (await job_of(api, second["id"]))["state"]
    assert before == await picture(api)


async def test_a_long_dry_run_keeps_its_samples(brands: Brands, small_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job that goes on counting shows whom a dry run that is waited for shows, also whom it met in earlier turns, and no value."""
    api = await brands.fresh()
    pairs = [f"mini telltale-{n} u{n} crm:telltale-{n // 2}" for n in range(4)]
    await play(api, [record(*pairs, *(f"mini z{n} -" for n in range(12)), on=1)])
    expected = await foreseen(api, genericAfter=1)
    assert (0, 2, 2, None) == (expected["merges"], expected["splits"], len(expected["effect"]["before"]), expected["job"])
    monkeypatch.setattr(set_policy, "BUDGET", 0.0)
    begun = await api.done("setIdentityPolicy", f"job {{ id {EFFECT} }}", reason="As tested.", dryRun=True, genericAfter=1)
    assert {"before": [], "after": []} == begun["job"]["effect"]
    await api.rescoped()
    (job,) = (await api.ask(f"{{ jobs {{ nodes {{ id state isRehearsal {EFFECT} }} }} }}"))["jobs"]["nodes"]
    assert {"id": begun["job"]["id"], "state": "DONE", "isRehearsal": True, "effect": expected["effect"]} == job
    (stored,) = await api.store.nodes(api.name, [Key(job["id"].removeprefix("job_"))])
    assert "telltale" not in repr(stored)
    applied = (await api.done("setIdentityPolicy", f"job {{ {EFFECT} }}", reason="As tested.", genericAfter=1))["job"]
    assert {"effect": None} == applied


async def test_a_rehearsal_that_is_overtaken_ends(brands: Brands, small_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that counts what a policy would do ends when another one comes in force: its numbers would say nothing."""
    monkeypatch.setattr(set_policy, "BUDGET", 0.0)
    api = await brands.fresh()
    await play(api, [*TWO_NUMBERS])
    counting = (await foreseen(api, genericAfter=6))["job"]
    await change(api, genericAfter=3)
    job = await job_of(api, counting["id"])
    assert "CANCELLED" == job["state"]
    assert "Another identity policy" in job["lastError"]


async def test_a_second_change_ends_the_first_job(brands: Brands, small_pages: None) -> None:
    """The newer policy holds at once, the older job ends and says why, the newer one deals with everybody; neither can be cancelled."""
    api = await brands.fresh()
    await play(api, [*TWO_NUMBERS, record("mini z - crm:9", on=4)])
    first = (await api.done("setIdentityPolicy", JOB, reason="First.", namespaces=spaces(slots={"member": 2})))["job"]
    refused = await api.do("cancelJob", "", jobId=first["id"])
    assert [("INVALID_INPUT", ["jobId"])] == [(error["code"], error["path"]) for error in refused["errors"]]
    second = (await api.done("setIdentityPolicy", JOB, reason="Second.", namespaces=spaces(slots={"member": 1})))["job"]
    first = await job_of(api, first["id"])
    assert ("CANCELLED", True) == (first["state"], "Another identity policy" in first["lastError"])
    await api.rescoped()
    assert "DONE" == (await job_of(api, second["id"]))["state"]
    assert ["crm:9 mini:z", "member:7 mini:a serv:b wxA:u", "member:8 mini:c wxA:w"] == (await picture(api)).partition


async def test_what_is_left_out_stays(brands: Brands) -> None:
    """A change of the threshold leaves the namespaces, a change of these the threshold; nothing may be null."""
    api = await brands.fresh()
    before = (await api.ask(POLICY))["identityPolicy"]
    await change(api, genericAfter=9)
    assert before | {"genericAfter": 9} == (await api.ask(POLICY))["identityPolicy"]
    await change(api, namespaces=spaces("crm", "member"))
    after = (await api.ask(POLICY))["identityPolicy"]
    assert (9, spaces("crm", "member")) == (after["genericAfter"], after["namespaces"])
    for field in ("namespaces", "genericAfter"):
        refused = await api.do("setIdentityPolicy", "", reason="x", **{field: None})
        assert [("INVALID_INPUT", [field])] == [(error["code"], error["path"]) for error in refused["errors"]]


async def test_who_changed_it_when_and_why(brands: Brands) -> None:
    """Every change is kept with its author, time, reason and job, and with the policy before and after; a refused one leaves nothing."""
    api = await brands.fresh()
    jobs = []
    for generic_after in (6, 7):
        brands.clock.now += 1000
        jobs.append(await change(api, genericAfter=generic_after))
    await api.do("setIdentityPolicy", "", reason="x", genericAfter=0)
    found = (await api.ask(CHANGES))["policyChanges"]
    assert (2, [job["id"] for job in jobs]) == (found["totalCount"], [one["jobId"] for one in found["nodes"]])
    first, second = found["nodes"]
    assert ("tests", "As tested.", "2026-03-15T04:00:01Z") == (first["author"], first["reason"], first["changedAt"])
    assert ('"generic_after": 5', '"generic_after": 6') == tuple(first[side].split(", ")[-2] for side in ("before", "after"))
    assert first["after"] == second["before"]
    node = (await api.ask("query ($id: ID!) { node(id: $id) { id __typename } }", id=first["id"]))["node"]
    assert {"id": first["id"], "__typename": "PolicyChange"} == node


@pytest.mark.parametrize(
    "given, paths",
    [
        ({"genericAfter": 0}, [["genericAfter"]]),
        ({"genericAfter": 1001}, [["genericAfter"]]),
        ({"namespaces": []}, [["namespaces"]]),
        ({"namespaces": spaces(*(f"n{n}" for n in range(51)))}, [["namespaces"]]),
        ({"namespaces": spaces("Member", "7", "x" * 65, "member")}, [["namespaces", str(n), "namespace"] for n in range(3)]),
        ({"namespaces": spaces("crm", "member", "crm")}, [["namespaces", "0", "namespace"], ["namespaces", "2", "namespace"]]),
        ({"namespaces": spaces("a", "b", slots={"a": 0, "b": 1001})}, [["namespaces", str(n), "maxPerCustomer"] for n in range(2)]),
        ({"genericAfter": 0, "namespaces": []}, [["namespaces"], ["genericAfter"]]),
        ({"reason": " ", "genericAfter": 6}, [["reason"]]),
    ],
)
@pytest.mark.parametrize("is_dry", [False, True])
async def test_what_is_no_policy(brands: Brands, given: Json, paths: list[list[str]], *, is_dry: bool) -> None:
    """A policy that is none is refused, every mistake by its path, in a dry run as in a real one; nothing changes."""
    api = await brands.fresh()
    refused = await api.do("setIdentityPolicy", "policy { id } job { id } merges", **{"reason": "x", "dryRun": is_dry} | given)
    assert [("INVALID_INPUT", path) for path in paths] == [(error["code"], error["path"]) for error in refused["errors"]]
    assert (None, None, None) == (refused["policy"], refused["job"], refused["merges"])
    assert 5 == (await api.ask(POLICY))["identityPolicy"]["genericAfter"]


async def test_a_normaliser_stays_once_there_are_values(brands: Brands) -> None:
    """Values are kept in one form: a namespace that has some keeps its normaliser, listed or not; one that has none may get another."""
    api = await brands.fresh()
    await play(api, [record("mini a u loyalty:7 crm:x", on=1)])
    listed = spaces()
    for given, is_refused in (
        ([*listed, {"namespace": "loyalty", "normaliser": "TRIMMED"}], False),
        ([*listed, {"namespace": "loyalty"}], True),
        ([one | {"normaliser": "EXACT"} if one["namespace"] == "crm" else one for one in listed], True),
        ([one for one in listed if one["namespace"] != "crm"], False),
        ([one | {"normaliser": "EXACT"} if one["namespace"] == "email" else one for one in listed], False),
        (spaces("phone"), False),
        ([{"namespace": "phone", "normaliser": "EMAIL"}], False),
    ):
        for is_dry in (True, False):
            payload = await api.do("setIdentityPolicy", "", reason="x", namespaces=given, dryRun=is_dry)
            assert ["INVALID_INPUT"] * is_refused == [error["code"] for error in payload["errors"]], given
            assert all("has values" in error["message"] for error in payload["errors"])


async def test_only_admins_change_it(brands: Brands) -> None:
    """A key without the scope ADMIN may ask for the policy and its past, and not change it."""
    api = await brands.fresh()
    scopes = [one for one in Scope if one is not Scope.ADMIN]
    _, errors = await api.execute('mutation { setIdentityPolicy(input: {reason: "x"}) { merges } }', scopes=scopes)
    assert ["FORBIDDEN"] == [(error.extensions or {})["code"] for error in errors]
    _, errors = await api.execute(CHANGES, scopes=scopes)
    assert [] == errors


async def test_an_erasure_reaches_the_reasons(brands: Brands) -> None:
    """Who was erased is not left in the reason for a change of the policy either."""
    api = await brands.fresh()
    await play(api, [record("mini somebody-whom-we-knew u", on=1)])
    await api.done("setIdentityPolicy", genericAfter=6, reason="For somebody-whom-we-knew alone.")
    await api.done("eraseCustomer", by={"openId": {"appId": "mini", "value": "somebody-whom-we-knew"}}, reason="Asked for.", dryRun=False)
    (change_,) = (await api.ask(CHANGES))["policyChanges"]["nodes"]
    assert "For [erased] alone." == change_["reason"]


SECRET_CRM = policy(namespaces=spaces(sensitive=("phone", "email", "crm")))
UNLINKED: tuple[Step, ...] = (link("mini:a", "crm:gone", on=3), unlink("mini:a", "crm:gone", on=4))


async def test_a_namespace_becomes_sensitive(brands: Brands, small_pages: None) -> None:
    """Whether it became sensitive before or after its values came, they join as they did and are shown no more."""
    rows = (record("mini a u crm:one", "mini b v crm:one", on=1), record("mini c w crm:two", on=2))
    seen = await in_every_order(brands, *rows, SECRET_CRM)
    assert ["crm: mini:a mini:b wxA:u wxA:v", "crm: mini:c wxA:w"] == seen.partition


async def test_a_value_comes_back_when_it_is_sent_again(brands: Brands, small_pages: None) -> None:
    """A namespace that is sensitive no more shows the values that are sent from then on, be it in the very row that gave them before."""
    api = await brands.fresh()
    rows = record("mini a u crm:one crm:two", "mini c w crm:three", on=1)
    await play(api, [rows, SECRET_CRM])
    await change(api, namespaces=spaces())
    assert ["crm: crm: mini:a wxA:u", "crm: mini:c wxA:w"] == (await picture(api)).partition
    await play(api, [record("serv b u crm:one", on=2)])
    assert ["crm: crm:one mini:a serv:b wxA:u", "crm: mini:c wxA:w"] == (await picture(api)).partition
    await play(api, [rows])
    assert ["crm:one crm:two mini:a serv:b wxA:u", "crm:three mini:c wxA:w"] == (await picture(api)).partition


async def test_rows_that_wait_follow_the_policy(brands: Brands, small_pages: None) -> None:
    """A row that waited under another policy is the same one when it comes again, and is released as if it had come under this one."""
    for is_sensitive_first in (False, True):
        api = await brands.fresh()
        rows = [record("late a u crm:one", f"late b v crm:two {PHONE}", "late c w crm:three", on=day) for day in (1, 2)]
        sensitive = ("phone", "email") if is_sensitive_first else ("phone", "email", "crm")
        if is_sensitive_first:
            await change(api, namespaces=spaces(sensitive=("phone", "email", "crm")))
        await play(api, [rows[0]])
        await change(api, namespaces=spaces(sensitive=sensitive))
        await play(api, [rows[1]])
        waiting = (await api.ask("{ quarantine(first: 10) { nodes { times receivedAt } } }"))["quarantine"]["nodes"]
        assert [2, 2, 2] == [one["times"] for one in waiting]
        await api.done("registerTouchpoint", appId="late", name="late", kind="MINI_PROGRAM", entityId="acme")
        await api.done("bindTouchpoint", appId="late", openAppId="wxA")
        await api.rescoped()
        seen = await picture(api)
        shown = "crm:one late:a wxA:u" if is_sensitive_first else "crm: late:a wxA:u"
        assert (3, shown) == (len(seen.people), seen.of("late:a").members)
        assert (2, ()) == (seen.of("late:a").uses[0].times, seen.waiting)


async def test_the_same_row_under_two_policies_is_one(brands: Brands, small_pages: None) -> None:
    """Rows that come while a job has not yet reached those before them are joined with them when it does."""
    api = await brands.fresh()
    row = record("late a u crm:one", "late b v crm:two", on=1)
    await play(api, [row])
    await api.done("setIdentityPolicy", reason="x", namespaces=spaces(sensitive=("crm",)))
    for step in (row, row):
        await step.does(api)
    await api.rescoped()
    waiting = (await api.ask("{ quarantine(first: 10) { nodes { times } } }"))["quarantine"]["nodes"]
    assert [3, 3] == [one["times"] for one in waiting]
