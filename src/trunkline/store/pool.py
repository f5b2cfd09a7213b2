"""The connection pool, set up for short statements that need no session state."""

from __future__ import annotations

import asyncpg


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is given back as it is: no statement of ours leaves session state behind."""

    def get_reset_query(self) -> str:
        """No reset, which saves a round trip each time."""
        return ""


async def open_pool(database_url: str, size: int) -> asyncpg.Pool:
    """Open a pool; raises what asyncpg raises when the database does not answer."""
    return await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=size,
        connection_class=Connection,
        command_timeout=60,
        max_inactive_connection_lifetime=0,
        statement_cache_size=500,
        max_cached_statement_lifetime=0,
        server_settings={
            "application_name": "trunkline",
            "timezone": "UTC",
            "jit": "off",
            # Planning a page costs three times as much as reading it. The statements are made so that
            # there is one right plan for them, whatever their values.
            "plan_cache_mode": "force_generic_plan",
        },
    )
