"""Loading what a turn must see: raw components whole, and what stands at their border. The pattern is in cypher/load.cypher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from graph.accounts import Registry
from graph.decisions import Decision, DecisionKind
from graph.node import Key
from graph.resolve import Crowd
from graph.state import Label, Member
from graph.stores.mapping import from_row
from graph.stores.neo4j import shapes
from graph.stores.neo4j.bolt import Ask, Row
from graph.stores.neo4j.texts import text
from graph.tombstones import Tombstone
from graph.turn import Loaded, Scope


async def load(ask: Ask, tenant: str, scope: Scope, registry: Registry, *, turn: int, sequence: int) -> Loaded:
    """What the scope asks for, under the lock. Once more for as long as SAME decisions name somebody new; there are few of them."""
    partners = scope.decided  # of a UnionID the name of its text, else the identifier's key
    in_use = await _in_use(ask, tenant, scope)
    if _is_empty(scope):
        return Loaded(registry=registry, turn=turn, sequence=sequence, in_use=in_use)
    while True:
        row = await ask(text("load"), tenant=tenant, **_parameters(scope, partners, registry), **shapes.COLUMNS)
        assert row is not None  # noqa: S101  # it always answers
        # Whoever is whole already needs no further look; a UnionID's text does, for it may have more scopes.
        further = _partners(row[3]) - scope.people - scope.expand - frozenset(row[0]) - partners
        if not further:
            found = await ask(text("mentions"), tenant=tenant, mentions=sorted(scope.mentions)) if scope.mentions else None
            loaded = _loaded(row, scope, registry, turn=turn, sequence=sequence, mentions=found[0] if found else [])
            return replace(loaded, in_use=in_use)
        partners |= further


async def _in_use(ask: Ask, tenant: str, scope: Scope) -> frozenset[str]:
    """Those of the namespaces asked for that an external id is in."""
    row = await ask(text("in_use"), tenant=tenant, namespaces=sorted(scope.namespaces)) if scope.namespaces else None
    return frozenset(row[0] if row else ())


def _is_empty(scope: Scope) -> bool:
    return not (scope.people or scope.expand or scope.names or scope.keys or scope.mentions)


def _parameters(scope: Scope, partners: Iterable[Key], registry: Registry) -> dict[str, Any]:
    return {
        "people": sorted(scope.people),
        "expand": sorted(scope.expand),
        "partners": sorted(partners),
        "names": sorted(scope.people | scope.expand | scope.names),
        "decided": sorted(scope.decided),
        "keys": sorted(scope.keys),
        "enough": scope.enough(registry.policy),
    }


def _partners(decisions: Iterable[Mapping[str, Any]]) -> frozenset[Key]:
    """Everybody named by a standing SAME."""
    return frozenset(key for found in decisions if found["kind"] == DecisionKind.SAME.name for key in (found["a"], found["b"]))


def _loaded(row: Row, scope: Scope, registry: Registry, *, turn: int, sequence: int, mentions: Row) -> Loaded:
    whole, members, rollups, decisions, conflicts, customers, crowds, nodes, followed, tombstones = row
    known = {one.key: one for one in map(shapes.member, members)}
    return Loaded(
        registry=registry,
        turn=turn,
        sequence=sequence,
        asked=scope.people | scope.expand,
        whole=frozenset(whole),
        members=known,
        followed=dict(followed),
        rollups=shapes.rollups(rollups),
        decisions={found["key"]: _decision(found) for found in decisions},
        conflicts={one.key: one for one in map(shapes.conflict, conflicts)},
        crowds={key: _crowd(known[key], accounts, neighbours) for key, accounts, neighbours in crowds},
        customers={one.key: one for one in map(shapes.customer, customers)},
        nodes={found["key"]: shapes.node(label, found) for label, found in (*nodes, *mentions)},
        searched=scope.mentions,
        tombstones={found["key"]: from_row(Tombstone, found) for found in tombstones},
    )


def _decision(found: Mapping[str, Any]) -> Decision:
    made = shapes.node(Decision.__name__, found)
    assert isinstance(made, Decision)  # noqa: S101  # its label says so
    return made


def _crowd(generic: Member, accounts: int, neighbours: int) -> Crowd:
    if generic.label is Label.EXTERNAL_ID:
        return Crowd(accounts=accounts)
    return Crowd(slot=generic.crowded, neighbours=neighbours)
