"""The process behind the bulkhead: started with the server, started again if it ends, and ended with it.

The server listens at the socket itself, so that a request waits for the process, and is not refused, while
that is started. A process that cannot be started is tried again after longer and longer rests; meanwhile the
socket has another name, so that large requests are answered where they are asked.

The process ends when the server closes a pipe, which the system does for it if the server is killed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from trunkline.api.bulkhead import SOCKET_VARIABLE

log = structlog.get_logger(__name__)

START_SECONDS = 3.0
"""How long after the server the process is started, unless it is needed sooner: the server comes first."""

HEALTHY_SECONDS = 5.0
"""A process that ended sooner after its start could not be started."""

_ASKED_TO_END = (0, -signal.SIGTERM)
"""How a process ends that somebody else asked to, such as who stops the whole service."""

_RESTART_SECONDS = 1.0
_MAX_RESTART_SECONDS = 60.0
_STOP_SECONDS = 25.0
_BACKLOG = 2048


class BulkProcess:
    """Keeps the process running, from a thread."""

    def __init__(self, listening: socket.socket, path: Path) -> None:
        self._listening = listening
        self._path = path
        self._stop_reading, self._stop_writing = os.pipe()
        self._lifeline, self._held = os.pipe()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="bulk process", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the process once it has answered what it was asked."""
        with self._lock:
            self._is_ending = True
            os.close(self._stop_writing)
            if self._process is not None:
                self._process.terminate()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join()
        for one in (self._stop_reading, self._lifeline, self._held):
            os.close(one)

    def _keep(self) -> None:
        self._wait(START_SECONDS, self._listening.fileno())
        rest_seconds = _RESTART_SECONDS
        while not self._is_ending:
            was_healthy = self._run()
            if not was_healthy and not self._is_ending:
                self._hide()
            rest_seconds = _RESTART_SECONDS if was_healthy else min(2 * rest_seconds, _MAX_RESTART_SECONDS)
            self._wait(rest_seconds)

    def _run(self) -> bool:
        """Run the process once; false if it could not be started."""
        try:
            process = self._started()
        except OSError as error:
            log.error("the process for large requests cannot be started", error=str(error))
            return False
        if process is None:
            return True
        was_healthy = False
        try:
            status = process.wait(HEALTHY_SECONDS)
        except subprocess.TimeoutExpired:
            was_healthy = True
            if self._hidden.exists():
                self._hidden.rename(self._path)
            status = process.wait()
        if not self._is_ending:
            say = log.info if status in _ASKED_TO_END else log.error
            say("the process for large requests ended; it is started again", status=status)
        return was_healthy or status in _ASKED_TO_END

    @property
    def _hidden(self) -> Path:
        return self._path.with_suffix(".hidden")

    def _hide(self) -> None:
        """Let nobody ask it, and hang up on those who wait for it."""
        if self._path.exists():
            self._path.rename(self._hidden)
        while select.select([self._listening], [], [], 0)[0]:
            self._listening.accept()[0].close()

    def _wait(self, seconds: float, *others: int) -> None:
        """Wait for so long, or until the server ends or one of some other files can be read."""
        select.select([self._stop_reading, *others], [], [], seconds)

    def _started(self) -> subprocess.Popen[bytes] | None:
        """The process, started; `None` once the server ends."""
        files = (self._listening.fileno(), self._lifeline)
        command = [sys.executable, "-m", "trunkline.api.server", *map(str, files)]
        environment = {name: value for name, value in os.environ.items() if name != SOCKET_VARIABLE}
        with self._lock:
            if self._is_ending:
                return None
            # In a session of its own: a Ctrl-C in the terminal ends the server first, and then this.
            self._process = subprocess.Popen(  # noqa: S603
                command, pass_fds=files, env=environment, start_new_session=True, stdin=subprocess.DEVNULL
            )
            return self._process


@contextmanager
def bulk_process() -> Iterator[None]:
    """The process, for as long as the block lasts; server processes find it by their environment."""
    with tempfile.TemporaryDirectory(prefix="trunkline-") as folder:  # only its owner may enter it
        path = Path(folder) / "bulk"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen(_BACKLOG)
            os.environ[SOCKET_VARIABLE] = str(path)
            process = BulkProcess(listening, path)
            try:
                yield
            finally:
                del os.environ[SOCKET_VARIABLE]
                process.end()
