"""Lists read in chunks, all from one snapshot, so that memory does not grow with the list."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial

import asyncpg

from trunkline.model.encoded_call import Chunk, EncodedCall
from trunkline.model.query import After, CallFilter, Order, Position, Rows
from trunkline.store.calls.list_query import ListQuery, list_query
from trunkline.store.queries import queries

FIRST_CALLS = 50
"""Calls in the first chunk, which the client waits for."""

MAX_CALLS = 800
"""Most calls in any chunk."""

MAX_BYTES = 512 * 1024
"""Stored bytes of a chunk; the last call may begin within them and end beyond."""

ENDLESS = After(limit=2**62)
"""The window of a list without an end of its own."""

MAX_STATEMENT_SECONDS = 600.0
"""For a filter that no index serves and that matches hardly any calls."""

MAX_STANDSTILL = "120s"
"""How long the snapshot is held while nothing is read from it; clients that stall are disconnected sooner."""

_MAX_WAIT_SECONDS = 30.0


class ChunkedReader:
    """Reads lists of any length."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def chunks(
        self,
        org_id: int,
        call_filter: CallFilter,
        order: Order,
        window: Rows | After,
        *,
        with_total: bool,
        with_transcript: bool,
    ) -> AsyncGenerator[Chunk, None]:
        """The calls of one page in chunks; there is at least one, and only a single chunk may be empty.

        Each chunk is read by its own statement, which begins after the last call of the chunk before: it
        costs no more than any page, and only the snapshot stays open in the database.
        """
        question = partial(list_query, org_id, call_filter, order, with_transcript=with_transcript)
        # One call more than a window by offset has shows whether more follow.
        wanted = window.limit if isinstance(window, Rows) else window.limit + 1
        most = min(FIRST_CALLS, wanted)
        here: Rows | After = _first(window, most)
        read, total, has_more = 0, None, False
        held: list[EncodedCall] = []
        async with (
            self._pool.acquire(timeout=_MAX_WAIT_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(queries("chunked_reader")["may_stand_still"], MAX_STANDSTILL)
            if with_total:
                total = (await _fetch(connection, question(Rows(0), with_total=True)))[0]["total"]
            while read < wanted:
                rows = await _fetch(connection, question(here, with_total=False, max_bytes=MAX_BYTES))
                found = [
                    EncodedCall(row["body"], row["transcript"] if with_transcript else None) for row in rows
                ]
                if not found:
                    break
                read += len(found)
                most = min(_next_calls(len(found), most), wanted - read)
                here = After(most - 1, _position_of(found[-1], order))
                if isinstance(window, After) and read == wanted:
                    has_more = True
                    found.pop()
                if held and found:
                    yield Chunk(held, total, has_more=True)
                held = found or held
            if isinstance(window, Rows):
                has_more = total is not None and window.offset + read < total
            yield Chunk(held, total, has_more)


async def _fetch(connection: asyncpg.Connection, query: ListQuery) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        query.sql, *query.values, timeout=MAX_STATEMENT_SECONDS
    )
    return found


def _first(window: Rows | After, limit: int) -> Rows | After:
    """The beginning of a window, so many calls long; a window by offset requests one more by itself."""
    return Rows(limit, window.offset) if isinstance(window, Rows) else After(limit - 1, window.position)


def _next_calls(found: int, requested: int) -> int:
    """How many calls to request next: about as many as are likely to fit."""
    return min(MAX_CALLS, 2 * requested if found == requested else found + found // 8 + 1)


def _position_of(encoded: EncodedCall, order: Order) -> Position:
    call = encoded.call_without_transcript()
    return Position(getattr(call, order.by.value), call.id, call.created_at)
