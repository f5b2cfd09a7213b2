"""Followers: each reads every org's changes from a position of its own, and does something small.

The position moves in the transaction of what was done. A failure stops one follower in one org and nothing
else: it waits, longer each time, and is logged, counted and listed. To find a single change that causes it,
the batches are made smaller; after some tries the follower skips that change and marks it, so that
`trunkline jobs retry` can return to it. A step whose process was killed is a failure too: the next process
finds that it began and never ended, and does not begin with what may kill it as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from zlib import crc32

import asyncpg
import structlog
from msgspec import Struct

from trunkline.jobs.errors import is_unavailable
from trunkline.service.clock import Clock
from trunkline.store.followers import (
    FollowerPosition,
    FollowerStore,
    begin_step,
    head_of,
    locked_step,
    move_position,
    step_transaction,
)
from trunkline.store.jobs import count_outcome

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""How often a worker checks for changes if nothing wakes it."""

PAUSE_SECONDS = 0.2
"""How long a worker that has caught up lets further changes collect, so that one step processes them all."""

STEPS_AT_ONCE = 3
"""Orgs in which one follower may run a step at the same time, in each worker."""

MAX_STEP_SECONDS = 30.0
MAX_TRIES = 5
"""Tries of a single change before it is skipped."""

MAX_SKIPPED = 100
"""Most changes of an org that a follower skips; with more the cause is no single change, and it waits."""

DIED = "a step began and never ended: its process, or the database, ended unexpectedly"

_FIRST_WAIT, _MAX_WAIT = timedelta(seconds=1), timedelta(minutes=5)
_UNNOTED_SECONDS = 5.0
_MAX_PROBLEM = 500

Step = Callable[[asyncpg.Connection, int, int, int], Awaitable[int]]


class Follower(Struct, frozen=True, kw_only=True):
    """What is done for every change of every org, in order."""

    name: str
    """Its positions are stored under this name; with another name it starts from the beginning."""
    step: Step
    """Processes an org's changes after one sequence number up to another, in the caller's transaction;
    returns how far it came, which may be where it began if more work is left before the next change."""
    span: int = 500
    """Most changes of one step."""


