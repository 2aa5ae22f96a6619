"""How Neo4j answers: by which indexes, and with which pattern. Plans are asked of a real server."""

from __future__ import annotations

from itertools import chain
from typing import Any, LiteralString

import pytest

from graph.stores.neo4j import open_neo4j
from graph.stores.neo4j.migrate import STEPS
from graph.stores.neo4j.shapes import COLUMNS
from graph.stores.neo4j.texts import names, text
from tests.stores import neo4j_door
from tests.stores.harness import NOW, SECRET

FRAGMENTS = {"aggregates", "holdings", "conflicts_found", "nodes_found", "merged", "merged_count", "customers_chosen", "filters"}
"""Ends of other statements, which do not run by themselves."""
SCANS = (
    *("AllNodesScan", "NodeByLabelScan", "DirectedAllRelationshipsScan", "RelationshipTypeScan", "AllRelationshipsScan"),
    *("NodeIndexScan", "DirectedRelationshipIndexScan", "UndirectedRelationshipIndexScan"),
)
FULL_BY_INTENT = {"tenants", *chain(*STEPS.values())}
"""Lists every tenant; brings everything that an older version wrote up to date, once."""


@pytest.fixture
async def uri(neo4j_uri: str) -> str:
    """A server with our schema."""
    neo4j_door.wipe(neo4j_uri, SECRET)
    store = await open_neo4j(neo4j_uri, secret=SECRET, clock=lambda: NOW, warns=True)
    await store.close()
    neo4j_door.run(neo4j_uri, "CALL db.prepareForReplanning()")  # not by the statistics that other tests left behind
    return neo4j_uri


def whole(name: str, *, is_backward: bool = False) -> str:
    """A statement as it is sent."""
    ends: dict[str, tuple[LiteralString, ...]] = {
        "walk_": ("customers_chosen",),
        "customers": ("aggregates",),
        "named": ("aggregates",),
        "conflicts_here": ("conflicts_found",),
        "conflicts_of_": ("merged", "conflicts_found"),
        "page_by_kind": ("merged", "nodes_found"),
        "jobs_of_": ("merged", "nodes_found"),
        "decisions_": ("merged", "nodes_found"),
        "holdings_": ("holdings",),
    }
    parts = next((parts for begin, parts in ends.items() if name.startswith(begin)), ("nodes_found",) if name == "page" else ())
    return "\n".join([text(name, then=next(iter(parts), None), is_backward=is_backward), *map(text, parts[1:])])


def operators(uri: str, statement: str) -> list[tuple[str, str]]:
    """The plan's operators with their details, leaves last."""
    return neo4j_door.plan(uri, statement, {"member": COLUMNS["member"]})


async def test_every_statement_is_planned_by_index(uri: str) -> None:
    """No statement looks at all nodes, all of a label, all relationships of a type or a whole index; Neo4j has nothing to remark on any."""
    scans: dict[str, Any] = {}
    for name in set(names()) - FRAGMENTS - FULL_BY_INTENT:
        for is_backward in (False, True):
            found = [operator for operator, _ in operators(uri, whole(name, is_backward=is_backward)) if operator.startswith(SCANS)]
            if found:
                scans[name] = found
    assert {} == scans


async def test_evidence_is_sought_by_its_key(uri: str) -> None:
    """Also where Neo4j knows little of the claims that are there, and would rather look through the whole of their index."""
    claims = "UNWIND range(1, 40) AS n CREATE (:Identifier {key: 'a' + n})-[:CLAIMS {key: 'e' + n}]->(:Identifier {key: 'b' + n})"
    neo4j_door.run(uri, claims)
    neo4j_door.run(uri, "CALL db.clearQueryCaches()")
    for name in ("evidence", "loose_claims"):
        assert [] == [operator for operator, _ in operators(uri, whole(name)) if operator.startswith(SCANS)], name


async def test_raw_components_are_pruned(uri: str) -> None:
    """A raw component is found breadth first, each identifier once, however many paths lead to it."""
    expansions = [operator for operator, _ in operators(uri, whole("load")) if operator.startswith("VarLengthExpand")]
    assert ["VarLengthExpand(Pruning,BFS,All)"] == expansions


@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("name", ["open_ids", "page", "holdings_after", "customer_rows", "conflict_rows"])
async def test_pages_come_sorted_from_the_index(uri: str, name: str, *, is_backward: bool) -> None:
    """A page without a filter is read off an index in its order: nothing is sorted, so nothing is read that is not shown."""
    sorts = ("Sort", "Top", "PartialSort", "PartialTop")
    sorting = [operator for operator, _ in operators(uri, whole(name, is_backward=is_backward)) if operator.startswith(sorts)]
    assert [] == sorting
