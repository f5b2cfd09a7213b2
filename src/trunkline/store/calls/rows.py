"""Calls as rows: the values of their columns, and the JSON that holds the whole call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs

from trunkline.kit.transcript import turns_of
from trunkline.model.call import TRANSCRIPT_FIELDS, Call, Turn
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.live_record import LiveRecord
from trunkline.model.stored_transcript import live_transcript
from trunkline.model.versions import Versions
from trunkline.model.words import Role
from trunkline.store.columns import values_of

INLINE_BYTES = 64 * 1024
"""Bytes of JSON up to which a call is read on the spot; that takes a millisecond or two."""

_PIECE = 200_000
"""Characters that are case-folded at a time."""

_json = msgspec.json.Encoder(decimal_format="number")
_read_versions = msgspec.json.Decoder(Versions).decode


class StoredLive(Struct):
    """What is stored of a live call besides its slots."""

    base: str
    record: LiveRecord
    lost: bytes | None
    is_warm: bool
    """Whether its slots are stored."""


class StoredCall(Struct):
    """A call as it is stored, with what is needed to merge into it."""

    call: Call
    versions: Versions
    revision: int
    has_unstored_facts: bool = True
    """Whether it has facts of which no payload is stored."""
    live: StoredLive | None = None
    """Its live record, if events of it were reported."""
    is_whole: bool = True
    """Whether its transcript was read."""
    transcript: bytes | None = None
    """Its transcript as it is stored."""
    size_bytes: int = 0
    """How much JSON it is, about."""
    row: tuple[Any, ...] | None = None
    """What it was read from, if it was read before the transaction in which it is needed."""


class Row(NamedTuple):
    """A call as values of the tables."""

    values: tuple[Any, ...]
    """One value for each of `COLUMNS`, then revision, versions and body."""
    transcript: bytes | None
    search: str | None


class PendingCall(Struct):
    """A call as it is to be stored, and the revision that it was made from."""

    call: Call
    versions: Versions
    base_revision: int = 0
    """0 for a new call."""
    has_unstored_facts: bool = True
    """Whether it gets facts now of which no payload is stored."""
    change: int = 0
    """Its sequence number, assigned when it is written."""
    row: Row | None = None
    """Its encoded form, if that was made already; reset when the call is changed."""
    user_spoke: bool | None = None
    """Whether the user spoke, where the transcript is stored separately from the call."""


def base_of(stored: StoredCall) -> Call:
    """The call without its events, given the whole call that they are part of."""
    live = stored.live
    if live is None:
        raise TypeError("the call has no events")
    if live.is_warm:
        transcript = stored.transcript
        if transcript is not None and transcript[:1] == b"\0":
            transcript = live_transcript(transcript).base
        return EncodedCall(live.base, transcript).call()
    base = EncodedCall(live.base).call()
    lost = EncodedCall(live.base, live.lost).call()
    for name in TRANSCRIPT_FIELDS:
        source = lost if name in live.record.held else stored.call
        setattr(base, name, getattr(source, name))
    base.verbatim = stored.call.verbatim
    return base


def call_of(body: str, transcript: bytes | None) -> Call:
    """Read a call from its stored parts."""
    return EncodedCall(body, transcript).call()


async def long_call_of(body: str, transcript: bytes | None) -> Call:
    """Read a call in a thread, so that others are answered meanwhile."""
    return await asyncio.to_thread(call_of, body, transcript)


def is_long(body: str, transcript: bytes | None) -> bool:
    """Whether a call is better read in a thread."""
    return EncodedCall(body, transcript).size_bytes > INLINE_BYTES


def stored_call_of(
    body: str, transcript: bytes | None, versions: str, revision: int, *, has_unstored_facts: bool
) -> StoredCall:
    """Read a call together with its versions."""
    return StoredCall(
        call_of(body, transcript),
        _read_versions(versions),
        revision,
        has_unstored_facts,
        transcript=transcript,
        size_bytes=EncodedCall(body, transcript).size_bytes,
    )


def columns(pending: Sequence[PendingCall]) -> list[list[Any]]:
    """The arrays of the write statement: those of `NAMES`, then the transcript and its searchable text."""
    rows = [row_of(one) for one in pending]
    values = [list(column) for column in zip(*(row.values for row in rows), strict=True)]
    return [
        *values,
        [one.change for one in pending],
        [one.has_unstored_facts for one in pending],
        [row.transcript for row in rows],
        [row.search for row in rows],
    ]


def row_of(pending: PendingCall) -> Row:
    """The encoded form of a pending call; made once."""
    if pending.row is None:
        pending.row = _row(pending)
    return pending.row


def _row(pending: PendingCall) -> Row:
    call = pending.call
    pieces = EncodedCall.of(call)
    values = (
        *values_of(_with_speech(call, pending.user_spoke)),
        pending.base_revision + 1,
        versions_json(pending.versions),
        pieces.summary,
    )
    if pieces.transcript is None:
        return Row(values, None, None)
    return Row(values, pieces.transcript, searchable(call))


def _with_speech(call: Call, user_spoke: bool | None) -> Call:
    """A call as its columns are read from it: of a transcript they need only whether the user spoke."""
    if user_spoke is None:
        return call
    return structs.replace(call, turns=[Turn(Role.USER, "")] if user_spoke else [])


def versions_json(versions: Versions) -> str:
    """Versions as they are stored."""
    return _json.encode(versions).decode()


def searchable(call: Call) -> str:
    """The searchable text of a transcript: what was spoken, case-folded, without NUL."""
    text = call.transcript_text if isinstance(call.transcript_text, str) else ""
    spoken = [f": {turn.text}" for turn in turns_of(call)]  # every line begins like that, whoever speaks
    return _case_folded("\n".join([*spoken, text] if spoken else ["", text])).replace("\x00", "")


def _case_folded(text: str) -> str:
    """A text case-folded, which goes character by character; a long one in pieces, so that others can run."""
    if len(text) <= _PIECE:
        return text.casefold()
    return "".join([text[start : start + _PIECE].casefold() for start in range(0, len(text), _PIECE)])


def folded(text: str) -> str:
    """A search text in the form of `searchable`."""
    return text.casefold()
