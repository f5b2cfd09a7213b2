"""Totals of phone numbers: a job counts a requested number that many calls have."""

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
    """Creates the running totals of one number of an org."""
    store = NumberTotalStore(pool)

    async def sum_up(job: Begun) -> None:
        if not await store.sum_up(job.ref.org_id, job.ref.key):
            log.info(
                "the org has as many running totals as it may; the number is counted on every request",
                org=job.org_name,
                numbers=MAX_NUMBERS,
            )

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
