"""Starts the embedded PostgreSQL again when it has ended, as long as this process uses it."""

from __future__ import annotations

import threading

import structlog

from trunkline.store.embedded import EmbeddedPostgres

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
_MAX_WAIT_SECONDS = 5.0


class EmbeddedWatch:
    """A thread that looks after the server: a process with several server processes has no event loop."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded PostgreSQL", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        wait = POLL_SECONDS
        while not self._stopping.wait(wait):
            try:
                if self._postgres.has_ended():
                    log.error("the embedded PostgreSQL has ended, and is started again")
                    self._postgres.start_again()
                    log.info("the embedded PostgreSQL runs again")
                wait = POLL_SECONDS
            except Exception as error:  # noqa: BLE001 whatever it is, it may work when it is tried again
                wait = min(2 * wait, _MAX_WAIT_SECONDS)
                log.error("the embedded PostgreSQL could not be started", error=str(error)[:500], wait=wait)
