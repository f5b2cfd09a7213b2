"""Senders as vendors have them: deliveries are sent again until they are acknowledged, some twice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from datetime import UTC, datetime, timedelta

import httpx2
import msgspec
from msgspec import Struct, field

SENDERS = 32
SECRET = "torture-secret"
MAX_ROUND_SECONDS = 90.0


class Log(Struct):
    """What the senders know: which payloads were acknowledged, and how each call is to end."""

    acknowledged: set[bytes] = field(default_factory=set)
    ends: dict[str, float] = field(default_factory=dict)
    """Seconds of each call, by its id."""
    sent: int = 0
    refused: int = 0
    """Deliveries that were answered with something else than 200, or not at all."""


def life_of(call_id: str, rng: random.Random, log: Log) -> list[bytes]:
    """The deliveries of one call: it starts, ends and is analysed; some come twice, in any order."""
    began = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**6))
    seconds = rng.randrange(1, 600) + 0.5
    log.ends[call_id] = seconds
    call = {
        "id": call_id,
        "agentCollectionId": f"agent-{rng.randrange(5)}",
        "callerNum": f"+1202555{rng.randrange(10000):04}",
        "calledNum": "+12025550100",
        "createdAt": began.isoformat().replace("+00:00", "Z"),
    }
    ended = {**call, "isLive": False, "duration": seconds, "isEngaged": True, "totalInteraction": 1}
    ended["transcription"] = [{"speaker": "User", "text": f"I am {call_id}", "startTime": 0.5}]
    told = [
        ("call_started", {**call, "isLive": True}, began),
        ("call_ended", ended, began + timedelta(seconds=seconds)),
        ("call_analyzed", {**ended, "callAnalysis": {"n": 1}}, began + timedelta(seconds=seconds + 5)),
    ]
    bodies = [
        msgspec.json.encode({"event": event, "timestamp": at.isoformat(), "call": one})
        for event, one, at in told
    ]
    bodies += [rng.choice(bodies)] if rng.random() < 0.3 else []
    rng.shuffle(bodies)
    return bodies


async def send_all(address: str, calls: int, rng: random.Random, log: Log) -> None:
    """Send so many calls from each sender, until all of it is acknowledged."""
    limits = httpx2.Limits(max_connections=SENDERS)
    async with httpx2.AsyncClient(timeout=5, limits=limits) as client:

        async def sender(number: int) -> None:
            mine = random.Random(rng.random() + number)
            for _ in range(calls):
                call_id = f"{mine.getrandbits(96):024x}"
                for body in life_of(call_id, mine, log):
                    await _until_acknowledged(client, address, body, log)

        await asyncio.gather(*(sender(number) for number in range(SENDERS)))


async def _until_acknowledged(client: httpx2.AsyncClient, address: str, body: bytes, log: Log) -> None:
    deadline = time.monotonic() + MAX_ROUND_SECONDS
    while time.monotonic() < deadline:
        stamp = str(int(datetime.now(UTC).timestamp()))
        digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"x-callem-timestamp": stamp, "x-callem-signature": digest}
        try:
            log.sent += 1
            answer = await client.post(address, content=body, headers=headers)
        except httpx2.TransportError:
            log.refused += 1
            await asyncio.sleep(0.02)  # as a vendor waits before it sends again
            continue
        if answer.status_code == 200:
            log.acknowledged.add(hashlib.sha256(body).digest())
            return
        log.refused += 1
        assert answer.status_code == 503, (answer.status_code, answer.text)
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.02)
    raise TimeoutError("a delivery was not acknowledged")
