"""Calls in PostgreSQL: pages and single calls."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import asyncpg

from trunkline.kit.call_ids import CallLookup
from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.ids import DigestRange
from trunkline.model.query import After, CallFilter, Order, Position, Rows
from trunkline.store.calls.filters import TRANSCRIPT_JOIN
from trunkline.store.calls.list_query import list_query
from trunkline.store.calls.rows import call_of, is_long, long_call_of
from trunkline.store.queries import queries

_NO_DIGEST: DigestRange = (UUID(int=1), UUID(int=0))
"""An empty range."""


class PageOfCalls(NamedTuple):
    """The result of a list statement."""

    calls: list[EncodedCall]
    total: int | None
    has_more: bool


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
        """One page, and the exact number of matches if it is requested, from one snapshot."""
        question = list_query(
            org_id, call_filter, order, window, with_total=with_total, with_transcript=with_transcript
        )
        rows = await self._pool.fetch(question.sql, *question.values)
        total: int | None = rows[0]["total"] if with_total else None
        if isinstance(window, Rows) and window.limit == 0:
            return PageOfCalls([], total, bool(total))
        calls = [
            EncodedCall(body, row["transcript"] if with_transcript else None)
            for row in rows
            if (body := row["body"]) is not None
        ]
        if isinstance(window, After):
            return PageOfCalls(calls[: window.limit], total, len(calls) > window.limit)
        more = total is not None and window.offset + len(calls) < total
        return PageOfCalls(calls, total, more)

    async def find(self, org_id: int, lookup: CallLookup, *, with_transcript: bool) -> Call | None:
        """One call by an id that a dialect printed."""
        named = queries("list_query")
        sql = queries("calls")["find"].format(
            transcript=named["transcript"] if with_transcript else "",
            join=TRANSCRIPT_JOIN if with_transcript else "",
        )
        row = await self._pool.fetchrow(
            sql,
            org_id,
            lookup.vendor,
            lookup.vendor_call_id,
            UUID(lookup.id) if lookup.id else None,
            *(lookup.digests or _NO_DIGEST),
        )
        if row is None:
            return None
        parts = row["body"], row["transcript"] if with_transcript else None
        return await long_call_of(*parts) if is_long(*parts) else call_of(*parts)

    async def find_deleted(self, org_id: int, lookup: CallLookup) -> Position | None:
        """The position by creation of a deleted call."""
        row = await self._pool.fetchrow(
            queries("calls")["find_deleted"],
            org_id,
            lookup.vendor,
            lookup.vendor_call_id,
            UUID(lookup.id) if lookup.id else None,
            *(lookup.digests or _NO_DIGEST),
        )
        return row and Position(row["created_at"], str(row["id"]))

    async def exists_elsewhere(self, lookup: CallLookup) -> bool:
        """Whether any org has the call; used only after the request's own org is known not to have it."""
        digests = lookup.digests or _NO_DIGEST
        sql = queries("calls")["exists_elsewhere"]
        found: bool = await self._pool.fetchval(sql, lookup.vendor, lookup.vendor_call_id, *digests)
        return found
