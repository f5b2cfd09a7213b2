"""What a job is made of: its kind, what a run of it answers, and how it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from msgspec import Struct

from trunkline.store.jobs import Begun

Finish = Callable[[asyncpg.Connection], Awaitable[object]]


class Done(Struct, frozen=True, kw_only=True):
    """A run did what it was to do."""

    finish: Finish | None = None
    """Writes what came of it, in the transaction in which the job is done: once, however often it ran."""
    note: str | None = None
    """A word about it that `trunkline jobs list` shows until the next run of a job that repeats."""


class JobFailed(Exception):
    """A run failed as jobs do; `for_good` if trying again would not help."""

    def __init__(self, problem: str, *, for_good: bool = False) -> None:
        super().__init__(problem)
        self.for_good = for_good


class JobPostponed(Exception):
    """A job cannot be done now, which is nobody's fault: it waits and does not count as tried."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"postponed by {wait}")
        self.wait = wait


class JobKind(Struct, frozen=True, kw_only=True):
    """One kind of job: what it does and how much of it may be done at the same time."""

    name: str
    run: Callable[[Begun], Awaitable[Done | None]]
    """Does a job; raises `JobFailed`. Anything else that it raises is a failure too, and logged whole."""
    at_once: int
    """Jobs of all orgs that may be in the queue at the same time, over all workers."""
    at_once_of_org: int
    """The same for one org: the rest of its jobs wait in their rows."""
    max_seconds: float = 300.0
    """How long a run may take."""
    max_attempts: int | None = None
    """After so many the job has failed; without a number it is tried for ever."""
    first_wait: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(hours=6)
    """How long a job that failed waits: twice as long each time."""
    schedule: str | None = None
    """For a job of the log itself that repeats: how often, as `every 10m` or a cron expression."""

    def wait(self, attempts: int) -> timedelta:
        """How long a job waits that failed for the so-manieth time."""
        doubled: timedelta = self.first_wait * 2 ** min(max(0, attempts - 1), 40)
        return min(doubled, self.longest_wait)
