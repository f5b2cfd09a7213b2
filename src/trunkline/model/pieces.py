"""A call as the two JSON documents that it is kept as, read only as far as somebody needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, defstruct, structs

from trunkline.model.call import HEAVY_FIELDS, Call, ToolCall, Turn, Verbatim


class Transcript(Struct):
    """The part of a call that is kept apart: its heavy fields, and what was said verbatim of them."""

    turns: list[Turn] | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    transcript_text: str | UnsetType | None = UNSET
    events: list[dict[str, Any]] | UnsetType | None = UNSET
    verbatim: dict[str, Verbatim] | UnsetType = UNSET


if Transcript.__struct_fields__ != (*HEAVY_FIELDS, "verbatim"):
    raise TypeError("what is kept apart must be the heavy fields")

INSTANTS = tuple(field.name for field in structs.fields(Call) if "datetime" in str(field.type))
"""The fields of a call that are instants."""


def _raw_call(*, with_instants: bool) -> type[Struct]:
    """A record with the fields of a call in their order, each of them the JSON that it is kept as."""
    fields: list[tuple[str, Any, Any]] = []
    for name in Call.__struct_fields__:
        if name in HEAVY_FIELDS:
            fields.append((name, Raw | UnsetType, UNSET))
        elif with_instants and name in INSTANTS:
            fields.append((name, datetime | None, None))
        else:
            # A field that is younger than the document is printed as null, as get prints it.
            fields.append((name, Raw, Raw(b"null")))
    return defstruct("RawCall", fields)


_RawTranscript = defstruct(
    "_RawTranscript",
    [
        *((name, Raw | UnsetType, UNSET) for name in HEAVY_FIELDS),
        ("verbatim", dict[str, Raw] | UnsetType, UNSET),
    ],
)

_read_call = msgspec.json.Decoder(Call).decode
_read_transcript = msgspec.json.Decoder(Transcript).decode
_read_raw = msgspec.json.Decoder(_raw_call(with_instants=False)).decode
_read_with_instants = msgspec.json.Decoder(_raw_call(with_instants=True)).decode
_read_raw_transcript: Any = msgspec.json.Decoder(_RawTranscript).decode
_read_verbatim = msgspec.json.Decoder(dict[str, Raw] | None).decode


class Part(NamedTuple):
    """Some calls of a list, in order."""

    calls: list[Pieces]
    total: int | None
    """How many match in all; `None` if nobody asked."""
    has_more: bool
    """Whether at least one more call follows."""


class Pieces(NamedTuple):
    """A call without its heavy fields, and those, if they are there and were fetched."""

    light: str
    heavy: bytes | None = None

    def call(self) -> Call:
        """Read the whole call."""
        call = _read_call(self.light)
        if self.heavy is not None:
            heavy = _read_transcript(self.heavy)
            call.turns, call.tool_calls = heavy.turns, heavy.tool_calls
            call.transcript_text, call.events = heavy.transcript_text, heavy.events
            if heavy.verbatim is not UNSET:
                call.verbatim = {**(call.verbatim or {}), **heavy.verbatim}
        return call

    def raw(self, *, with_instants: bool = False) -> Any:
        """A record with the fields of a call that prints like it, read no deeper than it has to be.

        Its fields hold JSON as it is kept, but for the instants if these are asked for.
        """
        call: Any = _read_with_instants(self.light) if with_instants else _read_raw(self.light)
        if self.heavy is not None:
            heavy = _read_raw_transcript(self.heavy)
            for name in HEAVY_FIELDS:
                setattr(call, name, getattr(heavy, name))
            if heavy.verbatim is not UNSET:
                verbatim = {**(_read_verbatim(call.verbatim) or {}), **heavy.verbatim}
                call.verbatim = Raw(msgspec.json.encode(verbatim))
        return call
