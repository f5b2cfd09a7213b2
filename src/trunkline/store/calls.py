"""Calls in PostgreSQL: pages, single calls, and batches written by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.kit.call_ids import Sought
from trunkline.model.call import Call
from trunkline.model.ids import DigestRange
from trunkline.model.query import After, CallFilter, Order, Rows
from trunkline.store.listing import listing
from trunkline.store.queries import queries
from trunkline.store.rows import COLUMNS, Draft, Known, Row, call_of, columns, known_of, row_of

Key = tuple[str, str]
"""Vendor and the vendor's own id: what makes two sightings the same call."""

_MOVES = {"cells": queries("totals")["cells"], "move": queries("totals")["move"]}
_WRITE = queries("calls")["write"].format(**_MOVES)
_DELETE = queries("calls")["delete"].format(**_MOVES)
_MOVE_NEW = queries("calls")["move_new"].format(**_MOVES)
_MANY = 50
"""From so many new calls on COPY is worth its further round trips."""
_COUNTED = tuple(
    COLUMNS.index(name)
    for name in (
        "created_at",
        "started_at",
        "agent_ref",
        "campaign_ref",
        "vendor",
        "status",
        "status_word",
        "result",
        "result_word",
        "direction",
        "channel",
        "end_reason",
        "sentiment",
        "success",
        "voicemail",
    )
)
"""The places of the columns that totals are kept by, in the order of the statement."""
_NO_DIGEST: DigestRange = (UUID(int=1), UUID(int=0))
"""An empty range."""


class PageOfCalls(NamedTuple):
    """What a listing statement answers."""

    calls: list[Call]
    total: int | None
    has_more: bool


class Payload(Struct):
    """A payload as it arrived, for one call."""

    vendor: str
    vendor_call_id: str
    hash: bytes
    body: bytes


class IdTaken(Exception):
    """A new call would have the canonical id of another call."""


class CallStore:
    """Every statement about calls, each for one org."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(
        self,
        org_id: int,
        call_filter: CallFilter,
        order: Order,
        window: Rows | After,
        *,
        with_total: bool,
        with_transcript: bool,
    ) -> PageOfCalls:
        """One page, and the exact size of the whole match if it is wanted, from one snapshot."""
        asked = listing(
            org_id, call_filter, order, window, with_total=with_total, with_transcript=with_transcript
        )
        rows = await self._pool.fetch(asked.sql, *asked.values)
        total: int | None = rows[0]["total"] if with_total else None
        if isinstance(window, Rows) and window.limit == 0:
            return PageOfCalls([], total, bool(total))
        calls = [
            call_of(row["body"], row["transcript"] if with_transcript else None)
            for row in rows
            if row["body"] is not None
        ]
        if isinstance(window, After):
            return PageOfCalls(calls[: window.limit], total, len(calls) > window.limit)
        more = total is not None and window.offset + len(calls) < total
        return PageOfCalls(calls, total, more)

    async def find(self, org_id: int, sought: Sought, *, with_transcript: bool) -> Call | None:
        """One call by an id that a dialect printed."""
        named = queries("listing")
        sql = queries("calls")["find"].format(
            transcript=named["transcript"] if with_transcript else "",
            join="\n" + named["join"] if with_transcript else "",
        )
        row = await self._pool.fetchrow(
            sql,
            org_id,
            sought.vendor,
            sought.vendor_call_id,
            UUID(sought.id) if sought.id else None,
            *(sought.digests or _NO_DIGEST),
        )
        return row and call_of(row["body"], row["transcript"] if with_transcript else None)

    async def exists_elsewhere(self, sought: Sought) -> bool:
        """Whether any org has the call; asked only once the asking org is known not to."""
        digests = sought.digests or _NO_DIGEST
        sql = queries("calls")["exists_elsewhere"]
        found: bool = await self._pool.fetchval(sql, sought.vendor, sought.vendor_call_id, *digests)
        return found

    async def known(self, org_id: int, keys: Sequence[Key]) -> dict[Key, Known]:
        """The calls among these that are stored, as they stand."""
        rows = await self._pool.fetch(
            queries("calls")["known"], org_id, [key[0] for key in keys], [key[1] for key in keys]
        )
        return {
            (row["vendor"], row["vendor_call_id"]): known_of(
                row["body"], row["transcript"], row["stamps"], row["revision"]
            )
            for row in rows
        }

    async def taken(self, org_id: int, ids: Sequence[str]) -> frozenset[str]:
        """Which canonical ids among these belong to a call already."""
        rows = await self._pool.fetch(queries("calls")["taken_ids"], org_id, [UUID(i) for i in ids])
        return frozenset(str(row["id"]) for row in rows)

    async def write(
        self,
        org_id: int,
        drafts: Sequence[Draft],
        payloads: Sequence[Payload] = (),
        *,
        source: str = "",
        received_at: datetime | None = None,
    ) -> dict[Key, bool]:
        """Write a batch and its payloads in one transaction; no two drafts may be of the same call.

        Answers the calls that were written and whether each is new. A call that somebody else wrote since it
        was read is not among them. Raises `IdTaken` if nothing was written because a new call's canonical id
        belongs to another call.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            if payloads:
                await connection.execute(
                    queries("calls")["keep_sightings"],
                    org_id,
                    [payload.vendor for payload in payloads],
                    [payload.vendor_call_id for payload in payloads],
                    [payload.hash for payload in payloads],
                    [payload.body for payload in payloads],
                    source,
                    received_at,
                )
            if not drafts:
                return {}
            rows = [row_of(draft) for draft in drafts]
            if len(drafts) >= _MANY and all(draft.base_revision == 0 for draft in drafts):
                try:
                    async with connection.transaction():
                        await _copy(connection, org_id, rows)
                except asyncpg.UniqueViolationError:
                    pass  # somebody else wrote one just now; the statement finds out which
                else:
                    return {(draft.call.vendor, draft.call.vendor_call_id): True for draft in drafts}
            try:
                found = await connection.fetch(_WRITE, org_id, *columns(rows))
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "calls_pkey":
                    raise IdTaken from None
                raise
        return {(row["vendor"], row["vendor_call_id"]): row["is_new"] for row in found}

    async def delete(self, org_id: int, call_id: str) -> bool:
        """Take a call out of the log, with everything that was kept of it; false if there is none."""
        return await self._pool.fetchval(_DELETE, org_id, UUID(call_id)) is not None


async def _copy(connection: asyncpg.Connection, org_id: int, rows: Sequence[Row]) -> None:
    """Put new calls in; raises `UniqueViolationError` if one of them is not new."""
    await connection.copy_records_to_table(
        "calls", records=[(org_id, *row.values) for row in rows], columns=("org_id", *COLUMNS)
    )
    said = [(org_id, row.values[0], row.transcript, row.search) for row in rows if row.transcript is not None]
    await connection.copy_records_to_table(
        "call_transcripts", records=said, columns=("org_id", "call_id", "body", "search")
    )
    await connection.execute(_MOVE_NEW, org_id, *([row.values[place] for row in rows] for place in _COUNTED))
