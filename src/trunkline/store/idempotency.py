"""Requests with an idempotency key, and their answers, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.store.queries import queries


class IdempotentRequest(Struct, frozen=True):
    """A request that uses a key."""

    fingerprint: bytes
    status: int | None
    """`None` while it runs."""
    headers: str | None
    body: bytes | None


class IdempotencyStore:
    """Every statement about idempotent requests."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(
        self,
        org_id: int,
        key: str,
        fingerprint: bytes,
        now: datetime,
        *,
        oldest: datetime,
        died_before: datetime,
    ) -> bool:
        """Reserve a key for a request; false if another request uses it already."""
        reserved = await self._pool.fetchval(
            queries("idempotency")["begin"], org_id, key, fingerprint, now, oldest, died_before
        )
        return reserved is not None

    async def find(self, org_id: int, key: str) -> IdempotentRequest | None:
        """The request that uses a key."""
        row = await self._pool.fetchrow(queries("idempotency")["find"], org_id, key)
        return row and IdempotentRequest(row["fingerprint"], row["status"], row["headers"], row["body"])

    async def store_response(
        self,
        org_id: int,
        key: str,
        begun_at: datetime,
        status: int,
        headers: str,
        body: bytes,
        call_ids: Sequence[str],
    ) -> None:
        """Store the answer to a request, with the calls whose deletion removes it."""
        await self._pool.execute(
            queries("idempotency")["store_response"],
            org_id,
            key,
            begun_at,
            status,
            headers,
            body,
            [UUID(one) for one in call_ids],
        )

    async def forget(self, org_id: int, key: str, begun_at: datetime) -> None:
        """Release a key."""
        await self._pool.execute(queries("idempotency")["forget"], org_id, key, begun_at)

    async def sweep(self, oldest: datetime) -> None:
        """Delete requests that have expired."""
        await self._pool.execute(queries("idempotency")["sweep"], oldest)
