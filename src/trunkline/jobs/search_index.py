"""The search index of transcripts: in the background of a server, or at once by a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import asyncpg
import structlog

from trunkline.store.search.index import START, SearchIndex

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
A_FEW = 50
"""Calls that a server indexes at a time: requests wait while their words are split."""
MANY = 500


class Indexer:
    """Takes calls from the list of those that are not indexed yet."""

    def __init__(self, store: SearchIndex) -> None:
        self._store = store
        self._positions: dict[int, UUID] = {}

    async def run(self) -> None:
        """Index for ever."""
        while True:
            more = False
            try:
                more = await self.run_once()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.warning("not indexed", error=repr(error)[:200])
            except Exception:
                log.exception("not indexed")
            await asyncio.sleep(0 if more else POLL_SECONDS)

    async def run_once(self) -> bool:
        """Index a few calls of each org that has some; false if that was all."""
        more = False
        for org_id in await self._store.orgs_with_backlog():
            after = self._positions.pop(org_id, START)
            _, position = await self._store.index(org_id, after, A_FEW)
            if position != START:
                self._positions[org_id] = position
                more = True
        return more

    async def index(self, org_id: int, report: Callable[[int], None]) -> int:
        """Index everything of an org that is on the list now, and report how many calls after each step."""
        indexed, position = 0, START
        while True:
            count, position = await self._store.index(org_id, position, MANY, in_turn=True)
            indexed += count
            report(count)
            if position == START:
                return indexed
