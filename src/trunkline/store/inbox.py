"""The inbox in PostgreSQL: filled in the transaction that stores payloads, and bounded there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from trunkline.model.field_problems import without_controls
from trunkline.model.inbox import InboxContent, InboxCount, InboxEntry, InboxPosition, InboxState
from trunkline.store.queries import queries

log = structlog.get_logger(__name__)

MAX_PAYLOADS = 1000
"""Payloads of one source and state that the inbox keeps (our choice)."""

MAX_SOURCE_BYTES = 64 * 1024 * 1024
MAX_ORG_BYTES = 256 * 1024 * 1024
"""Bytes of one source and state, and of all of an org (our choice)."""

MAX_REASON_LENGTH = 500


class UnreadPayload(Struct, kw_only=True):
    """A payload that is to be put into the inbox."""

    source: str
    source_id: str | None
    vendor: str
    kind: str
    state: InboxState
    reason: str
    event: str
    place: str
    content_type: str
    content_encoding: str
    body: bytes
    times: int = 1
    received_at: datetime | None = None
    """`None` for one that arrives now."""
    last_received_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """The same for the same payload from the same source."""
        head = "\n".join((self.source_id or self.source, self.vendor, self.kind, ""))
        return UUID(bytes=hashlib.sha256(head.encode("utf-8", "replace") + self.body).digest()[:16])


class InboxTotal(NamedTuple):
    """How much of one vendor and state there is in all orgs."""

    vendor: str
    state: str
    payloads: int
    size_bytes: int


class InboxWriting:
    """Puts payloads into an org's inbox, within a transaction in which nobody else writes to the org."""

    def __init__(self, connection: asyncpg.Connection, org_id: int) -> None:
        self._connection = connection
        self._org_id = org_id

    async def add(self, payloads: Sequence[UnreadPayload], received_at: datetime) -> None:
        """Add payloads, each once, and drop the oldest ones if there are too many."""
        if not payloads:
            return
        found: dict[UUID, UnreadPayload] = {}
        for one in payloads:
            known = found.setdefault(one.id, one)
            if known is not one:
                known.times += one.times
        each = list(found.items())
        rows = await self._connection.fetch(
            queries("inbox")["add"],
            self._org_id,
            received_at,
            [name for name, _ in each],
            [without_controls(one.source) for _, one in each],
            [None if one.source_id is None else UUID(one.source_id) for _, one in each],
            [without_controls(one.vendor) for _, one in each],
            [one.kind for _, one in each],
            [one.state.value for _, one in each],
            [without_controls(one.reason)[:MAX_REASON_LENGTH] for _, one in each],
            [without_controls(one.event) for _, one in each],
            [without_controls(one.place) for _, one in each],
            [without_controls(one.content_type) for _, one in each],
            [without_controls(one.content_encoding) for _, one in each],
            [one.times for _, one in each],
            [one.received_at for _, one in each],
            [one.last_received_at for _, one in each],
            [one.body for _, one in each],
        )
        if any(row["is_new"] for row in rows):
            await self._trim(received_at)

    async def _trim(self, now: datetime) -> None:
        sizes = await self._connection.fetch(queries("inbox")["sizes"], self._org_id)
        if sum(row["size_bytes"] for row in sizes) <= MAX_ORG_BYTES and not any(
            row["payloads"] > MAX_PAYLOADS or row["size_bytes"] > MAX_SOURCE_BYTES for row in sizes
        ):
            return
        dropped = await self._connection.fetch(
            queries("inbox")["trim"], self._org_id, now, MAX_PAYLOADS, MAX_SOURCE_BYTES, MAX_ORG_BYTES
        )
        for row in dropped:
            log.warning(
                "the inbox is full: oldest payloads dropped",
                org=self._org_id,
                source=row["source"],
                vendor=row["vendor"],
                payloads=row["payloads"],
            )


class InboxStore:
    """Reads the inbox, and takes payloads out of it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def listed(
        self,
        org_id: int,
        limit: int,
        *,
        source_id: UUID | None = None,
        vendor: str | None = None,
        state: InboxState | None = None,
        after: InboxPosition | None = None,
    ) -> list[InboxEntry]:
        """Some payloads that match, what arrived last first."""
        position = (None, None) if after is None else (after.received_at, UUID(after.id))
        rows = await self._pool.fetch(
            queries("inbox")["listed"], org_id, source_id, vendor, state and state.value, *position, limit
        )
        return [_entry(row) for row in rows]

    async def total(
        self, org_id: int, source_id: UUID | None, vendor: str | None, state: InboxState | None
    ) -> int:
        """How many payloads match."""
        count: int = await self._pool.fetchval(
            queries("inbox")["total"], org_id, source_id, vendor, state and state.value
        )
        return count

    async def one(self, org_id: int, entry_id: UUID) -> InboxContent | None:
        """A payload with its content."""
        row = await self._pool.fetchrow(queries("inbox")["one"], org_id, entry_id)
        return None if row is None else InboxContent(_entry(row), row["payload"], row["content_encoding"])

    async def ids(
        self, org_id: int, ids: Sequence[UUID] | None, source_id: UUID | None, vendor: str | None
    ) -> list[UUID]:
        """The payloads that match, in the order in which they arrived."""
        rows = await self._pool.fetch(queries("inbox")["ids"], org_id, ids, source_id, vendor)
        return [row["id"] for row in rows]

    async def delete(
        self,
        org_id: int,
        ids: Sequence[UUID] | None,
        source_id: UUID | None = None,
        vendor: str | None = None,
    ) -> int:
        """Delete the payloads that match; returns how many there were."""
        count: int = await self._pool.fetchval(queries("inbox")["delete"], org_id, ids, source_id, vendor)
        return count

    async def still_unread(self, org_id: int, entry_id: UUID, state: InboxState, reason: str) -> None:
        """Note why a payload could not be read this time."""
        await self._pool.execute(
            queries("inbox")["still_unread"],
            org_id,
            entry_id,
            state.value,
            without_controls(reason)[:MAX_REASON_LENGTH],
        )

    async def counts(self, org_id: int, source_id: UUID | None = None) -> list[InboxCount]:
        """What there is of each source and vendor, and what was dropped; of one source if it is named."""
        rows = await self._pool.fetch(queries("inbox")["counts"], org_id, source_id)
        return [InboxCount(**{**row, "source_id": _text(row["source_id"])}) for row in rows]

    async def totals(self) -> tuple[list[InboxTotal], list[tuple[str, int]]]:
        """What there is in all orgs together, and how many payloads of each vendor were dropped."""
        there = await self._pool.fetch(queries("inbox")["all_counts"])
        dropped = await self._pool.fetch(queries("inbox")["all_drops"])
        return [InboxTotal(*row) for row in there], [(row["vendor"], row["payloads"]) for row in dropped]


def _entry(row: asyncpg.Record) -> InboxEntry:
    fields: dict[str, Any] = {name: row[name] for name in InboxEntry.__struct_fields__}
    named = {"id": str(row["id"]), "source_id": _text(row["source_id"]), "state": InboxState(row["state"])}
    return InboxEntry(**{**fields, **named})


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
