"""How often what the histories are about came up in this run, in all of its processes; a run that saw too little of it fails."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

DEFAULTS = {"pure": 2000, "sqlite": 300, "neo4j": 60}
"""How many histories a run tells by default, by store."""
SHARES = {"pure": 4, "sqlite": 4, "neo4j": 4}
"""Tests into which they are dealt out, so that a failure shows early and several cores can help."""
COUNTED = ("merges", "splits", "refusals", "sheds", "generic flips", "releases", "re-scopes")
AT_LEAST = 50
"""How often each must come up where as many histories are told as by default."""

TALLIES: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""By store, what happened."""


def how_many(store: str, default: int | None = None) -> int:
    """How many histories to tell; a property may have a default of its own."""
    return int(os.environ.get(f"HISTORIES_{store.upper()}", "") or default or DEFAULTS[store])


def share_of(store: str, share: int) -> range:
    """The histories of one of its shares."""
    return range(share, how_many(store), SHARES[store])


def line(store: str) -> str:
    """One line for people."""
    tally = TALLIES[store]
    return f"{store}: {tally['histories']} histories, " + ", ".join(f"{tally[name]} {name}" for name in COUNTED)


def rare() -> list[str]:
    """What came up too seldom to have been tested; fewer histories than by default say little about that."""
    enough = [store for store in TALLIES if TALLIES[store]["histories"] >= DEFAULTS[store]]
    return [
        f"{store}: {TALLIES[store][name]} {name}, where {AT_LEAST} are the least"
        for store in enough
        for name in COUNTED
        if TALLIES[store][name] < AT_LEAST
    ]
