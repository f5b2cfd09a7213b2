"""The index of words: calls are written to a list first, and taken from it in the background."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from trunkline.store.queries import queries
from trunkline.store.search.tokenizer import MIN_LENGTH, words_of

INDEXER_LOCK = 7304
"""Names the lock of whoever indexes an org among all advisory locks."""
START = UUID(int=0)
_MAX_ORPHANS = 1000


class SearchIndex:
    """Indexes what was said."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def orgs_with_backlog(self) -> list[int]:
        """The orgs that have something to index."""
        return [row["org_id"] for row in await self._pool.fetch(queries("search")["orgs_with_backlog"])]

    async def backlog(self, org_id: int) -> int:
        """How many calls of an org are not indexed yet."""
        count: int = await self._pool.fetchval(queries("search")["backlog_size"], org_id)
        return count

    async def index(self, org_id: int, after: UUID, limit: int, *, in_turn: bool = False) -> tuple[int, UUID]:
        """Index some calls of an org, in order after one of them; answers how many, and where to go on.

        Answers the start where the list ends; also where somebody else indexes the org, unless this is to
        wait for its turn.
        """
        lead = queries("search")["lead_in_turn" if in_turn else "lead"]
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(lead, org_id, INDEXER_LOCK):
                return 0, START
            rows = await connection.fetch(queries("search")["backlog"], org_id, after, limit)
            said = [(row["call_id"], row["change"], words_of(row["search"] or "")) for row in rows]
            await connection.fetchval(queries("search")["hold_sequence"], org_id)
            if said:
                await self._store_terms(connection, org_id, said)
            if len(said) < limit:
                await connection.fetchval(
                    queries("search")["clear_orphans"], org_id, _MAX_ORPHANS, MIN_LENGTH
                )
        return len(said), said[-1][0] if len(said) == limit else START

    @staticmethod
    async def _store_terms(
        connection: asyncpg.Connection, org_id: int, calls_terms: Sequence[tuple[UUID, int, set[str]]]
    ) -> None:
        calls, changes, _ = zip(*calls_terms, strict=True)
        taken = await connection.fetch(queries("search")["indexed"], org_id, calls, changes)
        still = {row["call_id"] for row in taken}
        words = sorted(set().union(*(some for call_id, _, some in calls_terms if call_id in still)))
        numbered = await connection.fetch(queries("search")["term_ids"], org_id, words, MIN_LENGTH)
        numbers = dict(numbered)
        await connection.copy_records_to_table(
            "call_terms",
            records=[
                (org_id, call_id, sorted(numbers[word] for word in some))
                for call_id, _, some in calls_terms
                if call_id in still
            ],
            columns=("org_id", "call_id", "term_ids"),
        )
