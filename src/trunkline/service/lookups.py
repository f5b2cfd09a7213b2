"""Looking up what a stranger showed: a key, or the address of a webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from trunkline.model.faults import Fault, Refused

T = TypeVar("T")

LOOKUP_SECONDS = 0.9
"""How long what was found counts: what is revoked or disabled works for less than a second more."""

MAX_KNOWN = 10_000
"""Of what was found, how much is kept at a time."""

MAX_AT_ONCE = 4
"""How many strangers are looked up at the same time, whatever the number of connections to the database."""

MAX_WAITING = 256
"""How many strangers may wait for that; it is a tenth of a second's work."""


class Lookups(Generic[T]):
    """Records by a hash that their owners show.

    What was found is kept for a moment, and afterwards looked up again without waiting in line. What was not
    found is not kept: whoever guesses never guesses the same twice. Guesses stand in one short line, so that
    they cost the database next to nothing, however many there are.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, T]] = {}
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0
        self.refused = 0
        """How many were refused because too many waited."""

    async def find(self, shown: bytes, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What belongs to a hash, or `None`; raises `Refused` with `UNAVAILABLE` if too many wait to know."""
        known = self._known.get(shown)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = await look() if known is not None else await self._in_line(look)
        if found is None:
            self._known.pop(shown, None)
            return None
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[shown] = (time.monotonic() + LOOKUP_SECONDS, found)
        return found

    async def _in_line(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        if self._waiting >= MAX_WAITING:
            self.refused += 1
            raise Refused(Fault.UNAVAILABLE, "too many unknown keys or addresses are being tried; try again")
        self._waiting += 1
        try:
            async with self._at_once:
                return await look()
        finally:
            self._waiting -= 1

    def forget(self) -> None:
        """Look everything up anew."""
        self._known.clear()
