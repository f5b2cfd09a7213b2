"""Pulls and the ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.model.ledger import LedgerCall, LedgerHour
from trunkline.store.queries import queries


class StoredPull(Struct, kw_only=True):
    """How far a source was read."""

    since: datetime | None
    until: datetime | None
    following: str | None
    reached: datetime | None
    began_at: datetime
    ended_at: datetime | None


class ListedCall(NamedTuple):
    """A call that a vendor listed, and why it could not be taken in, if so."""

    vendor_call_id: str
    created_at: datetime | None
    reason: str | None = None


class PullStore:
    """Every statement about pulls and the ledger."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def pull(self, org_id: int, source_id: UUID) -> StoredPull | None:
        """How far a source was read; `None` if it never was."""
        row = await self._pool.fetchrow(queries("pulls")["pull"], org_id, source_id)
        return None if row is None else StoredPull(**row)

    async def begin(
        self,
        org_id: int,
        source_id: UUID,
        span: tuple[datetime | None, datetime | None],
        following: str,
        at: datetime,
    ) -> None:
        """Begin a pull of a range of creation."""
        await self._pool.execute(queries("pulls")["begin"], org_id, source_id, *span, following, at)

    async def advance(
        self, org_id: int, source_id: UUID, following: str | None, listed: Sequence[ListedCall]
    ) -> None:
        """Remember that a page is in, and the request to go on with."""
        columns = [list(column) for column in zip(*listed, strict=True)] if listed else [[], [], []]
        await self._pool.execute(queries("pulls")["advance"], org_id, source_id, following, *columns)

    async def repaired(self, org_id: int, source_id: UUID, found: Sequence[ListedCall], at: datetime) -> None:
        """Note calls that a pull found long after they should have come."""
        await self._pool.execute(
            queries("pulls")["repaired"],
            org_id,
            source_id,
            [call.vendor_call_id for call in found],
            [call.created_at for call in found],
            at,
        )

    async def complete(
        self, org_id: int, source_id: UUID, at: datetime, first_hour: datetime, until: datetime | None
    ) -> None:
        """Note that a list was read to its end; the hours from the first one on are as it said."""
        await self._pool.execute(queries("pulls")["complete"], org_id, source_id, at, first_hour, until)

    async def oldest_open(
        self, org_id: int, vendor: str, statuses: Sequence[str], since: datetime
    ) -> datetime | None:
        """When the oldest of a vendor's calls was made that has not ended."""
        sql = queries("pulls")["oldest_open"]
        oldest: datetime | None = await self._pool.fetchval(sql, org_id, vendor, list(statuses), since)
        return oldest

    async def kept(self, org_id: int, vendor: str, payloads: Sequence[tuple[str, bytes]]) -> set[bytes]:
        """Which of some payloads, by call and hash, are kept already."""
        ids, hashes = ([one[side] for one in payloads] for side in (0, 1))
        rows = await self._pool.fetch(queries("pulls")["kept"], org_id, vendor, ids, hashes)
        return {row["hash"] for row in rows}

    async def hours(
        self, org_id: int, source_id: UUID, vendor: str, since: datetime, until: datetime
    ) -> list[LedgerHour]:
        """The ledger's hours in a range, oldest first."""
        rows = await self._pool.fetch(queries("pulls")["ledger"], org_id, source_id, vendor, since, until)
        return [LedgerHour(**row) for row in rows]

    async def names(
        self, org_id: int, source_id: UUID, since: datetime, until: datetime, most: int
    ) -> list[LedgerCall]:
        """Calls that are missing or were repaired, newest first."""
        rows = await self._pool.fetch(queries("pulls")["ledger_names"], org_id, source_id, since, until, most)
        return [LedgerCall(**row) for row in rows]

    async def late(
        self,
        org_id: int,
        source_id: UUID,
        vendor: str,
        span: tuple[datetime, datetime],
        grace: timedelta,
        most: int,
    ) -> list[LedgerCall]:
        """Calls of which the first webhook came long after their end, newest first."""
        rows = await self._pool.fetch(queries("pulls")["late"], org_id, source_id, vendor, *span, grace, most)
        reason = "its first webhook came long after its end"
        return [LedgerCall(**row, state="late", reason=reason) for row in rows]
