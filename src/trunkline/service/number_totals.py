"""Numbers that are asked for and that many calls have get running totals, in the background of a server."""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from trunkline.model.query import CallFilter
from trunkline.store.totals.number_totals import MAX_NUMBERS, NumberTotalStore
from trunkline.store.totals.totals import totals_key_of_number

log = structlog.get_logger(__name__)

MANY_CALLS = 2000
"""From so many calls on a total is worth keeping: until then they are counted within a millisecond or so."""
_MAX_NOTED = 10_000


class NumberTotals:
    """Notes numbers whose totals were counted, and has them summed."""

    def __init__(self, store: NumberTotalStore) -> None:
        self._store = store
        self._noted: set[tuple[int, str]] = set()
        self._queue: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    def record_total(self, org_id: int, call_filter: CallFilter, total: int) -> None:
        """Hear of a total that was answered."""
        if total < MANY_CALLS or (found := totals_key_of_number(call_filter)) is None:
            return
        noted = (org_id, found[0])
        if noted not in self._noted and len(self._noted) < _MAX_NOTED:
            self._noted.add(noted)
            self._queue.put_nowait(noted)

    @property
    def backlog(self) -> int:
        """How many numbers are still to be summed up."""
        return self._queue.qsize()

    async def run(self) -> None:
        """Sum numbers up for ever."""
        while True:
            await self.next()

    async def next(self) -> None:
        """Sum up the next number that is asked for."""
        org_id, number = await self._queue.get()
        try:
            if not await self._store.sum_up(org_id, number):
                log.info("a number is counted each time", org=org_id, numbers=MAX_NUMBERS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._noted.discard((org_id, number))
            log.warning("number not summed up", error=repr(error)[:200])
        except Exception:
            log.exception("number not summed up")
