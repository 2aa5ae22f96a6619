"""An export that is written while others write: it is right although not all of it is of one moment."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from app.transfer.exporting import Export
from app.transfer.lines import RELEASED, Header
from graph.bindings import TouchpointKind
from graph.evidence import ResolutionSource
from graph.quarantine import Quarantined
from graph.record import record_resolutions
from graph.registry import register_touchpoint
from graph.rows import ExternalRef, Row
from graph.stores import open_store
from graph.tenant import Tenant
from graph.upkeep import rescope, take
from tests.concurrency import brand
from tests.concurrency.everything import from_sqlite
from tests.concurrency.neo4j_door import from_neo4j
from tests.concurrency.rebuild import differences
from tests.stores.harness import SECRET
from tests.transfer.moving import MADE, brought_in, unlike

WAITING = 3


@pytest.mark.parametrize("released_after", ["rows in quarantine", "evidence"])
async def test_what_is_released_meanwhile_is_there_once(neo4j_uri: str, tmp_path: Path, released_after: str) -> None:
    """Rows that leave quarantine while Neo4j is exported, before its evidence is read or after, arrive as evidence, and wait nowhere."""
    name, file, there = f"beside {secrets.token_hex(4)}", tmp_path / "export.jsonl", tmp_path / "there.db"
    async with open_store(neo4j_uri, secret=SECRET, clock=brand.now) as one:
        await one.create_tenant(name)
        tenant = Tenant(one, name)
        await brand.found(tenant)
        await record_resolutions(tenant, [row("wxapp0", "here"), *(row(brand.LATE, f"late{n}") for n in range(WAITING))])
        export, written = Export(tenant, Header.of(tenant.keys, "test", MADE)), b""
        steps = iter(["header", "rows in quarantine", "evidence"])
        async for chunk in export.lines():
            written += chunk
            if next(steps, None) == released_after:
                await release(tenant)
        file.write_bytes(written)
        assert WAITING == export.counts[RELEASED] == export.counts[Quarantined.__name__]
    async with open_store(f"sqlite:///{there}", secret=SECRET, clock=brand.now) as two:
        assert 0 == (await brought_in(two, name, file)).rejected
        origin, arrived = await asyncio.to_thread(from_neo4j, neo4j_uri, name), from_sqlite(there, name)
        assert [] == unlike(origin, arrived)
        assert [] == differences(arrived, two.keys(name))
        assert 1 + WAITING + 1 == len(arrived.members)  # with the number that all of them claim
        assert {} == dict(arrived.waiting)


def row(app: str, name: str) -> Row:
    """Somebody of one family."""
    external = ExternalRef(namespace="crm", value="the family's")
    return Row(app_id=app, open_id=name, observed=brand.now() - brand.HOUR, source=ResolutionSource.IMPORT, external_ids=(external,))


async def release(tenant: Tenant) -> None:
    """The touchpoint becomes known, and its rows are applied."""
    await register_touchpoint(tenant, brand.LATE, kind=TouchpointKind.MINI_PROGRAM, name="Late")
    for job in [job for name, job in await tenant.store.jobs(tenant.now()) if name == tenant.name]:
        held = await take(tenant, job.key, "tests")
        if held is not None:
            await rescope(tenant, held, "tests")
