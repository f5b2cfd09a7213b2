"""Butter: unsigned status callbacks in the carrier's names; a list of summaries, and get for each call.

Sources: docs.getbutter.ai on phone numbers, on list calls and on get call.

Events: the callbacks name a status, `initiated`, `ringing`, `in-progress`, `completed`, `failed`, `busy` or
`no-answer`, which counts as the event.

Not carried: what a callback does not contain; it is meant to be followed by a get.

Our choice: the address is the secret, since no signature is documented. Nor is the payload of a callback.
It is read as JSON or as a form, in the carrier's names (`CallSid`, `CallStatus`, `To`, `From`, `Direction`,
`CallDuration`, `Timestamp`) or in Butter's (`call_sid`, `status` and so on), and so is the call that get
prints, bare or in `data`. Where both ids are present, `call_sid` is the call's and `CallSid` the carrier's; a
`CallSid` alone names the call. A callback is true as of its own time, if it has one. The order of the
list is not documented, so a pull reads all of it.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import SecretAddress
from trunkline.kit.unknown import Unknown
from trunkline.model.call import Telephony
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel
from trunkline.vendors.butter.parse import from_wire
from trunkline.vendors.butter.pull import LIST_API
from trunkline.vendors.butter.wire import WireCall, WireSummary
from trunkline.vendors.butter.words import CHANNEL, DIRECTION, END_REASON, NAME, STATUS, STATUS_VARIANTS

CARRIER = {
    "CallSid": "call_sid",
    "CallStatus": "status",
    "To": "to_number",
    "From": "from_number",
    "Direction": "call_type",
    "CallDuration": "duration_seconds",
}
"""The carrier's names for the fields of a callback, and the names of these fields in a call."""

DIRECTIONS = {"outbound-api": "outbound", "outbound-dial": "outbound"}
"""The carrier's words for a direction where they are not Butter's."""

SETTINGS = (
    *("AccountSid", "ApiVersion", "CallbackSource", "SequenceNumber", "Timestamp", "ParentCallSid"),
    *("ForwardedFrom", "CallerName", "SipResponseCode", "Called", "Caller", "Duration", "timestamp"),
)
"""What else the carrier sends along."""

STORED_FIELDS = ("SipResponseCode", "ForwardedFrom", "CallerName", "ParentCallSid")
"""Its fields about the call that have no field of ours."""

FIELDS = (*WireCall.__struct_encode_fields__, *WireSummary.__struct_encode_fields__)

ENVELOPE = ("success", "data", "event", "message")

_CARRIERS_ID = re.compile(r"CA[0-9a-f]{32}")

# -- deliveries -----------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: a status callback, or a call as get prints it."""
    wire = Payload.of(document)
    unknown = Unknown()
    data = wire.object("data")
    if isinstance(data, Payload):
        unknown.fields(wire, ENVELOPE)
        wire = data
    call = _in_own_names(wire)
    status = call.raw.get("status")
    event = status if isinstance(status, str) else ""
    if "call_sid" not in call:
        return ParsedDelivery(event=event, unknown=unknown.found(), note="it names no call")
    sighting = from_wire(call)
    sighting.as_of = or_none(wire.instant("timestamp")) or or_none(wire.rfc_2822("Timestamp")) or UNSET
    _read_carrier(wire, sighting)
    _count_unknown_words(call, unknown)
    fields = unknown.fields(call, (*FIELDS, *CARRIER, *SETTINGS))
    fields |= {name: wire.raw[name] for name in STORED_FIELDS if wire.raw.get(name)}
    sighting.vendor_fields = {**(sighting.vendor_fields or {}), **fields} or UNSET
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown.found())


def _in_own_names(wire: Payload) -> Payload:
    """The call with the carrier's fields under Butter's names, where Butter itself has no value."""
    call = dict(wire.raw)
    for theirs, own in CARRIER.items():
        if theirs in call and own not in call:
            call[own] = call[theirs]
    if call.get("duration_seconds") == "":
        del call["duration_seconds"]  # a form has no null
    kind = call.get("call_type")
    if isinstance(kind, str):
        call["call_type"] = DIRECTIONS.get(kind, kind)
    return Payload(call, wire.path, wire.problems)


def _read_carrier(wire: Payload, sighting: Sighting) -> None:
    sid = wire.raw.get("CallSid")
    if isinstance(sid, str) and _CARRIERS_ID.fullmatch(sid):
        transport = sighting.telephony.transport if isinstance(sighting.telephony, Telephony) else None
        sighting.telephony = Telephony(sid=sid, transport=transport)
        if sighting.channel is UNSET:
            sighting.channel = Channel.PHONE
    if "CallStatus" in wire:
        sighting.verbatim = UNSET  # these are no values of the form in which Butter prints a call
        sighting.vendor_type = UNSET if "call_type" not in wire else sighting.vendor_type


def _count_unknown_words(call: Payload, unknown: Unknown) -> None:
    status = call.raw.get("status")
    if isinstance(status, str) and not STATUS.knows(STATUS_VARIANTS.get(status, status)):
        unknown.note(f"{call.path + '.' if call.path else ''}status={status[:60]}")
    unknown.word(call, "call_type", DIRECTION)
    unknown.word(call, "transport", CHANNEL)
    unknown.word(call, "end_reason", END_REASON)
    summary = call.object("summary")
    if isinstance(summary, Payload):
        unknown.word(summary, "end_reason", END_REASON)


DOOR = Door(
    name=NAME,
    title="Butter",
    about=__doc__ or "",
    signature=SecretAddress(),
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
