"""Working ahead: the next item of a stream is fetched while the last one is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def prefetch(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The items of a stream, each asked for while the one before it is used, and none any sooner."""
    coming = asyncio.create_task(_next(source))
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(_next(source))
            await asyncio.sleep(0)  # so that it is under way before the item is worked on
            yield item
    finally:
        if not coming.done():
            # If this wait is cancelled as well, the source still comes to its end in the task.
            coming.cancel()
            await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()  # which nobody wants to know any more, or knows already
        await source.aclose()


async def _next(source: AsyncGenerator[T, None]) -> T | None:
    return await anext(source, None)
