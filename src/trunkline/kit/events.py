"""Server-sent events: changes as a stream of text that every browser and any line reader understands.

Source: the HTML standard, section "Server-sent events". An id without data moves the point from which a
client resumes, and is no event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.chunked_json import ChunkedEncoder, are_long

MEDIA_TYPE = "text/event-stream"

RETRY_MS = 1000
"""After which a client connects again when the stream ends."""

BEGINNING = f"retry: {RETRY_MS}\n".encode()

_encoder = ChunkedEncoder(decimal_format="number")


class DeletedCall(Struct):
    """What is sent about a deleted call."""

    id: str


def text_of(batch: ChangeBatch, write: Callable[[Call], Any]) -> bytes:
    """A batch as events, followed by the id to resume from, in a form that keeps connections open.

    `write` makes the printed record of a call.
    """
    lines = []
    for change in batch.changes:
        if change.call is None:
            name, data = "deleted", _encoder.encode_short(DeletedCall(change.id))
        else:
            call = change.call
            is_long = are_long(call.turns, call.tool_calls, call.events)
            name, data = "call", (_encoder.encode if is_long else _encoder.encode_short)(write(call))
        lines.append(f"event: {name}\nid: {change.sequence}\ndata: ".encode() + data + b"\n\n")
    if not batch.changes or batch.changes[-1].sequence != batch.sequence:
        lines.append(f": nothing else up to here\nid: {batch.sequence}\n\n".encode())
    return b"".join(lines)
