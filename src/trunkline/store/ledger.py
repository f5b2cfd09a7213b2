"""The ledger in PostgreSQL: updated when a pull ends, in the transaction that ends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from trunkline.model.ledger import LedgerCall, LedgerHour, LedgerState
from trunkline.store.queries import queries

GRACE = timedelta(minutes=10)
"""After its end, a call is late only after this time (our choice)."""


async def settle(
    connection: asyncpg.Connection,
    org_id: int,
    source_id: UUID,
    now: datetime,
    first: datetime | None,
    end: datetime | None,
) -> None:
    """Record what a pull has listed; it covered the hours from `first` to before `end` whole."""
    sql = queries("ledger")
    await connection.execute(sql["note_late"], org_id, source_id, GRACE)
    await connection.execute(sql["note_repaired"], org_id, source_id, now, GRACE)
    await connection.execute(sql["mend_missing"], org_id, source_id, now)
    await connection.execute(sql["forget_missing"], org_id, source_id, first, end)
    await connection.execute(sql["note_missing"], org_id, source_id)
    await connection.execute(sql["empty_hours"], org_id, source_id, now, first, end)
    await connection.execute(sql["list_hours"], org_id, source_id, now, first, end)


class LedgerStore:
    """Reads the ledger."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def hours(
        self, org_id: int, source_id: UUID | None, since: datetime, until: datetime
    ) -> list[LedgerHour]:
        """The hours from `since` to before `until` of one source, or of all that the org has."""
        rows = await self._pool.fetch(queries("ledger")["shown_hours"], org_id, source_id, since, until)
        return [LedgerHour(**{**row, "source_id": str(row["source_id"])}) for row in rows]

    async def calls(
        self, org_id: int, source_id: UUID | None, since: datetime, until: datetime, limit: int
    ) -> tuple[list[LedgerCall], int]:
        """The first calls of such hours that are named, and how many there are in all."""
        rows = await self._pool.fetch(
            queries("ledger")["shown_calls"], org_id, source_id, since, until, limit
        )
        calls = []
        for row in rows:
            fields = {name: value for name, value in row.items() if name != "all_calls"}
            fields |= {"source_id": str(row["source_id"]), "state": LedgerState(row["state"])}
            calls.append(LedgerCall(**fields))
        return calls, rows[0]["all_calls"] if rows else 0
