"""How fast calls are received at each door: signed webhooks, single calls, live events, and a pull."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench.calls import Options, make_lines
from bench.client import post_bytes, send
from bench.dialogues import WordTimes
from bench.processes import Server, ours
from bench.ratios import OURS, SINGLE, WRITERS, named
from bench.results import Row, Sample, row_of
from bench.writes import scratch
from trunkline.compose import Services, services
from trunkline.ingest.payload_reader import file_forms, received_from
from trunkline.ingest.pull import Pull
from trunkline.ingest.vendor_client import VendorClient
from trunkline.service.calls import Org
from trunkline.service.clock import system_clock
from trunkline.settings import Settings
from trunkline.store.pulls import PullStore
from trunkline.vendors import doors

WEBHOOKS, EVENTS, PULLED = "webhooks", "live events", "pulled calls"
SUPPLY = 4000
"""How many requests are ready for each second; the run ends when all are used."""
PULLED_CALLS = 3000
PULLED_FROM = "callem"
"""The vendor whose list API is used: a thousand calls on a page, with their transcripts."""
NO_LIMIT = 1_000_000
"""Requests a minute that may be sent."""
SECRET = "bench-secret-of-the-webhooks"  # noqa: S105
ENCRYPTION_KEY = "bench-encryption-key-of-32-characters-or-more"


def by_door(folder: Path, url: str, data: Path, seconds: float, workers: int, log: Path) -> list[Row]:
    """Measure each door of a server with an empty database."""

    async def run() -> list[Row]:
        async with scratch(url, "doors") as own:
            environment = {
                "TRUNKLINE_DATABASE_URL": own,
                "TRUNKLINE_HOME": str(folder),
                "TRUNKLINE_ENCRYPTION_KEY": ENCRYPTION_KEY,
                "TRUNKLINE_ARCHIVE_RECORDINGS": "false",
            }
            with ours(workers, environment, log) as server:
                await asyncio.to_thread(server.wait, "/readyz", {})
                async with services(own, settings=Settings.read(environment)) as joined:
                    return await _doors(joined, server, data, seconds, named(OURS, workers))

    return asyncio.run(run())


async def _doors(joined: Services, server: Server, data: Path, seconds: float, subject: str) -> list[Row]:
    supply = max(WRITERS, int(SUPPLY * seconds))
    keys = await joined.keys.create("webhooks")
    source = await joined.sources.add("webhooks", "retell", webhook_secrets=[SECRET])
    hooks = [_webhook(f"/hooks/{source.address}", line) for line in _lines(data, supply, 1, "source")]
    rows = [await _row(joined, server, subject, WEBHOOKS, [iter(hooks)] * WRITERS, seconds, "webhooks")]

    keys = await joined.keys.create("singles")
    headers = keys.headers["trunkline"]
    singles = [post_bytes("/trunkline/v1/calls", headers, line) for line in _lines(data, supply, 2, "none")]
    rows.append(await _row(joined, server, subject, SINGLE, [iter(singles)] * WRITERS, seconds, "singles"))

    keys = await joined.keys.create("live")
    headers = keys.headers["trunkline"]
    ids = [await _begun(server, headers, number) for number in range(WRITERS)]
    events = [_events(f"/trunkline/v1/calls/{one}/events", headers) for one in ids]
    rows.append(await _row(joined, server, subject, EVENTS, events, seconds, "live"))
    return [*rows, await _pulled(joined, server, data, subject)]


async def _row(
    joined: Services,
    server: Server,
    subject: str,
    name: str,
    feeds: list[Iterator[bytes]],
    seconds: float,
    org: str,
) -> Row:
    """Send from as many clients as there are feeds; what was acknowledged has to be in the log."""
    sample: Sample = await asyncio.to_thread(send, server.port, feeds, seconds=seconds)
    row = row_of(subject, name, sample, connections=len(feeds), unit=name)
    org_id = await joined.keys.org_id(org)
    sightings = await joined.pool.fetchval("SELECT count(*) FROM sightings WHERE org_id = $1", org_id)
    if sightings < sample.count:
        row.problem = f"{sample.count} were acknowledged, and {sightings} are in the log"
    return row


def _lines(data: Path, count: int, seed: int, words: WordTimes) -> Iterable[bytes]:
    return make_lines(Options(count, orgs=1, seed=2000 + seed, days=1, data=data, words=words))


def _webhook(path: str, line: bytes) -> bytes:
    """A call as Retell reports one that was analysed, signed as Retell signs."""
    call: dict[str, Any] = msgspec.json.decode(line)
    reported = {
        "call_id": call["vendor_call_id"],
        "call_type": "phone_call",
        "agent_id": (call.get("agent") or {}).get("id"),
        "call_status": "ended",
        "direction": "inbound",
        "from_number": call.get("from_number"),
        "to_number": call.get("to_number"),
        "start_timestamp": int(time.time() * 1000) - 60_000,
        "end_timestamp": int(time.time() * 1000),
        "duration_ms": 60_000,
        "disconnection_reason": "user_hangup",
        "transcript_object": [
            {
                "role": "agent" if turn["role"] == "agent" else "user",
                "content": turn["text"],
                "words": [
                    {"word": word["word"], "start": word["start_ms"] / 1000, "end": word["end_ms"] / 1000}
                    for word in turn.get("words") or ()
                ],
            }
            for turn in call.get("turns") or ()
        ],
    }
    body = msgspec.json.encode({"event": "call_analyzed", "call": reported})
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(SECRET.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return post_bytes(path, {"X-Retell-Signature": f"v={stamp},d={digest}"}, body)


async def _begun(server: Server, headers: Mapping[str, str], number: int) -> str:
    call = {"vendor": "bench", "vendor_call_id": f"live-{number}", "status": "in_progress"}
    request = post_bytes("/trunkline/v1/calls", headers, msgspec.json.encode(call))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    answer: dict[str, Any] = msgspec.json.decode(await reader.readexactly(length))
    writer.close()
    return str(answer["id"])


def _events(path: str, headers: Mapping[str, str]) -> Iterator[bytes]:
    """The turns of one conversation that does not end."""
    number = 0
    while True:
        turn = {
            "type": "turn",
            "id": f"turn-{number}",
            "role": "user" if number % 2 else "agent",
            "text": f"This is what was said in turn {number} of a call that runs.",
            "start_ms": number * 3000,
            "end_ms": number * 3000 + 2500,
        }
        yield post_bytes(path, headers, msgspec.json.encode(turn))
        number += 1


async def _pulled(joined: Services, server: Server, data: Path, subject: str) -> Row:
    """All calls of one org, pulled into another by a vendor's list API, without pauses for its rate limit."""
    made = await joined.keys.create("listed")
    owner = Org(await joined.keys.org_id("listed"), "listed")
    form = file_forms()["trunkline"]
    lines = _lines(data, PULLED_CALLS, 3, "source")
    batch = [received_from(form, msgspec.json.decode(line)) for line in lines]
    await joined.intake.ingest(owner, batch, "bench")
    door = doors()[PULLED_FROM]
    if door.list_api is None:
        raise RuntimeError(f"{PULLED_FROM} has no list")
    credentials = [value.removeprefix("Bearer ") for value in made.headers[PULLED_FROM].values()]
    source = await joined.sources.add(
        "pulling",
        PULLED_FROM,
        credential=dict(zip(door.list_api.credential, credentials, strict=True)),
        base_url=f"http://127.0.0.1:{server.port}/{PULLED_FROM}",
    )

    store = PullStore(joined.pool, source.org.id, UUID(source.id))
    headers = door.list_api.headers(source.credential or {})
    began = time.perf_counter()
    async with VendorClient(source.base_url or "", headers, NO_LIMIT) as client:
        pulled = await Pull(source, door, joined.group_commit, store, client, system_clock).run()
    took = time.perf_counter() - began
    row = Row(
        subject=subject,
        name=PULLED,
        connections=1,
        per_second=pulled.new / took,
        unit="calls",
        note=f"{pulled.pages} pages, without the pauses that the vendor's limit requires",
    )
    if pulled.new != PULLED_CALLS:
        row.problem = f"{PULLED_CALLS} calls were listed, and {pulled.new} came"
    return row
