"""A worker that is composed as in production, in a process of its own, and is killed at one of its steps."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct, structs

from trunkline import compose
from trunkline.jobs import (
    followers,
    live_transcripts,
    number_totals,
    pulls,
    queue,
    recordings,
    runner,
    search_index,
    sweeps,
    vacuum,
    worker,
)
from trunkline.logs import set_up_logs
from trunkline.settings import Settings
from trunkline.store import pool
from trunkline.store.jobs import Begun, JobRef
from trunkline.vendors import dialects, doors

LOADED = (
    *(live_transcripts, number_totals, pulls, recordings, search_index, sweeps, vacuum, worker),
    *(dialects(), doors()),
)
"""What a worker loads when it is composed; here it is before the process is forked, which saves time."""

STATEMENTS = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "copy_records_to_table")


class Step(enum.Enum):
    """Where the process is killed."""

    SHARED_OUT = "the job is about to be queued"
    QUEUED = "the job is in the queue"
    CLAIMED = "a worker has claimed it"
    BEGUN = "its begin is recorded"
    FIRST_STATEMENT = "the first statement of the work is executed"
    MIDDLE = "one in the middle is executed"
    WORKED = "the work is done, and its end is not recorded"
    BEFORE_COMMIT = "its end is recorded, and not committed"
    COMMITTED = "its end is committed, and nobody was told"


class Target(Struct):
    """What is to be interrupted, and where, as soon as it is armed."""

    name: str
    """The kind of job, or the follower."""
    step: Step
    middle: int
    """After how many statements the middle is."""
    armed: Event

    def at(self, step: Step, name: str) -> None:
        """Die if this is the step."""
        if step is self.step and name == self.name and self.armed.is_set():
            _die()


class WorkerProcess(Struct, frozen=True):
    """What a worker needs to know."""

    database_url: str
    home: Path
    encryption_key: str
    now: datetime
    """Its time stands still, so that nothing that waits is tried again before a test says so."""
    log: Path

    def run(self, target: Target) -> None:
        """Work until stopped, or killed at a step."""
        with self.log.open("ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        settings = Settings(
            home=self.home,
            encryption_key=self.encryption_key,
            archive_recordings=True,
            fetch_private=True,
        )
        set_up_logs("info")
        asyncio.run(self._work(settings, target))

    async def _work(self, settings: Settings, target: Target) -> None:
        url, clock = self.database_url, lambda: self.now
        queue.POLL_SECONDS = followers.POLL_SECONDS = 0.05
        async with (
            compose.services(url, settings=settings, clock=clock) as joined,
            compose.open_worker(joined, settings, url, clock) as begun,
        ):
            if target.name in begun.queue._kinds:
                _aim_at_job(begun, target)
            elif target.name in begun.followers._followers:
                _aim_at_follower(begun, target)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, begun.stop)
            await begun.run()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_is_in_work: ContextVar[bool] = ContextVar("is_in_work", default=False)


def _aim_at_statements(target: Target) -> None:
    """Die after a statement of the work; what it begins in tasks of their own is work too."""
    last = {Step.FIRST_STATEMENT: 1, Step.MIDDLE: target.middle}.get(target.step, 0)
    count = 0

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **named: Any) -> Any:
            nonlocal count
            is_counted = _is_in_work.get()
            result = await original(*args, **named)
            if is_counted:
                count += 1
                if count == last:
                    _die()
            return result

        return call

    for name in STATEMENTS:
        _replaced(pool.Connection, name, counted(getattr(pool.Connection, name)))


def _aim_at_job(begun: worker.Worker, target: Target) -> None:
    _aim_at_statements(target)
    kinds: Any = begun.queue._kinds
    kind = kinds[target.name]

    async def run(job: Begun) -> Any:
        target.at(Step.BEGUN, kind.name)
        _is_in_work.set(target.armed.is_set())
        done = await kind.run(job)
        _is_in_work.set(False)
        target.at(Step.WORKED, kind.name)
        return done

    async def shared_out(*args: Any) -> list[JobRef]:
        refs: list[JobRef] = await share_out(*args)
        for ref in refs:
            target.at(Step.SHARED_OUT, ref.kind)
        return refs

    async def handed_out(self: queue.Queue) -> int:
        count: int = await hand_out(self)
        if count:
            target.at(Step.QUEUED, kind.name)
        return count

    async def claimed(self: runner.JobRunner, ref: JobRef) -> None:
        target.at(Step.CLAIMED, ref.kind)
        await run_one(self, ref)

    async def written(self: runner.JobRunner, job: Begun, *args: Any) -> None:
        await write(self, job, *args)
        target.at(Step.COMMITTED, job.ref.kind)

    kinds[kind.name] = structs.replace(kind, run=run)
    share_out = _replaced(queue, "jobs_to_queue", shared_out)
    hand_out = _replaced(queue.Queue, "hand_out", handed_out)
    run_one = _replaced(runner.JobRunner, "run", claimed)
    write = _replaced(runner.JobRunner, "_write", written)
    _aim_at_count(runner, target)


def _aim_at_follower(begun: worker.Worker, target: Target) -> None:
    _aim_at_statements(target)
    every: Any = begun.followers._followers
    follower = every[target.name]

    async def step(*args: Any) -> int:
        _is_in_work.set(target.armed.is_set())
        reached: int = await follower.step(*args)
        _is_in_work.set(False)
        target.at(Step.WORKED, follower.name)
        return reached

    async def begun_step(connection: Any, org_id: int, name: str, head: int) -> Any:
        found = await begin_step(connection, org_id, name, head)
        target.at(Step.BEGUN, name)
        return found

    @asynccontextmanager
    async def committed(connection: Any, org_id: int, name: str) -> AsyncIterator[Any]:
        async with transaction(connection, org_id, name) as position:
            yield position
        target.at(Step.COMMITTED, name)

    every[follower.name] = structs.replace(follower, step=step)
    begin_step = _replaced(followers, "begin_step", begun_step)
    transaction = _replaced(followers, "step_transaction", committed)
    _aim_at_count(followers, target)


def _aim_at_count(module: ModuleType, target: Target) -> None:
    """Die after the last statement of the transaction that records an end."""

    async def counted(connection: Any, org_id: int, name: str, *args: Any) -> None:
        await count_outcome(connection, org_id, name, *args)
        target.at(Step.BEFORE_COMMIT, name)

    count_outcome = _replaced(module, "count_outcome", counted)


def _replaced(owner: object, name: str, replacement: Callable[..., Any]) -> Callable[..., Any]:
    """Replace a function; returns the original."""
    original: Callable[..., Any] = getattr(owner, name)
    setattr(owner, name, replacement)
    return original
