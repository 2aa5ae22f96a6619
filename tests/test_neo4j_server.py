"""The Neo4j that tests use: that it is real, survives kill -9 on the same folder and port, and never outlives its tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from neo4j import AsyncGraphDatabase

from tests.neo4j_server import OwnServer, driver_arguments

ROOT = Path(__file__).parent.parent
# A process that starts a server, tells where, and then waits to be killed.
STARTS_ONE = """
import sys, time
from tests.neo4j_server import own_server
server = own_server()
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


async def _ask(uri: str, statement: str) -> list[object]:
    address, auth = driver_arguments(uri)
    async with AsyncGraphDatabase.driver(address, auth=auth) as driver:
        records, _, _ = await driver.execute_query(statement)
        return [record[0] for record in records]


async def test_it_is_real(neo4j_uri: str) -> None:
    """The server answers the official driver and is of the long-term series 5.26."""
    assert [1] == await _ask(neo4j_uri, "RETURN 1")
    [version] = await _ask(neo4j_uri, "CALL dbms.components() YIELD versions RETURN versions[0]")

    assert str(version).startswith("5.26")


@pytest.mark.crash
async def test_it_survives_a_kill(neo4j_server: OwnServer) -> None:
    """What was committed before kill -9 is there after a start on the same folder and port, routed addresses included."""
    uri = neo4j_server.uri
    await _ask(uri, "CREATE (:Kept {number: 7})")

    neo4j_server.kill()
    neo4j_server.start()

    assert uri == neo4j_server.uri
    assert [7] == await _ask(uri.replace("bolt://", "neo4j://"), "MATCH (k:Kept) RETURN k.number")


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent; elsewhere atexit does, short of kill -9")
def test_it_never_outlives_its_tests(neo4j_can_be_started: None, tmp_path: Path) -> None:
    """A server whose tests were killed with -9 is gone at once."""
    elsewhere = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", STARTS_ONE], cwd=ROOT, env=elsewhere, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        server = int(tests.stdout.readline())
        assert not _gone(server, within=0)
        tests.kill()

    assert _gone(server, within=5)


def _gone(process: int, *, within: float) -> bool:
    """Whether the process has ended; one that nobody has buried yet has ended, too."""
    deadline = time.monotonic() + within
    status = Path(f"/proc/{process}/status")
    while True:
        try:
            if "\nState:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


@pytest.mark.parametrize(
    "uri, expected",
    [
        ("bolt://127.0.0.1:7687", ("bolt://127.0.0.1:7687", None)),
        ("neo4j+s://ann:p%40ss@graph.example:7687", ("neo4j+s://graph.example:7687", ("ann", "p@ss"))),
    ],
    ids=["bare", "with password"],
)
def test_user_and_password_leave_the_uri(uri: str, expected: tuple[str, tuple[str, str] | None]) -> None:
    """User and password are taken from the URI, because the driver refuses them there."""
    assert expected == driver_arguments(uri)
