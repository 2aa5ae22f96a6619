"""How the demo calls the service and the sandbox's door: JSON over HTTP by the standard library, as any program could."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIME_OUT = 60


class CallFailed(Exception):
    """The other side refused what the demo asked."""


def post(address: str, path: str, document: object, key: str | None = None) -> Any:  # noqa: ANN401 - whatever JSON holds
    """POST JSON, read JSON."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIME_OUT)
    headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request("POST", path, json.dumps(document), headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Api:
    """The service's GraphQL API, with a key."""

    address: str
    key: str

    def ask(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's data. Raises CallFailed where the operation as a whole was refused."""
        answer = post(self.address, "/graphql", {"query": document, "variables": variables or {}}, self.key)
        if answer.get("errors"):
            raise CallFailed("; ".join(error["message"] for error in answer["errors"]))
        data: dict[str, Any] = answer["data"]
        return data

    def change(self, name: str, values: dict[str, Any], wanted: str = "") -> dict[str, Any]:
        """One mutation with one input; its payload, expected failures in `errors`. What is None is left out."""
        kind = f"{name[0].upper()}{name[1:]}Input"
        document = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {wanted} errors {{ code message }} }} }}"
        given = {field: value for field, value in values.items() if value is not None}
        payload: dict[str, Any] = self.ask(document, {"input": given})[name]
        return payload
