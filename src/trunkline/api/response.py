"""Answers sent to the client: whole ones at once, long ones as fast as they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from trunkline.api.handler import Answer, StreamedAnswer

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_STALL_SECONDS = 60.0
"""How long a client may read nothing of an answer that holds a connection to the database."""

_NO_STORE = (b"cache-control", b"no-store")


class BrokenOff(Exception):
    """An answer ended before its end. The server then cuts the connection, which is how the client learns."""


async def send_whole(answer: Answer, send: Send, *, without_body: bool) -> None:
    """Send a complete answer."""
    headers = [*answer.headers, _NO_STORE]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body})


async def send_streamed(answer: StreamedAnswer, receive: Receive, send: Send, *, without_body: bool) -> None:
    """Send an answer in chunks until it ends or the client disconnects; raises `BrokenOff` if it fails."""
    sending = asyncio.create_task(_send_chunks(answer, send, without_body=without_body))
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


async def _send_chunks(answer: StreamedAnswer, send: Send, *, without_body: bool) -> None:
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
                await _send_chunk(first, send)
                async for chunk in chunks:
                    await _send_chunk(chunk, send)
            except BrokenOff:
                raise
            except Exception as error:  # noqa: BLE001 the answer is broken by whatever it is
                answer.error_answer(error)
                raise BrokenOff("an answer was cut off; the reason is logged above") from None
    await send({"type": "http.response.body", "body": b""})


async def _send_chunk(chunk: bytes, send: Send) -> None:
    try:
        async with asyncio.timeout(MAX_STALL_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError:
        raise BrokenOff(f"the client read nothing for {MAX_STALL_SECONDS:.0f} seconds") from None
