"""What fails as a whole field: always a code, never more than is the caller's business."""

from __future__ import annotations

import pytest
import structlog

from app.api.context import Context
from app.api.document_limits import DocumentLimits
from app.api.schema import make_schema, schema
from graph.apikeys import Scope
from graph.errors import not_found
from graph.stores import StoreUnavailable
from tests.api.asking import Api, Json


@pytest.mark.parametrize(
    "document, code",
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ customers(filter: {seenSince: "2026-03-15"}) { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
        ('{ customers(filter: {seenSince: "2026-03-15T00:00:00"}) { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
        ("{ customers(filter: {state: MAYBE}) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
        ("{ customers(first: 1000) { totalCount } }", "BAD_USER_INPUT"),
    ],
)
async def test_a_callers_mistake(api: Api, document: str, code: str) -> None:
    """What is wrong with a document or its variables is told with a code, and not as ours."""
    assert code == await api.code(document)


async def test_a_variable_that_does_not_fit(api: Api) -> None:
    """A variable of the wrong kind is BAD_USER_INPUT: a time without offset, a day that is none, a number for a text."""
    for kind, document, value in (
        ("DateTime", "customers(filter: {seenSince: $v}) { totalCount }", "2026-03-15T00:00:00"),
        ("DateTime", "customers(filter: {seenSince: $v}) { totalCount }", 5),
        ("CustomerState", "customers(filter: {state: $v}) { totalCount }", "MAYBE"),
        ("Int", "customers(first: $v) { totalCount }", "many"),
    ):
        assert "BAD_USER_INPUT" == await api.code(f"query ($v: {kind}) {{ {document} }}", v=value)
    mutation = 'mutation ($v: Date) { registerOpenPlatform(input: {openAppId: "wx", qualifiedUntil: $v}) { errors { code } } }'
    assert ["BAD_USER_INPUT"] * 2 == [await api.code(mutation, v=value) for value in ("2026-02-30", 7)]


NAMED = "o-SECRET-13800138000"
RECORD = "mutation ($v: RecordResolutionsInput!) { recordResolutions(input: $v) { results { outcome } } }"


@pytest.mark.parametrize(
    "row, said",
    [
        ({"phone": NAMED}, "not to include unknown field 'phone'."),
        ({"openId": 13800138000}, "at .items[1].openId: String cannot represent a non string value."),
        ({"source": NAMED}, "at .items[1].source: The value does not exist in 'ResolutionSource' enum."),
        (
            {"externalIds": [{"value": NAMED}]},
            "at .items[1].externalIds[0]: Expected value of type 'ExternalIDInput' to include required field 'namespace'.",
        ),
        ({"externalIds": NAMED}, "at .items[1].externalIds: Expected value of type 'ExternalIDInput' to be an object."),
        ({"observedAt": NAMED}, "at .items[1].observedAt: A time is ISO 8601 with its offset"),
    ],
)
async def test_what_does_not_fit_is_found_and_not_repeated(api: Api, row: Json, said: str) -> None:
    """An error in variables tells where among five hundred items to look, and never what stands there: that is somebody's identifier."""
    right = {"appId": "wxmini", "openId": NAMED, "source": "CODE2SESSION"}
    _, errors = await api.execute(RECORD, {"v": {"items": [right, right | row, right]}})
    (message,) = [one.message for one in errors]
    assert (True, False) == (said in message, "13800138000" in str(errors[0].formatted)), message


@pytest.mark.parametrize(
    "where",
    [
        'by: "{}"',
        "by: {{openId: 13800138000}}",
        'by: {{openId: "{}"}}',
        'by: {{phone: "{}"}}',
        'by: {{openId: {{appId: "{}"}}}}',
        'by "{}"',
        'by: ["{}"]',
    ],
)
async def test_what_a_document_says_is_not_repeated(api: Api, where: str) -> None:
    """Nor does an error in a document repeat a value that is written in it."""
    _, errors = await api.execute(f"{{ customer({where.format(NAMED)}) {{ id }} }}")
    assert errors
    assert [] == [one.message for one in errors if "13800138000" in str(one.formatted)]


async def test_unexpected_errors_are_masked(api: Api) -> None:
    """What nobody expected is told as an id, which the log has beside what happened; the message gives nothing away."""
    api.counting.failing = RuntimeError("the password is swordfish")
    with structlog.testing.capture_logs() as logs:
        data, errors = await api.execute("{ customers { totalCount } }")
    assert (None, 1) == (data, len(errors))
    extensions = errors[0].extensions or {}
    assert {"code": "INTERNAL_SERVER_ERROR", "errorId": logs[0]["error_id"]} == extensions
    assert "swordfish" not in str(errors[0].formatted)
    assert [("error", ["customers"])] == [(one["log_level"], one["path"]) for one in logs]
    assert "RuntimeError: the password is swordfish" in logs[0]["happened"]
    assert "Traceback" in logs[0]["happened"]


async def test_a_store_that_does_not_answer(api: Api) -> None:
    """STORE_UNAVAILABLE, for queries and mutations, and nothing of the store's own message."""
    api.counting.failing = StoreUnavailable("bolt://10.0.0.1 refused")
    assert "STORE_UNAVAILABLE" == await api.code("{ touchpoints { totalCount } }")
    assert "STORE_UNAVAILABLE" == await api.code('mutation { registerEntity(input: {entityId: "a"}) { errors { code } } }')
    _, errors = await api.execute("{ touchpoints { totalCount } }")
    assert "10.0.0.1" not in str(errors[0].formatted)


async def test_a_refused_question(api: Api) -> None:
    """What is refused outside of a payload, such as everything for a tenant that is gone, is a coded error."""
    api.counting.failing = not_found("There is no such tenant.")
    assert "NOT_FOUND" == await api.code("{ touchpoints { totalCount } }")


async def test_a_missing_scope_is_named(api: Api) -> None:
    """A key without the scope is told which one it lacks; the other fields of the operation are answered."""
    data, errors = await api.execute('{ viewer { tenant } node(id: "x") { id } }', scopes=[Scope.MANAGE])
    assert {"viewer": {"tenant": "acme"}, "node": None} == data
    assert [("FORBIDDEN", ["node"])] == [((one.extensions or {})["code"], one.path) for one in errors]
    assert "READ" in errors[0].message
    _, errors = await api.execute('mutation { registerEntity(input: {entityId: "a"}) { errors { code } } }', scopes=[Scope.READ])
    assert [("FORBIDDEN", True)] == [((one.extensions or {})["code"], "MANAGE" in one.message) for one in errors]
    assert 0 == api.counting.asked.total()


async def test_nobody_is_unauthenticated(api: Api) -> None:
    """Without a caller every field is UNAUTHENTICATED, whatever carries the operation."""
    for context in (None, object(), Context(services=api.services(), caller=None)):  # type: ignore[arg-type]  # as a transport's bug would
        result = await schema.execute("{ viewer { tenant } }", context_value=context)
        assert result.data is None
        assert ["UNAUTHENTICATED"] == [(one.extensions or {})["code"] for one in result.errors or []]


DEEP = "{ node(id: 1) { ... on Entity { touchpoints { " + "entity { touchpoints { " * 7 + "id" + " } }" * 7 + " } } } }"
BOMB = (
    "{ viewer { ...f0 } } "
    + " ".join(f"fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    + " fragment f40 on Viewer { a: tenant }"
)


@pytest.mark.parametrize(
    "document, said",
    [
        (DEEP, "17 fields deep; 15"),
        ("{" + " ".join(f"a{n}: viewer {{ tenant }}" for n in range(51)) + "}", "51 aliases; 50"),
        (BOMB, "aliases; 50"),
        ("query { viewer { ...f } } fragment f on Viewer { ...f }", ""),
    ],
)
async def test_documents_beyond_the_limits(api: Api, document: str, said: str) -> None:
    """A document that is too deep or has too many aliases, in fragments too, is refused at once and not executed."""
    data, errors = await api.execute(document)
    assert data is None
    codes = {(one.extensions or {})["code"] for one in errors}
    assert (["QUERY_TOO_COSTLY"] if said else ["GRAPHQL_VALIDATION_FAILED"]) == sorted(codes)
    assert said in errors[0].message


async def test_too_many_tokens(api: Api) -> None:
    """A document of more tokens than allowed is refused by the parser."""
    small = make_schema(limits=DocumentLimits(tokens=20))
    result = await small.execute("{ " + "viewer { tenant } " * 20 + "}")
    assert ["QUERY_TOO_COSTLY"] == [(one.extensions or {})["code"] for one in result.errors or []]


async def test_the_longest_useful_path_is_allowed(brand: Api) -> None:
    """From a customer through a conflict to another customer's binding rule, and the standard introspection, fit the limits."""
    await brand.ask("""{ customer(by: {openId: {appId: "wxmini", value: "x"}}) { conflicts { kept { source { ... on OpenID { customer {
        touchpoints { touchpoint { binding { openPlatform { limits { components { rule { name } } } } } } } } } } } } } }""")
    result = await schema.execute(
        "{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } args { type { ofType { ofType { name } } } } } } } }"
    )
    assert result.errors is None


async def test_suggestions_can_be_switched_off() -> None:
    """A wrong name is answered with the right ones, unless the schema is made without suggestions."""
    loud = await schema.execute("{ viewr { tenant } }")
    quiet = await make_schema(has_suggestions=False).execute("{ viewr { tenant } }")
    assert [True, False] == ["Did you mean" in (result.errors or [])[0].message for result in (loud, quiet)]
