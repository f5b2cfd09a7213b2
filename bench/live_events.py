"""The cost of an event of a live call, at its beginning and after thousands of others, over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec
import uvloop

from bench.client import post_bytes
from bench.processes import Server, ours
from bench.ratios import EARLY_EVENTS, LATE_EVENTS, OURS, named
from bench.results import Row, row_of, sample_of
from bench.writes import scratch
from trunkline.compose import services

EARLY, LATE = 10, 10_000
"""Events of the long call before the measured ones."""
MEASURED = 10
"""Events that are measured per call, few enough that its length hardly changes."""
ROUNDS = 60
BATCH = 1000
VENDOR = "bench"


def live_events(url: str, log: Path) -> list[Row]:
    """One client that sends one event after the other, for short calls and for a long one in turns."""

    async def run() -> list[Row]:
        async with scratch(url, "live") as own:
            told = {"TRUNKLINE_DATABASE_URL": own, "TRUNKLINE_ARCHIVE_RECORDINGS": "false"}
            with ours(1, told, log) as server:
                await asyncio.to_thread(server.wait, "/readyz", {})
                async with services(own) as joined:
                    worn = (await joined.keys.create("live")).headers["trunkline"]
                return await asyncio.to_thread(uvloop.run, _measured(server, worn))

    return asyncio.run(run())


async def _measured(server: Server, worn: Mapping[str, str]) -> list[Row]:
    client = await _Client.connect(server.port, worn)
    long_call, turns = await client.begin("long"), _turns()
    for _ in range(0, LATE, BATCH):
        await client.send(long_call, list(islice(turns, BATCH)))
    early: list[float] = []
    late: list[float] = []
    for number in range(ROUNDS):
        short_call, first = await client.begin(f"short {number}"), _turns()
        await client.send(short_call, list(islice(first, EARLY)))
        early += [await client.send(short_call, next(first)) for _ in range(MEASURED)]
        late += [await client.send(long_call, next(turns)) for _ in range(MEASURED)]
    client.close()
    return [
        row_of(named(OURS, 1), name, sample_of(seconds, sum(seconds)), connections=1, unit="events")
        for name, seconds in ((EARLY_EVENTS, early), (LATE_EVENTS, late))
    ]


def _turns() -> Iterator[dict[str, object]]:
    """The turns of one conversation that does not end."""
    number = 0
    while True:
        yield {
            "type": "turn",
            "id": f"turn-{number}",
            "role": "user" if number % 2 else "agent",
            "text": f"This is what was said in turn {number} of a call that runs.",
            "start_ms": number * 3000,
            "end_ms": number * 3000 + 2500,
        }
        number += 1


class _Client:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, worn: Mapping[str, str]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = worn

    @classmethod
    async def connect(cls, port: int, worn: Mapping[str, str]) -> _Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port), worn)

    async def begin(self, name: str) -> str:
        """Report a running call; returns its id."""
        told = {"vendor": VENDOR, "vendor_call_id": name, "status": "in_progress"}
        found: dict[str, str] = msgspec.json.decode(await self._post("/trunkline/v1/calls", told))
        return found["id"]

    async def send(self, call_id: str, said: object) -> float:
        """Send an event, or many; returns the seconds that it took."""
        began = time.perf_counter()
        await self._post(f"/trunkline/v1/calls/{call_id}/events", said)
        return time.perf_counter() - began

    def close(self) -> None:
        self._writer.close()

    async def _post(self, path: str, said: object) -> bytes:
        self._writer.write(post_bytes(path, self._headers, msgspec.json.encode(said)))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if head.split(b" ", 2)[1][:1] != b"2":
            raise RuntimeError(f"{path}: {body[:300]!r}")
        return body
