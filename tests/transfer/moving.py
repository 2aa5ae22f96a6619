"""A tenant on its way from store to store by a file, and how two of them are held side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from app.transfer.export_file import open_export
from app.transfer.exporting import Export
from app.transfer.importing import Progress, Restoration
from app.transfer.lines import Header
from graph.accounts import Touchpoint
from graph.decisions import Decision
from graph.node import Node
from graph.quarantine import Quarantined
from graph.rebuild import Picture, apart
from graph.stores import Store
from graph.stores.mapping import REGISTRY_NODES
from graph.tenant import Tenant
from tests.concurrency.everything import Everything
from tests.concurrency.rebuild import open_conflicts

MADE = "2026-11-26T00:00:00+00:00"


async def exported(tenant: Tenant, path: Path) -> Export:
    """Write an export."""
    export = Export(tenant, Header.of(tenant.keys, "test", MADE))
    path.write_bytes(b"".join([chunk async for chunk in export.lines()]))  # noqa: ASYNC240  # a small local file
    return export


async def brought_in(store: Store, name: str, path: Path) -> Progress:
    """Bring an export into a tenant."""
    tenant = Tenant(store, name)
    return await Restoration(tenant, open_export(path, tenant.keys)).run()


def unlike(one: Everything, two: Everything) -> list[str]:
    """In what two stores differ; the feed, jobs, turns and versions are each store's own."""
    return list(_unlike(one, two))


def _unlike(one: Everything, two: Everything) -> Iterator[str]:
    yield from one.oddities + two.oddities
    yield from (f"{found.part.value}: {found.stored} and {found.follows}" for found in apart(_picture(one), _picture(two)))
    evidence = [{key: stored.rollup for key, stored in side.rollups.items()} for side in (one, two)]
    yield from (f"{a} and {evidence[1].get(key)}" for key, a in evidence[0].items() if evidence[1].get(key) != a)
    yield from (f"{key} is new" for key in evidence[1].keys() - evidence[0].keys())
    sides = [sorted(map(_plain, side.nodes), key=repr) for side in (one, two)]
    kept = [[node for node in side if isinstance(node, (*REGISTRY_NODES, Decision, Quarantined))] for side in sides]
    yield from (f"{node} is on one side only" for node in kept[0] + kept[1] if not (node in kept[0] and node in kept[1]))
    if one.policy != two.policy:
        yield "the policies differ"


def _picture(side: Everything) -> Picture:
    waiting = {key: node for key, node in side.waiting.items() if node.holder}
    conflicts = {row.key: row for row in open_conflicts(side)}
    return Picture(members=side.members, customers=side.customers, rollups=side.rollups, conflicts=conflicts, waiting=waiting)


def _plain(node: Node) -> Node:
    """Without the version under which it was scoped, and how often a UnionID came of which one end waits."""
    if isinstance(node, Touchpoint):
        return replace(node, scope_version=0)
    if isinstance(node, Quarantined) and node.holder:
        return replace(node, last=0, times=0)
    return node
