"""Calls as they stand, read to be merged into: within the transaction that writes, or before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import asyncpg

from trunkline.model.encoded_call import EncodedCall
from trunkline.store.calls.rows import StoredCall, StoredLive, is_long, stored_call_of
from trunkline.store.live import record_of
from trunkline.store.queries import queries

Key = tuple[str, str]
"""Vendor and the vendor's own id: what makes two sightings the same call."""

PayloadKey = tuple[str, str, bytes]
"""Vendor, the vendor's own id, and the hash of a payload."""

KNOWN = queries("writes")["current_calls"].format(transcript=queries("live")["transcript"])

EARLY_BYTES = 256 * 1024
"""Bytes of JSON from which on a call is read before the transaction; that takes ten milliseconds or more."""

_STEP_CALLS = 50


class Repeat(NamedTuple):
    """A payload that was stored before it arrived now, and its first and last arrival."""

    kind: str
    received_at: datetime
    last_received_at: datetime


class LongCalls(Exception):
    """Some calls take long to read, and are to be read before the transaction; nothing was written."""

    def __init__(self, keys: list[Key]) -> None:
        super().__init__()
        self.keys = keys


class Peek:
    """Some calls as they stood at one moment, which are read one by one, in a thread, by whoever wants to."""

    def __init__(self, rows: Sequence[asyncpg.Record], repeats: dict[PayloadKey, Repeat]) -> None:
        self._rows = {(row["vendor"], row["vendor_call_id"]): row for row in rows}
        self.repeats = repeats
        """Those among some payloads that are stored already."""

    def read(self, key: Key) -> StoredCall | None:
        """Read a call; `None` if it was not there."""
        row = self._rows.get(key)
        if row is None:
            return None
        stored = _stored(row)
        stored.row = tuple(row)
        return stored


class CurrentCalls(NamedTuple):
    """What is known of some calls."""

    stored: dict[Key, StoredCall]
    deleted: frozenset[Key]


async def peek(
    pool: asyncpg.Pool,
    org_id: int,
    keys: Sequence[Key],
    payloads: Sequence[PayloadKey],
    received_at: datetime,
) -> Peek:
    """Some calls as they stand now, whoever may write to them next.

    Of the payloads it tells what storing them would, if they were stored as received then.
    """
    named = [key[0] for key in keys], [key[1] for key in keys]
    rows = await pool.fetch(KNOWN, org_id, *named, [True] * len(keys))
    stored = await pool.fetch(
        queries("writes")["repeats"],
        org_id,
        [key[0] for key in payloads],
        [key[1] for key in payloads],
        [key[2] for key in payloads],
        received_at,
    )
    return Peek(rows, repeats_of(stored))


async def read_calls(
    connection: asyncpg.Connection,
    org_id: int,
    keys: Sequence[Key],
    bare: Collection[Key] = (),
    stored_before: Mapping[Key, StoredCall] = MappingProxyType({}),
    refuse_long: Callable[[Key], bool] | None = None,
) -> dict[Key, StoredCall]:
    """The calls among these that are stored, as `WriteTransaction.current` says."""
    named = org_id, [key[0] for key in keys], [key[1] for key in keys]
    rows = await connection.fetch(KNOWN, *named, [key not in bare for key in keys])
    stored: dict[Key, StoredCall] = {}
    long: dict[Key, asyncpg.Record] = {}
    for number, row in enumerate(rows, 1):
        if number % _STEP_CALLS == 0:
            await asyncio.sleep(0)  # reading a thousand calls takes a while, in which others are answered
        key = (row["vendor"], row["vendor_call_id"])
        before = stored_before.get(key)
        if before is not None and before.row == tuple(row):
            stored[key] = before
        elif not is_long(row["body"], row["transcript"]):
            stored[key] = _stored(row)
        else:
            long[key] = row
    if long and refuse_long is not None:
        # What events reported is in slots, which only the transaction reads in their current state.
        refused = [
            key
            for key, row in long.items()
            if row["base"] is None and _size_bytes(row) > EARLY_BYTES and refuse_long(key)
        ]
        if refused:
            raise LongCalls(refused)
    for key, row in long.items():
        stored[key] = await asyncio.to_thread(_stored, row)
    return stored


def repeats_of(rows: Sequence[asyncpg.Record]) -> dict[PayloadKey, Repeat]:
    """Read payloads that came before."""
    return {
        (row["vendor"], row["vendor_call_id"], row["hash"]): Repeat(
            row["kind"], row["received_at"], row["last_received_at"]
        )
        for row in rows
    }


def _size_bytes(row: asyncpg.Record) -> int:
    return EncodedCall(row["body"], row["transcript"]).size_bytes


def _stored(row: asyncpg.Record) -> StoredCall:
    stored = stored_call_of(
        row["body"],
        row["transcript"],
        row["versions"],
        row["revision"],
        has_unstored_facts=row["has_unstored_facts"],
    )
    stored.is_whole = row["whole"]
    if row["base"] is not None:
        stored.live = StoredLive(row["base"], record_of(row["record"]), row["lost"], row["is_warm"])
    return stored
