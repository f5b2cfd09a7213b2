"""Erasing: every table that can contain data of a call is registered here with how it is removed.

A call is deleted in one transaction, whose statement is built from this registry. What concurrent writers may
have stored before they saw the deletion, and what cannot be found by the call, is cleaned up later.
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
"""Shortest vendor's id that is searched for in the inbox, in characters."""


VACUUM_DELAY_MS = 2
"""How long a vacuum pauses after each piece of its work, as autovacuum does."""


class Erasure(Struct, frozen=True, kw_only=True):
    """How a call is removed from one table."""

    table: str
    fragment: str | None = None
    """The part of erase.sql that removes the call's rows, in the transaction that deletes it."""
    later: str = ""
    """What the later cleanup removes besides, and how."""


ERASURES = (
    Erasure(table="calls", later="its row is deleted by the statement itself"),
    Erasure(table="call_transcripts", fragment="call_transcripts"),
    Erasure(table="live_calls", fragment="live_calls"),
    Erasure(table="live_slots", fragment="live_slots"),
    Erasure(table="search_backlog", fragment="search_backlog"),
    Erasure(table="call_terms", fragment="call_terms"),
    Erasure(
        table="orphan_terms", later="terms that the call had, until it is known whether another call has them"
    ),
    Erasure(table="search_terms", later="terms that no call has, found through orphan_terms"),
    Erasure(table="term_suffixes", later="endings of the removed terms"),
    Erasure(table="sightings", fragment="sightings"),
    Erasure(table="inbox", later="payloads that hold its id"),
    Erasure(table="call_totals", later="updated by the statement itself; totals that are zero now"),
    Erasure(table="number_totals", later="numbers that no call has"),
    Erasure(table="listed_calls", fragment="listed_calls"),
    Erasure(table="ledger_calls", fragment="ledger_calls"),
    Erasure(table="pulls", fragment="pulls"),
    Erasure(table="recordings", fragment="recordings"),
    Erasure(table="jobs", fragment="jobs", later="jobs for numbers that no call has"),
    Erasure(table="followers", later="what a problem quotes"),
    Erasure(table="follower_skips", later="marks at changes of deleted calls"),
    Erasure(table="erased_objects", later="the path of its recording, once the file is deleted"),
    Erasure(table="idempotent_requests", fragment="idempotent_requests"),
)
"""Every table that can contain data of a call."""

HOLDS_NOTHING = {
    "orgs": "names of orgs",
    "keys": "hashes and labels of keys",
    "sources": "accounts with vendors",
    "change_sequences": "the sequence of each org",
    "job_turns": "when an org's jobs were last queued",
    "job_counts": "how many jobs ended with which outcome",
    "inbox_drops": "how many payloads of each source the inbox dropped",
    "ledger_hours": "how many calls a vendor lists in an hour",
    "deleted_calls": "what remains: a deleted call's ids, when it was created and deleted, and its sequence",
    "upgrade_steps": "steps that are left to do after an upgrade",
    "erase_backlog": "two instants for each org",
}
"""Every other table with an `org_id`, and its content."""

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
"""The statements of one cleanup, in a transaction in which nobody else writes to the org."""


async def erase_call(pool: asyncpg.Pool, org_id: int, call_id: str) -> bool:
    """Delete a call with everything that tables store of it; false if there is none."""
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
    """A file of a deleted call that is to be deleted."""

    path: str
    erased_at: datetime


class EraseStore:
    """The work that is left after deletions."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def backlog(self) -> list[tuple[int, datetime]]:
        """Orgs in which calls were deleted since the last cleanup, and when the last one was."""
        return [(row["org_id"], row["last_at"]) for row in await self._pool.fetch(queries("erase")["orgs"])]

    async def clean_up(self, org_id: int) -> None:
        """Remove what deleted calls may have left in an org's tables. Writers of the org wait meanwhile."""
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                await self._run(connection, queries("search")["hold_sequence"], org_id)
                for statement in _LATER:
                    await self._run(connection, statement, org_id)
            await self._run(connection, queries("erase")["unread_payloads"], org_id, MIN_ID_LENGTH)
            await clear_orphans(connection, org_id)

    @staticmethod
    async def _run(connection: asyncpg.Connection, statement: str, *values: Any) -> None:
        await connection.execute(statement, *values, timeout=None)

    async def mark_cleaned(self, org_id: int, last_at: datetime) -> None:
        """Take an org off the list, unless another call was deleted since."""
        await self._pool.execute(queries("erase")["cleaned"], org_id, last_at)

    async def object_of(self, org_id: int, call_id: str) -> str | None:
        """The path of a deleted call's recording, if there may be one."""
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
        """Record that a file was deleted for good."""
        await self._pool.execute(queries("erase")["object_deleted"], org_id, path)

    async def vacuum(self) -> Sequence[str]:
        """Vacuum the tables with deleted calls; returns those that the database user may not vacuum."""
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
