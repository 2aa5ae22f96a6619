"""What is Neo4j's own: addresses, refusals, turns of many writers, and what people see when they explore the graph."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, LiteralString

import pytest

from graph.accounts import Binding, Entity, EntityKind, OpenPlatform, Touchpoint
from graph.bindings import BindingPath, TouchpointKind
from graph.node import SINCE_EVER, Key, Node
from graph.state import ConflictKind
from graph.stores import ConflictFilter, CustomerFilter, Page, StoreRefused, StoreUnavailable
from graph.stores.neo4j import Neo4jStore, open_neo4j
from graph.stores.neo4j import people as neo4j_people
from graph.stores.neo4j.address import Address
from graph.stores.neo4j.brand import Registries
from graph.stores.neo4j.migrate import VERSION
from graph.stores.neo4j.reading import Neo4jReading
from graph.stores.neo4j.texts import names, text
from graph.turn import Loaded, Scope, Writes
from tests.stores import neo4j_door
from tests.stores.cast import Cast, customer, step, together
from tests.stores.harness import NOW, SECRET, loaded, people, write


@pytest.fixture
async def store(neo4j_uri: str) -> AsyncIterator[Neo4jStore]:
    """A store on an empty database."""
    neo4j_door.wipe(neo4j_uri, SECRET)
    store = await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW, warns=True)
    yield store
    await store.close()


@pytest.fixture
async def tenant(store: Neo4jStore) -> str:
    """A tenant of this test's own."""
    name = f"brand-{uuid.uuid4().hex[:12]}"
    await store.create_tenant(name)
    return name


def test_an_address_is_taken_apart() -> None:
    """User, password and database come from the URL, percent-decoded; what may be shown holds none of them."""
    address = Address.of("neo4j+s://me:p%40ss%2Fw@graph.example:7688/people?policy=eu")
    assert ("neo4j+s://graph.example:7688?policy=eu", True, "people") == (address.uri, address.is_routed, address.database)
    assert ("me", "p@ss/w") == address.auth
    assert "p@ss" not in repr(address)
    assert None is Address.of("bolt://localhost").auth


@pytest.mark.parametrize("url", ["bolt://", "bolt://me:s3cret@:7687", "neo4j://me:s3cret@host:port", "http://me:s3cret@host"])
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    """A URL that cannot be read is refused in words that do not repeat it."""
    with pytest.raises(StoreRefused) as refused:
        Address.of(url)
    assert "s3cret" not in str(refused.value)


