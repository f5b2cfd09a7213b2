"""Why the database does not serve, in a sentence for `/readyz`, for clients and for the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import asyncpg

from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.store.embedded.problem import DISK_FULL

FULL_SECONDS = 10.0
"""So long after a statement found the disk full a server counts as not ready; then it is tried again."""

_SILENT = "the database does not answer"
_PROBE_SECONDS = 2
_MAX_WAIT_SECONDS, _POLL_SECONDS = 60.0, 0.1


class DatabaseCondition:
    """What a server process knows about its database."""

    def __init__(
        self,
        embedded_problem: Callable[[], str | None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`embedded_problem` says why the embedded PostgreSQL does not answer, if that is the database."""
        self._embedded_problem = embedded_problem or (lambda: None)
        self._now = now
        self._full_at: float | None = None

    def reason(self, error: BaseException) -> str:
        """Why a statement failed, or nothing if the error does not tell; a full disk is noted."""
        if isinstance(error, asyncpg.DiskFullError):
            self._full_at = self._now()
            return DISK_FULL
        if (problem := self._embedded_problem()) is not None:
            return problem
        return str(error) if isinstance(error, asyncpg.CannotConnectNowError) else ""

    async def embedded_answers(self) -> None:
        """Wait until the embedded PostgreSQL answers, or until somebody should be told that it does not.

        A server process may begin while its database has just died; if it failed, all would be stopped.
        """
        deadline = self._now() + _MAX_WAIT_SECONDS
        while self._embedded_problem() is not None and self._now() < deadline:  # noqa: ASYNC110 nobody tells
            await asyncio.sleep(_POLL_SECONDS)

    async def problem(self, pool: asyncpg.Pool | None) -> str | None:
        """Why the database cannot be used, or `None` if it can."""
        if pool is None:
            return _SILENT
        try:
            await pool.fetchval("SELECT true", timeout=_PROBE_SECONDS)
        except (*DATABASE_DOWN, asyncpg.PostgresError) as error:
            return self.reason(error) or _SILENT
        if self._full_at is not None and self._now() < self._full_at + FULL_SECONDS:
            return DISK_FULL  # reading works on a full disk as well
        return None
