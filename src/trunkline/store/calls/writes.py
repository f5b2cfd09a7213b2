"""Writing calls: one transaction stores payloads, reads current calls, writes calls and updates totals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from trunkline.model.field_problems import FieldProblems, without_controls
from trunkline.store.calls.current import (
    CurrentCalls,
    Key,
    PayloadKey,
    Peek,
    Repeat,
    peek,
    read_calls,
    repeats_of,
)
from trunkline.store.calls.rows import (
    PendingCall,
    StoredCall,
    columns,
    row_of,
    versions_json,
)
from trunkline.store.columns import COLUMNS, COUNTED, FRAGMENTS, NAMES
from trunkline.store.erase import erase_call
from trunkline.store.inbox import InboxWriting
from trunkline.store.live import LiveWriting
from trunkline.store.queries import queries
from trunkline.store.totals.totals import cells

_NAMED = {**FRAGMENTS, "cells": cells(), "move": queries("totals")["move"].format(returning="")}
_WRITE = queries("calls")["write"].format(**_NAMED)
_MOVE_NEW = queries("calls")["move_new"].format(**_NAMED)
_MANY = 50
"""From this number of new calls on, COPY is worth its additional round trips."""
_AT_ONCE = 500
"""Calls that one statement writes."""
_A_LOG = 200
"""From this number of calls on, it matters how they are looked up."""
_SEPARATOR = chr(31)
_encode = msgspec.json.Encoder().encode
_COUNTED = tuple(COLUMNS.index(column) for column in COUNTED)
"""The indexes of the columns that totals are counted by, in the order of the statement."""


class Payload(Struct):
    """A payload as it arrived, for one call."""

    vendor: str
    vendor_call_id: str
    hash: bytes
    body: bytes
    kind: str
    content_type: str
    source: str
    source_id: str | None
    event: str
    unknown: tuple[str, ...]
    problem: str | None
    """Why it cannot be read at all."""
    problems: FieldProblems | None = None
    """Values in it that could not be read as documented."""
    form: str | None = None
    """The vendor whose form it has; `None` if that is the call's own vendor."""
    times: int = 1
    received_at: datetime | None = None
    """`None` for one that arrives now."""
    last_received_at: datetime | None = None


class StoredPayload(NamedTuple):
    """A stored payload of a call, and how it is read."""

    body: bytes
    kind: str
    content_type: str
    form: str | None
    """The vendor whose form it has; `None` if nothing says which."""
    received_at: datetime
    last_received_at: datetime


class IdConflict(Exception):
    """A new call would have the canonical id of another call; nothing was written."""


class CallWriter:
    """Opens transactions that write."""

    def __init__(self, pool: asyncpg.Pool, committed: Callable[[int], None]) -> None:
        """`committed` is called with the org of each committed transaction."""
        self._pool = pool
        self._committed = committed
        self._written = 0

    @asynccontextmanager
    async def transaction(self, org_id: int, count: int) -> AsyncIterator[WriteTransaction]:
        """A transaction in which nobody else writes to the org, with so many sequence numbers reserved.

        Raises `IdConflict`, also for what happens inside.
        """
        async with self._pool.acquire() as connection:
            try:
                async with connection.transaction():
                    last = await connection.fetchval(
                        queries("writes")["reserve_sequence"], org_id, max(1, count)
                    )
                    yield WriteTransaction(connection, org_id, last - count)
                self._committed(org_id)
                await self._analyze_once(connection, count)
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name == "calls_pkey":
                    raise IdConflict from None
                raise
            except asyncpg.InternalClientError as error:
                # The driver's error for a server that closed the connection in the middle of a transaction.
                connection.terminate()
                raise asyncpg.ConnectionDoesNotExistError("the database closed the connection") from error

    async def _analyze_once(self, connection: asyncpg.Connection, count: int) -> None:
        """Replace plans that were made for an empty log, if autovacuum has not analyzed the tables yet.

        It does within a minute; until then calls could be looked up by any index that begins with the org.
        """
        before, self._written = self._written, self._written + count
        if before < _A_LOG <= self._written:
            try:
                if await connection.fetchval(queries("writes")["never_analyzed"]):
                    await connection.execute(queries("writes")["analyze"])
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                connection.terminate()  # the writes are committed, and this connection may be unusable

    async def peek(
        self, org_id: int, keys: Sequence[Key], payloads: Sequence[PayloadKey], received_at: datetime
    ) -> Peek:
        """Some calls as they stand now, and what storing some payloads as received then would tell."""
        return await peek(self._pool, org_id, keys, payloads, received_at)

    async def owners(self, org_id: int, ids: Sequence[str]) -> dict[str, Key]:
        """Which calls have some canonical ids."""
        rows = await self._pool.fetch(queries("writes")["owners"], org_id, [UUID(one) for one in ids])
        return {str(row["id"]): (row["vendor"], row["vendor_call_id"]) for row in rows}

    async def named_after(self, org_id: int, vendor: str | None, last: Key, limit: int) -> list[Key]:
        """The calls of which payloads are stored, in order after one of them."""
        rows = await self._pool.fetch(queries("writes")["named_after"], org_id, vendor, *last, limit)
        return [(row["vendor"], row["vendor_call_id"]) for row in rows]

    async def delete(self, org_id: int, call_id: str) -> bool:
        """Delete a call with everything that is stored of it; false if there is none."""
        deleted = await erase_call(self._pool, org_id, call_id)
        if deleted:
            self._committed(org_id)
        return deleted


