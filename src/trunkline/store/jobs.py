"""Jobs in PostgreSQL: work that may fail, wait or be repeated, each in a row of its own.

`add_jobs` may be called in any transaction, so that a job exists exactly if the change that causes it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from msgspec import Struct

from trunkline.store.queries import queries

LOG = 0
"""The org id of jobs that belong to no org."""

MAX_KEY = 1000
"""Most characters of a key."""


class JobRef(Struct, frozen=True):
    """One turn of one job: if it is run twice, only the first run counts."""

    org_id: int
    kind: str
    key: str
    turn: int


class Begun(Struct, frozen=True, kw_only=True):
    """A job whose run begins."""

    ref: JobRef
    org_name: str
    attempts: int
    """This one included."""
    schedule: str | None
    died: bool
    """An earlier run of the same turn began, and its end was never recorded."""


class ListedJob(Struct, frozen=True, kw_only=True):
    """A job as `trunkline jobs list` shows it."""

    org_id: int
    org: str
    kind: str
    key: str
    state: str
    running: bool
    schedule: str | None
    attempts: int
    next_try_at: datetime
    ended_at: datetime | None
    problem: str | None


class WaitingJobs(Struct, frozen=True, kw_only=True):
    """How many jobs of one kind wait, in all orgs together."""

    kind: str
    due: int
    later: int
    retried: int
    failed: int
    oldest_due_at: datetime | None


class RunningJobs(Struct, frozen=True):
    """How many jobs of one kind are in the queue, and how many of them run."""

    kind: str
    queued: int
    running: int


class Count(Struct, frozen=True):
    """How often jobs of a kind, or steps of a follower, ended in one way, and how long they took."""

    kind: str
    outcome: str
    n: int
    seconds: float


async def add_jobs(
    connection: asyncpg.Connection, org_id: int, kind: str, keys: Sequence[str], now: datetime
) -> None:
    """Add jobs that are due now; one that exists starts over, also while it runs.

    Raises `ValueError` for a key that is too long.
    """
    if any(len(key) > MAX_KEY for key in keys):
        raise ValueError(f"a job's key has at most {MAX_KEY} characters")
    await connection.execute(queries("jobs")["add"], org_id, kind, list(keys), now)


async def count_outcome(
    connection: asyncpg.Connection, org_id: int, kind: str, outcome: str, seconds: float = 0.0, n: int = 1
) -> None:
    """Count the end of a job or a follower's step; last in its transaction, since it locks the counter."""
    await connection.execute(queries("jobs")["count"], org_id, kind, outcome, n, seconds)


class JobStore:
    """Every statement about jobs."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, org_id: int, kind: str, keys: Sequence[str], now: datetime) -> None:
        """Add jobs that are due now, in a transaction of its own."""
        await add_jobs(self._pool, org_id, kind, keys, now)

    async def schedule(
        self, org_id: int, kind: str, key: str, schedule: str, next_try_at: datetime, now: datetime
    ) -> None:
        """Schedule a recurring job."""
        await self._pool.execute(queries("jobs")["schedule"], org_id, kind, key, schedule, next_try_at, now)

    async def remove(self, org_id: int, kind: str, key: str) -> bool:
        """Remove a job; false if there is none."""
        return await self._pool.fetchval(queries("jobs")["remove"], org_id, kind, key) is not None

    async def begin(self, ref: JobRef, now: datetime) -> Begun | None:
        """Begin a turn of a job; returns `None` if the turn is over or the job was removed."""
        row = await self._pool.fetchrow(
            queries("jobs")["begin"], ref.org_id, ref.kind, ref.key, ref.turn, now
        )
        return None if row is None else Begun(ref=ref, **row)

    async def listed(
        self, org_id: int | None, kind: str | None, state: str | None, limit: int
    ) -> list[ListedJob]:
        """Jobs of an org or of all, those that failed first."""
        rows = await self._pool.fetch(queries("jobs")["jobs"], org_id, kind, state, limit)
        return [ListedJob(**row) for row in rows]

    async def retry(self, org_id: int | None, kind: str | None, now: datetime) -> int:
        """Retry now the jobs that failed or wait for another try; returns how many."""
        status: str = await self._pool.execute(queries("jobs")["retry"], org_id, kind, now)
        return int(status.rpartition(" ")[2])

    async def waiting(self, now: datetime) -> list[WaitingJobs]:
        """Waiting and failed jobs, by kind."""
        return [WaitingJobs(**row) for row in await self._pool.fetch(queries("jobs")["waiting"], now)]

    async def running(self) -> list[RunningJobs]:
        """Jobs in the queue, by kind."""
        return [RunningJobs(*row.values()) for row in await self._pool.fetch(queries("jobs")["running"])]

    async def counts(self) -> list[Count]:
        """How jobs and followers' steps have ended, by kind."""
        return [Count(*row.values()) for row in await self._pool.fetch(queries("jobs")["counts"])]

    async def sweep_log(self, oldest: datetime) -> None:
        """Delete older entries of the queue's own log."""
        await self._pool.execute(queries("jobs")["sweep_log"], oldest)


async def job_done(
    connection: asyncpg.Connection, ref: JobRef, *, now: datetime, next_at: datetime | None, note: str | None
) -> bool:
    """A job is done, for good or until its next time; false if another run of this turn was first."""
    key = (ref.org_id, ref.kind, ref.key, ref.turn)
    if next_at is None:
        return await connection.fetchval(queries("jobs")["done"], *key) is not None
    sql = queries("jobs")["done_until"]
    return await connection.fetchval(sql, *key, now, next_at, note) is not None


async def job_failed(
    connection: asyncpg.Connection, ref: JobRef, *, now: datetime, next_at: datetime | None, problem: str
) -> bool:
    """A try failed; without a next try the job has failed. False if another run of this turn was first."""
    key = (ref.org_id, ref.kind, ref.key, ref.turn)
    state = "failed" if next_at is None else "waiting"
    sql = queries("jobs")["fail"]
    return await connection.fetchval(sql, *key, state, now, next_at or now, problem) is not None


async def job_given_back(connection: asyncpg.Connection, ref: JobRef, next_at: datetime) -> bool:
    """A try was cancelled by us and does not count; false if another run of this turn was first."""
    sql = queries("jobs")["give_back"]
    found = await connection.fetchval(sql, ref.org_id, ref.kind, ref.key, ref.turn, next_at)
    return found is not None


async def jobs_to_queue(
    connection: asyncpg.Connection, limits: Sequence[tuple[str, int, int]], now: datetime
) -> list[JobRef]:
    """The jobs to be queued next, in the caller's transaction; none while another process does this.

    `limits` has for each kind how many may be in the queue for all orgs, and how many for one.
    """
    if not await connection.fetchval(queries("jobs")["share_out_alone"]):
        return []
    kinds, at_once, of_org = zip(*limits, strict=True)
    rows = await connection.fetch(queries("jobs")["share_out"], kinds, at_once, of_org, now)
    found = [JobRef(*row.values()) for row in rows]
    if found:
        orgs, served = [one.org_id for one in found], [one.kind for one in found]
        await connection.execute(queries("jobs")["served"], orgs, served)
    return found
