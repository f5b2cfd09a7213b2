"""Request bodies: bounded in size and time, and never read further than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from trunkline.model.faults import Fault, Refused

MAX_BODY_SECONDS = 30.0
"""That a client may take to send a whole body."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Gone(Exception):
    """The client went away before it had sent its body."""


async def body_of(receive: Receive, content_length: str | None, max_bytes: int) -> bytes:
    """Read a body; raises `Refused` with `TOO_LARGE` or `TOO_SLOW`, and `Gone`."""
    if content_length is not None and content_length.isdigit() and int(content_length) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            return await _read(receive, max_bytes)
    except TimeoutError:
        raise Refused(Fault.TOO_SLOW, f"a body is to be sent within {MAX_BODY_SECONDS:.0f} seconds") from None


async def _read(receive: Receive, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(max_bytes: int) -> Refused:
    return Refused(Fault.TOO_LARGE, f"a body has at most {max_bytes} bytes")
