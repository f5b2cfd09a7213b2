"""Recordings in PostgreSQL: which there are, and where what is kept of them lies."""

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
"""The kind of job that fetches a call's recording, or removes it once the call is gone, by its id."""


class WantedRecording(Struct):
    """A recording that is noted, with the call that it is of."""

    url: str
    path: str | None
    """Where it lies, once it is kept."""
    vendor: str
    vendor_call_id: str


async def recorded_calls(connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> list[Call]:
    """Calls that are over and may have a recording, among some changes."""
    final = [status.value for status in Status if status.is_final]
    rows = await connection.fetch(queries("recordings")["recorded"], org_id, after, up_to, final)
    return [call_of(row["body"], None) for row in rows]


async def deleted_calls(connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> list[UUID]:
    """Calls that were taken out, among some changes."""
    rows = await connection.fetch(queries("recordings")["deleted"], org_id, after, up_to)
    return [row["id"] for row in rows]


async def note_recordings(
    connection: asyncpg.Connection, org_id: int, found: Sequence[tuple[str, str]]
) -> list[UUID]:
    """Note recordings by call and link; answers the calls whose link is new."""
    calls, urls = [UUID(one[0]) for one in found], [one[1] for one in found]
    rows = await connection.fetch(queries("recordings")["note"], org_id, calls, urls)
    return [row["call_id"] for row in rows]


async def drop_recordings(
    connection: asyncpg.Connection, org_id: int, call_ids: Sequence[UUID]
) -> list[UUID]:
    """Forget recordings of calls; answers which calls had one. Their files are a job's to remove."""
    rows = await connection.fetch(queries("recordings")["drop_recordings"], org_id, call_ids)
    return [row["call_id"] for row in rows]


async def keep_recording(
    connection: asyncpg.Connection, org_id: int, call_id: UUID, kept: StoredRecording, at: datetime
) -> None:
    """Note that a recording is kept."""
    values = (kept.path, kept.size_bytes, kept.media_type, kept.sha256)
    await connection.execute(queries("recordings")["mark_stored"], org_id, call_id, *values, at)


class RecordingStore:
    """What is asked of recordings outside of a transaction."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def wanted(self, org_id: int, call_id: UUID) -> WantedRecording | None:
        """A recording that is noted; `None` if there is none, or no such call."""
        row = await self._pool.fetchrow(queries("recordings")["wanted"], org_id, call_id)
        return None if row is None else WantedRecording(**row)

    async def stored(self, org_id: int, call_id: UUID) -> StoredRecording | None:
        """A recording that is kept."""
        row = await self._pool.fetchrow(queries("recordings")["stored"], org_id, call_id)
        return None if row is None else StoredRecording(**row)

    async def listed(self, org_id: int, state: str | None, limit: int) -> list[ListedRecording]:
        """An org's recordings, those that are due soonest first."""
        rows = await self._pool.fetch(queries("recordings")["recordings_of_org"], org_id, state, limit)
        return [ListedRecording(**row) for row in rows]
