"""A process that records one request with an id: python -m tests.concurrency.requester URL SECRET TENANT ID DIES. It prints the answer.

With DIES it is killed when all is committed, before anybody hears the answer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from graph.evidence import ResolutionSource
from graph.gather import Recorder
from graph.requests import answer_of
from graph.rows import Row
from graph.stores import open_store
from graph.tenant import Tenant
from tests.concurrency import brand

PEOPLE = 30


async def request(url: str, secret: str, name: str, request_id: str, *, dies: bool) -> str:
    """Wait for the word to go, then record the same rows as everybody else."""
    async with open_store(url, secret=secret.encode(), clock=brand.now) as store:
        tenant = Tenant(store, name)
        await store.registry(name)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        rows = [Row(app_id="wxapp2", open_id=brand.open_id_of(n), observed=1000, source=ResolutionSource.IMPORT) for n in range(PEOPLE)]
        results = await Recorder().record(tenant, rows, request_id=request_id)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer_of(results)


if __name__ == "__main__":
    _, url_given, secret_given, tenant_given, id_given, dies_given = sys.argv
    answer = asyncio.run(request(url_given, secret_given, tenant_given, id_given, dies=dies_given == "True"))
    sys.stdout.write(f"{answer}\n")
