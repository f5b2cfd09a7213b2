"""The kinds of jobs: what a run does and returns, and how it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from msgspec import Struct

from trunkline.store.jobs import Begun

Finish = Callable[[asyncpg.Connection], Awaitable[object]]


class Done(Struct, frozen=True, kw_only=True):
    """A run succeeded."""

    finish: Finish | None = None
    """Writes the result, in the transaction that ends the job: once, however often it ran."""
    note: str | None = None
    """A note that `trunkline jobs list` shows until the next run of a recurring job."""


class JobFailed(Exception):
    """A run failed in an expected way; `for_good` if trying again would not help."""

    def __init__(self, problem: str, *, for_good: bool = False) -> None:
        super().__init__(problem)
        self.for_good = for_good


class JobPostponed(Exception):
    """A job cannot run now, which is no failure: it waits, and the try does not count."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"postponed by {wait}")
        self.wait = wait


class JobKind(Struct, frozen=True, kw_only=True):
    """One kind of job: what it does and how many of it may run at the same time."""

    name: str
    run: Callable[[Begun], Awaitable[Done | None]]
    """Runs a job; raises `JobFailed`. Any other exception is a failure too, logged with its traceback."""
    at_once: int
    """Most jobs of all orgs in the queue at the same time, over all workers."""
    at_once_of_org: int
    """The same for one org: the rest of its jobs wait in their rows."""
    max_seconds: float = 300.0
    """How long a run may take."""
    max_attempts: int | None = None
    """After this many tries the job has failed; `None` tries for ever."""
    first_wait: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(hours=6)
    """How long a job that failed waits: twice as long each time."""
    schedule: str | None = None
    """For a recurring job without an org: how often, as `every 10m` or a cron expression."""

    def wait(self, attempts: int) -> timedelta:
        """How long a job waits after a number of failures."""
        doubled: timedelta = self.first_wait * 2 ** min(max(0, attempts - 1), 40)
        return min(doubled, self.longest_wait)
