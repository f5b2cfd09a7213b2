"""Recordings in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.words import Status
from trunkline.store.calls.rows import call_of
from trunkline.store.queries import queries

FOLLOWER = "recordings"


class FollowerLag(Struct):
    """An org whose changes were not all seen, with the last that was seen and the last there is."""

    org_id: int
    change: int
    head: int


class DueRecording(Struct):
    """A recording to be fetched."""

    org_id: int
    org_name: str
    call_id: UUID
    url: str
    attempts: int
    vendor: str
    vendor_call_id: str


class StoredRecording(Struct):
    """A recording that is kept."""

    path: str
    size_bytes: int
    media_type: str
    sha256: bytes


class ListedRecording(Struct):
    """A recording as `recordings list` shows it."""

    call_id: UUID
    url: str
    state: str
    attempts: int
    next_try_at: datetime
    problem: str | None
    size_bytes: int | None
    media_type: str | None
    fetched_at: datetime | None


class RecordingStore:
    """Every statement about recordings."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def lagging_orgs(self) -> list[FollowerLag]:
        """Orgs whose changes were not all seen."""
        rows = await self._pool.fetch(queries("recordings")["lagging_orgs"], FOLLOWER)
        return [FollowerLag(**row) for row in rows]

    async def changed(self, org_id: int, after: int, up_to: int) -> tuple[list[Call], list[UUID]]:
        """Calls that are over and may have a recording, and calls that were taken out, among some changes."""
        final = [status.value for status in Status if status.is_final]
        rows = await self._pool.fetch(queries("recordings")["recorded"], org_id, after, up_to, final)
        gone = await self._pool.fetch(queries("recordings")["deleted"], org_id, after, up_to)
        return [call_of(row["body"], None) for row in rows], [row["id"] for row in gone]

    async def note(self, org_id: int, change: int, found: Sequence[tuple[str, str]], at: datetime) -> None:
        """Note recordings by call and link, and how far their org was followed."""
        calls, urls = [UUID(one[0]) for one in found], [one[1] for one in found]
        await self._pool.execute(queries("recordings")["note"], org_id, FOLLOWER, change, calls, urls, at)

    async def drop(self, org_id: int, call_ids: Sequence[UUID]) -> list[str]:
        """Forget recordings of calls that were taken out; answers where what was kept lies."""
        sql = queries("recordings")["drop_recordings"]
        rows = await self._pool.fetch(sql, org_id, call_ids)
        return [row["path"] for row in rows if row["path"] is not None]

    async def due(self, now: datetime, limit: int) -> list[DueRecording]:
        """What is to be fetched next."""
        return [
            DueRecording(**row) for row in await self._pool.fetch(queries("recordings")["due"], now, limit)
        ]

    async def mark_stored(self, due: DueRecording, stored: StoredRecording, at: datetime) -> None:
        """Note that a recording is kept."""
        await self._pool.execute(
            queries("recordings")["mark_stored"],
            due.org_id,
            due.call_id,
            stored.path,
            stored.size_bytes,
            stored.media_type,
            stored.sha256,
            at,
        )

    async def mark_failed(self, due: DueRecording, state: str, problem: str, next_try_at: datetime) -> None:
        """Note that a try failed."""
        await self._pool.execute(
            queries("recordings")["mark_failed"], due.org_id, due.call_id, state, problem, next_try_at
        )

    async def stored(self, org_id: int, call_id: UUID) -> StoredRecording | None:
        """A recording that is kept."""
        row = await self._pool.fetchrow(queries("recordings")["stored"], org_id, call_id)
        return None if row is None else StoredRecording(**row)

    async def listed(self, org_id: int, state: str | None, limit: int) -> list[ListedRecording]:
        """An org's recordings, those that are due soonest first."""
        rows = await self._pool.fetch(queries("recordings")["recordings_of_org"], org_id, state, limit)
        return [ListedRecording(**row) for row in rows]

    async def retry(self, org_id: int, now: datetime) -> int:
        """Try again what is not kept; answers how many."""
        status: str = await self._pool.execute(queries("recordings")["retry"], org_id, now)
        return int(status.rpartition(" ")[2])


async def leads_on(connection: asyncpg.Connection) -> bool:
    """Whether this process may keep recordings, for as long as the connection lives."""
    leads: bool = await connection.fetchval(queries("recordings")["lead"])
    return leads
