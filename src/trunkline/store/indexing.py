"""The index of words: calls are written to a list first, and taken from it in the background."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from trunkline.store.queries import queries
from trunkline.store.words import SHORTEST_PART, words_of

LEADING = 7304
"""Names the lock of whoever indexes an org among all advisory locks."""
START = UUID(int=0)
_MOST_LOST = 1000


class WordStore:
    """Indexes what was said."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def behind(self) -> list[int]:
        """The orgs that have something to index."""
        return [row["org_id"] for row in await self._pool.fetch(queries("words")["orgs_behind"])]

    async def left(self, org_id: int) -> int:
        """How many calls of an org are not indexed yet."""
        count: int = await self._pool.fetchval(queries("words")["behind"], org_id)
        return count

    async def index(self, org_id: int, after: UUID, most: int, *, in_turn: bool = False) -> tuple[int, UUID]:
        """Index some calls of an org, in order after one of them; answers how many, and where to go on.

        Answers the start where the list ends; also where somebody else indexes the org, unless this is to
        wait for its turn.
        """
        lead = queries("words")["lead_in_turn" if in_turn else "lead"]
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(lead, org_id, LEADING):
                return 0, START
            rows = await connection.fetch(queries("words")["unindexed"], org_id, after, most)
            said = [(row["call_id"], row["change"], words_of(row["search"] or "")) for row in rows]
            await connection.fetchval(queries("words")["hold"], org_id)
            if said:
                await self._keep(connection, org_id, said)
            if len(said) < most:
                await connection.fetchval(queries("words")["clear_lost"], org_id, _MOST_LOST, SHORTEST_PART)
        return len(said), said[-1][0] if len(said) == most else START

    @staticmethod
    async def _keep(
        connection: asyncpg.Connection, org_id: int, said: Sequence[tuple[UUID, int, set[str]]]
    ) -> None:
        calls, changes, _ = zip(*said, strict=True)
        taken = await connection.fetch(queries("words")["indexed"], org_id, calls, changes)
        still = {row["call_id"] for row in taken}
        words = sorted(set().union(*(some for call_id, _, some in said if call_id in still)))
        numbered = await connection.fetch(queries("words")["numbers"], org_id, words, SHORTEST_PART)
        numbers = dict(numbered)
        await connection.copy_records_to_table(
            "call_words",
            records=[
                (org_id, call_id, sorted(numbers[word] for word in some))
                for call_id, _, some in said
                if call_id in still
            ],
            columns=("org_id", "call_id", "words"),
        )
