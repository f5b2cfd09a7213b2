"""Answers sent to the client: whole ones at once, long ones as fast as they are read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from http import HTTPStatus
from types import TracebackType
from typing import Any

import structlog

from trunkline.api.answers import Answer, StreamedAnswer

log = structlog.get_logger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_STALL_SECONDS = 60.0
"""How long a client may read nothing of an answer that is sent in chunks, if the answer does not say."""

PIECE_BYTES = 128 * 1024
"""How much is handed to the server at once: a client that reads so much in its time is not stalled."""

LOOK_SECONDS = 1.0
"""Between two checks of how long a client that reads nothing may still be waited for."""

_NO_STORE = (b"cache-control", b"no-store")


class BrokenOff(Exception):
    """An answer ended before its end. The server then cuts the connection, which is how the client learns."""

    is_logged = True


async def send_whole(answer: Answer, send: Send, *, without_body: bool) -> None:
    """Send a complete answer."""
    headers = [*answer.headers, _NO_STORE]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body})


async def send_streamed(
    answer: StreamedAnswer,
    receive: Receive,
    send: Send,
    *,
    without_body: bool,
    clock: Callable[[], float] = time.monotonic,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Send an answer in chunks until it ends or the client disconnects; raises `BrokenOff` if it fails.

    A client that reads nothing is waited for as long as the answer says at that moment, which is looked at
    every `look_seconds`; `clock` tells seconds.
    """
    chunks = _send_chunks(answer, send, clock, look_seconds, without_body=without_body)
    sending = asyncio.create_task(chunks)
    leaving = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not sending.done():
            sending.cancel()
        await asyncio.wait({sending, leaving})
    if not sending.cancelled():
        sending.result()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_chunks(
    answer: StreamedAnswer,
    send: Send,
    clock: Callable[[], float],
    look_seconds: float,
    *,
    without_body: bool,
) -> None:
    async with aclosing(answer.chunks) as chunks:
        try:
            first = await anext(chunks)
        except Exception as error:  # noqa: BLE001 whatever it is, the client is owed an answer
            await send_whole(answer.error_answer(error), send, without_body=without_body)
            return
        headers = [*answer.headers, _NO_STORE]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if not without_body:
            try:
                async with _Watch(answer, clock, look_seconds) as watch:
                    await _send_chunk(first, send, watch)
                    async for chunk in chunks:
                        await _send_chunk(chunk, send, watch)
            except BrokenOff as broken:
                log.warning("answer broken off", reason=str(broken))
                raise
            except Exception as error:  # noqa: BLE001 the answer is broken by whatever it is
                answer.error_answer(error)
                raise BrokenOff("an answer was cut off; the reason is logged above") from None
    await send({"type": "http.response.body", "body": b""})


async def _send_chunk(chunk: bytes, send: Send, watch: _Watch) -> None:
    for start in range(0, len(chunk), PIECE_BYTES):
        piece = chunk[start : start + PIECE_BYTES] if len(chunk) > PIECE_BYTES else chunk
        watch.begin()
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        watch.end()


class _Watch:
    """Breaks an answer off if its client reads nothing for too long; raises `BrokenOff` then.

    One timer looks at it now and then, since to set one up for every piece would cost more than to send it.
    """

    def __init__(self, answer: StreamedAnswer, clock: Callable[[], float], look_seconds: float) -> None:
        self._answer = answer
        self._clock = clock
        self._look_seconds = look_seconds
        self._limit = asyncio.timeout(None)
        self._since: float | None = None
        self._patience_seconds = MAX_STALL_SECONDS
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A piece is on its way to the client."""
        self._since = self._clock()

    def end(self) -> None:
        """The piece was read."""
        self._since = None

    async def __aenter__(self) -> _Watch:
        await self._limit.__aenter__()
        self._timer = asyncio.get_running_loop().call_later(self._look_seconds, self._look)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._limit.__aexit__(kind, error, traceback)
        except TimeoutError:
            reason = f"the client read nothing, or too little, for {self._patience_seconds:.0f} seconds"
            raise BrokenOff(reason) from None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        patience = self._answer.patience_seconds
        self._patience_seconds = MAX_STALL_SECONDS if patience is None else patience()
        if self._since is not None and self._clock() - self._since >= self._patience_seconds:
            self._limit.reschedule(loop.time())
        else:
            self._timer = loop.call_later(self._look_seconds, self._look)
