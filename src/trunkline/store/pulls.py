"""Pulls in PostgreSQL: the progress of each, so that a killed one continues, and what it has listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.model.pulls import PullSchedule
from trunkline.store.ledger import settle
from trunkline.store.queries import queries

_LOCK_TRIES, _LOCK_WAIT_SECONDS = 20, 0.1


class StoredPull(Struct, kw_only=True):
    """The progress of a source's pull."""

    started_at: datetime | None = None
    """`None` if none is running."""
    requested_since: datetime | None = None
    requested_until: datetime | None = None
    range_from: datetime | None = None
    next: str | None = None
    """The next request, as JSON."""
    newest_at: datetime | None = None
    reached_from: datetime | None = None
    reached_at: datetime | None = None
    """The newest creation time in complete pulls."""
    vendors: Sequence[str] = ()


PULL = "pull"
"""The kind of job that pulls from a source; its key is the source's id."""


class ListedCall(Struct, frozen=True):
    """A call that a pull has listed."""

    vendor: str
    vendor_call_id: str
    created_at: datetime | None
    over_at: datetime | None
    """When it ended, or else was created."""
    reason: str | None = None
    """Why it could not be read."""


async def pull_schedules(pool: asyncpg.Pool, org_id: int) -> dict[UUID, PullSchedule]:
    """The pull schedule of each source of an org."""
    rows = await pool.fetch(queries("pulls")["pull_schedules"], org_id, PULL)
    return {
        row["id"]: PullSchedule(
            row["schedule"], row["last_at"], row["next_at"], row["problem"], row["running"]
        )
        for row in rows
    }


class PullStore:
    """The pull of one source."""

    def __init__(self, pool: asyncpg.Pool, org_id: int, source_id: UUID) -> None:
        self._pool = pool
        self._key = (org_id, source_id)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[bool]:
        """Lock the pull of a source; false if another process has it locked."""
        async with self._pool.acquire() as connection:
            for _ in range(
                _LOCK_TRIES
            ):  # the database may not have noticed yet that another process was killed
                got = await connection.fetchval(queries("pulls")["lock_pull"], *self._key)
                if got:
                    break
                await asyncio.sleep(_LOCK_WAIT_SECONDS)
            try:
                yield got
            finally:
                if got and not connection.is_closed():
                    try:
                        await connection.fetchval(queries("pulls")["unlock_pull"], *self._key)
                    except BaseException:
                        connection.terminate()  # a lock that is not released ends with its connection
                        raise

    async def current(self) -> StoredPull:
        """The progress of the pull."""
        row = await self._pool.fetchrow(queries("pulls")["pull"], *self._key)
        return StoredPull() if row is None else StoredPull(**row)

    async def begin(self, pull: StoredPull) -> None:
        """Begin a pull; what an earlier, interrupted one has listed is dropped."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(queries("pulls")["forget_listed"], *self._key)
            await connection.execute(
                queries("pulls")["begin_pull"],
                *self._key,
                pull.started_at,
                pull.requested_since,
                pull.requested_until,
                pull.range_from,
                pull.next,
            )

    async def record(self, calls: Sequence[ListedCall], at: datetime) -> int:
        """Record the calls of a page before they are stored; returns how many are new to this pull."""
        once = {(call.vendor, call.vendor_call_id): call for call in calls}.values()
        names = ("vendor", "vendor_call_id", "created_at", "over_at", "reason")
        columns = ([getattr(call, name) for call in once] for name in names)
        rows = await self._pool.fetch(queries("pulls")["record_listed"], *self._key, at, *columns)
        return sum(row["fresh"] for row in rows)

    async def turn(
        self, next_request: str | None, newest_at: datetime | None, vendors: Sequence[str]
    ) -> None:
        """Store the next request, now that the calls of a page are committed."""
        await self._pool.execute(queries("pulls")["turn_page"], *self._key, next_request, newest_at, vendors)

    async def stored_payloads(self, vendor: str, lines: Sequence[tuple[str, bytes]]) -> set[bytes]:
        """Which of some payloads are stored already, by call and digest."""
        names, digests = [line[0] for line in lines], [line[1] for line in lines]
        sql = queries("pulls")["stored_lines"]
        return {row["hash"] for row in await self._pool.fetch(sql, self._key[0], vendor, names, digests)}

    async def oldest_open(self, vendors: Sequence[str], since: datetime) -> datetime | None:
        """The creation time of the oldest call of some vendors that has not ended."""
        sql = queries("pulls")["oldest_open"]
        found: datetime | None = await self._pool.fetchval(sql, self._key[0], vendors, since)
        return found

    async def end(self, now: datetime, first: datetime | None, end: datetime | None) -> None:
        """End a pull that covered the hours from `first` to before `end` whole."""
        async with self._pool.acquire() as connection, connection.transaction():
            await settle(connection, *self._key, now, first, end)
            await connection.execute(queries("pulls")["end_pull"], *self._key, now)
            await connection.execute(queries("pulls")["forget_listed"], *self._key)
