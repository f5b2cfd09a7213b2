"""Followers' positions in PostgreSQL: how far each has read an org's changes, and what delays it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import asyncpg
from msgspec import Struct

from trunkline.store.queries import queries


class FollowerPosition(Struct, frozen=True):
    """A follower's position in an org's changes."""

    change: int
    span: int | None
    """How many changes it processes at a time while it searches for the one that fails."""
    attempts: int


class BegunStep(Struct, frozen=True):
    """A step that begins."""

    position: FollowerPosition
    died: bool
    """The last step began, and its end was never recorded."""


class ListedFollower(Struct, frozen=True, kw_only=True):
    """A follower as `trunkline jobs list` shows it."""

    org_id: int
    org: str
    name: str
    behind: int
    attempts: int
    next_try_at: datetime | None
    problem: str | None
    skipped: int


class FollowerLag(Struct, frozen=True, kw_only=True):
    """How far one follower is behind, in all orgs together."""

    name: str
    behind: int
    orgs_behind: int
    orgs_failing: int
    farthest: int


@asynccontextmanager
async def locked_step(
    connection: asyncpg.Connection, org_id: int, name: str, *, wait: bool = False
) -> AsyncIterator[bool]:
    """Hold the lock of a follower's steps in an org, over transactions; false if another process has it."""
    sql = queries("followers")["wait_for_step" if wait else "lock_step"]
    try:
        is_ours = await connection.fetchval(sql, org_id, name) is not False  # waiting returns nothing
    except BaseException:
        connection.terminate()  # it may have the lock
        raise
    try:
        yield is_ours
    finally:
        if is_ours and not connection.is_closed():
            try:
                await connection.execute(queries("followers")["unlock_step"], org_id, name)
            except BaseException:
                connection.terminate()  # a lock that is not released ends with its connection
                raise


async def begin_step(connection: asyncpg.Connection, org_id: int, name: str, head: int) -> BegunStep | None:
    """Record that a step begins, before its transaction; `None` if everything up to `head` is read."""
    row = await connection.fetchrow(queries("followers")["begin_step"], org_id, name, head)
    if row is None:
        return None
    change, span, attempts, died = row.values()
    return BegunStep(FollowerPosition(change, span, attempts), died)


@asynccontextmanager
async def step_transaction(
    connection: asyncpg.Connection, org_id: int, name: str
) -> AsyncIterator[FollowerPosition]:
    """The transaction of a step that was begun; if it is rolled back, the step has ended as well."""
    try:
        async with connection.transaction():
            row = await connection.fetchrow(queries("followers")["lock_position"], org_id, name)
            yield FollowerPosition(*row.values())
    except BaseException:
        if not connection.is_closed():
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.execute(queries("followers")["end_step"], org_id, name)
        raise


async def head_of(connection: asyncpg.Connection, org_id: int) -> int:
    """The last sequence number of an org."""
    head: int = await connection.fetchval(queries("changes")["head"], org_id)
    return head


async def move_position(
    connection: asyncpg.Connection, org_id: int, name: str, change: int, span: int | None
) -> None:
    """Move a follower's position, in the transaction of what it did."""
    await connection.execute(queries("followers")["move_position"], org_id, name, change, span)


class FollowerStore:
    """Every other statement about followers."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection) -> None:
        self._pool = pool

    async def behind(self, names: Sequence[str], now: datetime) -> list[tuple[str, int]]:
        """Which followers have unread changes in which orgs, and may read them now."""
        rows = await self._pool.fetch(queries("followers")["behind"], list(names), now)
        return [(row["name"], row["org_id"]) for row in rows]

    async def note_failure(
        self,
        org_id: int,
        name: str,
        position: FollowerPosition,
        *,
        attempts: int,
        next_try_at: datetime,
        problem: str,
        span: int | None,
    ) -> None:
        """Record that a follower failed at a sequence number."""
        await self._pool.execute(
            queries("followers")["note_failure"],
            org_id,
            name,
            position.change,
            attempts,
            next_try_at,
            problem,
            span,
        )

    async def skip(
        self, org_id: int, name: str, position: FollowerPosition, problem: str, now: datetime
    ) -> None:
        """Skip the next change, and mark it."""
        await self._pool.execute(
            queries("followers")["skip"], org_id, name, position.change, position.change + 1, problem, now
        )

    async def skipped_count(self, org_id: int, name: str) -> int:
        """How many changes of an org a follower has skipped."""
        count: int = await self._pool.fetchval(queries("followers")["skipped_count"], org_id, name)
        return count

    async def listed(self, org_id: int | None, limit: int) -> list[ListedFollower]:
        """Followers of an org or of all, those with a problem first."""
        rows = await self._pool.fetch(queries("followers")["followers"], org_id, limit)
        return [ListedFollower(**row) for row in rows]

    async def go_back(self, org_id: int | None) -> int:
        """Move back to before the first skipped change; returns how many were skipped."""
        count: int = await self._pool.fetchval(queries("followers")["go_back"], org_id)
        return count

    async def lags(self) -> list[FollowerLag]:
        """How far each follower is behind."""
        return [FollowerLag(**row) for row in await self._pool.fetch(queries("followers")["lags"])]

    async def skips(self) -> list[tuple[str, int]]:
        """How many changes each follower has skipped."""
        return [(row["name"], row["n"]) for row in await self._pool.fetch(queries("followers")["skips"])]