class Followers:
    """Runs steps of followers in all orgs, a few at a time, the one that waited longest first."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        followers: Sequence[Follower],
        clock: Clock,
        *,
        max_step_seconds: float = MAX_STEP_SECONDS,
    ) -> None:
        self._pool = pool
        self._store = FollowerStore(pool)
        self._followers = {follower.name: follower for follower in followers}
        self._clock = clock
        self._max_step_seconds = max_step_seconds
        self._woken = asyncio.Event()
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._served: dict[tuple[str, int], float] = {}
        self._unnoted: dict[tuple[str, int], float] = {}
        """Until when followers wait whose failure could not be recorded, as on a full disk."""
        self._is_behind = False
        """Whether a step ended with unread changes left."""

    def wake(self) -> None:
        """Check for changes at once."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow until stopped; raises what the driver raises if no org can be followed."""
        while not stopping.is_set():
            self._woken.clear()
            self._is_behind = False
            await self.poll()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            if not self._is_behind:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_SECONDS):
                        await stopping.wait()

    async def poll(self) -> int:
        """Start a step wherever one is due and there is room for it; returns how many were started."""
        behind = await self._store.behind(list(self._followers), self._clock())
        self._served = {key: at for key, at in self._served.items() if key in behind or key in self._running}
        begun = 0
        for name in self._followers:
            waiting = [key for key in behind if key[0] == name and self._may_begin(key)]
            waiting.sort(key=lambda key: self._served.get(key, 0.0))
            room = STEPS_AT_ONCE - sum(key[0] == name for key in self._running)
            for key in waiting[: max(0, room)]:
                self._served[key] = time.monotonic()
                self._running[key] = asyncio.create_task(self._step(*key))
                begun += 1
        return begun

    def _may_begin(self, key: tuple[str, int]) -> bool:
        return key not in self._running and self._unnoted.get(key, 0.0) <= time.monotonic()

    async def settle(self) -> None:
        """Wait for the steps that were started."""
        while self._running:
            await asyncio.wait(self._running.values())

    async def catch_up(self) -> None:
        """Run steps until none is due; those that fail wait."""
        while await self.poll() or self._running:
            await self.settle()

    async def stop(self) -> None:
        """Cancel the steps that were started; their transactions are rolled back."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _step(self, name: str, org_id: int) -> None:
        follower = self._followers[name]
        position: FollowerPosition | None = None
        head = 0
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(self._max_step_seconds),
                self._pool.acquire() as connection,
                locked_step(connection, org_id, name) as is_ours,
            ):
                if not is_ours:
                    return  # another process runs this step
                head = await head_of(connection, org_id)
                begun = await begin_step(connection, org_id, name, head)
                if begun is None:
                    return
                position = begun.position
                if begun.died:
                    await self._note_death(connection, follower, org_id, position, head)
                    return
                async with step_transaction(connection, org_id, name) as position:
                    reached = await _make_step(connection, org_id, follower, position, head)
                    await count_outcome(connection, org_id, name, "done", time.monotonic() - began)
                self._is_behind = self._is_behind or reached < head
        except Exception as error:  # noqa: BLE001 whatever it is, this follower alone waits, in this org alone
            await self._failed(follower, org_id, position, head, error)
        finally:
            del self._running[name, org_id]
            self._woken.set()

    async def _failed(
        self, follower: Follower, org_id: int, position: FollowerPosition | None, head: int, error: Exception
    ) -> None:
        """Record a failure, and narrow down the change that causes it; never raises."""
        problem = f"{type(error).__name__}: {error}".replace("\0", "\ufffd")[:_MAX_PROBLEM]
        event = log.bind(follower=follower.name, org=org_id, problem=problem)
        key = (follower.name, org_id)
        self._unnoted = {one: at for one, at in self._unnoted.items() if at > time.monotonic()}
        if position is None:
            self._unnoted[key] = time.monotonic() + _UNNOTED_SECONDS
            event.warning("follower could not start")
            return
        try:
            await self._note_failure(follower, org_id, position, head, problem, error)
        except Exception as second:  # noqa: BLE001 the failure is the next step's as well
            self._unnoted[key] = time.monotonic() + _UNNOTED_SECONDS
            event.warning("follower failed, and the failure could not be recorded", error=repr(second)[:200])

    async def _note_failure(
        self,
        follower: Follower,
        org_id: int,
        position: FollowerPosition,
        head: int,
        problem: str,
        error: Exception,
    ) -> None:
        name, now = follower.name, self._clock()
        event = log.bind(follower=name, org=org_id, after=position.change, problem=problem)
        span = _span(follower, position, head)
        is_poison = not is_unavailable(error)
        attempts, outcome, fewer = position.attempts + 1, "failed", position.span
        if span > 1 and (is_poison or isinstance(error, TimeoutError)):
            attempts, fewer, wait = 0, span // 2, timedelta(0)
            event.warning("follower failed, and will read fewer changes at a time", span=fewer)
        elif is_poison and attempts >= MAX_TRIES and await self._may_skip(org_id, name):
            outcome, wait = "skipped", timedelta(0)
            event.error("follower skips a change that always fails", change=position.change + 1)
        else:
            wait = _wait(attempts)
            event.warning(
                "follower failed, and will try again", attempts=attempts, seconds=wait.total_seconds()
            )
        if outcome == "skipped":
            await self._store.skip(org_id, name, position, problem, now)
        else:
            await self._store.note_failure(
                org_id,
                name,
                position,
                attempts=attempts,
                next_try_at=now + wait,
                problem=problem,
                span=fewer,
            )
        await count_outcome(self._pool, org_id, name, outcome)

    async def _note_death(
        self,
        connection: asyncpg.Connection,
        follower: Follower,
        org_id: int,
        position: FollowerPosition,
        head: int,
    ) -> None:
        """Record that the last step's process was killed in it: it waits, and then reads fewer changes."""
        name, now, store = follower.name, self._clock(), FollowerStore(connection)
        span = _span(follower, position, head)
        attempts = position.attempts + 1
        event = log.bind(follower=name, org=org_id, after=position.change, attempts=attempts, problem=DIED)
        await count_outcome(connection, org_id, name, "died")
        if span == 1 and attempts >= MAX_TRIES and await self._may_skip(org_id, name):
            event.error("follower skips a change that always fails", change=position.change + 1)
            await store.skip(org_id, name, position, DIED, now)
            await count_outcome(connection, org_id, name, "skipped")
            return
        # Steps that ran in one process died together, and so would their next tries at the same time.
        fewer = max(1, span // 2)
        wait = _wait(attempts) * (1 + crc32(f"{org_id} {name}".encode()) / 2**32)
        event.warning("follower died, and will try again", seconds=wait.total_seconds())
        await store.note_failure(
            org_id,
            name,
            position,
            # The tries of a single change are its own, and not those that narrowed it down.
            attempts=0 if fewer == 1 < span else attempts,
            next_try_at=now + wait,
            problem=DIED,
            span=fewer,
        )

    async def _may_skip(self, org_id: int, name: str) -> bool:
        return await self._store.skipped_count(org_id, name) < MAX_SKIPPED


async def step_now(pool: asyncpg.Pool, org_id: int, follower: Follower) -> bool:
    """Run one step at once, after one that is running; false if the follower has read everything."""
    name = follower.name
    async with pool.acquire() as connection, locked_step(connection, org_id, name, wait=True):
        head = await head_of(connection, org_id)
        if await begin_step(connection, org_id, name, head) is None:
            return False
        async with step_transaction(connection, org_id, name) as position:
            await _make_step(connection, org_id, follower, position, head)
        return True


def _span(follower: Follower, position: FollowerPosition, head: int) -> int:
    """How many changes the step at a position reads."""
    return max(1, min(position.span or follower.span, head - position.change))


def _wait(attempts: int) -> timedelta:
    """How long a follower waits after a number of failures."""
    doubled: timedelta = _FIRST_WAIT * 2 ** min(attempts - 1, 20)
    return min(doubled, _MAX_WAIT)


async def _make_step(
    connection: asyncpg.Connection, org_id: int, follower: Follower, position: FollowerPosition, head: int
) -> int:
    """Run a follower's next step and move its position, in the caller's transaction; returns the position."""
    span = min(position.span or follower.span, follower.span)
    reached = await follower.step(connection, org_id, position.change, min(head, position.change + span))
    if not position.change <= reached <= head:
        raise RuntimeError(f"a step of {follower.name} went from {position.change} to {reached}")
    wider = None if position.span is None or span * 2 >= follower.span else span * 2
    await move_position(connection, org_id, follower.name, reached, wider)
    return reached
