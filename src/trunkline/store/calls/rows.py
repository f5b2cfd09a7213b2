"""Calls as rows: the values of their columns, and the JSON that holds the whole call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from trunkline.kit.transcript import turns_of
from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.merge import Versions
from trunkline.store.columns import values_of

_json = msgspec.json.Encoder(decimal_format="number")
_pack = zstandard.ZstdCompressor(level=1, write_checksum=False)
_unpack = zstandard.ZstdDecompressor()
_MIN_COMPRESSED_BYTES = 400
_read_versions = msgspec.json.Decoder(Versions).decode


class StoredCall(Struct):
    """A call as it stands in the store, with what is needed to merge into it."""

    call: Call
    versions: Versions
    revision: int
    has_unstored_facts: bool = True
    """Whether something was told of it of which no payload is kept."""


class Row(NamedTuple):
    """What a call comes to in the tables."""

    values: tuple[Any, ...]
    """One value for each of `COLUMNS`, then revision, stamps and body."""
    transcript: bytes | None
    search: str | None


class PendingCall(Struct):
    """A call as it should stand in the store, and the revision it was made from."""

    call: Call
    versions: Versions
    base_revision: int = 0
    """0 for a call that is not known yet."""
    has_unstored_facts: bool = True
    """Whether something was told of it now of which no payload is kept."""
    change: int = 0
    """Its place in the org's order of changes, given when it is written."""
    row: Row | None = None
    """What it comes to in the tables, if that was made already; it goes when the call is changed."""


def encoded_call_of(body: str, transcript: bytes | None) -> EncodedCall:
    """A call in its stored parts, not read yet."""
    return EncodedCall(body, None if transcript is None else unpacked(transcript))


def call_of(body: str, transcript: bytes | None) -> Call:
    """Read a call from its stored parts."""
    return encoded_call_of(body, transcript).call()


def stored_call_of(
    body: str, transcript: bytes | None, versions: str, revision: int, *, has_unstored_facts: bool
) -> StoredCall:
    """Read a call together with its stamps."""
    return StoredCall(call_of(body, transcript), _read_versions(versions), revision, has_unstored_facts)


def columns(drafts: Sequence[PendingCall]) -> list[list[Any]]:
    """The arrays of the write statement: those of `NAMES`, then the transcript and what is searched of it."""
    rows = [row_of(draft) for draft in drafts]
    values = [list(column) for column in zip(*(row.values for row in rows), strict=True)]
    return [
        *values,
        [draft.change for draft in drafts],
        [draft.has_unstored_facts for draft in drafts],
        [row.transcript for row in rows],
        [row.search for row in rows],
    ]


def row_of(draft: PendingCall) -> Row:
    """What a draft comes to in the tables; made once."""
    if draft.row is None:
        draft.row = _row(draft)
    return draft.row


def _row(draft: PendingCall) -> Row:
    call = draft.call
    pieces = EncodedCall.of(call)
    values = (*values_of(call), draft.base_revision + 1, versions_json(draft.versions), pieces.summary)
    if pieces.transcript is None:
        return Row(values, None, None)
    return Row(values, packed(pieces.transcript), searchable(call))


def versions_json(versions: Versions) -> str:
    """Stamps as they are stored."""
    return _json.encode(versions).decode()


def packed(json: bytes) -> bytes:
    """Compress a transcript's JSON; a short one is not worth it and stays as it is."""
    return _pack.compress(json) if len(json) >= _MIN_COMPRESSED_BYTES else json


def unpacked(stored: bytes) -> bytes:
    """A transcript's JSON; what is not compressed begins with its brace."""
    return stored if stored[:1] == b"{" else _unpack.decompress(stored)


def searchable(call: Call) -> str:
    """The conversation as it is searched: the spoken text, case-folded, without NUL."""
    text = call.transcript_text if isinstance(call.transcript_text, str) else ""
    spoken = [f": {turn.text}" for turn in turns_of(call)]  # whoever says it, a line begins like that
    return "\n".join([*spoken, text] if spoken else ["", text]).casefold().replace("\x00", "")


def folded(text: str) -> str:
    """A piece of text as it is looked for in `searchable`."""
    return text.casefold()
