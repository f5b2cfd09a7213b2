"""Sources in PostgreSQL; their secrets and credentials are encrypted before they get here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.model.pulls import PullSchedule
from trunkline.store.jobs import JobStore
from trunkline.store.pulls import PULL, pull_schedules
from trunkline.store.queries import queries


class StoredSource(Struct, kw_only=True):
    """A source as it is stored."""

    org_id: int
    org_name: str
    id: UUID
    vendor: str
    label: str
    address: bytes
    secrets: bytes
    credential: bytes | None
    base_url: str | None
    created_at: datetime
    disabled_at: datetime | None


class SourceStore:
    """Every statement about sources."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, source: StoredSource, address_hash: bytes) -> None:
        """Store a new source."""
        await self._pool.execute(
            queries("sources")["insert_source"],
            source.org_id,
            source.id,
            source.vendor,
            source.label,
            address_hash,
            source.address,
            source.secrets,
            source.credential,
            source.base_url,
            source.created_at,
        )

    async def by_address(self, address_hash: bytes) -> StoredSource | None:
        """The source whose address has this hash."""
        row = await self._pool.fetchrow(queries("sources")["source_by_address"], address_hash)
        return None if row is None else StoredSource(**row)

    async def one(self, org_id: int, source_id: UUID) -> StoredSource | None:
        """One source of an org."""
        row = await self._pool.fetchrow(queries("sources")["source"], org_id, source_id)
        return None if row is None else StoredSource(**row)

    async def listed(self, org_id: int) -> list[StoredSource]:
        """An org's sources, oldest first."""
        rows = await self._pool.fetch(queries("sources")["sources_of_org"], org_id)
        return [StoredSource(**row) for row in rows]

    async def change(
        self, org_id: int, source_id: UUID, *, secrets: bytes | None, credential: bytes | None
    ) -> bool:
        """Set a source's secrets or credential; false if the org has no such source."""
        sql = queries("sources")["change_secrets"]
        return await self._pool.fetchval(sql, org_id, source_id, secrets, credential) is not None

    async def disable(self, org_id: int, source_id: UUID, at: datetime) -> bool:
        """Disable a source; false if the org has no such source that is enabled."""
        sql = queries("sources")["disable_source"]
        return await self._pool.fetchval(sql, org_id, source_id, at) is not None

    async def schedule(
        self, org_id: int, source_id: UUID, schedule: str, first_at: datetime, now: datetime
    ) -> None:
        """Schedule the pulls of a source."""
        await JobStore(self._pool).schedule(org_id, PULL, str(source_id), schedule, first_at, now)

    async def unschedule(self, org_id: int, source_id: UUID) -> None:
        """Remove the pull schedule of a source."""
        await JobStore(self._pool).remove(org_id, PULL, str(source_id))

    async def schedules(self, org_id: int) -> dict[UUID, PullSchedule]:
        """The pull schedule of each source of an org."""
        return await pull_schedules(self._pool, org_id)
