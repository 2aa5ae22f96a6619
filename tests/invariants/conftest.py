"""The histories that every invariant is checked on, dealt out in shares, each told to one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.invariants.told import Told, in_memory, on_neo4j, on_sqlite
from tests.resolver.tally import dealt


def _shares() -> Iterator[object]:
    """One process runs all that is checked on a share, and every check of it before it goes on to the next."""
    for kind in ("pure", "sqlite", "neo4j"):
        for number, seeds in enumerate(dealt(kind)):
            name = f"{kind}-{number}"
            marks = [pytest.mark.xdist_group(f"told {name}"), *([pytest.mark.neo4j] if kind == "neo4j" else [])]
            yield pytest.param((kind, seeds), id=name, marks=marks)


@pytest.fixture(scope="session", params=list(_shares()))
async def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """A share of the histories, told to one store."""
    kind, seeds = request.param
    if kind == "pure":
        yield await in_memory(seeds)
    elif kind == "sqlite":
        async with on_sqlite(seeds, tmp_path_factory.mktemp("told")) as held:
            yield held
    else:
        async with on_neo4j(seeds, request.getfixturevalue("neo4j_uri")) as held:
            yield held
