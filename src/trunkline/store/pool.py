"""The connection pool, set up for short statements that need no session state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is released without a reset: no statement of ours leaves session state behind."""

    def get_reset_query(self) -> str:
        """No reset, which saves a round trip each time."""
        return ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is running on it and nobody listens, so that a reset would change nothing."""
        return not (
            self.is_closed()
            or self.is_in_transaction()
            or self._top_xact is not None
            or self._protocol._is_cancelling()
            or self._listeners
            or self._log_listeners
        )


class Pool(asyncpg.Pool):  # type: ignore[misc]
    """A pool that releases a clean connection at once.

    asyncpg releases each in a task of its own, so that a reset cannot be interrupted. That costs as much as
    a third of reading a page, and there is nothing to reset.
    """

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 asyncpg's
        """Release a connection; one that is not clean is released by asyncpg."""
        held, holder = connection._con, connection._holder
        usual = (
            held is None
            or not held.is_clean
            or holder._generation != self._generation
            or held._protocol.queries_count >= holder._max_queries
            or holder._max_inactive_time
        )
        if usual:
            await super().release(connection, timeout=timeout)
        else:
            held._on_release()
            holder._timeout = None
            holder._release()


IDLE_SECONDS = 15.0
"""That a transaction may stand still, while others may wait for what it holds."""

LOCK_SECONDS = 20.0
"""That a statement waits for what another transaction holds."""


async def open_pool(
    database_url: str, size: int, server_settings: Mapping[str, str] | None = None
) -> asyncpg.Pool:
    """Open a pool; raises what asyncpg raises when the database does not answer."""
    return await Pool(
        database_url,
        init_size=None,
        min_size=1,
        max_size=size,
        max_queries=50_000,
        setup=None,
        init=None,
        loop=None,
        connection_class=Connection,
        record_class=asyncpg.Record,
        command_timeout=60,
        max_inactive_connection_lifetime=0,
        statement_cache_size=500,
        max_cached_statement_lifetime=0,
        server_settings={
            "application_name": "trunkline",
            "timezone": "UTC",
            "jit": "off",
            # A writer that hangs in the middle of a transaction is ended, and who waits for it gives up later
            # than that. Whoever reads a long list slowly says that it may.
            "idle_in_transaction_session_timeout": f"{IDLE_SECONDS * 1000:.0f}",
            "lock_timeout": f"{LOCK_SECONDS * 1000:.0f}",
            # A statement whose client has gone ends with it.
            "client_connection_check_interval": "10s",
            # Planning a page costs three times as much as reading it. The statements are made so that
            # there is one right plan for them, whatever their values.
            "plan_cache_mode": "force_generic_plan",
            **(server_settings or {}),
        },
    )
