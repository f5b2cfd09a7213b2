"""Ends the embedded PostgreSQL of a folder that is removed."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

MAX_STOP_SECONDS = 30.0


def remove_home(home: Path) -> None:
    """Stop the folder's server, whoever started it, and remove the folder.

    The folder holds the list of the processes that use its server: once it is removed, nobody is the last one
    that stops it.
    """
    with suppress(OSError, ValueError, IndexError):  # it does not run
        postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGINT)
        deadline = time.monotonic() + MAX_STOP_SECONDS
        while _runs(postmaster) and time.monotonic() < deadline:
            time.sleep(0.01)
    shutil.rmtree(home, ignore_errors=True)


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
