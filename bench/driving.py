"""Driving a server: by `wrk` where it is installed, else by our own client, and slow answers one by one."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.client import HOST, drive
from bench.results import Row, Sample, row_of

SCRIPT = Path(__file__).with_name("wrk.lua")
FEW = 3
"""How many answers each client waits for, at the least, where one takes long."""


class WrkResult(Struct):
    """The line that the script prints."""

    count: int
    us: int
    bytes: int
    failed: int
    p50: float
    p95: float
    p99: float


class Driver(Struct, frozen=True, kw_only=True):
    """How servers are driven in a run."""

    seconds: float
    connections: int
    wrk: str | None
    """Where `wrk` is; our own client is used without it."""

    @classmethod
    def made(cls, client: str, seconds: float, connections: int) -> Driver:
        """A driver: `wrk`, `own`, or `auto` for whichever there is."""
        found = None if client == "own" else shutil.which("wrk")
        if client == "wrk" and found is None:
            raise RuntimeError("wrk is not installed")
        return cls(seconds=seconds, connections=connections, wrk=found)

    @property
    def client(self) -> str:
        """The name of the client."""
        return "own" if self.wrk is None else "wrk"

    def row(
        self,
        subject: str,
        name: str,
        port: int,
        paths: Sequence[str],
        headers: Mapping[str, str],
        *,
        once_seconds: float,
        alone: bool = True,
    ) -> Row:
        """Measure one question, given about how long one answer takes."""
        if once_seconds * self.connections > self.seconds / 2:
            return self._slow(subject, name, port, paths, headers, once_seconds)
        # The database plans a statement again a few times on each connection before it caches the plan.
        drive(port, paths, headers, connections=self.connections, seconds=max(0.05, self.seconds / 20))
        row = row_of(
            subject,
            name,
            self.sample(port, paths, headers, self.connections, self.seconds),
            connections=self.connections,
        )
        if alone:
            single = self.sample(port, paths, headers, 1, self.seconds / 2)
            row.alone_p50_ms, row.alone_p95_ms = single.p50_ms, single.p95_ms
            if single.failed:
                row.problem = f"{single.failed} failed"
        return row

    def _slow(
        self,
        subject: str,
        name: str,
        port: int,
        paths: Sequence[str],
        headers: Mapping[str, str],
        once_seconds: float,
    ) -> Row:
        """Measure a few slow answers, with a client for each core, then with one."""
        many, most = (
            min(self.connections, os.cpu_count() or 1),
            max(FEW, int(self.seconds / once_seconds / 2)),
        )
        longest = self.seconds + 10 * FEW * many * once_seconds
        loaded = drive(port, paths, headers, connections=many, seconds=longest, most=most * many)
        single = drive(port, paths, headers, connections=1, seconds=longest, most=most)
        row = row_of(subject, name, loaded, connections=many)
        row.alone_p50_ms, row.alone_p95_ms = single.p50_ms, single.p95_ms
        row.note = f"slow: {loaded.count} answers"
        row.problem = row.problem or (f"{single.failed} failed" if single.failed else "")
        return row

    def sample(
        self, port: int, paths: Sequence[str], headers: Mapping[str, str], connections: int, seconds: float
    ) -> Sample:
        """Drive for so many seconds."""
        if self.wrk is None:
            return drive(port, paths, headers, connections=connections, seconds=seconds)
        return self._by_wrk(self.wrk, port, paths, headers, connections, seconds)

    def _by_wrk(
        self,
        wrk: str,
        port: int,
        paths: Sequence[str],
        headers: Mapping[str, str],
        connections: int,
        seconds: float,
    ) -> Sample:
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write("\n".join(paths) + "\n")
            file.flush()
            header_options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
            command = [wrk, "-t", "1", "-c", str(connections), "-d", f"{max(1, math.ceil(seconds))}s"]
            command += [
                "--timeout",
                "60s",
                "-s",
                str(SCRIPT),
                *header_options,
                f"http://{HOST}:{port}",
                "--",
                file.name,
            ]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
        result = msgspec.json.decode(out.splitlines()[-1], type=WrkResult)
        return Sample(
            count=result.count,
            seconds=result.us / 1e6,
            failed=result.failed,
            p50_ms=result.p50 / 1000,
            p95_ms=result.p95 / 1000,
            p99_ms=result.p99 / 1000,
            answer_bytes=result.bytes // result.count if result.count else 0,
        )
