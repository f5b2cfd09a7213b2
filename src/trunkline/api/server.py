"""Running the application under uvicorn, in one process or several."""

from __future__ import annotations

import os
import resource
import signal
import sys

import uvicorn

_FACTORY = "trunkline.compose:application_of_worker"
_PROTOCOL = "trunkline.api.http:Protocol"
_OPEN_FILES = 65_536


def serve(database_url: str, *, host: str, port: int, workers: int) -> None:
    """Serve until stopped; each worker is a process that shares nothing but the database."""
    os.environ["TRUNKLINE_DATABASE_URL"] = database_url
    # uvicorn raises the signal that stopped it once more when it is done. By default that, or a closed
    # terminal, would end the process at once, without stopping the embedded database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    _allow_many_files()
    uvicorn.run(
        _FACTORY,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=_PROTOCOL,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=20,
        backlog=2048,
    )


def _allow_many_files() -> None:
    """Use as many open files as the system allows: each connection is one, and the usual 1024 are few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
