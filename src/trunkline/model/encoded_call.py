"""A call as the two JSON documents that it is stored as, read only as far as needed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, defstruct, structs

from trunkline.model.call import TRANSCRIPT_FIELDS, Call
from trunkline.model.chunked_json import ChunkedEncoder, are_long
from trunkline.model.stored_transcript import (
    Transcript,
    compress_transcript,
    read_transcript,
    transcript_bytes,
    transcript_json,
)

INSTANTS = tuple(field.name for field in structs.fields(Call) if "datetime" in str(field.type))
"""The fields of a call that are instants."""


def _raw_call(*, with_instants: bool) -> type[Struct]:
    """A record with the fields of a call in their order, each of them the JSON that it is stored as."""
    fields: list[tuple[str, Any, Any]] = []
    for name in Call.__struct_fields__:
        if name in TRANSCRIPT_FIELDS:
            fields.append((name, Raw | UnsetType, UNSET))
        elif with_instants and name in INSTANTS:
            fields.append((name, datetime | None, None))
        else:
            # A field that was added after the document was stored is printed as null, as get prints it.
            fields.append((name, Raw, Raw(b"null")))
    return defstruct("RawCall", fields, gc=False)


_RawTranscript = defstruct(
    "_RawTranscript",
    [
        *((name, Raw | UnsetType, UNSET) for name in TRANSCRIPT_FIELDS),
        ("verbatim", dict[str, Raw] | UnsetType, UNSET),
    ],
    gc=False,
)

_encoder = ChunkedEncoder(decimal_format="number")
_encode = _encoder.encode_short
_read_call = msgspec.json.Decoder(Call).decode
_read_raw = msgspec.json.Decoder(_raw_call(with_instants=False)).decode
_read_with_instants = msgspec.json.Decoder(_raw_call(with_instants=True)).decode
_read_raw_transcript: Any = msgspec.json.Decoder(_RawTranscript).decode
_read_verbatim = msgspec.json.Decoder(dict[str, Raw] | None).decode


LONG_BYTES = 256 * 1024
"""Bytes of JSON from which on a call is a long one; to print so many takes a few milliseconds."""


class Chunk(NamedTuple):
    """Some calls of a list, in order."""

    calls: list[EncodedCall]
    total: int | None
    """How many match in all; `None` if not requested."""
    has_more: bool
    """Whether at least one more call follows."""

    @property
    def has_long(self) -> bool:
        """Whether one of the calls alone is so long that to print it takes a thread."""
        for call in self.calls:
            if len(call.summary) > LONG_BYTES or (
                call.transcript is not None and transcript_bytes(call.transcript) > LONG_BYTES
            ):
                return True
        return False


class EncodedCall(Struct, frozen=True, gc=False):
    """A call as it is stored: without its transcript fields, and those, if they exist and were read."""

    summary: str
    transcript: bytes | None = None
    """The stored transcript; compressed if it is long."""

    @classmethod
    def of(cls, call: Call) -> EncodedCall:
        """Split a call into its two documents."""
        heavy = Transcript(call.turns, call.tool_calls, call.transcript_text, call.events)
        light = structs.replace(call, turns=UNSET, tool_calls=UNSET, transcript_text=UNSET, events=UNSET)
        if call.verbatim:
            light.verbatim = {name: value for name, value in call.verbatim.items() if not value.apart} or None
            heavy.verbatim = {name: value for name, value in call.verbatim.items() if value.apart} or UNSET
        said = any(getattr(heavy, name) is not UNSET for name in Transcript.__struct_fields__)
        encode = _encoder.encode if are_long(heavy.turns, heavy.tool_calls, heavy.events) else _encode
        return cls(_encode(light).decode(), compress_transcript(encode(heavy)) if said else None)

    @property
    def size_bytes(self) -> int:
        """How much JSON it is, without a look into it."""
        size = len(self.summary)
        return size if self.transcript is None else size + transcript_bytes(self.transcript)

    @property
    def transcript_json(self) -> bytes | None:
        """The transcript fields as JSON."""
        return None if self.transcript is None else transcript_json(self.transcript)

    def call(self) -> Call:
        """Read the whole call."""
        call = _read_call(self.summary)
        if self.transcript is not None:
            heavy = read_transcript(transcript_json(self.transcript))
            call.turns, call.tool_calls = heavy.turns, heavy.tool_calls
            call.transcript_text, call.events = heavy.transcript_text, heavy.events
            if heavy.verbatim is not UNSET:
                call.verbatim = {**(call.verbatim or {}), **heavy.verbatim}
        return call

    def call_without_transcript(self) -> Call:
        """Read the call without its transcript fields."""
        return _read_call(self.summary)

    def raw(self, *, with_instants: bool = False) -> Any:
        """A record with the fields of a call that prints like it, read no deeper than it has to be.

        Its fields are JSON as it is stored, except the instants if those are requested.
        """
        call: Any = _read_with_instants(self.summary) if with_instants else _read_raw(self.summary)
        if self.transcript is not None:
            heavy = _read_raw_transcript(transcript_json(self.transcript))
            for name in TRANSCRIPT_FIELDS:
                setattr(call, name, getattr(heavy, name))
            if heavy.verbatim is not UNSET:
                call.verbatim = with_verbatim(call.verbatim, heavy.verbatim)
        return call


def with_verbatim(summary: Raw, transcript: dict[str, Raw]) -> Raw:
    """The verbatim values of a call together with those of its transcript, as JSON."""
    return Raw(msgspec.json.encode({**(_read_verbatim(summary) or {}), **transcript}))
