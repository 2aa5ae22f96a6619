"""GraphQL over HTTP, rule by rule: what is read, what is refused, and in which shape."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import Caller

GRAPHQL_JSON = "application/graphql-response+json"
VIEWER = {"query": "{ viewer { tenant } }"}
MUTATION = 'mutation { registerEntity(input: {entityId: "acme", name: "Acme", kind: COMPANY}) { entity { name } errors { code } } }'


def code_of(response: httpx.Response) -> str:
    """The one error's code; every refusal is JSON in GraphQL's shape."""
    assert response.headers["content-type"].partition(";")[0] in {"application/json", GRAPHQL_JSON}
    body = response.json()
    assert "data" not in body
    return str(body["errors"][0]["extensions"]["code"])


async def test_a_query_is_answered(caller: Caller) -> None:
    """A POST of JSON is answered with 200 and data."""
    response = await caller.post(VIEWER)
    assert (200, {"data": {"viewer": {"tenant": "default"}}}) == (response.status_code, response.json())


HALF_A_CHARACTER = b'{"query": "{ viewer { tenant } }", "variables": {"a": "\\ud800"}}'


@pytest.mark.parametrize(
    "body", [b"null", b"1", b'"text"', b"", b"{", b"\xff\xfe", b"[1]", b'[{"query": "{viewer{tenant}}"}]', b"{}", HALF_A_CHARACTER]
)
async def test_a_body_that_is_no_request_is_refused(caller: Caller, body: bytes) -> None:
    """What is no JSON object with a query gets 400 and a GraphQL-shaped error; batches too."""
    response = await caller.send("POST", content=body)
    assert (400, "BAD_REQUEST") == (response.status_code, code_of(response))


@pytest.mark.parametrize(
    "change, code",
    [
        ({"query": 1}, "BAD_REQUEST"),
        ({"query": None}, "BAD_REQUEST"),
        ({"variables": []}, "BAD_REQUEST"),
        ({"variables": "{}"}, "BAD_REQUEST"),
        ({"extensions": 1}, "BAD_REQUEST"),
        ({"operationName": 1}, "OPERATION_RESOLUTION_FAILURE"),
        ({"operationName": "Unknown"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { viewer { tenant } } query B { viewer { tenant } }"}, "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_a_field_of_the_wrong_kind_is_refused(caller: Caller, change: dict[str, Any], code: str) -> None:
    """Each field of a request has one type, and the operation must be resolvable: else 400."""
    response = await caller.post({**VIEWER, **change})
    assert (400, code) == (response.status_code, code_of(response))


@pytest.mark.parametrize("change", [{"variables": None}, {"operationName": None}, {"operationName": ""}, {"extensions": {}}, {"other": 1}])
async def test_absent_null_and_unknown_fields_are_fine(caller: Caller, change: dict[str, Any]) -> None:
    """Null is as good as absent, and fields that nobody knows are passed over."""
    assert 200 == (await caller.post({**VIEWER, **change})).status_code


@pytest.mark.parametrize(
    "content_type", ["application/jsonx", "text/plain", "", "application/json; charset=gbk", "multipart/form-data", GRAPHQL_JSON]
)
async def test_another_content_type_is_refused(caller: Caller, content_type: str) -> None:
    """A body is read as JSON in UTF-8 and as nothing else: 415."""
    response = await caller.send("POST", content=json.dumps(VIEWER).encode(), content_type=content_type)
    assert (415, "UNSUPPORTED_MEDIA_TYPE") == (response.status_code, code_of(response))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"'])
async def test_json_in_utf_8_may_say_so(caller: Caller, content_type: str) -> None:
    """Case, blanks and quotes in Content-Type do not matter."""
    assert 200 == (await caller.send("POST", content=json.dumps(VIEWER).encode(), content_type=content_type)).status_code


@pytest.mark.parametrize("accept", ["text/xml", "image/png, text/plain", "application/json;q=0", "application/json; charset=gbk"])
async def test_an_unknown_accept_is_refused(caller: Caller, accept: str) -> None:
    """Who accepts neither media type gets 406."""
    response = await caller.post(VIEWER, accept=accept)
    assert (406, "NOT_ACCEPTABLE") == (response.status_code, code_of(response))


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, application/json", "application/json"),
        (f"{GRAPHQL_JSON}, application/json, text/event-stream", GRAPHQL_JSON),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
async def test_the_media_type_follows_accept(caller: Caller, accept: str, expected: str) -> None:
    """The answer's media type is the one the caller likes best; an event stream is never sent unasked."""
    assert expected == (await caller.post(VIEWER, accept=accept)).headers["content-type"].partition(";")[0]


