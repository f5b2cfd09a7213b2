"""Runs one job: timed, counted, and its end recorded, however it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import asyncpg
import structlog

from trunkline.jobs.errors import is_unavailable
from trunkline.jobs.kinds import Done, JobFailed, JobKind, JobPostponed
from trunkline.kit.schedule import next_time
from trunkline.service.clock import Clock
from trunkline.store.jobs import (
    Begun,
    JobRef,
    JobStore,
    count_outcome,
    job_done,
    job_failed,
    job_given_back,
)

log = structlog.get_logger(__name__)

DIED = "the process that ran it ended unexpectedly"
_MAX_PROBLEM = 500

Write = Callable[[asyncpg.Connection], Awaitable[bool]]


class JobRunner:
    """Runs jobs of some kinds; every job of every kind goes through `run`."""

    def __init__(self, pool: asyncpg.Pool, kinds: Mapping[str, JobKind], clock: Clock) -> None:
        self._pool = pool
        self._store = JobStore(pool)
        self._kinds = kinds
        self._clock = clock
        self._tasks: set[asyncio.Task[Done | None]] = set()
        self._stopping = False

    async def run(self, ref: JobRef) -> None:
        """Run one turn of a job, unless it is over; raises what the driver raises if it cannot write.

        A turn whose end is not recorded counts as a failure, and is run again.
        """
        kind = self._kinds[ref.kind]
        job = await self._store.begin(ref, self._clock())
        if job is None:
            return
        began = time.monotonic()
        if job.died:
            await self._failed(kind, job, DIED, "died", began)
            return
        task = asyncio.ensure_future(kind.run(job))
        self._tasks.add(task)
        try:
            if self._stopping:
                task.cancel()
            async with asyncio.timeout(kind.max_seconds) as limit:
                done = await task
        except asyncio.CancelledError:
            await self._broken_off(job, task, began)
            if not self._stopping:
                raise
        except JobPostponed as postponed:
            again = self._clock() + postponed.wait
            await self._write(job, "postponed", began, lambda c: job_given_back(c, job.ref, again))
        except JobFailed as error:
            await self._failed(kind, job, str(error), "failed", began, for_good=error.for_good)
        except TimeoutError as error:
            late = f"it took more than {kind.max_seconds:.0f} seconds"
            await self._failed(kind, job, late if limit.expired() else repr(error), "failed", began)
        except Exception as error:
            log.exception("job failed", kind=ref.kind, org=job.org_name, key=ref.key)
            await self._failed(kind, job, f"{type(error).__name__}: {error}", "failed", began)
        else:
            await self._done(kind, job, done or Done(), began)
        finally:
            self._tasks.discard(task)

    def stop(self) -> None:
        """Cancel running jobs, and any that start from now on; they are returned to the queue."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._tasks)

    async def _done(self, kind: JobKind, job: Begun, done: Done, began: float) -> None:
        now = self._clock()
        next_at = None if job.schedule is None else next_time(job.schedule, now)

        async def write(connection: asyncpg.Connection) -> bool:
            first = await job_done(connection, job.ref, now=now, next_at=next_at, note=done.note)
            if first and done.finish is not None:
                await done.finish(connection)
            return first

        try:
            await self._write(job, "done", began, write)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("job failed", kind=kind.name, org=job.org_name, key=job.ref.key)
            await self._failed(kind, job, f"{type(error).__name__}: {error}", "failed", began)

    async def _failed(
        self, kind: JobKind, job: Begun, problem: str, outcome: str, began: float, *, for_good: bool = False
    ) -> None:
        problem = problem.replace("\0", "\ufffd")[:_MAX_PROBLEM]
        is_last = for_good or (kind.max_attempts is not None and job.attempts >= kind.max_attempts)
        now = self._clock()
        next_at = None if is_last else now + kind.wait(job.attempts)
        log.warning(
            "job failed for good" if is_last else "job failed, and will be tried again",
            kind=job.ref.kind,
            org=job.org_name,
            key=job.ref.key,
            attempts=job.attempts,
            problem=problem,
        )
        await self._write(
            job, outcome, began, lambda c: job_failed(c, job.ref, now=now, next_at=next_at, problem=problem)
        )

    async def _broken_off(self, job: Begun, task: asyncio.Task[Done | None], began: float) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        now = self._clock()
        # The cancellation may be repeated here.
        await asyncio.shield(self._write(job, "given_back", began, lambda c: job_given_back(c, job.ref, now)))

    async def _write(self, job: Begun, outcome: str, began: float, write: Write) -> None:
        """Record how a run ended and count it, if no other run of this turn did before."""
        ref = job.ref
        async with self._pool.acquire() as connection, connection.transaction():
            if await write(connection):
                seconds = time.monotonic() - began
                await count_outcome(connection, ref.org_id, ref.kind, outcome, seconds)
                return
        log.info("job was done elsewhere", kind=ref.kind, org=job.org_name, key=ref.key)
