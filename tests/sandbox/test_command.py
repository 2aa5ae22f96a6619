"""The command, and the sandbox over real HTTP."""

import argparse
import shutil
import socket
import subprocess

import httpx
import pytest

from app.sandbox.brand import Brand
from app.sandbox.command import add_arguments, introduction, run, running_sandbox


def parsed(*arguments: str) -> argparse.Namespace:
    """The command's options as the program would parse them."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_options() -> None:
    """The sandbox listens on loopback by default and has 5,000 people."""
    assert {"host": "127.0.0.1", "port": 8100, "people": 5_000, "seed": 2026} == vars(parsed())
    assert {"host": "::1", "port": 0, "people": 20, "seed": 1} == vars(parsed("--host=::1", "--port=0", "--people=20", "--seed=1"))


def test_number_of_people_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A senseless number of people is refused with the range."""
    with pytest.raises(SystemExit):
        parsed("--people=0")

    assert "from 1 to 10,000,000" in capsys.readouterr().err


def test_busy_port(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use ends the command with a remedy."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()

        assert 1 == run(parsed(f"--port={busy.getsockname()[1]}"))
    assert "--port 0" in capsys.readouterr().err


def test_over_real_http(brand: Brand) -> None:
    """A login works over a real connection, from the door to the OpenID."""
    program = brand.touchpoints[0]
    with running_sandbox(brand) as address, httpx.Client(base_url=address, trust_env=False) as http:
        code = http.post("/sandbox/login", json={"appId": program.app_id, "person": 4}).json()["code"]
        answer = http.get(
            "/sns/jscode2session",
            params={"appid": program.app_id, "secret": program.secret, "js_code": code, "grant_type": "authorization_code"},
        )

    assert brand.open_id(4, program.app_id) == answer.json()["openid"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_printed_examples_work(brand: Brand) -> None:
    """Every curl line that the command prints runs as it stands, in the order of printing."""
    with running_sandbox(brand) as address:
        text = introduction(brand, address)
        lines = [line.split("      ")[0] for line in text.splitlines() if "curl " in line]
        shell = subprocess.run(  # noqa: S602 - the very text that people paste into a shell
            "\n".join(f"{line}; echo" for line in lines),
            shell=True,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin"},
        )

    assert 10 == len(lines)
    assert all(one.app_id in text and one.secret in text for one in brand.touchpoints)
    assert '"session_key":' in shell.stdout
    assert '"total":' in shell.stdout
    assert '{"appId":"' in shell.stdout
    assert "errcode" not in shell.stdout
