"""`uniongraph sandbox`: serves the sample brand and prints what one needs to try it.

Also a sandbox in the background, for demos and tests.
"""

import argparse
import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

from app.sandbox.brand import Brand, TouchpointKind
from app.sandbox.linjian import DEFAULT_PEOPLE, DEFAULT_SEED, make_brand
from app.sandbox.server import sandbox_app

DEFAULT_HOST = "127.0.0.1"
"""Loopback: the secrets are printed and the people invented, but nobody else needs to reach it."""
DEFAULT_PORT = 8100
START_TIME_OUT = 20.0
MOST_PEOPLE = 10_000_000
"""More than a laptop wants to page through."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on, 0 for any free one (default: %(default)s)")
    parser.add_argument("--people", type=_people, default=DEFAULT_PEOPLE, help="how many people the brand has (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same seed makes the same brand (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; answers the exit code."""
    brand = make_brand(seed=arguments.seed, people=arguments.people)
    try:
        listener = _listen(arguments.host, arguments.port)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {arguments.host}:{arguments.port}: {error.strerror or error}. Try --port 0.\n")
        return 1
    sys.stdout.write(introduction(brand, _address(listener)))
    sys.stdout.flush()
    # The server has stopped in order by the time it passes the interrupt on.
    with suppress(KeyboardInterrupt):
        asyncio.run(_server(brand).serve(sockets=[listener]))
    return 0


@contextmanager
def running_sandbox(brand: Brand, host: str = DEFAULT_HOST, port: int = 0) -> Iterator[str]:
    """A sandbox in a thread of its own, on a free port by default; gives its base address and stops it at the end."""
    listener = _listen(host, port)
    server = _server(brand)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_TIME_OUT
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.01)
        yield _address(listener)
    finally:
        server.should_exit = True
        thread.join(START_TIME_OUT)
        listener.close()


def introduction(brand: Brand, address: str) -> str:
    """What the command prints: the touchpoints with their secrets, and calls that work as they stand."""
    mini_program = next(one for one in brand.touchpoints if one.kind is TouchpointKind.MINI_PROGRAM)
    service = next(one for one in brand.touchpoints if one.kind is TouchpointKind.SERVICE_ACCOUNT)
    rows = "\n".join(f"  {one.kind:<21} {one.app_id}  {one.secret}  {one.name} ({one.english_name})" for one in brand.touchpoints)
    token_body = f'{{"grant_type":"client_credential","appid":"{service.app_id}","secret":"{service.secret}"}}'
    query = f"appid={mini_program.app_id}&secret={mini_program.secret}&grant_type=authorization_code"
    return f"""\
WeChat sandbox: {address}   (seed {brand.seed}, {brand.people:,} people; nothing here is real)
Use that address in place of https://api.weixin.qq.com.

  Kind                  AppID               AppSecret                         Name
{rows}

Somebody opens the mini program, and your server exchanges the code:
  CODE=$(curl -s {address}/sandbox/login -d '{{"appId":"{mini_program.app_id}"}}' | sed 's/.*"code":"\\([^"]*\\)".*/\\1/')
  curl -s "{address}/sns/jscode2session?{query}&js_code=$CODE"

The followers of the service account:
  TOKEN=$(curl -s {address}/cgi-bin/stable_token -d '{token_body}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s "{address}/cgi-bin/user/get?access_token=$TOKEN" | head -c 300

The sandbox's own door:
  curl -s {address}/sandbox/brand            the brand, secrets included
  curl -s {address}/sandbox/people/7         the truth about one person
  curl -s {address}/sandbox/credentials      the secrets as a credentials file (TOML)
  curl -s {address}/sandbox/table            the table the brand already has (CSV)
  curl -s {address}/sandbox/clock -d '{{"advance":7200}}'
  curl -s {address}/sandbox/tokens/expire -d '{{"appId":"{service.app_id}"}}'
"""


def _people(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_PEOPLE:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MOST_PEOPLE:,}")
    return number


def _server(brand: Brand) -> uvicorn.Server:
    # No access log: it would print secrets and tokens, which travel in the query.
    return uvicorn.Server(uvicorn.Config(sandbox_app(brand), log_level="warning", access_log=False, lifespan="off"))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named; without that each small POST waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
