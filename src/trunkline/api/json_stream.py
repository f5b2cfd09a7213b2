"""A big page of calls as bytes in chunks, the same bytes as if it were put together whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec

from trunkline.model.intents import CallPage, ListCalls

WHOLE = 100
"""Calls of a page that is put together whole, whatever it shows of them."""

_PLACEHOLDER = b"\0"
"""Stands in an answer's bytes where the calls belong; no JSON has it anywhere else."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def is_big(intent: ListCalls) -> bool:
    """Whether a page may be too much to be put together whole."""
    return intent.with_transcript and intent.window.limit > WHOLE


async def in_chunks(
    pages: AsyncGenerator[CallPage, None], write: Callable[[CallPage], Any], path: str
) -> AsyncGenerator[bytes, None]:
    """The answer to a big page that comes as several small ones.

    Each small page is written as an answer. The first gives what stands before the calls, the last what
    follows them, and every one the calls themselves.
    """
    tail, between = b"", b""
    async with aclosing(pages):
        async for page in pages:
            head, rows, tail = _split(write(page), path)
            yield (between or head) + rows
            between = b","
    yield tail


def _split(answer: Any, path: str) -> tuple[bytes, bytes, bytes]:
    """What stands before an answer's calls, the calls, and what follows them."""
    *above, name = path.split(".")
    holder = answer
    for step in above:
        holder = getattr(holder, step)
    rows = _encode(getattr(holder, name))[1:-1]
    setattr(holder, name, [msgspec.Raw(_PLACEHOLDER)])
    head, _, tail = _encode(answer).partition(_PLACEHOLDER)
    return head, rows, tail