@pytest.mark.parametrize(
    "document, code",
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($n: Int!) { customers(first: $n) { totalCount } }", "variables": {"n": "x"}}, "BAD_USER_INPUT"),
    ],
)
async def test_a_request_error_is_400_only_in_the_new_media_type(caller: Caller, document: dict[str, Any], code: str) -> None:
    """An operation that was never run has no `data`; 400 in graphql-response+json, 200 in the legacy media type."""
    new, legacy = await caller.post(document, accept=GRAPHQL_JSON), await caller.post(document)
    assert (400, 200) == (new.status_code, legacy.status_code)
    assert (code, code) == (code_of(new), code_of(legacy))


async def test_a_query_may_come_by_get(caller: Caller) -> None:
    """GET runs queries, with variables as JSON."""
    parameters = {"query": "query ($a: String!) { entity(entityId: $a) { name } }", "variables": '{"a": "nobody"}'}
    response = await caller.http.get("/graphql", params=parameters, headers=caller.headers())
    assert (200, {"data": {"entity": None}}) == (response.status_code, response.json())


async def test_a_mutation_by_get_is_refused(caller: Caller) -> None:
    """GET changes nothing: 405, with the method that may."""
    response = await caller.http.get("/graphql", params={"query": MUTATION}, headers=caller.headers())
    assert (405, "POST", "METHOD_NOT_ALLOWED") == (response.status_code, response.headers["allow"], code_of(response))
    assert {"data": {"entity": None}} == (await caller.post({"query": '{ entity(entityId: "acme") { name } }'})).json()


@pytest.mark.parametrize(
    "query", ["", "variables={}", "query=%7Bviewer%7Btenant%7D%7D&query=x", "query=%7Bviewer%7Btenant%7D%7D&variables=1"]
)
async def test_a_get_without_a_good_query_is_refused(caller: Caller, query: str) -> None:
    """GET without one query gets 400, curl's `Accept: */*` included, and never the page."""
    response = await caller.send("GET", f"/graphql?{query}", accept="*/*")
    assert (400, "BAD_REQUEST") == (response.status_code, code_of(response))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused_with_allow(caller: Caller, method: str) -> None:
    """What is neither GET nor POST gets 405 and is told what is allowed; OPTIONS too where no other site may call."""
    response = await caller.send(method)
    assert (405, "GET, POST", "METHOD_NOT_ALLOWED") == (response.status_code, response.headers["allow"], code_of(response))


async def test_head_is_refused_with_allow(caller: Caller) -> None:
    """HEAD gets 405 as well."""
    response = await caller.send("HEAD")
    assert (405, "GET, POST") == (response.status_code, response.headers["allow"])


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer ug_wrong", "Basic dXNlcjpwYXNz", "ug_without_scheme"])
async def test_without_a_good_key_nothing_is_answered(caller: Caller, authorization: str) -> None:
    """No key, or none that opens anything: 401 with a challenge, before the request is looked at."""
    response = await caller.send("POST", content=b"not even JSON", authorization=authorization)
    assert (401, "UNAUTHENTICATED") == (response.status_code, code_of(response))
    assert 'Bearer realm="uniongraph"' == response.headers["www-authenticate"]


async def test_a_large_body_is_refused(caller: Caller) -> None:
    """A body past the limit gets 413, whether it announces its size or not."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000

    announced = await caller.send("POST", content=b" " * 20_001)
    streamed = await caller.http.post("/graphql", content=parts(), headers=caller.headers())
    assert [(413, "PAYLOAD_TOO_LARGE")] * 2 == [(one.status_code, code_of(one)) for one in (announced, streamed)]


async def test_a_compressed_body_is_refused(caller: Caller) -> None:
    """Nobody's compressed bomb is unpacked: 415."""
    assert 415 == (await caller.send("POST", content=b"{}", content_encoding="gzip")).status_code


@pytest.mark.parametrize("path", ["/graphql", "/", "/health/live", "/nowhere"])
async def test_every_answer_carries_the_careful_headers(caller: Caller, path: str) -> None:
    """No answer is kept by a cache, framed, or guessed at."""
    headers = (await caller.send("GET", path)).headers
    assert ("private, no-store", "nosniff", "DENY") == (
        headers["cache-control"],
        headers["x-content-type-options"],
        headers["x-frame-options"],
    )


async def test_an_unknown_path_is_answered_in_json(caller: Caller) -> None:
    """404 has the same shape as everything else."""
    response = await caller.send("GET", "/nowhere")
    assert (404, "NOT_FOUND") == (response.status_code, code_of(response))


async def test_half_a_character_in_an_answer_does_not_fail(caller: Caller) -> None:
    """Text that UTF-8 cannot carry is refused on the way in, with 400 and not with a failure of ours."""
    response = await caller.send("POST", content=b'{"query": "{ viewer { tenant } } # \\ud800"}')
    assert (400, "BAD_REQUEST") == (response.status_code, code_of(response))
