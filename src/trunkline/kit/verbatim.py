"""Values that our words cannot bring back are stored verbatim, found by printing a call and comparing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct

from trunkline.model.call import Call, Verbatim
from trunkline.model.chunked_json import LONG_ITEMS, ChunkedDecoder, ChunkedEncoder, is_equal

_encoder = ChunkedEncoder(order="deterministic", decimal_format="number")
_decode = ChunkedDecoder().decode


def difference(
    printed: Struct, raw: dict[str, Any], fields: tuple[str, ...], *, apart: tuple[str, ...] = ()
) -> dict[str, Verbatim] | None:
    """The wire fields, among some, that would not come back as they came in.

    `apart` are those among them that are printed only together with the transcript.
    """
    found: dict[str, Verbatim] = {}
    for attribute, name in _names(type(printed)):
        if name in fields and name in raw:
            value = getattr(printed, attribute)
            ours = b"" if value is UNSET else _encode(value)
            if ours == b"" or not is_equal(_decode(ours), raw[name]):
                found[name] = Verbatim(_fingerprint(ours), raw[name], apart=name in apart)
    return found or None


def restore_verbatim(printed: Struct, call: Call) -> None:
    """Put the vendor's own values into a printed call of that vendor, as far as they are still valid."""
    if not call.verbatim:
        return
    for attribute, name in _names(type(printed)):
        stored = call.verbatim.get(name)
        if stored is not None:
            value = getattr(printed, attribute)
            if stored.printed == _fingerprint(b"" if value is UNSET else _encode(value)):
                setattr(printed, attribute, stored.value)


def _encode(value: Any) -> bytes:
    is_long = type(value) is list and len(value) > LONG_ITEMS
    return _encoder.encode(value) if is_long else _encoder.encode_short(value)


def _names(record: type[Struct]) -> Iterator[tuple[str, str]]:
    return zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)


def _fingerprint(encoded: bytes) -> str:
    return hashlib.sha256(encoded).hexdigest()[:16]
