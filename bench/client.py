"""Our own load client, where `wrk` is not installed: a closed loop over raw sockets, and single requests."""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import cast

import uvloop
from msgspec import Struct

from bench.results import Sample, sample_of

HOST = "127.0.0.1"
MAX_ANSWER_SECONDS = 90.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Fetched(Struct):
    """One answer, and how long it took."""

    status: int
    body: bytes
    seconds: float


def fetch(port: int, path: str, headers: Mapping[str, str]) -> Fetched:
    """Send one request, over a connection of its own; raises `OSError` or `HTTPException`."""
    connection = http.client.HTTPConnection(HOST, port, timeout=MAX_ANSWER_SECONDS)
    try:
        began = time.perf_counter()
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
        return Fetched(response.status, body, time.perf_counter() - began)
    finally:
        connection.close()


class Streamed(Struct):
    """What was read of a long answer before the time was over."""

    status: int
    size: int
    lines: int
    seconds: float
    whole: bool


def stream(port: int, path: str, headers: Mapping[str, str], longest_seconds: float) -> Streamed:
    """Read an answer of any length without storing it; its lines are counted."""
    connection = http.client.HTTPConnection(HOST, port, timeout=MAX_ANSWER_SECONDS)
    try:
        began = time.perf_counter()
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        size = lines = 0
        while piece := response.read1(1 << 20):
            size, lines = size + len(piece), lines + piece.count(b"\n")
            if time.perf_counter() - began > longest_seconds:
                return Streamed(response.status, size, lines, time.perf_counter() - began, whole=False)
        return Streamed(response.status, size, lines, time.perf_counter() - began, whole=True)
    finally:
        connection.close()


def request_bytes(path: str, headers: Mapping[str, str]) -> bytes:
    """A GET request as it goes over the wire."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def post_bytes(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST request of JSON as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def send(port: int, feeds: Sequence[Iterator[bytes]], *, seconds: float) -> Sample:
    """Send what the feeds have, a connection for each, the next as soon as the last was answered.

    Ends after so many seconds, or when a feed has no more.
    """
    return uvloop.run(_drive(port, feeds, seconds, None))


def drive(
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    *,
    connections: int,
    seconds: float,
    most: int | None = None,
) -> Sample:
    """Request the paths in turn, each connection as soon as it has its answer.

    Ends after so many seconds, but not before the first answer, or after so many answers if that comes first.
    """
    requests = cycle([request_bytes(path, headers) for path in paths])
    return uvloop.run(_drive(port, [requests] * connections, seconds, most))


async def _drive(port: int, feeds: Sequence[Iterator[bytes]], seconds: float, most: int | None) -> Sample:
    loop = asyncio.get_running_loop()
    run = _Run(most)
    clients = [(await loop.create_connection(partial(_Client, run, feed), HOST, port))[1] for feed in feeds]
    began = time.perf_counter()
    for client in clients:
        client.ask()
    loop.call_later(seconds, run.end)
    loop.call_later(seconds + MAX_ANSWER_SECONDS, run.stop)
    await run.stopped.wait()
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return sample_of(run.latencies, took, failed=run.failed, size=run.size)


class _Run:
    """What all connections of a run share."""

    def __init__(self, most: int | None) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self.size = 0
        self.stopped = asyncio.Event()
        self._most = most

    def note(self, seconds: float, size: int, *, good: bool) -> None:
        """Count an answer, unless the run is over."""
        if self.stopped.is_set():
            return
        self.latencies.append(seconds)
        self.size += size
        self.failed += not good
        if self._most is not None and len(self.latencies) >= self._most:
            self.stop()

    def end(self) -> None:
        """End the run, or let it end with its first answer if there is none yet."""
        if self.latencies:
            self.stop()
        else:
            self._most = 1

    def stop(self) -> None:
        """End the run."""
        self.stopped.set()


class _Client(asyncio.Protocol):
    """One connection: a request, its whole answer, the next request."""

    def __init__(self, run: _Run, requests: Iterator[bytes]) -> None:
        self._run = run
        self._requests = requests
        self._transport: asyncio.Transport | None = None
        self._answer = _Answer()
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        # uvloop's transports are not asyncio's by class.
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        """Send the next request."""
        if self._transport is None or self._run.stopped.is_set():
            return
        request = next(self._requests, None)
        if request is None:
            self._run.stop()
            return
        self._answer = _Answer()
        self._began = time.perf_counter()
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read the next chunk of the answer."""
        if self._answer.take(data):
            answer = self._answer
            self._run.note(time.perf_counter() - self._began, answer.size, good=answer.good)
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that the server ends while an answer is due is a failure."""
        if not self._run.stopped.is_set():
            self._run.failed += 1
            self._run.stop()


class _Answer:
    """One answer as it arrives: with a length, or in chunks."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of the body."""
        self.good = False
        self._waiting = b""
        """What cannot be understood before more of it is there."""
        self._missing = -1
        """Bytes of the body, or of the chunk and its line end, that are still to come; -1 before the head."""
        self._in_chunks = False

    def take(self, data: bytes) -> bool:
        """Read the next chunk; true once the answer is complete."""
        if self._missing < 0:
            data = self._waiting + data
            end = data.find(_END_OF_HEAD)
            if end < 0:
                self._waiting = data
                return False
            self._waiting = b""
            self._read_head(data[: end + 2])
            data = data[end + len(_END_OF_HEAD) :]
        return self._take_chunks(data) if self._in_chunks else self._take_body(data)

    def _read_head(self, head: bytes) -> None:
        length = _LENGTH.search(head)
        self._in_chunks = length is None and _CHUNKED.search(head) is not None
        whole = length is not None or self._in_chunks
        self.good = head[9:12] == b"204" or (head[9:10] == b"2" and whole)
        self.size = self._missing = int(length[1]) if length else 0

    def _take_body(self, data: bytes) -> bool:
        self._missing -= len(data)
        return self._missing <= 0

    def _take_chunks(self, data: bytes) -> bool:
        data = self._waiting + data
        position = 0
        while True:
            step = min(self._missing, len(data) - position)
            position, self._missing = position + step, self._missing - step
            end = data.find(b"\r\n", position)
            if self._missing or end < 0:
                self._waiting = data[position:]
                return False
            size = int(data[position:end].partition(b";")[0], 16)
            if size == 0:
                # The end, except for the empty line after it.
                self._waiting = data[position:] if len(data) < end + 4 else b""
                return len(data) >= end + 4
            self.size += size
            position, self._missing = end + 2, size + 2
