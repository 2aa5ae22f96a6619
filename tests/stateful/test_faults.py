"""Deliberate faults of the rule turn the state machine red."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import erasure_faults, feed_faults, steward_faults  # noqa: F401  # they enter their faults
from tests.faults.policy_faults import ALL
from tests.stateful.driving import drive, fresh_sqlite

EXAMPLES = 100
"""In so many a fault must show; most show in the first ten."""


@pytest.mark.parametrize("name", ["effect_omits_a_customer", "generic_external_id_ignored", "no_witness", "tombstones_ignored"])
async def test_a_fault_is_noticed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong does not go unnoticed, whichever of its promises the API breaks."""
    patch, _ = ALL[name]
    patch(monkeypatch)
    with pytest.raises(AssertionError):
        await drive(fresh_sqlite(tmp_path), EXAMPLES, shrinks=False)
