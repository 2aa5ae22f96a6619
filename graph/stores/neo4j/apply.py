"""Applying what a turn writes: everything about people in one statement, other nodes in one for each of their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from graph.accounts import REGISTERED, Registry, View
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis, Node
from graph.stores.mapping import REGISTRY_NODES
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask
from graph.stores.neo4j.texts import text
from graph.turn import Loaded, Writes


async def apply(ask: Ask, tenant: str, loaded: Loaded, writes: Writes, now: Millis) -> None:
    """Everything, under the turn's number."""
    if writes == Writes():
        await ask(text("pass"), tenant=tenant, turn=loaded.turn)
        return
    if writes.erased or writes.forgotten:
        forgotten = [{"a": rollup.a, "key": rollup.key} for rollup in writes.forgotten]
        await ask(text("erase"), tenant=tenant, forgotten=forgotten, erased=sorted(writes.erased))
    for label, rows in _by_label(writes.drop).items():
        await ask(text("drop", label=label), tenant=tenant, keys=sorted(row.key for row in rows))
    for label, rows in _by_label(writes.put).items():
        await ask(text("put", label=label), rows=[shapes.properties(row, tenant) for row in _last_of_each(rows)])
    changes_registry = any(isinstance(node, REGISTRY_NODES) for node in (*writes.put, *writes.drop))
    version = loaded.registry.version + bool(changes_registry or writes.policy)
    await ask(text("apply"), **_parameters(tenant, loaded, writes), version=version)
    if changes_registry:
        await ask(text("rewire"), tenant=tenant, **_wires(_registry_after(loaded.registry, writes).view(now)))


def _by_label(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        found[type(node).__name__].append(node)
    return found


def _last_of_each(nodes: Iterable[Node]) -> list[Node]:
    """A node that is put twice is what it was put as last; in the order of keys, so that no two turns wait for each other crosswise."""
    return [node for _, node in sorted({node.key: node for node in nodes}.items())]


def _parameters(tenant: str, loaded: Loaded, writes: Writes) -> dict[str, Any]:
    members = list({one.key: one for one in writes.members}.values())
    accounts = {one.account: one.customer for one in members if one.account}
    rollups = {stored.rollup.key: stored for stored in writes.rollups}
    return {
        "tenant": tenant,
        "turn": loaded.turn,
        "sequence": max([loaded.sequence, *(change.sequence for change in writes.changes)]),
        "blocked": writes.blocked,
        "policy": shapes.policy_text(writes.policy) if writes.policy else None,
        "customers": [shapes.properties(row, tenant) for row in writes.customers],
        "accounts": [{"key": account, "customer": customer} for account, customer in accounts.items()],
        "members": [shapes.member_write(one, tenant) for one in members],
        "issued": [{"key": one.key, "touchpoint": one.scope} for one in members if shapes.is_open_id(one)],
        "rollups": [shapes.rollup_write(stored) for stored in rollups.values()],
        "conflicts": [shapes.conflict_write(row, tenant) for row in writes.conflicts],
        "retired": writes.retired,
        "ended": writes.ended,
        "changes": [shapes.properties(change, tenant) for change in writes.changes],
    }


def _registry_after(before: Registry, writes: Writes) -> Registry:
    """The registry as it will be once these writes are in."""
    nodes: dict[Key, Node] = {key: node for shelf in REGISTERED for key, node in getattr(before, shelf).items()}
    for node in writes.drop:
        nodes.pop(node.key, None)
    nodes |= {node.key: node for node in writes.put if isinstance(node, REGISTRY_NODES)}
    return Registry.of(before.version, nodes.values(), before.policy)


def _wires(view: View) -> dict[str, list[dict[str, Any]]]:
    """The registry's relationships. Epochs are derived from the assertions, so that none can overlap.

    How the two entities stood to each other is said of the day on which an epoch began, which stays true; of one since ever, of today.
    """
    registry = view.registry
    binds = [
        {
            "a": platform.key,
            "b": registry.bindings[bound.key].touchpoint_key,
            "values": {**_span(bound.starts, bound.ends), "path": bound.path.name, "relation": bound.relation_then.name},
        }
        for platform in view.open_platforms
        for bound in view.bound_to(platform)
    ]
    related = [
        {
            "a": relation.entity_key,
            "b": relation.related_key,
            "values": {
                "from": relation.starts_on.isoformat() if relation.starts_on else None,
                "to": relation.ends_on.isoformat() if relation.ends_on else None,
            },
        }
        for relation in registry.relations.values()
    ]
    return {
        "owns": [{"a": platform.entity_key, "b": platform.key} for platform in registry.open_platforms.values()],
        "operates": [{"a": one.entity_key, "b": one.key} for one in registry.touchpoints.values() if one.entity_key],
        "related": related,
        "binds": binds,
    }


def _span(starts: Millis, ends: Millis) -> dict[str, Millis | None]:
    """Since ever and for ever are left out: in the graph an open end is a missing property."""
    return {"from": None if starts == SINCE_EVER else starts, "to": None if ends == FOR_EVER else ends}
