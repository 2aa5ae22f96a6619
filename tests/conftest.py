"""What every test may ask for: a real Neo4j, and the promise that no test talks to another machine."""

import atexit
import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog

ASSERTING = {entry.stem for entry in Path(__file__).parent.iterdir()} - {"__init__", "__pycache__", "conftest"}
pytest.register_assert_rewrite(*(f"tests.{name}" for name in ASSERTING))  # contract suites assert, too

from tests.neo4j_server import Neo4jUnavailableError, OwnServer, own_server, why_unreachable  # noqa: E402 - after its registration

pytest_plugins = ["tests.resolver.whole_run"]
NEO4J_FIXTURES = {"neo4j_uri", "neo4j_server", "neo4j_can_be_started"}
LONGEST_FIRST = ("neo4j", "histories")
"""Marks of tests that are dealt out first where several processes share the work, so that they end together."""
GIVEN_URI = os.environ.get("NEO4J_URI", "")
RAM_DISK = Path("/dev/shm")  # noqa: S108  # what is made there is made by tempfile
ROOM = 4 * 2**30
"""Bytes that must be free there."""


def pytest_configure() -> None:
    """Close the way out: whatever connects from this process may reach this machine only; and keep files in memory."""
    sys.addaudithook(_loopback_only)
    if "TMPDIR" not in os.environ and RAM_DISK.is_dir() and os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(RAM_DISK)


def _loopback_only(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect":
        return
    address = arguments[1]
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    if not host or host in {"localhost", urlsplit(GIVEN_URI).hostname}:
        return  # a local socket, or the server that was named on purpose
    try:
        allowed = GIVEN_URI != "" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise RuntimeError(f"a test tried to reach {host}; tests talk to this machine only")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs Neo4j, so that `-m "not neo4j"` leaves it out."""
    for item in items:
        if NEO4J_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.neo4j)
        if item.get_closest_marker("neo4j") and GIVEN_URI:
            item.own_markers = [mark for mark in item.own_markers if mark.name != "xdist_group"]
            item.add_marker(pytest.mark.xdist_group("neo4j"))  # there is one server, and tests wipe it: one group
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in LONGEST_FIRST])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of a group share a database: better none of them runs than that several processes empty it."""
    if getattr(item.config.option, "loadgroup", False) and item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
        pytest.fail("pytest-xdist no longer keeps the tests of a group in one process", pytrace=False)


def _no_neo4j(reason: object) -> None:
    """Skip, or fail where Neo4j is required; either way say how to get it."""
    if os.environ.get("REQUIRE_NEO4J", "0") not in {"", "0"}:
        pytest.fail(f"REQUIRE_NEO4J is set, but there is no Neo4j: {reason}", pytrace=False)
    pytest.skip(f"no Neo4j: {reason}")


def _started() -> OwnServer:
    try:
        server = own_server()
        atexit.register(server.remove)
        server.start()
    except Neo4jUnavailableError as error:
        _no_neo4j(error)
        raise
    return server


@pytest.fixture(autouse=True)
def _no_logs_set_up() -> Iterator[None]:
    """A test that sets logging up, as the service does at its start, leaves the next one the defaults."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def neo4j_uri() -> Iterator[str]:
    """The URI of a real Neo4j for the whole session: the one NEO4J_URI names, else one of our own. Its content is anybody's."""
    if GIVEN_URI:
        if (reason := why_unreachable(GIVEN_URI)) is not None:
            pytest.fail(f"NEO4J_URI names a server that does not answer: {reason}", pytrace=False)
        yield GIVEN_URI
        return
    server = _started()
    yield server.uri
    server.remove()


@pytest.fixture
def neo4j_server() -> Iterator[OwnServer]:
    """A started server for one test alone, which may kill it and start it again."""
    server = _started()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def neo4j_can_be_started() -> None:
    """For tests that start servers in processes of their own: this machine can."""
    try:
        own_server().remove()
    except Neo4jUnavailableError as error:
        _no_neo4j(error)
