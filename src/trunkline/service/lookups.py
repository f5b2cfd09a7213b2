"""Lookups for unauthenticated requests: a key, or the address of a webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from trunkline.model.faults import Fault, Refused

T = TypeVar("T")

LOOKUP_SECONDS = 0.9
"""How long a found record is cached: a revoked or disabled one works for less than a second more."""

MAX_KNOWN = 10_000
"""Most found records that are cached."""

MAX_AT_ONCE = 4
"""Lookups at the same time that may be guesses, however many connections to the database there are."""

MAX_WAITING = 256
"""Lookups that may wait for that; a tenth of a second's work."""


class Lookups(Generic[T]):
    """Records by a hash of their secret.

    A found record is cached for a moment, and afterwards looked up again without waiting in the queue. A miss
    is not cached: a guess is never repeated. Guesses wait in one short queue, so that they cost the database
    next to nothing, however many there are.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, T]] = {}
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0
        self.refused = 0
        """How many were refused because too many waited."""

    async def find(self, shown: bytes, load: Callable[[], Awaitable[T | None]]) -> T | None:
        """The record of a hash, or `None`; raises `Refused` with `UNAVAILABLE` if too many lookups wait."""
        known = self._known.get(shown)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = await load() if known is not None else await self._in_line(load)
        if found is None:
            self._known.pop(shown, None)
            return None
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[shown] = (time.monotonic() + LOOKUP_SECONDS, found)
        return found

    async def _in_line(self, load: Callable[[], Awaitable[T | None]]) -> T | None:
        if self._waiting >= MAX_WAITING:
            self.refused += 1
            raise Refused(Fault.UNAVAILABLE, "too many unknown keys or addresses are being tried; try again")
        self._waiting += 1
        try:
            async with self._at_once:
                return await load()
        finally:
            self._waiting -= 1

    def forget(self) -> None:
        """Empty the cache."""
        self._known.clear()
