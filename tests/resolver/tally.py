"""How often what the histories are about came up in this run; the terminal's last lines say so."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

COUNTED = ("merges", "splits", "refusals", "sheds", "generic flips", "releases", "re-scopes")
AT_LEAST = {"pure": 50, "sqlite": 50, "neo4j": 10}
"""How often each must come up where as many histories are told as by default."""

TALLIES: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""By store, what happened."""


def how_many(store: str, default: int) -> int:
    """How many histories to tell."""
    return int(os.environ.get(f"HISTORIES_{store.upper()}", "") or default)


def line(store: str) -> str:
    """One line for people."""
    tally = TALLIES[store]
    return f"{store}: {tally['histories']} histories, " + ", ".join(f"{tally[name]} {name}" for name in COUNTED)


def rare(store: str) -> list[str]:
    """What came up too seldom to have been tested."""
    return [name for name in COUNTED if TALLIES[store][name] < AT_LEAST[store]]
