"""A call's conversation as it is stored: as JSON, compressed, or in the parts that a live one has."""

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
    """The part of a call that is kept apart: its heavy fields, and what was said verbatim of them."""

    turns: list[Turn] | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    transcript_text: str | UnsetType | None = UNSET
    events: list[dict[str, Any]] | UnsetType | None = UNSET
    verbatim: dict[str, Verbatim] | UnsetType = UNSET


if Transcript.__struct_fields__ != (*TRANSCRIPT_FIELDS, "verbatim"):
    raise TypeError("what is kept apart must be the heavy fields")

_encode = msgspec.json.Encoder(decimal_format="number").encode
read_transcript = ChunkedDecoder(Transcript).decode
"""From JSON."""

_MIN_COMPRESSED_BYTES = 400
"""A shorter transcript is not worth compressing."""


class _Zstandard(threading.local):
    """What compresses and decompresses; neither may be used by two threads at a time."""

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
    """The conversation of a live call, in its parts."""

    held: int
    """What its events decide: 1 the turns, 2 the tool calls."""
    base: bytes
    """The JSON of what else is said."""
    events: bytes
    """What still counts of its events, with commas between them."""

    def json(self) -> bytes:
        """The JSON of the whole conversation."""
        return _with_conversation(self.base, spoken_in(self.events), held_names(self.held))


def live_transcript(stored: bytes) -> LiveTranscript:
    """Take the conversation of a live call apart, as the statement `live.transcript` reads it."""
    held, size = int.from_bytes(stored[:4]), int.from_bytes(stored[4:8])
    return LiveTranscript(held, transcript_json(stored[8 : 8 + size]), stored[8 + size :])


def _with_conversation(heavy: bytes, said: Sighting, names: Iterable[str]) -> bytes:
    """The heavy fields of a call, some of them as a sighting states them, as JSON."""
    transcript = read_transcript(heavy)
    for name in names:
        setattr(transcript, name, getattr(said, name))
    return _encode(transcript)


HELD_BITS = {"turns": 1, "tool_calls": 2}


def held_names(bits: int) -> list[str]:
    """Which fields of the conversation a number stands for."""
    return [name for name, bit in HELD_BITS.items() if bits & bit]


def held_bits(names: Sequence[str]) -> int:
    """The number that fields of the conversation are stored as."""
    return sum(HELD_BITS[name] for name in names)
