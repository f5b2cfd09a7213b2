"""Erasing: every table that can hold something of a call is registered here with how it forgets it.

A call is deleted in one transaction, whose statement is put together from the registry. What other writers
may have put down while they did not know of it, and what cannot be found by the call, is cleaned up later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from trunkline.store.columns import FRAGMENTS, Count, counted
from trunkline.store.queries import queries
from trunkline.store.search.index import clear_orphans
from trunkline.store.totals.totals import cells

MIN_ID_LENGTH = 8
"""Characters of a vendor's id that are looked for in payloads that name no call."""


VACUUM_DELAY_MS = 2
"""What a vacuum leaves to others after each piece of its work, as autovacuum does."""


class Erasure(Struct, frozen=True, kw_only=True):
    """How one table forgets a call."""

    table: str
    fragment: str | None = None
    """The part of erase.sql that removes what stands under the call, in the transaction that deletes it."""
    later: str = ""
    """What is removed when the deletion is cleaned up after, and how, where the fragment is not all."""


ERASURES = (
    Erasure(table="calls", later="its row goes in the statement itself"),
    Erasure(table="call_transcripts", fragment="call_transcripts"),
    Erasure(table="live_calls", fragment="live_calls"),
    Erasure(table="live_slots", fragment="live_slots"),
    Erasure(table="search_backlog", fragment="search_backlog"),
    Erasure(table="call_terms", fragment="call_terms"),
    Erasure(table="orphan_terms", later="terms that the call had, until it is known that another has them"),
    Erasure(table="search_terms", later="terms that no call has, by way of orphan_terms"),
    Erasure(table="term_suffixes", later="those of the terms that go"),
    Erasure(table="sightings", fragment="sightings", later="payloads under no call that hold its id"),
    Erasure(table="call_totals", later="moved by the statement itself; what came to nothing before it"),
    Erasure(table="number_totals", later="numbers that no call has"),
    Erasure(table="listed_calls", fragment="listed_calls"),
    Erasure(table="ledger_calls", fragment="ledger_calls"),
    Erasure(table="pulls", fragment="pulls"),
    Erasure(table="recordings", fragment="recordings"),
    Erasure(table="jobs", fragment="jobs", later="jobs for numbers that no call has"),
    Erasure(table="followers", later="what a problem quotes"),
    Erasure(table="follower_skips", later="marks at changes of calls that are gone"),
    Erasure(table="erased_objects", later="the path of its recording, once the file is gone"),
    Erasure(table="idempotent_requests", fragment="idempotent_requests"),
)
"""Every table that can hold something of a call."""

HOLDS_NOTHING = {
    "orgs": "names of orgs",
    "keys": "hashes of keys, and labels that were given to them",
    "sources": "accounts with vendors",
    "change_sequences": "a number for each org",
    "job_turns": "when an org's jobs were handed out last",
    "job_counts": "how often jobs ended in which way",
    "ledger_hours": "how many calls a vendor lists in an hour",
    "deleted_calls": "what stays: a deleted call's ids, when it was created and deleted, and its sequence",
    "upgrade_steps": "what is still to be done after an upgrade",
    "erase_backlog": "two instants for each org",
}
"""Every other table with an `org_id`, and what it holds."""

_FRAGMENTS = ", ".join(queries("erase")[one.fragment] for one in ERASURES if one.fragment is not None)
_DELETE = queries("calls")["delete"].format(
    **FRAGMENTS,
    erasures=_FRAGMENTS,
    deletion=queries("erase")["note_deletion"],
    cells=cells(),
    move=queries("totals")["move"].format(returning=queries("totals")["moved_totals"]),
)


def _nobody(number: str) -> str:
    columns = counted(Count.NUMBER)
    return " AND ".join(queries("erase")["nobody"].format(column=one.name, number=number) for one in columns)


