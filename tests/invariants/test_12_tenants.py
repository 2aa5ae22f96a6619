"""Invariant 12: no query, feed item or error crosses tenants, and a foreign id is answered as an unknown one is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from graph.stores import Store, open_store
from tests.api.asking import Api, Json, StandingClock
from tests.api.test_nodes import ids_of_everything
from tests.stores.harness import SECRET

pytestmark = pytest.mark.histories
ERRORS = "errors { __typename message code path }"
EFFECT = "decision { id } effect { before { customerId } after { customerId } }"
RESULTS = "results { outcome customerId error { message code path } }"
QUERIES = {
    "node.id": "query ($id: ID!) { node(id: $id) { __typename id } }",
    "nodes.ids": "query ($id: ID!) { nodes(ids: [$id]) { __typename id } }",
    "customer.by": "query ($id: ID!) { customer(by: {id: $id}) { id } }",
    "customersBy.keys": "query ($id: ID!) { customersBy(keys: [{id: $id}]) { id } }",
    "decisions.filter": "query ($id: ID!) { decisions(filter: {customerId: $id}) { totalCount nodes { id } } }",
    "erasureReceipts.erasedId": "query ($id: ID!) { erasureReceipts(erasedId: $id) { totalCount nodes { id } } }",
    "why.source": "query ($id: ID!, $own: ID!) { customer(by: {id: $own}) { why(source: $id, target: $own) { id } } }",
    "why.target": "query ($id: ID!, $own: ID!) { customer(by: {id: $own}) { why(source: $own, target: $id) { id } } }",
}
"""Every argument of a query that takes an id."""
LINK = {"externalId": {"namespace": "member", "value": "9"}}
MUTATIONS: dict[str, tuple[str, Json]] = {
    "linkExternalIds.items": (RESULTS, {"items": [{"customer": {"id": "ID"}, **LINK}]}),
    "unlinkExternalIds.items": (RESULTS, {"items": [{"customer": {"id": "ID"}, **LINK}]}),
    "correctBinding.bindingId": ("binding { id }", {"bindingId": "ID", "openAppId": None, "reason": "r"}),
    "retractBinding.bindingId": ("binding { id }", {"bindingId": "ID", "reason": "r"}),
    "cancelJob.jobId": ("job { id }", {"jobId": "ID"}),
    "resumeJob.jobId": ("job { id }", {"jobId": "ID"}),
    "replayQuarantine.ids": ("replayed", {"ids": ["ID"]}),
    "declareSame.a": (EFFECT, {"a": {"id": "ID"}, "b": {"id": "OWN"}, "reason": "r"}),
    "declareSame.b": (EFFECT, {"a": {"id": "OWN"}, "b": {"id": "ID"}, "reason": "r"}),
    "declareDifferent.a": (EFFECT, {"a": {"id": "ID"}, "b": {"id": "OWN"}, "reason": "r"}),
    "declareDifferent.b": (EFFECT, {"a": {"id": "OWN"}, "b": {"id": "ID"}, "reason": "r"}),
    "revokeDecision.decisionId": (EFFECT, {"decisionId": "ID", "reason": "r"}),
    "retractEvidence.evidenceId": (EFFECT, {"evidenceId": "ID", "reason": "r"}),
    "eraseCustomer.by": ("receipt { id } wouldErase", {"by": {"id": "ID"}, "reason": "r"}),
    "revokeApiKey.id": ("apiKey { id }", {"id": "ID"}),
}
"""Every field of a mutation's input that takes an id, and the input."""
TAKES_IDS = {"ID", "CustomerBy", "DecisionFilter", "ExternalIdLinkInput"}
"""Types of arguments and fields in which an id stands."""
SHAPE = """{ __schema { types { name
  fields { name args { name type { ...Named } } }
  inputFields { name type { ...Named } } } } }
fragment Named on __Type { name ofType { name ofType { name ofType { name } } } }"""
PAGED = (
    "customers",
    "conflicts",
    "quarantine",
    "jobs",
    "apiKeys",
    "decisions",
    "changes",
    "erasureReceipts",
    "policyChanges",
    "touchpoints",
)


async def no_tenant_sees_another(store: Store, clock: StandingClock) -> None:
    """Two brands that know the same WeChat ids. One asks for everything of the other's by its ids, and is answered as for nobody's."""
    run = secrets.token_hex(4)
    brand, other = (Api(store, clock, tenant=f"{name} {run}") for name in ("brand", "other"))
    for api in (brand, other):
        await store.create_tenant(api.name)
        await api.register()
    foreign = [*(await ids_of_everything(other)).values(), *await _all_ids(other)]
    await ids_of_everything(brand)
    mine = await _all_ids(brand)
    assert mine.isdisjoint(foreign)
    own = (await brand.ask("{ customers(first: 1) { nodes { id } } }"))["customers"]["nodes"][0]["id"]
    before, theirs = await _everything(brand), await _everything(other)
    for one in sorted(set(foreign)):
        unknown = f"{one.partition('_')[0]}_{'A' * 22}"
        for document, variables in _operations(own):
            answers = [await _answer(brand, document, variables, which) for which in (one, unknown)]
            assert answers[0] == answers[1], document
    assert await _cursors_are_alike(brand, other)
    assert (before, theirs) == (await _everything(brand), await _everything(other))


