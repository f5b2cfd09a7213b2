"""Calls in PostgreSQL: pages and single calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, overload
from uuid import UUID

import asyncpg

from trunkline.kit.call_ids import Sought
from trunkline.model.call import Call
from trunkline.model.ids import DigestRange
from trunkline.model.query import After, CallFilter, Order, Place, Rows
from trunkline.store.listing import listing
from trunkline.store.queries import queries
from trunkline.store.rows import call_of

_NO_DIGEST: DigestRange = (UUID(int=1), UUID(int=0))
"""An empty range."""


class StoredCalls(Sequence[Call]):
    """Calls in their stored form, each of which is read when somebody asks for it."""

    def __init__(
        self,
        parts: list[tuple[str, bytes | None]],
        shown: Callable[[Call], Call] | None = None,
        edition: int = 0,
    ) -> None:
        """Each call's body, and its transcript if that is there and was fetched.

        `shown` makes of a call what is printed of it; what that depends on besides the call is its `edition`.
        """
        self.parts = parts
        self.shown = shown
        self.edition = edition

    def read(self, part: tuple[str, bytes | None]) -> Call:
        """A call from its stored form, as it is printed."""
        call = call_of(*part)
        return call if self.shown is None else self.shown(call)

    def __len__(self) -> int:
        return len(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Call]:
        return map(self.read, self.parts)

    @overload
    def __getitem__(self, place: int) -> Call: ...
    @overload
    def __getitem__(self, place: slice) -> StoredCalls: ...
    def __getitem__(self, place: int | slice) -> Call | StoredCalls:
        if isinstance(place, slice):
            return StoredCalls(self.parts[place], self.shown, self.edition)
        return self.read(self.parts[place])


class PageOfCalls(NamedTuple):
    """What a listing statement answers."""

    calls: StoredCalls
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

    async def find_deleted(self, org_id: int, sought: Sought) -> Place | None:
        """Where a call stood by creation that was taken out."""
        row = await self._pool.fetchrow(
            queries("calls")["find_deleted"],
            org_id,
            sought.vendor,
            sought.vendor_call_id,
            UUID(sought.id) if sought.id else None,
            *(sought.digests or _NO_DIGEST),
        )
        return row and Place(row["created_at"], str(row["id"]))

    async def exists_elsewhere(self, sought: Sought) -> bool:
        """Whether any org has the call; asked only once the asking org is known not to."""
        digests = sought.digests or _NO_DIGEST
        sql = queries("calls")["exists_elsewhere"]
        found: bool = await self._pool.fetchval(sql, sought.vendor, sought.vendor_call_id, *digests)
        return found