_LATER = (
    queries("erase")["erase_again"].format(erasures=_FRAGMENTS),
    queries("erase")["numbers_of_nobody"].format(nobody=_nobody("number")),
    queries("erase")["number_jobs_of_nobody"].format(nobody=_nobody("key")),
    queries("totals")["drop_empty"],
    queries("erase")["follower_problems"],
    queries("erase")["skips_of_nobody"],
)
"""What is cleaned up in one transaction, while nobody writes to the org."""


async def erase_call(pool: asyncpg.Pool, org_id: int, call_id: str) -> bool:
    """Delete a call with everything that is stored of it in tables; false if there is none."""
    async with pool.acquire() as connection, connection.transaction():
        sequence = await connection.fetchval(queries("writes")["reserve_sequence"], org_id, 1)
        row = await connection.fetchrow(_DELETE, org_id, UUID(call_id), sequence)
        if row is None:
            return False
        _, *empty = row
        if empty[0] is not None:
            await connection.execute(queries("totals")["drop_moved"], org_id, *empty)
        return True


class ErasedObject(Struct, frozen=True):
    """A file of a deleted call, which is to be deleted."""

    path: str
    erased_at: datetime


class EraseStore:
    """What is left to be done after deletions."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def backlog(self) -> list[tuple[int, datetime]]:
        """Orgs of which calls were deleted since they were cleaned up, and when for the last time."""
        return [(row["org_id"], row["last_at"]) for row in await self._pool.fetch(queries("erase")["orgs"])]

    async def clean_up(self, org_id: int) -> None:
        """Remove what deleted calls may have left in an org's tables. Writers of the org wait meanwhile."""
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                await self._run(connection, queries("search")["hold_sequence"], org_id)
                for statement in _LATER:
                    await self._run(connection, statement, org_id)
            await self._run(connection, queries("erase")["nameless_payloads"], org_id, MIN_ID_LENGTH)
            await clear_orphans(connection, org_id)

    @staticmethod
    async def _run(connection: asyncpg.Connection, statement: str, *values: Any) -> None:
        await connection.execute(statement, *values, timeout=None)

    async def mark_cleaned(self, org_id: int, last_at: datetime) -> None:
        """Take an org off the list, unless something was deleted since."""
        await self._pool.execute(queries("erase")["cleaned"], org_id, last_at)

    async def object_of(self, org_id: int, call_id: str) -> str | None:
        """Where the recording of a deleted call lies, if there may be one."""
        path: str | None = await self._pool.fetchval(queries("erase")["objects_of"], org_id, call_id)
        return path

    async def orgs_with_objects(self) -> list[int]:
        """Orgs that have files of deleted calls."""
        return [row["org_id"] for row in await self._pool.fetch(queries("erase")["orgs_with_objects"])]

    async def objects(self, org_id: int, limit: int) -> list[ErasedObject]:
        """Files of deleted calls, the oldest first."""
        rows = await self._pool.fetch(queries("erase")["erased_objects"], org_id, limit)
        return [ErasedObject(row["path"], row["erased_at"]) for row in rows]

    async def mark_object_deleted(self, org_id: int, path: str) -> None:
        """Note that a file is gone for good."""
        await self._pool.execute(queries("erase")["object_deleted"], org_id, path)

    async def vacuum(self) -> Sequence[str]:
        """Vacuum the tables that calls were deleted from; answers those that the database user may not."""
        tables = [one.table for one in ERASURES]
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(queries("erase")["may_vacuum"], tables)
            allowed = {row["name"] for row in rows}
            await connection.execute(queries("erase")["set_vacuum_delay"], VACUUM_DELAY_MS)
            try:
                if allowed:
                    statement = queries("erase")["vacuum"].format(tables=", ".join(sorted(allowed)))
                    await connection.execute(statement, timeout=None)
            finally:
                if not connection.is_closed():
                    await connection.execute(queries("erase")["set_vacuum_delay"], 0)
        return [table for table in tables if table not in allowed]
