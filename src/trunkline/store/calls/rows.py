"""Calls as rows: the columns that lists filter and sort by, and the JSON that holds the rest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from trunkline.kit.transcript import turns_of
from trunkline.kit.vocabulary import effective_word
from trunkline.kit.wire import phone_key
from trunkline.model.call import Call
from trunkline.model.encoded_call import EncodedCall
from trunkline.model.ids import digest, uuid_of
from trunkline.model.merge import Versions

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
    """One value for each of `COLUMNS`."""
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


COLUMNS = (
    "id",
    "digest",
    "vendor",
    "vendor_call_id",
    "created_at",
    "started_at",
    "ended_at",
    "duration_ms",
    "status",
    "status_word",
    "result",
    "result_word",
    "direction",
    "channel",
    "end_reason",
    "sentiment",
    "success",
    "voicemail",
    "agent_id",
    "agent_ref",
    "campaign_id",
    "campaign_ref",
    "from_number",
    "to_number",
    "contact_number",
    "revision",
    "versions",
    "body",
)
"""The columns of a call beside its org, in the order of the write statement."""


def columns(drafts: Sequence[PendingCall]) -> list[list[Any]]:
    """The arrays of the write statement, column by column."""
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
    agent_id = call.agent.id if call.agent else None
    campaign_id = call.campaign.id if call.campaign else None
    analysis = call.analysis
    values = (
        call.id,
        digest(call.id).hex,
        call.vendor,
        call.vendor_call_id,
        call.created_at,
        call.started_at,
        call.ended_at,
        call.duration_ms,
        call.status.value,
        effective_word("status", call.status, call.vendor_words),
        call.result.value if call.result else None,
        effective_word("result", call.result, call.vendor_words),
        call.direction.value,
        call.channel.value,
        call.end_reason.value if call.end_reason else None,
        analysis.sentiment.value if analysis and analysis.sentiment else None,
        analysis.success if analysis else None,
        analysis.voicemail if analysis else None,
        agent_id,
        _ref(agent_id) if agent_id is not None else None,
        campaign_id,
        _ref(campaign_id) if campaign_id is not None else None,
        _number(call.from_number),
        _number(call.to_number),
        _number(call.contact.phone_number if call.contact else None),
        draft.base_revision + 1,
        versions_json(draft.versions),
        pieces.summary,
    )
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


_ref = lru_cache(maxsize=65536)(uuid_of)


def _number(text: str | None) -> str | None:
    return None if text is None else phone_key(text)


def folded(text: str) -> str:
    """A piece of text as it is looked for in `searchable`."""
    return text.casefold()
