"""Recordings in PostgreSQL: which calls have one, and where the stored ones are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.model.call import Call
from trunkline.model.recordings import ListedRecording, StoredRecording
from trunkline.model.words import Status
from trunkline.store.calls.rows import call_of
from trunkline.store.queries import queries

RECORDING = "recording"
"""The kind of job that downloads a call's recording, or removes it; its key is the call's id."""


class WantedRecording(Struct):
    """A recording to be downloaded, with its call."""

    url: str
    path: str | None
    """Its path, once it is stored."""
    vendor: str
    vendor_call_id: str


async def recorded_calls(connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> list[Call]:
    """Calls that have ended and may have a recording, among some changes."""
    final = [status.value for status in Status if status.is_final]
    rows = await connection.fetch(queries("recordings")["recorded"], org_id, after, up_to, final)
    return [call_of(row["body"], None) for row in rows]


async def deleted_calls(connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> list[UUID]:
    """Deleted calls among some changes."""
    rows = await connection.fetch(queries("recordings")["deleted"], org_id, after, up_to)
    return [row["id"] for row in rows]


async def note_recordings(
    connection: asyncpg.Connection, org_id: int, found: Sequence[tuple[str, str]]
) -> list[UUID]:
    """Add recordings by call and link; returns the calls whose link is new."""
    calls, urls = [UUID(one[0]) for one in found], [one[1] for one in found]
    rows = await connection.fetch(queries("recordings")["note"], org_id, calls, urls)
    return [row["call_id"] for row in rows]


async def drop_recordings(
    connection: asyncpg.Connection, org_id: int, call_ids: Sequence[UUID]
) -> list[UUID]:
    """Remove recordings of calls; returns the calls that had one. Their files are removed by a job."""
    rows = await connection.fetch(queries("recordings")["drop_recordings"], org_id, call_ids)
    return [row["call_id"] for row in rows]


async def mark_stored(
    connection: asyncpg.Connection, org_id: int, call_id: UUID, stored: StoredRecording, at: datetime
) -> None:
    """Record that a recording is stored."""
    values = (stored.path, stored.size_bytes, stored.media_type, stored.sha256)
    await connection.execute(queries("recordings")["mark_stored"], org_id, call_id, *values, at)


class RecordingStore:
    """Queries about recordings outside of a transaction."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def wanted(self, org_id: int, call_id: UUID) -> WantedRecording | None:
        """A recording with its call; `None` if there is none, or no such call."""
        row = await self._pool.fetchrow(queries("recordings")["wanted"], org_id, call_id)
        return None if row is None else WantedRecording(**row)

    async def stored(self, org_id: int, call_id: UUID) -> StoredRecording | None:
        """A stored recording."""
        row = await self._pool.fetchrow(queries("recordings")["stored"], org_id, call_id)
        return None if row is None else StoredRecording(**row)

    async def listed(self, org_id: int, state: str | None, limit: int) -> list[ListedRecording]:
        """An org's recordings, those that are due soonest first."""
        rows = await self._pool.fetch(queries("recordings")["recordings_of_org"], org_id, state, limit)
        return [ListedRecording(**row) for row in rows]
