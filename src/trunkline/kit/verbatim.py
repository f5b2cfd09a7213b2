"""What our words cannot bring back is kept as it was said, found by printing a call and comparing."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import UNSET, Struct, structs

from trunkline.model.call import Call, Verbatim

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


def difference(printed: Struct, raw: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Verbatim] | None:
    """The wire fields, among some, that would not come back as they came in."""
    found: dict[str, Verbatim] = {}
    for field in structs.fields(type(printed)):
        name = field.encode_name
        if name in fields and name in raw:
            value = getattr(printed, field.name)
            ours = b"" if value is UNSET else _encode(value)
            if ours == b"" or msgspec.json.decode(ours) != raw[name]:
                found[name] = Verbatim(printed=_fingerprint(ours), said=raw[name])
    return found or None


def as_said(printed: Struct, call: Call) -> None:
    """Put the vendor's own values into a printed call of that vendor, as far as they still hold."""
    if not call.verbatim:
        return
    for field in structs.fields(type(printed)):
        kept = call.verbatim.get(field.encode_name)
        if kept is not None:
            value = getattr(printed, field.name)
            if kept.printed == _fingerprint(b"" if value is UNSET else _encode(value)):
                setattr(printed, field.name, kept.said)


def _fingerprint(encoded: bytes) -> str:
    return hashlib.sha256(encoded).hexdigest()[:16]
