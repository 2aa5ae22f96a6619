"""What a brand's API answers, written so that two tenants can be compared: by the values of identifiers, never by ids."""

from __future__ import annotations

from dataclasses import dataclass

from tests.api.asking import Api, Json

NAMES = """fragment Names on Node { __typename id
  ... on OpenID { appId text: value } ... on UnionID { openAppId text: value } ... on ExternalID { namespace value } }"""
QUESTION = (
    NAMES
    + """
query { customers(first: 100) { totalCount nodes {
    id state hasShedEvidence firstSeenAt lastSeenAt
    openIds { ...Names } unionIds { ...Names } externalIds { isGeneric ...Names }
    accounts { openIds { ...Names } unionIds { ...Names } }
    touchpoints { touchpoint { appId } openId { ...Names } unionId { ...Names } timesSeen firstSeenAt lastSeenAt }
    conflicts { id state } } }
  conflicts(first: 100, filter: {states: [OPEN]}) { nodes { id kind refusedCount customers { id }
    refused { kind source { ...Names } target { ...Names } } kept { source { ...Names } target { ...Names } } } }
  quarantine(first: 100) { nodes { reason appId hint } } }"""
)
LISTS = ("openIds", "unionIds", "externalIds")


@dataclass(frozen=True, order=True)
class Use:
    """A touchpoint that somebody used."""

    open_id: str
    union_id: str
    times: int
    first: str
    last: str


@dataclass(frozen=True, order=True)
class Person:
    """A customer."""

    members: str
    """Every identifier, `mini:a` or `wxA:u` or `member:7`, in the order of the alphabet; of sensitive ones only the namespace."""
    seed: str
    """The identifier that gives the customer's id."""
    state: str
    accounts: tuple[str, ...]
    uses: tuple[Use, ...]
    generic: tuple[str, ...]
    has_shed: bool
    disputes: int
    """How many open conflicts the customer shows."""
    first: str
    last: str


@dataclass(frozen=True, order=True)
class Dispute:
    """An open conflict."""

    kind: str
    refused: str
    """`mini:a > wxA:u`; empty for a mass case."""
    count: int
    sides: tuple[str, ...]
    """The seeds of its customers."""
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """All of a brand that can be asked for."""

    people: tuple[Person, ...]
    disputes: tuple[Dispute, ...]
    waiting: tuple[str, ...]
    """`REASON appId` of what is in quarantine."""

    @property
    def partition(self) -> list[str]:
        """Who is who: each customer's identifiers on one line."""
        return [person.members for person in self.people]

    @property
    def conflicts(self) -> list[str]:
        """The open conflicts: kind and refused link."""
        return [f"{one.kind} {one.refused}".strip() for one in self.disputes]

    @property
    def uses(self) -> list[list[str]]:
        """Of each customer, in the order of `partition`, the OpenIDs and the UnionIDs in force: `mini:a=wxA:u`."""
        return [[f"{use.open_id}={use.union_id}" for use in person.uses] for person in self.people]

    def of(self, name: str) -> Person:
        """Who has this identifier."""
        (found,) = [person for person in self.people if name in person.members.split()]
        return found


async def picture(api: Api) -> Picture:
    """Everything, as it is answered now. The feed, replayed from its beginning, must tell the same membership."""
    answer = await api.ask(QUESTION)
    nodes = answer["customers"]["nodes"]
    assert len(nodes) == answer["customers"]["totalCount"]
    assert {one["id"]: {held["id"] for held in _held(one)} for one in nodes} == await replayed(api)
    disputes = answer["conflicts"]["nodes"]
    seeds = {one["id"]: _seed(one) for one in nodes}
    open_ids = {one["id"] for one in disputes}
    return Picture(
        people=tuple(sorted(_person(one, open_ids) for one in nodes)),
        disputes=tuple(sorted(_dispute(one, seeds) for one in disputes)),
        waiting=tuple(sorted(f"{one['reason']} {one['appId']}" for one in answer["quarantine"]["nodes"])),
    )


async def replayed(api: Api) -> dict[str, set[str]]:
    """The membership that the stored feed tells: customers' ids with the ids of their identifiers. It has no gaps."""
    changes = await api.store.changes(api.name, 0, 10_000)
    assert list(range(1, len(changes) + 1)) == [one.sequence for one in changes]
    transactions: dict[str, list[tuple[str, list[str], list[str]]]] = {}
    for one in changes:
        transactions.setdefault(one.transaction, []).append((one.customer_key, list(one.previous), list(one.identifiers)))
    members: dict[str, set[str]] = {}
    for together in transactions.values():
        for _, previous, _ in together:
            for key in previous:
                members.pop(f"cus_{key}", None)
        members |= {f"cus_{customer}": set(held) for customer, _, held in together if held}
    return members


def name_of(node: Json) -> str:
    """An identifier by its value."""
    if node["__typename"] == "OpenID":
        return f"{node['appId']}:{node['text']}"
    if node["__typename"] == "UnionID":
        return f"{node['openAppId']}:{node['text']}"
    return f"{node['namespace']}:{node['value'] or ''}"


def _held(customer: Json) -> list[Json]:
    return [identifier for kind in LISTS for identifier in customer[kind]]


def _seed(customer: Json) -> str:
    key = customer["id"].removeprefix("cus_")
    return next(name_of(held) for held in _held(customer) if held["id"][4:] == key)


def _names(nodes: list[Json]) -> str:
    return " ".join(sorted(map(name_of, nodes)))


def _person(one: Json, open_ids: set[str]) -> Person:
    assert all(use["touchpoint"]["appId"] == use["openId"]["appId"] for use in one["touchpoints"])
    return Person(
        members=_names(_held(one)),
        seed=_seed(one),
        state=one["state"],
        accounts=tuple(sorted(_names(account["openIds"] + account["unionIds"]) for account in one["accounts"])),
        uses=tuple(sorted(_use(use) for use in one["touchpoints"])),
        generic=tuple(sorted(name_of(held) for held in one["externalIds"] if held["isGeneric"])),
        has_shed=one["hasShedEvidence"],
        disputes=sum(conflict["id"] in open_ids for conflict in one["conflicts"]),
        first=one["firstSeenAt"],
        last=one["lastSeenAt"],
    )


def _use(use: Json) -> Use:
    union_id = name_of(use["unionId"]) if use["unionId"] else ""
    return Use(name_of(use["openId"]), union_id, use["timesSeen"], use["firstSeenAt"], use["lastSeenAt"])


def _dispute(one: Json, seeds: dict[str, str]) -> Dispute:
    return Dispute(
        kind=one["kind"],
        refused=_link(one["refused"]) if one["refused"] else "",
        count=one["refusedCount"],
        sides=tuple(sorted(seeds[customer["id"]] for customer in one["customers"])),
        kept=tuple(map(_link, one["kept"])),
    )


def _link(step: Json) -> str:
    return f"{name_of(step['source'])} > {name_of(step['target'])}"
