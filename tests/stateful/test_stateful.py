"""Whatever is done to a brand, step by step and in any order, the API and a plain model of it say the same, on every store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stateful.driving import drive, fresh_neo4j, fresh_sqlite, how_many, rare

pytestmark = pytest.mark.histories


async def test_sqlite_does_what_the_model_says(tmp_path: Path) -> None:
    """On SQLite whatever is done ends as in the model, after every step that leaves no job to finish; and all of it came up."""
    counted = await drive(fresh_sqlite(tmp_path), how_many("sqlite"))
    assert [] == rare(counted)


async def test_neo4j_does_what_the_model_says(neo4j_uri: str) -> None:
    """On Neo4j whatever is done ends as in the model, after every step that leaves no job to finish."""
    await drive(fresh_neo4j(neo4j_uri), how_many("neo4j"))
