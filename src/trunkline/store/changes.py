"""Changes in PostgreSQL: read after a sequence number, and waited for on a connection that listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import structlog

from trunkline.model.call import Call
from trunkline.model.changes import Change, ChangeBatch
from trunkline.model.query import CallFilter
from trunkline.store.calls import filters
from trunkline.store.calls.filters import Statement
from trunkline.store.calls.rows import call_of, is_long, long_call_of
from trunkline.store.change_notifier import CHANNEL
from trunkline.store.queries import queries

log = structlog.get_logger(__name__)

WINDOW = 500
"""Changes that one batch reads, whether they match or not."""

MAX_CALLS = 250
MAX_WITH_TRANSCRIPT = 50
"""Calls in one batch."""

RECONNECT_SECONDS = 1.0
PING_SECONDS = 15.0
_MAX_WAIT_SECONDS = 10.0


class ChangeStore:
    """Reads an org's changes."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def head(self, org_id: int) -> int:
        """The last sequence number of the org; 0 before the first."""
        place: int = await self._pool.fetchval(queries("changes")["head"], org_id)
        return place

    async def read_batch(
        self, org_id: int, call_filter: CallFilter, after: int, *, with_transcript: bool
    ) -> ChangeBatch:
        """The changes after a sequence number, in order, at most one batch.

        Deleted calls are included whatever the filter, since what it would compare is gone.
        """
        statement = Statement(org_id)
        statement.values.append(after)
        parts = queries("list_query")
        most = MAX_WITH_TRANSCRIPT if with_transcript else MAX_CALLS
        sql = queries("changes")["read_batch"].format(
            window=WINDOW,
            most=most,
            where="".join(f" AND {condition}" for condition in filters.where(statement, call_filter)),
            transcript=parts["transcript"] if with_transcript else "",
            join=filters.TRANSCRIPT_JOIN if with_transcript else "",
        )
        rows = await self._pool.fetch(sql, *statement.values)
        changes = [
            Change(row["change"], str(row["id"]), await _call(row, with_transcript=with_transcript))
            for row in rows
            if row["change"] is not None
        ]
        if len(changes) == most:
            return ChangeBatch(changes, changes[-1].sequence, has_more=True)
        return ChangeBatch(changes, rows[0]["sequence"], has_more=rows[0]["more"])


async def _call(row: asyncpg.Record, *, with_transcript: bool) -> Call | None:
    if row["body"] is None:
        return None
    parts = row["body"], row["transcript"] if with_transcript else None
    return await long_call_of(*parts) if is_long(*parts) else call_of(*parts)


async def listen(database_url: str, notify: Callable[[int | None], None]) -> None:
    """Report the org of everything that is committed, for ever, on a connection of its own.

    Reports `None` whenever something may have been missed: at the beginning, and after a lost connection.
    """
    while True:
        try:
            connection = await asyncpg.connect(
                database_url,
                timeout=_MAX_WAIT_SECONDS,
                command_timeout=_MAX_WAIT_SECONDS,
                server_settings={"application_name": "trunkline changes"},
            )
            try:
                await _listen_on(connection, notify)
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("not listening for changes", error=repr(error)[:200])
        await asyncio.sleep(RECONNECT_SECONDS)


async def _listen_on(connection: asyncpg.Connection, notify: Callable[[int | None], None]) -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())

    def wake(*notification: object) -> None:
        for org_id in str(notification[3]).split(","):
            notify(int(org_id))

    await connection.add_listener(CHANNEL, wake)
    notify(None)
    while not lost.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(PING_SECONDS):
                await lost.wait()
                raise ConnectionResetError("the connection was lost")
        # A connection whose other end disappeared looks like one on which nothing happens.
        await connection.fetchval("SELECT true")
