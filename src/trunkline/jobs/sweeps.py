"""Sweeps: recurring jobs that delete what has expired."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from trunkline.jobs.kinds import JobKind
from trunkline.service.clock import Clock
from trunkline.service.idempotency import Idempotency
from trunkline.store.jobs import Begun, JobStore

LOG_DAYS = 7
"""How long pgqueuer's own log is kept."""

_FIRST_WAIT, _MAX_WAIT = timedelta(seconds=30), timedelta(hours=1)


def idempotency_kind(repeats: Idempotency) -> JobKind:
    """Deletes answers to idempotent requests that are older than a day."""

    async def sweep(_: Begun) -> None:
        await repeats.sweep()

    return JobKind(
        name="idempotency",
        run=sweep,
        at_once=1,
        at_once_of_org=1,
        schedule="every 10m",
        first_wait=_FIRST_WAIT,
        longest_wait=_MAX_WAIT,
    )


def queue_log_kind(pool: asyncpg.Pool, clock: Clock) -> JobKind:
    """Deletes pgqueuer's log entries of jobs that ended long ago."""

    async def sweep(_: Begun) -> None:
        await JobStore(pool).sweep_log(clock() - timedelta(days=LOG_DAYS))

    return JobKind(
        name="queue_log",
        run=sweep,
        at_once=1,
        at_once_of_org=1,
        schedule="23 3 * * *",
        first_wait=_FIRST_WAIT,
        longest_wait=_MAX_WAIT,
    )
