"""The worker: it follows, hands out jobs and runs them, and begins again whatever of that ends."""

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
"""A step that waits for a lock gives up, and is made again later. Its commit does not wait for the disk: what
a crash takes back is the step and that it was made, so it is made again; writers need the disk more."""

_FIRST_WAIT_SECONDS, _MAX_WAIT_SECONDS = 1.0, 30.0
_STOP_SECONDS = 5.0


class Worker:
    """Does the work in the background; any number of them share it."""

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
        """Have it look at once, since something was committed."""
        self.followers.wake()

    def stop(self) -> None:
        """Have `run` come to its end, within some fifteen seconds."""
        self._stopping.set()
        self.followers.wake()
        self.queue.wake()

    async def run(self) -> None:
        """Work until told to stop."""
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
        """Keep a part going: what ends it is logged, and it begins again after a while."""
        wait = _FIRST_WAIT_SECONDS
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await part(self._stopping)
            except Exception as error:  # noqa: BLE001 nothing ends the work but being told to stop
                known = isinstance(
                    error,
                    asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError,
                )
                say = log.warning if known else log.exception
                say("work in the background stopped, and begins again", part=name, error=repr(error)[:300])
            if self._stopping.is_set():
                return
            if asyncio.get_running_loop().time() - began > _MAX_WAIT_SECONDS:
                wait = _FIRST_WAIT_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
            wait = min(2 * wait, _MAX_WAIT_SECONDS)
