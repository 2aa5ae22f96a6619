"""What the API says of a brand after a step, asked as a client would: everybody, what is in conflict, what waits, what the feed tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.api.asking import Api, Json, at

EVERYTHING = """query ($after: String) {
  customers(first: 100) { totalCount nodes { id state lastSeenAt openIds { id } unionIds { id } externalIds { id }
    accounts { openIds { id } unionIds { id } } } }
  conflicts(first: 100, filter: {states: [OPEN]}) { totalCount nodes { id kind refused { source { id } target { id } } } }
  quarantine(first: 100) { totalCount nodes { id } }
  decisions(first: 100) { totalCount nodes { id revokedAt } }
  jobs(first: 1, filter: {states: [QUEUED, RUNNING, FAILED]}) { totalCount }
  changes(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
    nodes { kind transactionId customerId previousCustomerIds identifierIds changesLeft } } }"""
MATCHING = "query ($filter: CustomerFilter!) { customers(first: 100, filter: $filter) { totalCount nodes { id } } }"
BY = "query ($keys: [CustomerBy!]!) { customersBy(keys: $keys) { id } }"
MOST = 100


@dataclass(frozen=True)
class Customer:
    """One of them, by ids."""

    members: frozenset[str]
    accounts: frozenset[frozenset[str]]
    state: str
    last: int


@dataclass(frozen=True)
class Everything:
    """What was answered in one operation."""

    customers: dict[str, Customer]
    conflicts: frozenset[tuple[str, tuple[str, ...]]]
    """Kind and ends of each refused link; of a mass case the kind alone."""
    quarantined: frozenset[str]
    decisions: dict[str, bool]
    """By id, whether it stands."""
    is_settled: bool
    """No job waits or works."""
    changes: list[Json]
    cursor: str | None

    @property
    def holder(self) -> dict[str, str]:
        """Of each identifier the customer."""
        return {member: customer for customer, one in self.customers.items() for member in one.members}

    @property
    def membership(self) -> dict[str, list[str]]:
        """Of each customer the identifiers."""
        return {customer: sorted(one.members) for customer, one in self.customers.items()}


async def everything(api: Api, after: str | None) -> Everything:
    """Everything as it is now, and what came in the feed after a cursor."""
    answer = await api.ask(EVERYTHING, after=after)
    for listed in ("customers", "conflicts", "quarantine", "decisions"):
        assert len(answer[listed]["nodes"]) == answer[listed]["totalCount"]
    assert not answer["changes"]["pageInfo"]["hasNextPage"]
    return Everything(
        customers={one["id"]: _customer(one) for one in answer["customers"]["nodes"]},
        conflicts=frozenset(map(_conflict, answer["conflicts"]["nodes"])),
        quarantined=frozenset(one["id"] for one in answer["quarantine"]["nodes"]),
        decisions={one["id"]: one["revokedAt"] is None for one in answer["decisions"]["nodes"]},
        is_settled=answer["jobs"]["totalCount"] == 0,
        changes=answer["changes"]["nodes"],
        cursor=answer["changes"]["pageInfo"]["endCursor"] or after,
    )


def _customer(one: Json) -> Customer:
    accounts = [frozenset(held["id"] for held in account["openIds"] + account["unionIds"]) for account in one["accounts"]]
    members = [held["id"] for kind in ("openIds", "unionIds", "externalIds") for held in one[kind]]
    assert len(set(members)) == len(members)
    assert len(set(accounts)) == len(accounts)
    return Customer(frozenset(members), frozenset(accounts), one["state"], at(one["lastSeenAt"]))


def _conflict(one: Json) -> tuple[str, tuple[str, ...]]:
    refused = one["refused"]
    return one["kind"], (refused["source"]["id"], refused["target"]["id"]) if refused else ()


async def found_by(api: Api, keys: Sequence[Json]) -> list[str | None]:
    """Whose each of these is."""
    found: list[str | None] = []
    for start in range(0, len(keys), MOST):
        answer = await api.ask(BY, keys=list(keys[start : start + MOST]))
        found += [one and one["id"] for one in answer["customersBy"]]
    return found


async def matching(api: Api, which: Json) -> set[str]:
    """Who matches a filter."""
    answer = (await api.ask(MATCHING, filter=which))["customers"]
    found = {one["id"] for one in answer["nodes"]}
    assert answer["totalCount"] == len(answer["nodes"]) == len(found)
    return found


async def pages(api: Api, connection: str, size: int, arguments: str = "") -> tuple[list[str], list[str], int]:
    """The ids of a connection read forward and backward, a page at a time, and its total."""
    forward = await _read(api, f"{connection}(first: {size}, after: $edge {arguments})", "hasNextPage", "endCursor")
    backward = await _read(api, f"{connection}(last: {size}, before: $edge {arguments})", "hasPreviousPage", "startCursor")
    total = (await api.ask(f"{{ found: {connection}(first: 1 {arguments}) {{ totalCount }} }}"))["found"]["totalCount"]
    return [one for page in forward for one in page], [one for page in reversed(backward) for one in page], total


async def _read(api: Api, field: str, more: str, cursor: str) -> list[list[str]]:
    found: list[list[str]] = []
    edge: str | None = None
    while True:
        page = await api.ask(f"query ($edge: String) {{ found: {field} {{ nodes {{ id }} pageInfo {{ {more} {cursor} }} }} }}", edge=edge)
        found.append([one["id"] for one in page["found"]["nodes"]])
        if not page["found"]["pageInfo"][more]:
            return found
        edge = page["found"]["pageInfo"][cursor]


def difference(before: Everything, after: Everything) -> tuple[set[object], set[object]]:
    """Exactly the customers that changed, as they were and as they are."""
    old, new = _sketches(before.membership.items()), _sketches(after.membership.items())
    return old - new, new - old


def foretold(effect: Json) -> tuple[set[object], set[object]]:
    """The same, as a payload says it."""
    return _told(effect["before"]), _told(effect["after"])


def _told(sketches: list[Json]) -> set[object]:
    return _sketches((one["customerId"], sorted(one["identifiers"])) for one in sketches)


def _sketches(customers: Iterable[tuple[str, list[str]]]) -> set[object]:
    return {(customer, tuple(members)) for customer, members in customers}
