"""Callem: webhooks signed with HMAC-SHA256 over time and body; the list is read by limit and offset.

Sources: docs.callem.ai on webhooks, the vendor's page for list calls.

Events: `call_started`, `call_ended`, `call_analyzed`; `chat_started`, `chat_ended` and `chat_analyzed` are
written conversations: they are stored but have no calls.

Not carried: what neither the list nor webhooks have: direction, recording, cost.

Our choice: the time of a delivery is read as milliseconds from 13 digits on and as seconds below, since its
unit is not documented, and may differ from ours by five minutes either way. A delivery is true as of its
`timestamp`. Only webhooks have the agent and the times of turns, only the list has summary and reason;
both are merged into one call. The order of the list is not documented, so a pull reads all of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import HmacSigned, Window, epoch_milliseconds, epoch_seconds, two_headers
from trunkline.kit.unknown import Unknown
from trunkline.vendors.callem.parse import from_wire
from trunkline.vendors.callem.pull import LIST_API
from trunkline.vendors.callem.words import NAME, ROLES, STATUS

EVENTS = frozenset({"call_started", "call_ended", "call_analyzed"})

CHATS = "chat_"

ENVELOPE = ("event", "timestamp", "call", "chat")

FIELDS = (
    *("id", "agentCollectionId", "agentVersionNumber", "callerNum", "calledNum", "isLive", "createdAt"),
    *("duration", "isEngaged", "totalInteraction", "transcription", "updatedAt", "callAnalysis"),
    *("status", "callerNumber", "calledNumber", "summary", "evaluation", "endedReason", "transcript"),
)
"""A webhook's fields, then those that only the list documents."""

# -- deliveries -----------------------------------------------------------


def signed_at(stamp: str) -> datetime:
    """Read the time that a delivery was signed at; raises `ValueError`."""
    return epoch_milliseconds(stamp) if len(stamp) >= 13 else epoch_seconds(stamp)


SIGNATURE = HmacSigned(
    secret_is="the webhook's secret, from the project's settings",  # noqa: S106
    read_header=two_headers("x-callem-signature", "x-callem-timestamp"),
    message=lambda body, stamp: stamp.encode() + b"." + body,
    instant=signed_at,
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
)


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: `{"event", "timestamp", "call"}`."""
    wire = Payload.of(document)
    event = or_none(wire.text("event")) or ""
    unknown = Unknown()
    unknown.fields(wire, ENVELOPE)
    if event not in EVENTS and not event.startswith(CHATS):
        unknown.note(f"event={event[:60]}")
    if wire.raw.get("call") is None:
        note = "a chat is not a call" if event.startswith(CHATS) else "it names no call"
        return ParsedDelivery(event=event, unknown=unknown.found(), note=note)
    call = wire.part("call")
    sighting = from_wire(call)
    sighting.as_of = or_none(wire.instant("timestamp")) or UNSET
    unknown.word(call, "status", STATUS)
    for entry in call.objects("transcription", "transcript"):
        speaker = entry.raw.get("speaker")
        if isinstance(speaker, str) and speaker.lower() not in (*ROLES, "tool"):
            unknown.note(f"call.transcription.speaker={speaker[:60]}")
    sighting.vendor_fields = unknown.fields(call, FIELDS) or UNSET
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown.found())


DOOR = Door(
    name=NAME,
    title="Callem",
    about=__doc__ or "",
    signature=SIGNATURE,
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
