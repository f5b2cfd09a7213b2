"""Prefetching: the next item of a stream is fetched while the last one is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def prefetch(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The items of a stream, each requested while the one before it is used, and not earlier."""
    coming = asyncio.create_task(_next(source))
    try:
        while (item := await coming) is not None:
            coming = asyncio.create_task(_next(source))
            await asyncio.sleep(0)  # so that it is started before the item is used
            yield item
    finally:
        if not coming.done():
            # If this wait is cancelled as well, the task still closes the source.
            coming.cancel()
            await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()  # nobody needs the error any more, or it was raised already
        await source.aclose()


async def _next(source: AsyncGenerator[T, None]) -> T | None:
    return await anext(source, None)
