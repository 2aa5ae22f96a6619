"""A real Neo4j for tests: which one this machine can start, and how to start, kill and end it. What tests ask of it is elsewhere.

The first that works: a server named by NEO4J_URI; the published jars, by Maven and Java; a container. Ours listen on loopback only,
without a password, on a free port, on a folder of their own, and die with the process that started them, however it dies.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from neo4j import GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

POM = Path(__file__).parent / "neo4j" / "pom.xml"
IMAGE = "neo4j:5.26-community"
HOW_TO_GET_IT = "install Maven and Java 17 (Debian: apt install maven default-jre-headless), or start Docker, or set NEO4J_URI"

JAVA_AT_LEAST = 17
FETCH_TIMEOUT = 900  # seconds for about 120 MB of jars or an image, once
START_TIMEOUT = 180  # seconds; 13 are usual
STOP_TIMEOUT = 30  # seconds for an orderly end before it is killed

CONFIGURATION = """\
server.default_listen_address=127.0.0.1
server.default_advertised_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
server.memory.heap.initial_size=512m
server.memory.heap.max_size=1g
server.memory.pagecache.size=256m
db.tx_log.preallocate=false
dbms.cypher.min_replan_interval=1h
"""
FOR_SHORT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A server that lives for minutes: Java's second compiler would take two fifths of its time and pay back hours later."""
OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch")

# Run by a fresh interpreter, which then becomes the server: Linux sends it SIGKILL (9) when the thread that started it is gone.
DIE_WITH_PARENT = """\
import ctypes, os, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != parent:
    sys.exit("the process that wanted this server is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Neo4jUnavailableError(Exception):
    """No Neo4j could be had; the message says why and how to get one."""


def driver_arguments(uri: str) -> tuple[str, tuple[str, str] | None]:
    """The URI without user and password, and these two apart, as the driver wants them."""
    parts = urlsplit(uri)
    if parts.username is None:
        return uri, None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, (unquote(parts.username), unquote(parts.password or ""))


def why_unreachable(uri: str) -> str | None:
    """What the driver says when it cannot connect; None once it can."""
    address, auth = driver_arguments(uri)
    try:
        with GraphDatabase.driver(address, auth=auth, connection_timeout=5) as driver:
            driver.verify_connectivity()
    except (DriverError, Neo4jError, OSError) as error:
        return str(error)
    return None


class OwnServer(ABC):
    """A server that tests start, kill and start again on the same folder and port."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="uniongraph-neo4j-"))
        self.port = _free_port()
        self._log = self.home / "console.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it answers; with `neo4j` in place of `bolt` the driver routes by the server's own table."""
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process of the server, while it runs."""
        return self._process.pid if self._process else None

    @abstractmethod
    def _command(self) -> list[str]:
        """What runs the server in the foreground."""

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", DIE_WITH_PARENT, str(os.getpid()), *self._command()],
                stdin=subprocess.PIPE,  # a container ends when this closes
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal ends the tests first
            )
        deadline = time.monotonic() + START_TIMEOUT
        while (reason := why_unreachable(self.uri)) is not None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                last = self._log.read_text(errors="replace").strip()[-2000:]
                raise Neo4jUnavailableError(f"Neo4j did not start: {reason}\n{last}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End it as a power cut would: kill -9, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def remove(self) -> None:
        """Kill it and delete its folder."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for sign in (how, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT)
                break
        if process.stdin is not None:
            process.stdin.close()


class JarServer(OwnServer):
    """The published jars, run by this machine's Java."""

    def __init__(self, java: str, jars: Path) -> None:
        super().__init__()
        self._java = java
        self._jars = jars
        configuration = self.home / "conf"
        configuration.mkdir()
        (self.home / "logs").mkdir()
        (configuration / "neo4j.conf").write_text(CONFIGURATION.format(port=self.port))

    def _command(self) -> list[str]:
        opened = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
        where = [f"--home-dir={self.home}", f"--config-dir={self.home / 'conf'}"]
        return [
            self._java,
            "-cp",
            f"{self._jars}/*",
            *FOR_SHORT,
            "-Xms512m",
            "-Xmx1g",
            *opened,
            "org.neo4j.server.CommunityEntryPoint",
            *where,
        ]


class ContainerServer(OwnServer):
    """The published image. Its first process waits for our end of the pipe, so that it ends with us."""

    def __init__(self, docker: str) -> None:
        super().__init__()
        self._docker = docker
        self._name = self.home.name

    def _command(self) -> list[str]:
        inside = f"NEO4J_server_bolt_advertised__address=127.0.0.1:{self.port} /startup/docker-entrypoint.sh neo4j & cat >/dev/null"
        settings = ["-e", "NEO4J_AUTH=none", "-v", f"{self._name}:/data", "-p", f"127.0.0.1:{self.port}:7687"]
        return [self._docker, "run", "--rm", "-i", "--name", self._name, *settings, "--entrypoint", "sh", IMAGE, "-c", inside]

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            action = "kill" if how is signal.SIGKILL else "stop"
            _run([self._docker, action, self._name], STOP_TIMEOUT)
        super()._end(how)

    def remove(self) -> None:
        """Kill it, delete its data and its folder."""
        super().remove()
        _run([self._docker, "volume", "rm", "--force", self._name], STOP_TIMEOUT)


def own_server() -> OwnServer:
    """A server that is not started yet, by the first way this machine has."""
    if (java := _java()) and (maven := shutil.which("mvn")):
        return JarServer(java, _jars(maven))
    docker = shutil.which("docker")
    if docker and _run([docker, "version", "--format", "{{.Server.Version}}"], 20).returncode == 0:
        pulled = _run([docker, "pull", "--quiet", IMAGE], FETCH_TIMEOUT)
        if pulled.returncode != 0:
            raise Neo4jUnavailableError(f"the image {IMAGE} could not be fetched: {pulled.stdout.strip()[-500:]}")
        return ContainerServer(docker)
    raise Neo4jUnavailableError(HOW_TO_GET_IT)


def _run(command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it wrote to either stream is in stdout, and a time-out or a failed start is an exit status too."""
    try:
        return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, stdout=str(error))


def _java() -> str | None:
    """The machine's Java, where it is new enough."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        return None
    found = re.search(r'version "(\d+)', _run([java, "-version"], 20).stdout)
    return java if found and int(found[1]) >= JAVA_AT_LEAST else None


def _jars(maven: str) -> Path:
    """The folder of the server's jars, fetched by Maven where it is missing and put in place whole."""
    found = re.search(r"<neo4j\.version>([\d.]+)<", POM.read_text())
    if found is None:
        raise Neo4jUnavailableError(f"{POM} names no neo4j.version")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uniongraph"
    jars = cache / f"neo4j-{found[1]}-jars"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    arriving = Path(tempfile.mkdtemp(prefix="arriving-", dir=cache))
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={arriving}"]
    fetched = _run([maven, "-q", "-B", "-f", str(POM), *copy], FETCH_TIMEOUT)
    if fetched.returncode == 0:
        with suppress(OSError):  # another run was faster
            arriving.rename(jars)
    shutil.rmtree(arriving, ignore_errors=True)
    if not jars.is_dir():
        raise Neo4jUnavailableError(f"Maven could not fetch the jars of Neo4j: {fetched.stdout.strip()[-500:]}")
    return jars


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
