"""Running the application under uvicorn, in one process or several, and one more for large requests.

    python -m trunkline.api.server LISTENING_SOCKET LIFELINE

runs the one for large requests. The two numbers are files that it inherits: the socket, and the end of a pipe
that is closed once the server has ended.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
from typing import Any

import uvicorn

from trunkline.api.bulk_process import bulk_process

NICENESS = 5
"""Of the process for large requests: where processors are scarce, those come first that answer everybody."""

_OPEN_FILES = 65_536

_OPTIONS: dict[str, Any] = {
    "factory": True,
    "loop": "uvloop",
    "http": "trunkline.api.http:Protocol",
    "ws": "none",
    "lifespan": "on",
    "access_log": False,
    "log_level": "warning",
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": 20,
    "backlog": 2048,
}


def serve(database_url: str, *, host: str, port: int, workers: int, with_bulkhead: bool = True) -> None:
    """Serve until stopped; each worker is a process that shares nothing but the database.

    One more process answers large requests for all of them, unless there is to be no bulkhead.
    """
    os.environ["TRUNKLINE_DATABASE_URL"] = database_url
    # uvicorn raises the signal that stopped it once more when it is done. By default that, or a closed
    # terminal, would end the process at once, without stopping the embedded database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    _allow_many_files()
    with bulk_process() if with_bulkhead else contextlib.nullcontext():
        uvicorn.run(
            "trunkline.compose.web:application_of_worker", host=host, port=port, workers=workers, **_OPTIONS
        )


def serve_bulk(listening: int, lifeline: int) -> None:
    """Answer large requests until the server that started this process ends it, or ends."""
    os.nice(NICENESS)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    uvicorn.run("trunkline.compose.web:application_behind_bulkhead", fd=listening, **_OPTIONS)


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    signal.raise_signal(signal.SIGTERM)


def _allow_many_files() -> None:
    """Use as many open files as the system allows: each connection is one, and the usual 1024 are few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    serve_bulk(int(sys.argv[1]), int(sys.argv[2]))
