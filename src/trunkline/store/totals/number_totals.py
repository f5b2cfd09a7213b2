"""Phone numbers that many calls of an org have: they have running totals like words."""

from __future__ import annotations

import asyncpg

from trunkline.store.groupings import NAMED
from trunkline.store.queries import queries
from trunkline.store.totals.totals import numbers

MAX_NUMBERS = 1000
"""Numbers of an org that have running totals (our choice); any other is counted on request."""


NUMBER_TOTAL = "number_total"
"""The kind of job that creates the running totals of a number; its key is the number."""


class NumberTotalStore:
    """Adds numbers to those that have running totals."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def sum_up(self, org_id: int, number: str) -> bool:
        """Create the running totals of a number; false if an org has as many as it may have.

        It may be run twice, and continues where it was interrupted. Writers wait only while the number is
        added.
        """
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                # Writers hold the org's sequence row: all later ones see the number.
                await connection.fetchval(queries("writes")["reserve_sequence"], org_id, 1)
                await connection.execute(queries("totals")["note_number"], org_id, number, MAX_NUMBERS)
            async with connection.transaction():
                if await connection.fetchval(queries("totals")["hold_number"], org_id, number):
                    await connection.execute(_COUNT, org_id, number, timeout=None)
        return bool(await self._pool.fetchval(queries("totals")["has_number"], org_id, number))


_COUNT = queries("totals")["count_number"].format(**NAMED, numbers=numbers("AND s.number = $2"))
