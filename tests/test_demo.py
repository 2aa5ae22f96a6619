"""The demo, as a stranger runs it."""

import socket
import subprocess
import sys


def test_the_demo_answers_both_questions() -> None:
    """`uniongraph demo --once` goes through the whole service and ends with 0 and both answers."""
    command = [sys.executable, "-m", "app", "demo", "--once", "--people", "150"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (0, "") == (ended.returncode, ended.stderr)
    for text in (
        "query TouchpointsOfACustomer",
        "林间会员商城",
        "query AccountsThatMayStillBeBound",
        "BOUND_AT_ONCE: 2 of 50",
        "API_PATH: 2 of 5",
        "As of",
        "with UnionID",
        "known already",
    ):
        assert text in ended.stdout, text


def test_a_taken_port_is_said_plainly() -> None:
    """A port that was asked for and is taken fails with one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "app", "demo", "--once", "--people", "20", "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (1, 1, True) == (ended.returncode, ended.stderr.count("\n"), "--port" in ended.stderr)
