"""A call's transcript as it is stored: as JSON, compressed, or in the parts of a live one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import zstandard
from msgspec import UNSET, Struct, UnsetType

from trunkline.model.call import TRANSCRIPT_FIELDS, ToolCall, Turn, Verbatim
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.model.live_slots import spoken_in
from trunkline.model.sighting import Sighting


class Transcript(Struct):
    """The part of a call that is stored separately: its transcript fields, and their verbatim values."""

    turns: list[Turn] | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    transcript_text: str | UnsetType | None = UNSET
    events: list[dict[str, Any]] | UnsetType | None = UNSET
    verbatim: dict[str, Verbatim] | UnsetType = UNSET


if Transcript.__struct_fields__ != (*TRANSCRIPT_FIELDS, "verbatim"):
    raise TypeError("a transcript must have the transcript fields")

_encode = msgspec.json.Encoder(decimal_format="number").encode
read_transcript = ChunkedDecoder(Transcript).decode
"""From JSON."""

_MIN_COMPRESSED_BYTES = 400
"""A shorter transcript is not worth compressing."""


class _Zstandard(threading.local):
    """Compressor and decompressor; neither may be used by two threads at a time."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1, write_checksum=False).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstandard = _Zstandard()


def compress_transcript(json: bytes) -> bytes:
    """A transcript's JSON as it is stored; a short one stays as it is."""
    return _zstandard.compress(json) if len(json) >= _MIN_COMPRESSED_BYTES else json


def transcript_json(stored: bytes) -> bytes:
    """A stored transcript's JSON. What is not compressed begins with its brace, a live one with a zero."""
    first = stored[:1]
    if first == b"{":
        return stored
    return live_transcript(stored).json() if first == b"\0" else _zstandard.decompress(stored)


def transcript_bytes(stored: bytes) -> int:
    """How many bytes of JSON a stored transcript is, without a look into it; of a live one about so many."""
    is_compressed = stored[:1] not in (b"{", b"\0")
    return zstandard.frame_content_size(stored) if is_compressed else len(stored)


class LiveTranscript(NamedTuple):
    """The transcript of a live call, in its parts."""

    held: int
    """What its events decide: 1 for the turns, 2 for the tool calls, 3 for both."""
    base: bytes
    """The JSON of the base's part."""
    events: bytes
    """Its slots, joined by commas."""

    def json(self) -> bytes:
        """The JSON of the whole transcript."""
        return _with_conversation(self.base, spoken_in(self.events), held_names(self.held))


def live_transcript(stored: bytes) -> LiveTranscript:
    """Split the transcript of a live call, as the statement `live.transcript` reads it."""
    held, size = int.from_bytes(stored[:4]), int.from_bytes(stored[4:8])
    return LiveTranscript(held, transcript_json(stored[8 : 8 + size]), stored[8 + size :])


def _with_conversation(heavy: bytes, said: Sighting, names: Iterable[str]) -> bytes:
    """The transcript fields of a call, some of them as a sighting states them, as JSON."""
    transcript = read_transcript(heavy)
    for name in names:
        setattr(transcript, name, getattr(said, name))
    return _encode(transcript)


HELD_BITS = {"turns": 1, "tool_calls": 2}


def held_names(bits: int) -> list[str]:
    """The transcript fields that a stored number means."""
    return [name for name, bit in HELD_BITS.items() if bits & bit]


def held_bits(names: Sequence[str]) -> int:
    """The number as which transcript fields are stored."""
    return sum(HELD_BITS[name] for name in names)