class WriteTransaction:
    """One transaction that writes to one org."""

    def __init__(self, connection: asyncpg.Connection, org_id: int, last_sequence: int) -> None:
        self._connection = connection
        self._org_id = org_id
        self._last_sequence = last_sequence
        self.live = LiveWriting(connection, org_id)
        self.inbox = InboxWriting(connection, org_id)

    async def current(
        self,
        keys: Sequence[Key],
        bare: Collection[Key] = (),
        stored_before: Mapping[Key, StoredCall] = MappingProxyType({}),
        *,
        refuse_long: Callable[[Key], bool] | None = None,
    ) -> CurrentCalls:
        """The calls among these that are stored, as they are now, and those that were deleted.

        The transcripts of those in `bare` are not read. A call that is still as it was `stored_before` is
        taken from there. Raises `LongCalls` if another one takes long to read and `refuse_long` says so.
        """
        if not keys:
            return CurrentCalls({}, frozenset())
        stored = await read_calls(self._connection, self._org_id, keys, bare, stored_before, refuse_long)
        # A call that is stored was not deleted.
        missing = [key for key in keys if key not in stored]
        deleted = await self._deleted(missing) if missing else []
        return CurrentCalls(stored, frozenset((row["vendor"], row["vendor_call_id"]) for row in deleted))

    async def _deleted(self, keys: Sequence[Key]) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self._connection.fetch(
            queries("writes")["deleted"], self._org_id, [key[0] for key in keys], [key[1] for key in keys]
        )
        return found

    async def store_payloads(
        self, payloads: Sequence[Payload], received_at: datetime
    ) -> dict[PayloadKey, Repeat]:
        """Store payloads, each once; returns those that were stored before."""
        if not payloads:
            return {}
        rows = await self._connection.fetch(
            queries("writes")["store_payloads"],
            self._org_id,
            received_at,
            [payload.vendor for payload in payloads],
            [payload.vendor_call_id for payload in payloads],
            [payload.hash for payload in payloads],
            [payload.body for payload in payloads],
            [payload.kind for payload in payloads],
            [payload.content_type for payload in payloads],
            [payload.source for payload in payloads],
            [payload.source_id for payload in payloads],
            [without_controls(payload.event) for payload in payloads],
            [_SEPARATOR.join(map(without_controls, payload.unknown)) or None for payload in payloads],
            [payload.problem and without_controls(payload.problem) for payload in payloads],
            [payload.times for payload in payloads],
            [_encode(payload.problems).decode() if payload.problems else None for payload in payloads],
            [payload.form for payload in payloads],
            [payload.received_at for payload in payloads],
            [payload.last_received_at for payload in payloads],
        )
        return repeats_of(rows)

    async def payloads(self, keys: Sequence[Key]) -> dict[Key, list[StoredPayload]]:
        """Every stored payload of some calls, in order of arrival."""
        rows = await self._connection.fetch(
            queries("writes")["payloads"], self._org_id, [key[0] for key in keys], [key[1] for key in keys]
        )
        found: dict[Key, list[StoredPayload]] = {}
        for row in rows:
            payload = StoredPayload(
                row["payload"],
                row["kind"],
                row["content_type"],
                row["form"],
                row["received_at"],
                row["last_received_at"],
            )
            found.setdefault((row["vendor"], row["vendor_call_id"]), []).append(payload)
        return found

    async def events(self, key: Key) -> list[bytes]:
        """Every event of a live call."""
        rows = await self._connection.fetch(queries("writes")["events"], self._org_id, *key)
        return [row["payload"] for row in rows]

    async def write(self, pending: Sequence[PendingCall]) -> None:
        """Write calls and update the totals; no two of them may be the same call."""
        if not pending:
            return
        for one in pending:
            self._last_sequence += 1
            one.change = self._last_sequence
        if len(pending) >= _MANY and all(one.base_revision == 0 for one in pending):
            await self._copy(pending)
            return
        # The driver encodes what a statement is given in one go, in which nobody else is answered.
        for start in range(0, len(pending), _AT_ONCE):
            some = pending[start : start + _AT_ONCE]
            rows = await self._connection.fetch(_WRITE, self._org_id, *columns(some))
            if len(rows) != len(some):
                raise RuntimeError("a call was written by a transaction without reserved sequence numbers")

    async def confirm(self, pending: Sequence[PendingCall]) -> None:
        """Write the versions of calls that did not change: no sequence number, no totals."""
        if not pending:
            return
        rows = await self._connection.fetch(
            queries("writes")["confirm"],
            self._org_id,
            [UUID(one.call.id) for one in pending],
            [one.base_revision for one in pending],
            [versions_json(one.versions) for one in pending],
            [one.has_unstored_facts for one in pending],
        )
        if len(rows) != len(pending):
            raise RuntimeError("a call was written by a transaction without reserved sequence numbers")

    async def _copy(self, pending: Sequence[PendingCall]) -> None:
        rows = [(one, row_of(one)) for one in pending]
        await self._connection.copy_records_to_table(
            "calls",
            records=[(self._org_id, *row.values, one.change, one.has_unstored_facts) for one, row in rows],
            columns=("org_id", *NAMES),
        )
        await self._connection.copy_records_to_table(
            "call_transcripts",
            records=[
                (self._org_id, row.values[0], row.transcript, row.search)
                for _, row in rows
                if row.transcript is not None
            ],
            columns=("org_id", "call_id", "body", "search"),
        )
        await self._connection.copy_records_to_table(
            "search_backlog",
            records=[
                (self._org_id, row.values[0], one.change) for one, row in rows if row.transcript is not None
            ],
            columns=("org_id", "call_id", "change"),
        )
        counted = ([row.values[place] for _, row in rows] for place in _COUNTED)
        await self._connection.execute(_MOVE_NEW, self._org_id, *counted)
