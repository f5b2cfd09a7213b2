"""Wake-ups: a process notifies the others of the orgs in which it committed changes, several orgs at a time.

They are sent after the commit and never inside it: PostgreSQL runs the commits of all transactions that
notify one after another, in the whole database, each with its own flush to disk. A lost wake-up only causes
a delay, since everyone who follows an org also polls now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice

import asyncpg
import structlog

from trunkline.store.queries import queries

log = structlog.get_logger(__name__)

CHANNEL = "trunkline_changes"
"""The channel on which the ids of orgs are sent, separated by commas."""

MAX_ORGS = 700
"""Orgs in one notification: its payload must stay below 8,000 bytes, and an id has at most ten digits."""

PAUSE_SECONDS = 0.01
"""Between two notifications of one process; the next one covers everything committed meanwhile."""

MAX_SEND_SECONDS = 5.0
"""After which a notification is abandoned."""


_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that is just lost
    OSError,
    TimeoutError,
)


class ChangeNotifier:
    """Sends wake-ups for what this process commits, one notification at a time."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._pending: dict[int, None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[int], None]] = []

    def subscribe(self, listener: Callable[[int], None]) -> None:
        """Register a function to be called with the org of every commit of this process."""
        self._listeners.append(listener)

    def notify(self, org_id: int) -> None:
        """Wake an org's followers, in this process at once and in others soon; call it after the commit."""
        for listener in self._listeners:
            listener(org_id)
        self._pending[org_id] = None
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def flush(self) -> None:
        """Wait until every notification was sent or abandoned."""
        while self._sending is not None:
            await asyncio.wait({self._sending})

    async def _send_all(self) -> None:
        try:
            while self._pending:
                orgs = list(islice(self._pending, MAX_ORGS))
                for org_id in orgs:
                    del self._pending[org_id]
                await self._send(orgs)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._sending = None

    async def _send(self, orgs: Sequence[int]) -> None:
        try:
            async with asyncio.timeout(MAX_SEND_SECONDS):
                await self._pool.execute(queries("changes")["notify"], ",".join(map(str, orgs)))
        except _FAILURES as error:
            log.warning("wake-ups not sent", orgs=len(orgs), error=repr(error)[:200])
