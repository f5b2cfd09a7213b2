"""Processes that use an embedded database, also those of other users of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

import trunkline
from tests.conftest import MAX_WAIT_SECONDS

JOIN = """
import sys
from pathlib import Path
from trunkline.store.embedded import EmbeddedProblem, start_embedded
try:
    print(start_embedded(Path(sys.argv[1])), flush=True)
except EmbeddedProblem as error:
    print(f"refused: {error}", flush=True)
sys.stdin.read()
"""
CONNECT = """
import asyncio, sys, asyncpg
async def ask():
    connection = await asyncpg.connect(sys.argv[1], timeout=10)
    print(await connection.fetchval("SELECT current_setting('is_superuser')"))
    await connection.close()
asyncio.run(ask())
"""

_PACKAGES = [Path(trunkline.__file__).parents[1], Path(asyncpg.__file__).parents[1]]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def interpreter(user: str | None) -> str:
    """A Python of this version that a user can run; skips the test if there is none."""
    candidates = [sys.executable]
    if user is not None:
        candidates += [f"/usr/bin/python3.{sys.version_info.minor}", "/usr/local/bin/python3"]
    for candidate in candidates:
        command = [candidate, "-c", "import asyncpg, trunkline, sys; print(sys.version_info[:2])"]
        try:
            ran = subprocess.run(
                command, env=environment(), capture_output=True, user=user, cwd="/", check=False
            )
        except OSError:
            continue
        if ran.stdout.decode().strip() == str(sys.version_info[:2]):
            return candidate
    pytest.skip(
        f"{user} can run no Python {sys.version_info.major}.{sys.version_info.minor} with our packages"
    )


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    path = os.pathsep.join(map(str, _PACKAGES))
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}


class Process:
    """A process that uses the database of a home folder until it is ended."""

    def __init__(self, home: Path, user: str | None = None) -> None:
        group = None if user is None else pwd.getpwnam(user).pw_gid
        self._process = subprocess.Popen(
            [interpreter(user), "-c", JOIN, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            cwd="/",
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
        self._home = home

    def answer(self) -> str:
        """The URL of the database, or why there is none."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def end(self) -> None:
        self._process.communicate(timeout=MAX_WAIT_SECONDS)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=MAX_WAIT_SECONDS)


def connect(
    url: str, user: str | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Connect to a database as a user."""
    return subprocess.run(
        [interpreter(user), "-c", CONNECT, url],
        env=environment(),
        cwd=folder or "/",
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=False,
    )


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().split()[0])


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def modes(*paths: Path) -> dict[Path, int]:
    """The permissions of some paths and of all folders above them."""
    return {path: path.stat().st_mode for one in paths for path in (one, *one.parents)}


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
