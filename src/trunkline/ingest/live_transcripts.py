"""Transcripts of live calls, put together once nothing more comes: in the background of a server."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import structlog

from trunkline.service.clock import Clock
from trunkline.store.live import LiveStore

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
A_FEW = 50
"""Calls that are looked for at a time."""
RETRY = timedelta(minutes=10)
"""After which a call is tried again whose transcript could not be put together."""


class LiveTranscripts:
    """Puts transcripts together, one call after the other, however many servers do so."""

    def __init__(self, store: LiveStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            more = False
            try:
                more = await self.look()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.warning("transcripts of live calls not put together", error=repr(error)[:200])
            except Exception:
                log.exception("transcripts of live calls not put together")
            await asyncio.sleep(0 if more else LOOK_SECONDS)

    async def look(self) -> bool:
        """Put together what is due; false if that was all."""
        now = self._clock()
        due = await self._store.due(now, A_FEW)
        for org_id, call_id in due:
            try:
                await self._store.settle(org_id, call_id, now)
            except (ValueError, TypeError, LookupError):
                log.exception("the transcript of a live call was not put together", call=str(call_id))
                await self._store.postpone(org_id, call_id, now + RETRY)
        return len(due) == A_FEW
