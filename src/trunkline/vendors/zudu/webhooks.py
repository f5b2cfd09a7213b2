"""Zudu: one unsigned webhook after a call; the list is read page by page.

Sources: docs.zudu.ai on post-call webhooks, on list calls and on get call.

Events: none is documented; every delivery contains a call, and a name under `event` is stored if there is
one.

Not carried: what get does not print either.

Our choice: the address is the secret, since no signature is documented, and neither is the payload: a call
is read bare, in `data`, or in `data.call`, in the usual envelope or without, as get prints it, with words
in any case. It is true as of the call's last update, else its end, else its latest
event. The list is requested by creation, newest first; it contains whole conversations.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload
from trunkline.kit.signatures import SecretAddress
from trunkline.kit.unknown import Unknown, Words
from trunkline.model.sighting import Sighting
from trunkline.vendors.zudu.parse import from_wire
from trunkline.vendors.zudu.pull import LIST_API
from trunkline.vendors.zudu.wire import WireCall
from trunkline.vendors.zudu.words import CHANNEL, DIRECTION, END_REASON, NAME, ROLES_READ, SENTIMENT, STATUS

ENVELOPE = ("message", "status", "error", "data", "event", "timestamp")

FIELDS = (*WireCall.__struct_encode_fields__, "created_at", "updated_at")

TABLES: dict[str, Words] = {
    "call_status": STATUS,
    "call_type": CHANNEL,
    "direction": DIRECTION,
}

SPEAKERS = frozenset({*ROLES_READ, "tool_call_invocation", "tool_call_result", ""})

# -- deliveries -----------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: a call, bare or in one of the wrappers."""
    wire = Payload.of(document)
    unknown = Unknown()
    event = wire.raw.get("event")
    call = _call_in(wire)
    if call is None or call.path:
        unknown.fields(wire, ENVELOPE)
    named = event if isinstance(event, str) and (call is None or call.path) else ""
    if call is None:
        return ParsedDelivery(event=named, unknown=unknown.found(), note="it names no call")
    sighting = from_wire(call)
    sighting.as_of = _as_of(sighting, call)
    _count_unknown_words(call, unknown)
    sighting.vendor_fields = {**(sighting.vendor_fields or {}), **unknown.fields(call, FIELDS)} or UNSET
    return ParsedDelivery(event=named, sightings=[sighting], unknown=unknown.found())


def _call_in(wire: Payload) -> Payload | None:
    found = wire
    data = wire.object("data")
    if isinstance(data, Payload):
        inner = data.object("call")
        found = inner if isinstance(inner, Payload) else data
    return found if {"call_id", "id"} & found.raw.keys() else None


def _as_of(sighting: Sighting, call: Payload) -> Any:
    instants = (sighting.updated_at, sighting.ended_at, _latest_event(call), sighting.started_at)
    return next((at for at in instants if isinstance(at, datetime)), UNSET)


def _latest_event(call: Payload) -> datetime | None:
    times: list[datetime] = []
    events = call.raw.get("events")
    for event in events if isinstance(events, list) else ():
        at = Payload(event).epoch_ms("timestamp") if isinstance(event, dict) else None  # free objects
        if isinstance(at, datetime):
            times.append(at)
    return max(times, default=None)


def _count_unknown_words(call: Payload, unknown: Unknown) -> None:
    for name, table in TABLES.items():
        unknown.word(call, name, table)
    reason = call.raw.get("disconnection_reason")
    if isinstance(reason, str) and not reason.upper().startswith("ERROR_"):
        unknown.word(call, "disconnection_reason", END_REASON)
    analysis = call.object("call_analysis")
    if isinstance(analysis, Payload):
        unknown.word(analysis, "user_sentiment", SENTIMENT)
    for name in ("transcript_object", "transcript_with_tool_calls"):
        for entry in call.objects(name):
            role = entry.raw.get("role")
            if isinstance(role, str) and role.lower() not in SPEAKERS:
                unknown.note(f"{call.path or 'call'}.{name}.role={role[:60]}")


DOOR = Door(
    name=NAME,
    title="Zudu",
    about=__doc__ or "",
    signature=SecretAddress(),
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
