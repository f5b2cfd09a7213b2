"""Calls in PostgreSQL: pages, single calls, and batches written by one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, overload
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.kit.call_ids import Sought
from trunkline.model.call import Call
from trunkline.model.ids import DigestRange
from trunkline.model.query import After, CallFilter, Order, Rows
from trunkline.store.listing import listing
from trunkline.store.queries import queries
from trunkline.store.rows import Draft, Known, call_of, columns, known_of

Key = tuple[str, str]
"""Vendor and the vendor's own id: what makes two sightings the same call."""

_MOVES = {"cells": queries("totals")["cells"], "move": queries("totals")["move"]}
_WRITE = queries("calls")["write"].format(**_MOVES)
_DELETE = queries("calls")["delete"].format(**_MOVES)
_NO_DIGEST: DigestRange = (UUID(int=1), UUID(int=0))
"""An empty range."""


class StoredCalls(Sequence[Call]):
    """Calls in their stored form, each of which is read when somebody asks for it."""

    def __init__(self, parts: list[tuple[str, bytes | None]]) -> None:
        """Each call's body, and its transcript if that is there and was fetched."""
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Call]:
        return (call_of(*part) for part in self.parts)

    @overload
    def __getitem__(self, place: int) -> Call: ...
    @overload
    def __getitem__(self, place: slice) -> StoredCalls: ...
    def __getitem__(self, place: int | slice) -> Call | StoredCalls:
        if isinstance(place, slice):
            return StoredCalls(self.parts[place])
        return call_of(*self.parts[place])


class PageOfCalls(NamedTuple):
    """What a listing statement answers."""

    calls: StoredCalls
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
            return PageOfCalls(StoredCalls([]), total, bool(total))
        calls = StoredCalls(
            [
                (body, row["transcript"] if with_transcript else None)
                for row in rows
                if (body := row["body"]) is not None
            ]
        )
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
            try:
                rows = await connection.fetch(_WRITE, org_id, *columns(drafts))
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "calls_pkey":
                    raise IdTaken from None
                raise
        return {(row["vendor"], row["vendor_call_id"]): row["is_new"] for row in rows}

    async def delete(self, org_id: int, call_id: str) -> bool:
        """Take a call out of the log, with everything that was kept of it; false if there is none."""
        return await self._pool.fetchval(_DELETE, org_id, UUID(call_id)) is not None
