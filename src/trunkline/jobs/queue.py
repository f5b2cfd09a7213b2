"""The queue: due jobs are given to pgqueuer, a fair share of each org's, and run as it claims them.

pgqueuer claims jobs, wakes workers, limits each kind over all workers, and claims again the jobs of a dead
worker. Its entries are references: how a job ends and when it is tried again is in the job's own row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import asyncpg
import msgspec
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel

from trunkline.jobs.kinds import JobKind
from trunkline.jobs.runner import JobRunner
from trunkline.kit.schedule import next_time
from trunkline.service.clock import Clock
from trunkline.store.jobs import LOG, JobRef, JobStore, jobs_to_queue

log = structlog.get_logger(__name__)

# Each name is given here, so that pgqueuer reads none from the environment.
_NAMES = DBSettings(
    prefix="",
    db_schema="job_queue",
    channel=Channel("trunkline_jobs"),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
)

POLL_SECONDS = 1.0
"""How often a worker checks for due jobs."""

HEARTBEAT_SECONDS = 30.0
"""After this time without a heartbeat a job may be claimed by another worker."""

STOP_SECONDS = 10.0
"""How long running jobs may continue when the worker stops; then they are returned to the queue."""

_BATCH = 10
_BREAK_OFF_SECONDS = 5.0


class _LogHandler(logging.Handler):
    """pgqueuer's log lines go to our log; by default they would go nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        error = None if record.exc_info is None else repr(record.exc_info[1])[:300]
        log.warning("queue", message=record.getMessage()[:300], error=error)


logging.getLogger("pgqueuer").addHandler(_LogHandler(logging.WARNING))


class Queue:
    """Queues due jobs and runs them."""

    def __init__(
        self,
        database_url: str,
        pool: asyncpg.Pool,
        kinds: Mapping[str, JobKind],
        clock: Clock,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._database_url = database_url
        self._pool = pool
        self._kinds = kinds
        self._clock = clock
        self._heartbeat = timedelta(seconds=heartbeat_seconds)
        self._stop_seconds = stop_seconds
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Check for due jobs at once."""
        self._due.set()

    async def schedule(self) -> None:
        """Add the recurring jobs that belong to no org."""
        store, now = JobStore(self._pool), self._clock()
        for kind in self._kinds.values():
            if kind.schedule is not None:
                first = next_time(kind.schedule, now)
                await store.schedule(LOG, kind.name, "", kind.schedule, first, now)

    async def hand_out(self) -> int:
        """Queue due jobs, up to the limits; returns how many."""
        limits = [(kind.name, kind.at_once, kind.at_once_of_org) for kind in self._kinds.values()]
        async with self._pool.acquire() as connection, connection.transaction():
            refs = await jobs_to_queue(connection, limits, self._clock())
            if refs:
                await _queries(connection).enqueue(
                    [ref.kind for ref in refs],
                    [msgspec.json.encode(ref) for ref in refs],
                    [0] * len(refs),
                    dedupe_key=[f"{ref.org_id}/{ref.kind}/{ref.key}" for ref in refs],
                    headers=[{"org": str(ref.org_id), "key": ref.key, "turn": str(ref.turn)} for ref in refs],
                    on_conflict="skip",
                )
        return len(refs)

    async def hand_out_always(self, stopping: asyncio.Event) -> None:
        """Queue due jobs until stopped; raises what the driver raises."""
        await self.schedule()
        while not stopping.is_set():
            self._due.clear()
            await self.hand_out()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._due.wait()

    async def work(self, stopping: asyncio.Event) -> None:
        """Run queued jobs until stopped, on a connection of its own; raises when that is lost."""
        connection = await asyncpg.connect(
            self._database_url,
            timeout=10,
            command_timeout=60,
            server_settings={"application_name": "trunkline jobs", "timezone": "UTC", "jit": "off"},
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await self._work_on(connection, stopping, lost)
        finally:
            connection.terminate()

    async def _work_on(
        self, connection: asyncpg.Connection, stopping: asyncio.Event, lost: asyncio.Event
    ) -> None:
        manager = QueueManager(_queries(connection), channel=_NAMES.channel)
        runner = JobRunner(self._pool, self._kinds, self._clock)
        self._register(manager, runner)
        run = asyncio.create_task(
            manager.run(
                dequeue_timeout=timedelta(seconds=5),
                batch_size=_BATCH,
                max_concurrent_tasks=max(2 * _BATCH, sum(kind.at_once for kind in self._kinds.values())),
                shutdown_on_listener_failure=True,
                heartbeat_timeout=self._heartbeat,
                log_aggregation_interval=timedelta(0),
            )
        )
        waits = {asyncio.create_task(stopping.wait()), asyncio.create_task(lost.wait())}
        try:
            await asyncio.wait({run, *waits}, return_when=asyncio.FIRST_COMPLETED)
            await self._end(manager, runner, run, at_once=not stopping.is_set())
        finally:
            for task in (run, *waits):
                task.cancel()
            await asyncio.wait({run, *waits}, timeout=_BREAK_OFF_SECONDS)
        if not stopping.is_set():
            if run.done() and not run.cancelled() and (error := run.exception()) is not None:
                raise error
            raise ConnectionResetError("the queue's connection to the database was lost")

    async def _end(
        self, manager: QueueManager, runner: JobRunner, run: asyncio.Task[None], *, at_once: bool
    ) -> None:
        """Let running jobs finish for a while; then they are cancelled."""
        manager.shutdown.set()
        if not at_once and not run.done():
            await asyncio.wait({run}, timeout=self._stop_seconds)
        if not run.done():
            log.info("running jobs are cancelled and returned to the queue", jobs=runner.running)
            runner.stop()
            await asyncio.wait({run}, timeout=_BREAK_OFF_SECONDS)

    def _register(self, manager: QueueManager, runner: JobRunner) -> None:
        async def run(job: Job) -> None:
            try:
                await runner.run(msgspec.json.decode(job.payload or b"", type=JobRef))
            finally:
                self._due.set()  # there is room for another one

        for kind in self._kinds.values():
            manager.entrypoint(kind.name, concurrency_limit=kind.at_once, accepts_context=False)(run)


def _queries(connection: asyncpg.Connection) -> Queries:
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(_NAMES),
        qbq=QueryQueueBuilder(_NAMES),
        qbs=QuerySchedulerBuilder(_NAMES),
    )
