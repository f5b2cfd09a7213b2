"""Totals of numbers: one that was asked for and that many calls have is summed up once, by a job."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import structlog

from trunkline.jobs.kinds import JobKind
from trunkline.store.jobs import Begun
from trunkline.store.totals.number_totals import MAX_NUMBERS, NUMBER_TOTAL, NumberTotalStore

log = structlog.get_logger(__name__)

MAX_SECONDS = 3600.0
"""How long one may take: it reads every call of the org once."""


def number_total_kind(pool: asyncpg.Pool) -> JobKind:
    """Begins to keep totals of one number of an org."""
    store = NumberTotalStore(pool)

    async def sum_up(job: Begun) -> None:
        if not await store.sum_up(job.ref.org_id, job.ref.key):
            log.info("a number is counted each time", org=job.org_name, numbers=MAX_NUMBERS)

    return JobKind(
        name=NUMBER_TOTAL,
        run=sum_up,
        at_once=2,
        at_once_of_org=1,
        max_seconds=MAX_SECONDS,
        max_attempts=10,
        first_wait=timedelta(seconds=10),
        longest_wait=timedelta(hours=1),
    )
