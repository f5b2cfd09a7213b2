"""The state of background work: what waits, what runs, and what is stuck."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from trunkline.service.clock import Clock
from trunkline.store.followers import FollowerLag, FollowerStore
from trunkline.store.jobs import Count, JobStore, RunningJobs, WaitingJobs

LATE = timedelta(minutes=5)
"""After this time a job that is still due counts as stuck."""


class Stuck(Struct, omit_defaults=True):
    """A job kind or follower that is stuck."""

    kind: str = ""
    follower: str = ""
    failed: int = 0
    """Jobs after their last try, or orgs in which a follower fails."""
    retried: int = 0
    skipped: int = 0
    due_seconds: int = 0


class Work(Struct, frozen=True):
    """The state of background work."""

    waiting: list[WaitingJobs]
    running: list[RunningJobs]
    counts: list[Count]
    lags: list[FollowerLag]
    skips: list[tuple[str, int]]


class WorkReport:
    """Reads the state of background work."""

    def __init__(self, jobs: JobStore, followers: FollowerStore, clock: Clock) -> None:
        self._jobs = jobs
        self._followers = followers
        self._clock = clock

    async def read(self) -> Work:
        """The whole state; raises what the driver raises."""
        return Work(
            await self._jobs.waiting(self._clock()),
            await self._jobs.running(),
            await self._jobs.counts(),
            await self._followers.lags(),
            await self._followers.skips(),
        )

    async def stuck(self) -> list[Stuck]:
        """What is stuck; raises what the driver raises."""
        now = self._clock()
        found = []
        for one in await self._jobs.waiting(now):
            late = timedelta(0) if one.oldest_due_at is None else now - one.oldest_due_at
            due_seconds = int(late.total_seconds()) if late >= LATE else 0
            if one.failed or one.retried or due_seconds:
                found.append(
                    Stuck(kind=one.kind, failed=one.failed, retried=one.retried, due_seconds=due_seconds)
                )
        skips = dict(await self._followers.skips())
        found += [
            Stuck(follower=one.name, failed=one.orgs_failing, skipped=skips.get(one.name, 0))
            for one in await self._followers.lags()
            if one.orgs_failing or one.name in skips
        ]
        return found

    def age_seconds(self, one: WaitingJobs) -> float:
        """How long the first job of a kind has been due."""
        if one.oldest_due_at is None:
            return 0.0
        return max(0.0, (self._clock() - one.oldest_due_at).total_seconds())
