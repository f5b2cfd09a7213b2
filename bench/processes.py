"""Server processes: started on a port of their own, watched, and ended."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from types import TracebackType

from bench.client import HOST, fetch
from bench.results import ROOT

MAX_START_SECONDS = 60.0
MAX_STOP_SECONDS = 60.0
POLL_SECONDS = 0.005


def free_port() -> int:
    """A port that is free."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server process with its workers, from `with` to the end of its block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """`{port}` in the command is replaced by a free port."""
        self.port = free_port()
        self.peak_mb: float | None = None
        """The most that one of its processes had resident; known when it has ended."""
        self._command = [sys.executable, *(part.replace("{port}", str(self.port)) for part in command)]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        """Start it; it does not answer yet."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, cwd=ROOT, env=self._environment, stdout=out, stderr=out
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Read how much memory it had, and end it."""
        if self._process is None:
            return
        self.peak_mb = peak_mb(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(MAX_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, path: str, headers: Mapping[str, str]) -> None:
        """Wait until it answers a request with 200; raises `RuntimeError` if that does not happen."""
        deadline = time.monotonic() + MAX_START_SECONDS
        status = 0
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the server ended; see {self._log}")
            with contextlib.suppress(OSError, HTTPException):
                status = fetch(self.port, path, headers).status
                if status == 200:
                    return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"the server answers {status or 'nothing'}; see {self._log}")


def peak_mb(pid: int) -> float | None:
    """The greatest resident memory that a process or one below it ever had; `None` if it is unknown."""
    peaks = [peak for one in (pid, *below(pid)) if (peak := _peak_kb(one)) is not None]
    return max(peaks) / 1024 if peaks else None


def below(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    children = [int(one) for text in lists for one in text.split()]
    return children + [one for child in children for one in below(child)]


def _peak_kb(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


def ours(workers: int, environment: Mapping[str, str], log: Path) -> Server:
    """`trunkline serve`."""
    command = ["-m", "trunkline", "serve", "--port", "{port}", "--workers", str(workers)]
    return Server(command, environment, log)


def peer(name: str, workers: int, environment: Mapping[str, str], log: Path) -> Server:
    """One of the servers of `bench.peers`."""
    command = ["-m", "bench.peers", name, "--port", "{port}", "--workers", str(workers)]
    return Server(command, environment, log)


def start_seconds(home: Path, path: str, headers: Mapping[str, str], log: Path) -> float:
    """How long it takes from starting our server, and its database with it, to its first answer."""
    server = ours(1, {"TRUNKLINE_HOME": str(home), "TRUNKLINE_DATABASE_URL": ""}, log)
    began = time.perf_counter()
    with server:
        server.wait(path, headers)
        return time.perf_counter() - began
