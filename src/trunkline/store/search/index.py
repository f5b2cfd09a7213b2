"""The search index: calls are put on a list first, and indexed from it in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from trunkline.store.queries import queries
from trunkline.store.search.tokenizer import MIN_LENGTH, words_of

_MAX_ORPHANS = 1000


class SearchIndex:
    """The backlog of the search index."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def backlog(self, org_id: int) -> int:
        """How many calls of an org are not indexed yet."""
        count: int = await self._pool.fetchval(queries("search")["backlog_size"], org_id)
        return count


async def index_words(connection: asyncpg.Connection, org_id: int, after: int, up_to: int, limit: int) -> int:
    """Index calls that are not indexed yet among an org's changes after one sequence number up to another.

    At most `most` calls. Returns the sequence number that it reached: words that calls have lost are removed
    before the last one is reached, which may take more than one step. The transaction is the caller's; nobody
    else writes to the org until it ends.
    """
    rows = await connection.fetch(queries("search")["backlog"], org_id, after, up_to, limit)
    split = await asyncio.to_thread(
        _words_of_rows, rows
    )  # splitting a text into words takes a while, and requests are waiting
    await connection.fetchval(queries("search")["hold_sequence"], org_id)
    if split:
        await _store_terms(connection, org_id, split)
    if len(split) == limit:
        return int(rows[-1]["sequence"])
    lost = await connection.fetchval(queries("search")["clear_orphans"], org_id, _MAX_ORPHANS, MIN_LENGTH)
    return up_to - 1 if lost == _MAX_ORPHANS else up_to


async def index_call(connection: asyncpg.Connection, org_id: int, call_id: UUID) -> None:
    """Index one call if it is not yet; nobody else writes to the org until the caller's transaction ends."""
    rows = await connection.fetch(queries("search")["backlog_of_call"], org_id, call_id)
    if rows:
        await _store_terms(connection, org_id, await asyncio.to_thread(_words_of_rows, rows))


def _words_of_rows(rows: Sequence[asyncpg.Record]) -> list[tuple[UUID, int, set[str]]]:
    return [(row["call_id"], row["change"], words_of(row["search"] or "")) for row in rows]


async def _store_terms(
    connection: asyncpg.Connection, org_id: int, split: Sequence[tuple[UUID, int, set[str]]]
) -> None:
    calls, changes, _ = zip(*split, strict=True)
    indexed = await connection.fetch(queries("search")["indexed"], org_id, calls, changes)
    current = {row["call_id"] for row in indexed}
    words = sorted(set().union(*(some for call_id, _, some in split if call_id in current)))
    numbered = await connection.fetch(queries("search")["term_ids"], org_id, words, MIN_LENGTH)
    numbers = dict(numbered)
    await connection.copy_records_to_table(
        "call_terms",
        records=[
            (org_id, call_id, sorted(numbers[word] for word in some))
            for call_id, _, some in split
            if call_id in current
        ],
        columns=("org_id", "call_id", "term_ids"),
    )


async def clear_orphans(connection: asyncpg.Connection, org_id: int) -> None:
    """Drop every term that no call of the org has any more, a thousand per transaction."""
    cleared = _MAX_ORPHANS
    while cleared == _MAX_ORPHANS:
        async with connection.transaction():
            await connection.fetchval(queries("search")["hold_sequence"], org_id)
            cleared = await connection.fetchval(
                queries("search")["clear_orphans"], org_id, _MAX_ORPHANS, MIN_LENGTH, timeout=None
            )
