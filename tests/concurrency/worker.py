"""A process that does jobs: python -m tests.concurrency.worker URL SECRET TENANT AHEAD. Its last line says how many it ended.

AHEAD is by how many milliseconds its clock runs ahead: so a lease runs out without anybody waiting for it.
"""

from __future__ import annotations

import asyncio
import sys

from graph.policy_walk import run_policy_changes
from graph.stores import open_store
from graph.upkeep import new_owner, run_rescopes
from tests.concurrency import brand


async def work(url: str, secret: str, ahead: int) -> int:
    """Do every job that nobody holds."""
    async with open_store(url, secret=secret.encode(), clock=lambda: brand.now() + ahead) as store:
        sys.stdout.write("at work\n")
        sys.stdout.flush()
        return await run_rescopes(store, new_owner()) + await run_policy_changes(store, new_owner())


if __name__ == "__main__":
    _, url_given, secret_given, _, ahead_given = sys.argv
    sys.stdout.write(f"{asyncio.run(work(url_given, secret_given, int(ahead_given)))}\n")