async def test_nobody_there_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing listens the store is unavailable; neither the error nor any log line holds the password."""
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as unavailable:
        await open_neo4j("bolt://me:s3cret@127.0.0.1:9", secret=SECRET, clock=lambda: NOW)
    assert "bolt://127.0.0.1:9" in str(unavailable.value)
    assert "s3cret" not in caplog.text + str(unavailable.value)


async def test_another_secret_is_refused(store: Neo4jStore, neo4j_uri: str) -> None:
    """A store opens with the secret that made its keys and with no other."""
    assert VERSION == (await store.health())["schema"]
    with pytest.raises(StoreRefused, match="another secret"):
        await open_neo4j(neo4j_uri, secret=b"not that one", clock=lambda: NOW)


async def test_a_newer_schema_is_refused(store: Neo4jStore, neo4j_uri: str) -> None:
    """A store of a later version is not opened, and stays as it is."""
    assert VERSION == (await store.health())["schema"]
    neo4j_door.run(neo4j_uri, "MATCH (s:Schema) SET s.version = 99")
    try:
        with pytest.raises(StoreRefused, match="newer"):
            await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW)
        assert [{"version": 99}] == neo4j_door.run(neo4j_uri, "MATCH (s:Schema) RETURN s.version AS version")
    finally:
        neo4j_door.run(neo4j_uri, "MATCH (s:Schema) SET s.version = $version", version=VERSION)


async def test_conflicts_of_version_1_find_their_namespace(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """A conflict that was stored before conflicts named a namespace is listed by it once the store was opened again."""
    cast = Cast(store.keys(tenant))
    a, one, two = cast.open_id("wxa", "a"), cast.external_id("member", "1"), cast.external_id("member", "2")
    phone, link = cast.external_id("phone", "1"), step(a, two)
    kept = replace(cast.conflict(a, two, kind=ConflictKind.TWO_VALUES_ONE_NAMESPACE), refused=link, kept=(step(a, one), step(a, phone)))
    await write(store, tenant, together(a, one, two, phone, kept))
    neo4j_door.run(neo4j_uri, "MATCH (s:Schema) SET s.version = 1 WITH s MATCH (k:Conflict) REMOVE k.namespace")
    await (await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW)).close()
    _, found = await store.conflict_page(tenant, ConflictFilter(namespace="member"), Page())
    assert [replace(kept, namespace="member")] == [one.row for one in found.items]


async def test_routing_reads_what_was_written(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """By `neo4j://` questions go where reads go, and see what the same store wrote before."""
    assert [tenant] == await store.tenants()
    routed = await open_neo4j(neo4j_uri.replace("bolt://", "neo4j://"), secret=SECRET, clock=lambda: NOW, warns=True)
    try:
        cast = Cast(routed.keys(tenant))
        for n in range(5):
            one = cast.open_id("wxa", f"o{n}")
            await write(routed, tenant, together(one, cast.seen(one)))
            _, [found] = await routed.customers(tenant, [one.key])
            assert [one] == [*found.members] if found else None
    finally:
        await routed.close()


async def test_sixteen_writers_share_no_turn(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """However many write at once, by however many stores, each turn has a number of its own and sees what the one before wrote."""
    cast = Cast(store.keys(tenant))
    turns: list[int] = []

    def scope_of(_: object) -> Scope:
        return people(cast.open_id("wxa", "shared").key)

    def decide(seen: Loaded) -> tuple[Writes, int]:
        times = max((member.times for member in seen.members.values()), default=0) + 1
        shared = replace(cast.open_id("wxa", "shared"), times=times)
        return together(shared, cast.seen(shared, times=times)), seen.turn

    other = await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW, warns=True)
    try:
        turns = await asyncio.gather(*((store, other)[n % 2].write(tenant, scope_of, decide) for n in range(64)))
    finally:
        await other.close()
    assert list(range(1, 65)) == sorted(turns)
    seen = await loaded(store, tenant, scope_of(None))
    assert [64] == [member.times for member in seen.members.values()]


async def test_the_brand_is_drawn(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """Relationships of the registry follow its nodes: one BINDS per epoch, drawn anew with every change."""
    keys = store.keys(tenant)
    company, other = (Entity(key=keys.entity(e), entity_id=e, name=e, kind=EntityKind.COMPANY) for e in "eo")
    platforms = [
        OpenPlatform(key=keys.open_platform(p), open_app_id=p, name=p, entity_key=owner.key) for p, owner in (("a", company), ("b", other))
    ]
    shop = Touchpoint(key=keys.touchpoint("wx"), app_id="wx", kind=TouchpointKind.WEBSITE_APP, name="Shop", entity_key=company.key)
    first, second = (
        Binding(key=Key(name * 22), touchpoint_key=shop.key, platform_key=platform.key, starts=starts, path=path)
        for name, platform, starts, path in zip("12", platforms, (SINCE_EVER, 500), (BindingPath.CONSOLE, BindingPath.API), strict=True)
    )
    nodes: list[Node] = [company, other, *platforms, shop, first, second]
    await write(store, tenant, Writes(put=nodes))
    ask: LiteralString = (
        "MATCH (p:OpenPlatform {tenant: $tenant})-[b:BINDS]->(:Touchpoint) "
        "RETURN p.name AS p, b.from AS since, b.to AS until, b.path AS path, b.relation AS relation ORDER BY p"
    )
    drawn = neo4j_door.run(neo4j_uri, ask, tenant=tenant)
    expected: list[dict[str, object]] = [
        {"p": "a", "since": None, "until": 500, "path": "CONSOLE", "relation": "SAME"},
        {"p": "b", "since": 500, "until": None, "path": "API", "relation": "DIFFERENT"},
    ]
    assert expected == drawn
    await write(store, tenant, Writes(drop=[second]))
    assert [{**expected[0], "until": None}] == neo4j_door.run(neo4j_uri, ask, tenant=tenant)
    owned = neo4j_door.run(neo4j_uri, "MATCH (:Entity {tenant: $tenant})-[r:OWNS|OPERATES]->() RETURN count(r) AS n", tenant=tenant)
    assert [{"n": 3}] == owned


async def test_retired_but_named_leaves_a_bare_key(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """An identifier retired while a roll-up hangs on it is no member any more, but the roll-up is kept; what nothing names is gone."""
    cast = Cast(store.keys(tenant))
    union, member, lonely = cast.union_id("p", "u"), cast.external_id("member", "1"), cast.external_id("member", "2")
    await write(store, tenant, together(union, member, lonely, cast.unlinked(union, member)))
    await write(store, tenant, Writes(retired=[union.key, lonely.key], ended=[union.customer, lonely.customer]))
    there = "MATCH (n:Identifier {tenant: $tenant}) RETURN n.key AS key, size(keys(n)) AS n ORDER BY n"
    left = neo4j_door.run(neo4j_uri, there, tenant=tenant)
    assert [union.key, member.key] == [row["key"] for row in left]
    seen = await loaded(store, tenant, people(member.key))
    assert {member.key} == set(seen.members)
    assert 1 == len(seen.rollups)
    assert [] == neo4j_door.run(neo4j_uri, "MATCH (a:WeChatAccount {tenant: $tenant}) RETURN a.key", tenant=tenant)


async def test_touchpoints_total_is_what_was_issued(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """Every OpenID of a registered touchpoint is issued by it exactly once, however often it is written."""
    cast = Cast(store.keys(tenant))
    await write(store, tenant, Writes(put=[cast.touchpoint("wxa")]))
    everybody = [cast.open_id("wxa", f"o{n}") for n in range(3)]
    for _ in range(2):
        await write(store, tenant, together(*everybody, *(customer(one) for one in everybody)))
    issued = "MATCH (:Touchpoint {tenant: $tenant})-[r:ISSUED]->(o) RETURN count(r) AS drawn, count(DISTINCT o) AS people"
    assert [{"drawn": 3, "people": 3}] == neo4j_door.run(neo4j_uri, issued, tenant=tenant)


def test_statements_take_one_map() -> None:
    """Every statement takes one parameter: else Neo4j would plan it anew for each combination of types and sizes."""
    assert [] == [name for name in names() if "$" in text(name).replace("$given.", "").replace(":$(row.", "")]


async def test_a_torn_customer_is_never_given(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """A customer one of whose members is missing, of another turn or somebody else's by now is not answered, by itself or in a page."""
    cast = Cast(store.keys(tenant))
    one, two, phone = cast.open_id("wxa", "one"), cast.open_id("wxb", "two"), cast.external_id("phone", "1")
    here = [one, replace(two, customer=one.key), replace(phone, customer=one.key)]
    row = customer(*here)
    torn = [replace(row, size=4), replace(row, turn=2), replace(row, size=2)]
    moved = "MATCH (n:Identifier {key: $key}) SET n.customer = n.key"
    for wrong in (*torn, row):
        neo4j_door.plant(neo4j_uri, tenant, together(*here, wrong), 1)
        if wrong is row:
            assert 3 == len((await store.customer_page(tenant, CustomerFilter(), Page(limit=5)))[1].items[0].members)
            neo4j_door.run(neo4j_uri, moved, key=phone.key)
        with pytest.raises(StoreUnavailable, match="changing faster"):
            await store.customers(tenant, [one.key])
        with pytest.raises(StoreUnavailable, match="changing faster"):
            await store.customer_page(tenant, CustomerFilter(), Page(limit=5))


