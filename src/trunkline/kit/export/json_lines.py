"""JSON Lines: on each line one call in our own form, the same bytes that get prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from trunkline.kit.export.shape import Shape, in_zone
from trunkline.model.call import Turn
from trunkline.model.chunked_json import ChunkedDecoder, ChunkedEncoder, are_long
from trunkline.model.encoded_call import INSTANTS, EncodedCall

_encoder = msgspec.json.Encoder(decimal_format="number")
_chunked_encoder = ChunkedEncoder(decimal_format="number")
_read_turns = ChunkedDecoder(list[Turn]).decode


class JsonLines:
    """Writes calls as lines; a call is decoded no further than needed."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def begin(self) -> bytes:
        """Nothing comes before the first line."""
        return b""

    def rows(self, calls: Sequence[EncodedCall]) -> bytes:
        """A line for each call."""
        return _encoder.encode_lines([self._record(call) for call in calls])

    def end(self) -> bytes:
        """Nothing comes after the last line."""
        return b""

    def _record(self, call: EncodedCall) -> Any:
        shape = self._shape
        record = call.raw(with_instants=shape.zone is not None)
        for name in shape.absent:
            setattr(record, name, UNSET)
        if not shape.words and record.turns is not UNSET:
            record.turns = _without_words(record.turns)
        if shape.zone is not None:
            for name in INSTANTS:
                instant = getattr(record, name)
                if instant is not None:
                    setattr(record, name, in_zone(instant, shape.zone))
        return record


def _without_words(turns: Raw) -> Raw:
    spoken = _read_turns(turns)
    for turn in spoken:
        turn.words = UNSET
    return Raw(_chunked_encoder.encode(spoken) if are_long(spoken) else _encoder.encode(spoken))
