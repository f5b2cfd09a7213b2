"""Live calls in PostgreSQL: slots and records, written with the calls and assembled once they rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Struct

from trunkline.model.call import Call, Turn
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.live_record import LiveRecord, without_conversation
from trunkline.model.live_slots import Events, LiveSlots, SlotKey, SlotKind, joined, parted, printed_turn
from trunkline.model.stored_transcript import (
    LiveTranscript,
    compress_transcript,
    held_bits,
    live_transcript,
)
from trunkline.store.calls.rows import call_of, searchable
from trunkline.store.queries import queries
from trunkline.store.search.index import index_call

_encode = msgspec.json.Encoder().encode
_encode_text = msgspec.json.Encoder(decimal_format="number").encode
_read_record = msgspec.json.Decoder(LiveRecord).decode


class Conversation(NamedTuple):
    """A call's transcript as it is stored."""

    body: bytes
    search: str
    live: int


class LiveUpdate(Struct):
    """What is to be written of a live call besides the call itself."""

    call_id: str
    base: Call
    record: LiveRecord
    lost: bytes | None
    due_at: datetime | None
    """When its slots are to be dropped; `None` if it has none."""
    slots: LiveSlots | None = None
    """The slots to write."""
    replaces: bool = False
    """Whether these are all slots."""
    conversation: Conversation | None = None


class LiveWriting:
    """The part of a transaction that reads and writes slots."""

    def __init__(self, connection: asyncpg.Connection, org_id: int) -> None:
        self._connection = connection
        self._org_id = org_id

    async def some(self, wanted: Mapping[str, Iterable[SlotKey]]) -> dict[str, dict[SlotKey, Events]]:
        """Some slots of some calls, as far as they exist."""
        keys_of_calls = [(UUID(call_id), key) for call_id, keys in wanted.items() for key in keys]
        found: dict[str, dict[SlotKey, Events]] = {call_id: {} for call_id in wanted}
        if keys_of_calls:
            rows = await self._connection.fetch(
                queries("live")["some_slots"],
                self._org_id,
                [call_id for call_id, _ in keys_of_calls],
                [key.kind for _, key in keys_of_calls],
                [key.digest for _, key in keys_of_calls],
            )
            for row in rows:
                found[str(row["call_id"])][_key(row)] = parted(row["events"])
        return found

    async def every(self, call_id: str) -> dict[SlotKey, Events]:
        """All slots of a call."""
        rows = await self._connection.fetch(queries("live")["all_slots"], self._org_id, UUID(call_id))
        return {_key(row): parted(row["events"]) for row in rows}

    async def write(self, updates: Sequence[LiveUpdate]) -> None:
        """Write the live state of some calls, after the calls themselves."""
        if not updates:
            return
        replaced = [UUID(one.call_id) for one in updates if one.replaces]
        if replaced:
            await self._connection.execute(queries("live")["drop_slots"], self._org_id, replaced)
        rows = [
            _row(one.call_id, key, one.slots) for one in updates if one.slots for key in one.slots.written
        ]
        await self._connection.execute(
            queries("live")["write"],
            self._org_id,
            [UUID(one.call_id) for one in updates],
            [EncodedCall.of(without_conversation(one.base)).summary for one in updates],
            [_encode(one.record).decode() for one in updates],
            [one.lost for one in updates],
            [one.due_at for one in updates],
            *(list(column) for column in (zip(*rows, strict=True) if rows else [()] * _SLOT_COLUMNS)),
        )
        transcripts = [(one.call_id, one.conversation) for one in updates if one.conversation is not None]
        if transcripts:
            await _write_transcripts(self._connection, self._org_id, transcripts)


_SLOT_COLUMNS = 8


async def _write_transcripts(
    connection: asyncpg.Connection, org_id: int, transcripts: Sequence[tuple[str, Conversation]]
) -> None:
    await connection.execute(
        queries("live")["write_transcripts"],
        org_id,
        [UUID(call_id) for call_id, _ in transcripts],
        [conversation.body for _, conversation in transcripts],
        [conversation.search for _, conversation in transcripts],
        [conversation.live for _, conversation in transcripts],
    )


