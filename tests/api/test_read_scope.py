"""What a key without READ sees of a mutation's answer: what it changed, and nothing that lies beyond."""

from __future__ import annotations

import pytest

from graph.apikeys import Scope
from tests.api.asking import Api

ROW = 'items: [{appId: "wxmini", openId: "a", source: CODE2SESSION, externalIds: [{namespace: "member", value: "1"}]}]'
REGISTER = 'registerTouchpoint(input: {appId: "wxmini", name: "Renamed"}) { touchpoint { * } errors { code } }'
RECORD = f"recordResolutions(input: {{{ROW}}}) {{ results {{ outcome customerId customer {{ * }} }} errors {{ code }} }}"
ONE, OTHER = ('{openId: {appId: "wxmini", value: "a"}}', '{openId: {appId: "wxmini", value: "b"}}')
SAME = f'declareSame(input: {{a: {ONE}, b: {OTHER}, reason: "r", dryRun: true}}) {{ decision {{ * }} errors {{ message }} }}'


def mutation(field: str, selected: str, more: str = "") -> str:
    """A document with this selection in a mutation's payload."""
    return f"mutation {{ {field.replace('*', selected)} }} {more}"


@pytest.mark.parametrize(
    "scope, field, selected",
    [
        (Scope.MANAGE, REGISTER, "id appId name kind"),
        (Scope.INGEST, RECORD, "id state firstSeenAt touchpoints { firstSeenAt sources }"),
        (Scope.STEWARD, SAME, "id kind reason author"),
    ],
)
async def test_what_was_changed_is_shown(brand: Api, scope: Scope, field: str, selected: str) -> None:
    """The payload, its nodes and what is part of them need the mutation's scope alone."""
    data, errors = await brand.execute(mutation(field, selected), scopes=[scope])
    assert ([], True) == ([one.message for one in errors], data is not None)


LEADS_ON = [
    (Scope.MANAGE, REGISTER, "openIds(first: 1) { nodes { value } }", ""),
    (Scope.MANAGE, REGISTER, "openIds { totalCount }", ""),
    (Scope.MANAGE, REGISTER, "id ...more", "fragment more on Touchpoint { ...most } fragment most on Touchpoint { entity { id } }"),
    (Scope.MANAGE, REGISTER, "... { ... on Touchpoint { entity { id } } }", ""),
    (Scope.INGEST, RECORD, "id externalIds { value }", ""),
    (Scope.INGEST, RECORD, "id touchpoints { openId { value } }", ""),
    (Scope.INGEST, RECORD, "id history(first: 1) { nodes { kind } }", ""),
    (Scope.INGEST, RECORD, "id ... on Node { ... on Customer { externalIds { value } } }", ""),
    (Scope.STEWARD, SAME, "a { id }", ""),
]


@pytest.mark.parametrize("scope, field, selected, more", LEADS_ON)
async def test_what_lies_beyond_needs_read(brand: Api, scope: Scope, field: str, selected: str, more: str) -> None:
    """Another node, or a page of some, is refused, however it is selected, and nothing is done; with READ too it is answered."""
    document = mutation(field, selected, more)
    data, errors = await brand.execute(document, scopes=[scope])
    assert [("FORBIDDEN", True)] == [((one.extensions or {})["code"], "READ" in one.message) for one in errors]
    found = await brand.ask('{ customers { totalCount } touchpoint(appId: "wxmini") { name } }')
    assert (None, 0, False) == (data, found["customers"]["totalCount"], found["touchpoint"]["name"] == "Renamed")
    _, errors = await brand.execute(document, scopes=[scope, Scope.READ])
    assert [] == errors
