"""The npm clients graphql-ws and graphql-sse follow the feed of the running service."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from app.api.changes import cursor_at
from tests.http.conftest import settings_in
from tests.http.live import live

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "follow.mjs")
INSTALL = ("npm", "ci", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--silent")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients that the lock names."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not here: install Node.js 20 or newer to try the npm clients")
    folder = tmp_path_factory.mktemp("peers")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    try:
        subprocess.run(INSTALL, cwd=folder, check=True, capture_output=True, text=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm could not install the clients: {error}")
    return folder


@pytest.mark.parametrize("transport", ["websocket", "events"])
async def test_a_client_follows(installed: Path, tmp_path: Path, transport: str) -> None:
    """Changes before and after it came are given to it in order, and its going is noticed."""
    async with live(settings_in(tmp_path)) as service:
        await service.record(*(f"before-{number}" for number in range(150)))
        command = ("node", "follow.mjs", service.address, service.key, transport, cursor_at(None), "160")
        process = await asyncio.create_subprocess_exec(*command, cwd=installed, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        async with asyncio.timeout(60):
            while not service.parts.services.following.followers and process.returncode is None:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
            await service.record(*(f"after-{number}" for number in range(10)))
            out, problems = await process.communicate()
        assert b"" == problems
        assert await service.numbers() == out.decode().split()
        async with asyncio.timeout(10):
            while service.parts.services.following.followers:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
