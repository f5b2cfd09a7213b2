"""Streams of events: where they begin, and how long their key remains valid."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog
from msgspec import structs

from trunkline.api.sizes import json_bytes
from trunkline.kit.auth import Headers
from trunkline.kit.events import BEGINNING, MEDIA_TYPE, text_of
from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import FollowCalls
from trunkline.service.threads import INLINE_BYTES, Run, run_in_thread

log = structlog.get_logger(__name__)

CHECK_SECONDS = 5.0
"""After which the key is checked again before anything more is sent."""

LAST_EVENT_ID = "Last-Event-ID"

EVENT_HEADERS = [
    (b"content-type", f"{MEDIA_TYPE}; charset=utf-8".encode()),
    (b"x-accel-buffering", b"no"),  # a proxy that buffers answers would delay events
]

_MAX_SEQUENCE_DIGITS = 18


def resumed(intent: FollowCalls, headers: Headers, *, may_stream: bool) -> FollowCalls:
    """The intent with the sequence number from which a reconnecting client continues.

    Raises `Refused` with `BAD_REQUEST` for what is no sequence number, and for a client without streams.
    """
    if not may_stream:
        raise Refused(Fault.BAD_REQUEST, "a stream needs HTTP/1.1; use calls:changes instead")
    text = headers.get(LAST_EVENT_ID.lower())
    if text is None:
        return intent
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_SEQUENCE_DIGITS):
        raise Refused(Fault.BAD_REQUEST, f"{LAST_EVENT_ID} must be a whole number", LAST_EVENT_ID)
    return structs.replace(intent, after=int(text))


async def event_chunks(
    batches: AsyncGenerator[ChangeBatch, None],
    write: Callable[[Call], Any],
    check: Callable[[], Awaitable[object]],
    stopped: asyncio.Event,
    run: Run = run_in_thread,
) -> AsyncGenerator[bytes, None]:
    """The text of a stream, until it is stopped or `check` refuses its key.

    `write` makes the printed record of a call.
    """
    checked_at = time.monotonic()
    beginning = BEGINNING
    async with aclosing(_until(stopped, batches)) as looks:
        async for look in looks:
            if time.monotonic() - checked_at >= CHECK_SECONDS:
                try:
                    await check()
                except Refused as refused:
                    log.info("stream ended", fault=refused.fault.name)
                    return
                checked_at = time.monotonic()
            is_small = json_bytes(look) <= INLINE_BYTES
            text = text_of(look, write) if is_small else await run(text_of, look, write)
            yield beginning + text
            beginning = b""


async def _until(
    stopped: asyncio.Event, batches: AsyncGenerator[ChangeBatch, None]
) -> AsyncGenerator[ChangeBatch, None]:
    """The items until a stream is stopped; the pending one is then cancelled."""
    stopping = asyncio.create_task(stopped.wait())
    try:
        async with aclosing(batches):
            while not stopped.is_set():
                coming = asyncio.create_task(_next(batches))
                try:
                    await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not coming.done():
                        coming.cancel()
                        await asyncio.wait({coming})
                    if not coming.cancelled():
                        coming.exception()  # nobody needs the item if this wait is cancelled
                if coming.cancelled() or (batch := coming.result()) is None:
                    return
                yield batch
    finally:
        stopping.cancel()


async def _next(batches: AsyncGenerator[ChangeBatch, None]) -> ChangeBatch | None:
    return await anext(batches, None)
