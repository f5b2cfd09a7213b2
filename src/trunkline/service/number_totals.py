"""Phone numbers that are requested and that many calls have get running totals, by one job each."""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from trunkline.model.query import CallFilter
from trunkline.service.clock import Clock
from trunkline.store.jobs import JobStore
from trunkline.store.totals.number_totals import NUMBER_TOTAL
from trunkline.store.totals.totals import totals_key_of_number

log = structlog.get_logger(__name__)

MANY_CALLS = 2000
"""From this many calls on a running total pays: fewer are counted within a millisecond or so."""
_MAX_NOTED = 10_000
_MAX_NUMBER = 100
"""Longest number that gets a running total, in characters."""


class NumberTotals:
    """Records numbers whose totals were counted, and adds a job to create running totals of them."""

    def __init__(self, jobs: JobStore, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._noted: set[tuple[int, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def record_total(self, org_id: int, call_filter: CallFilter, total: int) -> None:
        """Record a total that was returned."""
        if total < MANY_CALLS or (found := totals_key_of_number(call_filter)) is None:
            return
        noted = (org_id, found[0])
        if len(found[0]) <= _MAX_NUMBER and noted not in self._noted and len(self._noted) < _MAX_NOTED:
            self._noted.add(noted)
            # The request does not wait for it.
            task = asyncio.create_task(self._add(*noted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def noted(self) -> frozenset[tuple[int, str]]:
        """The orgs and numbers that were recorded since the process started."""
        return frozenset(self._noted)

    async def close(self) -> None:
        """Wait until every recorded number has its job."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _add(self, org_id: int, number: str) -> None:
        try:
            await self._jobs.add(org_id, NUMBER_TOTAL, [number], self._clock())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._noted.discard((org_id, number))  # the next request for it records it again
            log.warning("no job for the totals of a number", error=repr(error)[:200])