def _operations(own: str) -> Iterator[tuple[str, Json]]:
    for document in QUERIES.values():
        yield document, {"own": own} if "$own" in document else {}
    for name, (fields, given) in MUTATIONS.items():
        mutation = name.partition(".")[0]
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        yield f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {fields} {ERRORS} }} }}", {"input": _with(given, "OWN", own)}


def _with(given: Json, place: str, one: str) -> Json:
    filled: Json = json.loads(json.dumps(given).replace(f'"{place}"', json.dumps(one)))
    return filled


async def _answer(api: Api, document: str, variables: Json, one: str) -> str:
    """All that is answered, without the id that was sent."""
    given = _with(variables, "ID", one) if "input" in variables else variables | {"id": one}
    data, errors = await api.execute(document, given)
    return json.dumps([data, [error.formatted for error in errors]], default=str).replace(one, "ID")


async def _everything(api: Api) -> Json:
    """All that can be listed; of calls that were turned away nothing is kept."""
    lists = " ".join(f"{name}(first: 100) {{ nodes {{ id }} }}" for name in PAGED)
    return await api.ask(f"{{ {lists} }}")


async def _all_ids(api: Api) -> set[str]:
    """Every id that is listed, and that the feed tells."""
    listed = await _everything(api)
    found = {node["id"] for one in listed.values() for node in one["nodes"]}
    steps = await api.ask("{ conflicts(first: 100) { nodes { refused { id } kept { id } } } }")
    found |= {step["id"] for one in steps["conflicts"]["nodes"] for step in [one["refused"], *one["kept"]] if step}
    told = await api.ask("{ changes(first: 100) { nodes { customerId previousCustomerIds identifierIds transactionId } } }")
    for change in told["changes"]["nodes"]:
        found |= {change["customerId"], change["transactionId"], *change["previousCustomerIds"], *change["identifierIds"]}
    return found


async def _cursors_are_alike(brand: Api, other: Api) -> bool:
    """Another brand's cursor leads to one's own, if anywhere."""
    mine = await _all_ids(brand)
    for name in PAGED:
        theirs = (await other.ask(f"{{ found: {name}(first: 1) {{ pageInfo {{ endCursor }} }} }}"))["found"]["pageInfo"]["endCursor"]
        document = f"query ($after: String) {{ found: {name}(first: 100, after: $after) {{ nodes {{ id }} }} }}"
        data, _ = await brand.execute(document, {"after": theirs})
        assert data is None or {node["id"] for node in data["found"]["nodes"]} <= mine
    return True


def _takes_ids(fields: Iterable[Json]) -> set[str]:
    """Which arguments or fields hold an id."""

    def name_of(kind: Json | None) -> str:
        return (kind["name"] or name_of(kind["ofType"])) if kind else ""

    return {field["name"] for field in fields if name_of(field["type"]) in TAKES_IDS}


async def test_12_whatever_takes_an_id_is_tried(tmp_path: Path) -> None:
    """No argument and no field of an input that takes an id is left out above."""
    async with open_store(f"sqlite:///{tmp_path}/tenants.db", secret=SECRET, clock=StandingClock()) as store:
        await store.create_tenant("brand")
        types = {one["name"]: one for one in (await Api(store, StandingClock(), tenant="brand").ask(SHAPE))["__schema"]["types"]}
    asked = {
        f"{field['name']}.{name}"
        for kind in types.values()
        if kind["name"] not in {"Mutation", "Subscription"}
        for field in kind["fields"] or ()
        for name in _takes_ids(field["args"])
    }
    done = {
        f"{field['name']}.{name}"
        for field in types["Mutation"]["fields"]
        for name in _takes_ids(types[f"{field['name'][0].upper()}{field['name'][1:]}Input"]["inputFields"])
    }
    assert set(QUERIES) == asked
    assert set(MUTATIONS) == done


async def test_12_no_tenant_sees_another_on_sqlite(tmp_path: Path) -> None:
    """On SQLite whoever holds another brand's ids and cursors learns nothing, not even that they exist."""
    clock = StandingClock()
    async with open_store(f"sqlite:///{tmp_path}/tenants.db", secret=SECRET, clock=clock) as store:
        await no_tenant_sees_another(store, clock)


async def test_12_no_tenant_sees_another_on_neo4j(neo4j_uri: str) -> None:
    """On Neo4j, too."""
    clock = StandingClock()
    async with open_store(neo4j_uri, secret=SECRET, clock=clock) as store:
        await no_tenant_sees_another(store, clock)
