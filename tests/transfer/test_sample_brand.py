"""The sample brand, with the mistakes of its table, goes from SQLite to Neo4j and back."""

from __future__ import annotations

import uuid
from pathlib import Path

from app.demo.brand import _bindings, _registrations
from app.ingest.table import Import
from app.ingest.table_file import open_table
from app.sandbox import make_brand
from app.sandbox.table import write_table
from graph.stores import open_store
from graph.tenant import Tenant
from tests.api.asking import Api, StandingClock
from tests.concurrency.everything import from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.stores.harness import SECRET
from tests.transfer.moving import brought_in, exported, unlike

PEOPLE = 60
NAME = f"linjian-{uuid.uuid4().hex[:8]}"


async def test_the_sample_brand_goes_to_neo4j_and_back(tmp_path: Path, neo4j_uri: str) -> None:
    """What the brand registered and imported on SQLite is the same on Neo4j, and the same again in another file."""
    brand, clock, uri = make_brand(people=PEOPLE), StandingClock(), neo4j_uri
    urls = [f"sqlite:///{tmp_path / 'one.db'}", uri, f"sqlite:///{tmp_path / 'two.db'}"]
    stores = [open_store(url, secret=SECRET, clock=clock) for url in urls]
    async with stores[0] as one, stores[1] as middle, stores[2] as two:
        await one.create_tenant(NAME)
        api = Api(one, clock, tenant=NAME)
        for mutation, given in (*_registrations(brand), *_bindings(brand)):
            await api.do(mutation, "", **{name: value for name, value in given.items() if value is not None})
        await api.rescoped()
        table = tmp_path / "table.csv"
        with table.open("w", encoding="utf-8") as file:
            write_table(brand, file)
        tally = await Import(Tenant(one, NAME), open_table(table), "one").run()
        assert PEOPLE < tally.applied
        await exported(Tenant(one, NAME), tmp_path / "one.jsonl")
        assert 0 == (await brought_in(middle, NAME, tmp_path / "one.jsonl")).rejected
        await exported(Tenant(middle, NAME), tmp_path / "middle.jsonl")
        assert 0 == (await brought_in(two, NAME, tmp_path / "middle.jsonl")).rejected
        origin = from_sqlite(tmp_path / "one.db", NAME)
        assert [] == unlike(origin, from_neo4j(uri, NAME))
        assert [] == unlike(origin, from_sqlite(tmp_path / "two.db", NAME))
        assert [] == differences(from_sqlite(tmp_path / "two.db", NAME), two.keys(NAME))
