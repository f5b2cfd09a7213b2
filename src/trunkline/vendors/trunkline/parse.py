"""Our own form read into sightings: what get call prints, and lines written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, defstruct

from trunkline.kit.conversion import converted
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.wire import instant_of_iso
from trunkline.model.call import Call, Cost, Recording
from trunkline.model.ids import is_uuid
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role
from trunkline.vendors.trunkline.wire import CLOSED

NAME = "trunkline"

INSTANTS = ("created_at", "updated_at", "scheduled_at", "started_at", "ended_at")

NEVER_NULL = ("id", "direction", "channel", "status", "created_at", "turns", "tool_calls")
"""Fields for which null means the same as leaving them out."""

DAY_MS = 24 * 3600 * 1000
ABOUT_ITSELF = ("as_of", "as_of_by_path", "problems")


def from_wire(raw: Any) -> Sighting:
    """Read a call in our own form; whatever is absent was not mentioned."""
    wire = Payload.of(raw)
    fields = {**wire.raw, **_identity(wire)}
    for name in ABOUT_ITSELF:
        fields.pop(name, None)  # when it was true follows from the call's own instants
    for name in INSTANTS:
        if name in fields:
            fields[name] = wire.instant(name)
    if "duration_ms" in fields:
        fields["duration_ms"] = wire.milliseconds("duration_ms")
    if "turn_count" in fields:
        fields["turn_count"] = wire.count("turn_count")
    for name, value in list(fields.items()):
        if value is UNSET or (value is None and name in NEVER_NULL):
            del fields[name]
    sighting: Sighting = converted(fields, Sighting, wire, _words_of)
    sighting.recording = _not_ours(sighting.recording)
    sighting.problems = wire.problems or UNSET
    return sighting


def _words_of(path: str) -> Iterable[str] | None:
    """The words that a field may hold, where they are ours."""
    name = path.rpartition(".")[2]
    return Role if name == "role" else CLOSED.get(name)


def _not_ours(recording: Any) -> Any:
    """A recording without `stored`: another log's copy is not ours."""
    return Recording(recording.enabled, recording.url) if isinstance(recording, Recording) else recording


_Amount: Any = defstruct("_Amount", [("amount", str | int | float | None, None)], bases=(Cost,))

_Line: Any = defstruct(
    "_Line",
    [
        *((name, str | UnsetType | None, UNSET) for name in INSTANTS),
        ("cost", _Amount | UnsetType | None, UNSET),
    ],
    bases=(Sighting,),
    kw_only=True,
)
"""A sighting whose instants and amount are not read yet, since they are read more generously than by type."""

_read_line = msgspec.json.Decoder(_Line).decode


def from_line(text: bytes) -> Sighting | None:
    """Read a line with one whole call, without checking for other forms.

    `None` for whatever `from_wire` would refuse or correct; otherwise the result is the same.
    """
    try:
        if not text.isascii():
            text.decode()  # skipped values are not checked
        line = _read_line(text)
        for name in INSTANTS:
            if text_of_instant := getattr(line, name):
                setattr(line, name, instant_of_iso(text_of_instant))
        if line.cost is not UNSET and line.cost is not None:
            amount = line.cost.amount
            read = None if amount is None else Decimal(str(amount))
            line.cost = Cost(read, line.cost.unit, line.cost.items)
        line.recording = _not_ours(line.recording)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
        return None
    return line if _is_whole(line) else None


def _is_whole(line: Any) -> bool:
    """Whether everything in a line is as it stays."""
    return (
        isinstance(line.id, str)
        and _plain(line.id) is not None
        and line.created_at is not None
        and all(0 < len(text) <= 200 and not text.isspace() for text in (line.vendor, line.vendor_call_id))
        and (not line.duration_ms or 0 <= line.duration_ms <= DAY_MS)
        and (not line.turn_count or 0 <= line.turn_count < 2**31)
        and all(getattr(line, name) is UNSET for name in _ABOUT_ITSELF)
        and all(getattr(line, name) != "" for name in INSTANTS)
    )


_ABOUT_ITSELF = tuple(set(Sighting.__struct_fields__) - set(Call.__struct_fields__))
"""Fields of a sighting that are not the call's; a line that has one is not from us."""

_plain = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def _identity(wire: Payload) -> dict[str, Any]:
    call_id = or_none(wire.text("id"))
    if call_id is not None and not is_uuid(call_id):
        wire.note(wire.where("id"), call_id, "a UUID")
        call_id = None
    call_id = None if call_id is None else call_id.lower()
    named = call_id is None or or_none(wire.value("vendor_call_id")) is not None
    return {
        "id": call_id,
        "vendor": NAME if or_none(wire.value("vendor")) is None else wire.identifier("vendor"),
        "vendor_call_id": wire.identifier("vendor_call_id") if named else call_id,
    }