async def test_what_is_deleted_while_it_is_read_is_read_again(store: Neo4jStore, tenant: str, neo4j_uri: str) -> None:
    """A node that went between being found and being read comes without properties: whoever asked is answered as it is afterwards."""
    cast = Cast(store.keys(tenant))
    one, phone = cast.open_id("wxa", "one"), replace(cast.external_id("phone", "1"), customer=cast.open_id("wxa", "one").key)
    neo4j_door.plant(neo4j_uri, tenant, together(one, phone, cast.claims(one, phone), customer(one, phone)), 1)
    asked = 0

    async def ask(text: LiteralString, **parameters: object) -> Any:  # noqa: ANN401  # an answer may hold anything
        nonlocal asked
        asked += 1
        answer = await store.bolt.read(text, **parameters)
        return _deleted(answer) if asked % 2 else answer

    reading = Neo4jReading(ask, Registries(), tenant)
    _, (found,) = await neo4j_people.customers(ask, tenant, [phone.key])
    assert found is not None
    assert {one.key, phone.key} == {member.key for member in found.members}
    _, page = await neo4j_people.open_id_page(ask, tenant, Key(one.scope), Page(limit=5))
    assert [one.key] == [member.key for member in page.items]
    assert {one.key, phone.key} == {holding.key for holding in await reading.holdings(None, 5)}
    assert [one.key] == [row.key for row in await reading.customers(None, 5)]
    assert 2 * 4 == asked


def _deleted(answer: Any) -> Any:  # noqa: ANN401  # an answer may hold anything
    """The same with every list of values as those of a deleted node are."""
    if not isinstance(answer, list):
        return answer
    is_values = len(answer) > len(("type", "from", "to", "values")) and isinstance(answer[0], str)
    return [None] * len(answer) if is_values else [_deleted(part) for part in answer]
