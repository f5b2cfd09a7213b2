"""What is sent back to a client: an answer as a whole, or one that comes chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]
    call_ids: Sequence[str] = ()
    """The calls in it, if it may have to be repeated."""


class StreamedAnswer(NamedTuple):
    """What is sent back chunk by chunk, since it may be of any size."""

    headers: list[tuple[bytes, bytes]]
    chunks: AsyncGenerator[bytes, None]
    """At least one. Nothing is done before the first is requested."""
    error_answer: Callable[[Exception], Answer]
    """Logs an error, and returns it as the dialect's own error body in case nothing is sent yet."""
    stop: Callable[[], None] | None = None
    """Ends an answer that would otherwise last as long as the server runs."""
    patience_seconds: Callable[[], float] | None = None
    """How long the client may read nothing at present; `None` for the usual time."""


class Chunks(NamedTuple):
    """Chunks to be sent, and what stops them if they have no end."""

    headers: list[tuple[bytes, bytes]]
    chunks: AsyncGenerator[bytes, None]
    stop: Callable[[], None] | None = None
