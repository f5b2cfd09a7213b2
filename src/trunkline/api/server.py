"""Running the application under uvicorn, in one process or several."""

from __future__ import annotations

import os
import signal
import sys

import uvicorn

_FACTORY = "trunkline.compose:application_of_worker"
_PROTOCOL = "trunkline.api.http:Protocol"


def serve(database_url: str, *, host: str, port: int, workers: int) -> None:
    """Serve until told to stop; each worker is a process that shares nothing but the database."""
    os.environ["TRUNKLINE_DATABASE_URL"] = database_url
    # uvicorn raises the signal that stopped it once more when it is done. The default would end the process
    # on the spot, and the embedded database would not be told; nor when a terminal is closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
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
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        backlog=2048,
    )
