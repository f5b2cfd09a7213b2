"""Orgs and keys in PostgreSQL; of a key only hashes are stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.store.queries import queries


class StoredKey(Struct, kw_only=True):
    """What is stored of a key besides its hashes."""

    org_id: int
    org_name: str
    id: str
    secret_hash: bytes | None
    dialect: str | None
    """The only dialect of an imported key; a key of our own works with all."""
    scopes: frozenset[str]
    addresses: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ListedKey(Struct, kw_only=True):
    """A key as `keys list` shows it."""

    id: str
    label: str
    dialect: str | None
    scopes: list[str]
    addresses: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewStoredKey(Struct, kw_only=True):
    """A key to be stored."""

    id: str
    hash: bytes
    name_hash: bytes | None
    secret_hash: bytes | None
    dialect: str | None
    label: str
    scopes: list[str]
    addresses: list[str]
    created_at: datetime
    expires_at: datetime | None


class KeyStore:
    """Every statement about orgs and keys."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def ensure_org(self, name: str) -> int:
        """The org with this name, created if it is new."""
        org_id: int = await self._pool.fetchval(queries("keys")["ensure_org"], name)
        return org_id

    async def org_id(self, name: str) -> int | None:
        """The org with this name."""
        org_id: int | None = await self._pool.fetchval(queries("keys")["org_by_name"], name)
        return org_id

    async def org_names(self) -> list[str]:
        """All orgs by name."""
        return [row["name"] for row in await self._pool.fetch(queries("keys")["org_names"])]

    async def add(self, org_id: int, key: NewStoredKey) -> bool:
        """Store a key; false if some org has it already."""
        stored = await self._pool.fetchval(
            queries("keys")["insert_key"],
            org_id,
            UUID(key.id),
            key.hash,
            key.name_hash,
            key.secret_hash,
            key.dialect,
            key.label,
            key.scopes,
            key.addresses,
            key.created_at,
            key.expires_at,
        )
        return stored is not None

    async def by_hash(self, hashes: Sequence[bytes]) -> StoredKey | None:
        """The key with one of these hashes."""
        row = await self._pool.fetchrow(queries("keys")["key_by_hash"], list(hashes))
        if row is None:
            return None
        return StoredKey(
            org_id=row["org_id"],
            org_name=row["org_name"],
            id=str(row["id"]),
            secret_hash=row["secret_hash"],
            dialect=row["dialect"],
            scopes=frozenset(row["scopes"]),
            addresses=tuple(row["addresses"]),
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            last_used_at=row["last_used_at"],
        )

    async def touch(self, org_id: int, key_id: str, at: datetime) -> None:
        """Record that a key was used."""
        await self._pool.execute(queries("keys")["touch_key"], org_id, UUID(key_id), at)

    async def listed(self, org_id: int) -> list[ListedKey]:
        """An org's keys, oldest first."""
        rows = await self._pool.fetch(queries("keys")["keys_of_org"], org_id)
        return [ListedKey(**{**row, "id": str(row["id"])}) for row in rows]

    async def revoke(self, org_id: int, key_id: str, at: datetime) -> bool:
        """Revoke a key; false if the org has no such key that is still good."""
        sql = queries("keys")["revoke_key"]
        return await self._pool.fetchval(sql, org_id, UUID(key_id), at) is not None
