"""The worker: it runs followers, queues and runs jobs, and restarts any of these that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import asyncpg
import structlog

from trunkline.jobs.followers import Follower, Followers
from trunkline.jobs.kinds import JobKind
from trunkline.jobs.queue import HEARTBEAT_SECONDS, STOP_SECONDS, Queue
from trunkline.service.clock import Clock

log = structlog.get_logger(__name__)

CONNECTIONS = 12
"""Connections that a worker may hold beside the one of the queue."""

SERVER_SETTINGS = {
    "application_name": "trunkline work",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "synchronous_commit": "off",
}
"""A step that waits longer for a lock fails, and is tried again later. Its commit does not wait for the disk:
after a crash the step and its position are both lost, so that it is run again; writers need the disk more."""

_FIRST_WAIT_SECONDS, _MAX_WAIT_SECONDS = 1.0, 30.0
_STOP_SECONDS = 5.0


class Worker:
    """Does background work; any number of workers share it."""

    def __init__(
        self,
        database_url: str,
        pool: asyncpg.Pool,
        followers: Sequence[Follower],
        kinds: Sequence[JobKind],
        clock: Clock,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self.followers = Followers(pool, followers, clock)
        self.queue = Queue(
            database_url,
            pool,
            {kind.name: kind for kind in kinds},
            clock,
            heartbeat_seconds=heartbeat_seconds,
            stop_seconds=stop_seconds,
        )
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Check for work at once, since something was committed."""
        self.followers.wake()

    def stop(self) -> None:
        """Make `run` return, within some fifteen seconds."""
        self._stopping.set()
        self.followers.wake()
        self.queue.wake()

    async def run(self) -> None:
        """Work until stopped."""
        parts: dict[str, Callable[[asyncio.Event], Awaitable[None]]] = {
            "followers": self.followers.run,
            "handing out": self.queue.hand_out_always,
            "jobs": self.queue.work,
        }
        tasks = {asyncio.create_task(self._always(name, part)) for name, part in parts.items()}
        try:
            await asyncio.wait(tasks)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.followers.settle()
        finally:
            for task in tasks:
                task.cancel()
            await self.followers.stop()

    async def _always(self, name: str, part: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        """Run a part for ever: an error is logged, and it is restarted after a while."""
        wait = _FIRST_WAIT_SECONDS
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await part(self._stopping)
            except Exception as error:  # noqa: BLE001 only a request to stop ends the work
                known = isinstance(
                    error,
                    asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError,
                )
                say = log.warning if known else log.exception
                say("background work failed, and will be restarted", part=name, error=repr(error)[:300])
            if self._stopping.is_set():
                return
            if asyncio.get_running_loop().time() - began > _MAX_WAIT_SECONDS:
                wait = _FIRST_WAIT_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
            wait = min(2 * wait, _MAX_WAIT_SECONDS)
