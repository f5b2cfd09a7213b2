"""Numbers that are asked for and that many calls have get running totals, by a job each."""

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
"""From so many calls on a total is worth keeping: until then they are counted within a millisecond or so."""
_MAX_NOTED = 10_000
_MAX_NUMBER = 100
"""Characters of a number that is worth keeping a total of."""


class NumberTotals:
    """Notes numbers whose totals were counted, and has a job keep totals of them."""

    def __init__(self, jobs: JobStore, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._noted: set[tuple[int, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def record_total(self, org_id: int, call_filter: CallFilter, total: int) -> None:
        """Hear of a total that was answered."""
        if total < MANY_CALLS or (found := totals_key_of_number(call_filter)) is None:
            return
        noted = (org_id, found[0])
        if len(found[0]) <= _MAX_NUMBER and noted not in self._noted and len(self._noted) < _MAX_NOTED:
            self._noted.add(noted)
            # Whoever asked does not wait for it.
            task = asyncio.create_task(self._add(*noted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def noted(self) -> frozenset[tuple[int, str]]:
        """The orgs and numbers that were noted since the process began."""
        return frozenset(self._noted)

    async def close(self) -> None:
        """Wait until every number that was noted has its job."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _add(self, org_id: int, number: str) -> None:
        try:
            await self._jobs.add(org_id, NUMBER_TOTAL, [number], self._clock())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._noted.discard((org_id, number))  # whoever asks for it the next time has it noted again
            log.warning("number not noted", error=repr(error)[:200])