def _key(row: asyncpg.Record) -> SlotKey:
    return SlotKey(SlotKind(row["kind"]), row["digest"])


def _row(call_id: str, key: SlotKey, slots: LiveSlots) -> tuple[Any, ...]:
    events = slots.events(key)
    if key.kind is not SlotKind.TURN:
        return UUID(call_id), key.kind, key.digest, joined(events), None, None, None, None
    turn, name = printed_turn(events)
    return (
        UUID(call_id),
        key.kind,
        key.digest,
        joined(events),
        Decimal(name) if isinstance(name, int) else None,
        turn.start_ms,
        events[0].at,
        searchable_turn(turn),
    )


def searchable_turn(turn: Turn) -> str:
    """A turn as it is in the searchable text."""
    return f": {turn.text}".casefold().replace("\x00", "")


def record_of(stored: str) -> LiveRecord:
    """Read a record as it is stored."""
    return _read_record(stored)


def live_conversation(base: Call, record: LiveRecord) -> Conversation | None:
    """The transcript of a call whose events are in slots; `None` if there is none yet."""
    transcript = EncodedCall.of(base).transcript
    if transcript is None and not record.held:
        return None
    if "turns" in record.held:
        base = msgspec.structs.replace(base, turns=UNSET)
    return Conversation(transcript or b"{}", searchable(base), held_bits(record.held))


def whole_conversation(call: Call) -> Conversation | None:
    """The transcript of a call as it is finally stored."""
    transcript = EncodedCall.of(call).transcript
    return None if transcript is None else Conversation(transcript, searchable(call), 0)


def lost_of(base: Call, record: LiveRecord) -> bytes | None:
    """The base's parts of the transcript that differ from what the events state."""
    lost = {name: value for name in record.held if (value := getattr(base, name)) is not UNSET}
    return _encode_text(lost) if lost else None


# -- at rest --------------------------------------------------------------


class LiveStore:
    """Assembles the transcripts of live calls when they rest, and drops their slots."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def settle(self, org_id: int, call_id: UUID, now: datetime) -> bool:
        """Assemble the transcript of one call; false if it was written meanwhile, or was deleted.

        What is printed of the call stays the same, so that followers need no change.
        """
        row = await self._pool.fetchrow(_SETTLING, org_id, call_id, now)
        if row is None:
            return False
        transcript, lost = None, None
        if row["live"]:
            parts = live_transcript(row["transcript"])
            transcript, lost = await asyncio.to_thread(_settled, row["body"], parts, record_of(row["record"]))
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.fetchval(queries("search")["hold_sequence"], org_id)
            settled = queries("live")["settled"]
            if not await connection.fetchval(settled, org_id, call_id, row["version"], lost):
                return False
            await connection.execute(queries("live")["drop_slots"], org_id, [call_id])
            if transcript is not None:
                await _write_transcripts(connection, org_id, [(str(call_id), transcript)])
                # What is printed did not change, so that no follower indexes it.
                await index_call(connection, org_id, call_id)
        return True


_SETTLING = queries("live")["settling"].format(transcript=queries("live")["transcript"])


def _settled(body: str, parts: LiveTranscript, record: LiveRecord) -> tuple[Conversation, bytes | None]:
    """The transcript of a live call as it is stored at rest; runs in a thread."""
    transcript = parts.json()
    search = searchable(call_of(body, transcript))
    return Conversation(compress_transcript(transcript), search, 0), lost_of(
        call_of(body, parts.base), record
    )


async def resting_calls(
    connection: asyncpg.Connection, org_id: int, after: int, up_to: int
) -> dict[datetime, list[UUID]]:
    """The live calls among some changes of an org, by the time at which their slots are to be dropped."""
    found: dict[datetime, list[UUID]] = {}
    for row in await connection.fetch(queries("live")["resting"], org_id, after, up_to):
        found.setdefault(row["due_at"], []).append(row["call_id"])
    return found
