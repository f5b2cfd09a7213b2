"""Examplia: signed webhooks during and after a call; the list is read by limit and offset.

Sources: name here the public pages that the facts below come from.

Events: `call.started` and `call.ended` are read; `agent.pick` expects an answer and is refused.

Not carried: what this vendor never sends.

Our choice: what the vendor does not document and we had to decide. A time may differ from ours by five
minutes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import HmacSigned, Window, epoch_seconds, two_headers
from trunkline.kit.unknown import Unknown
from trunkline.vendors._template.parse import from_wire
from trunkline.vendors._template.pull import LIST_API
from trunkline.vendors._template.wire import WireCall
from trunkline.vendors._template.words import DIRECTION, END_REASON, NAME, STATUS

FIELDS = WireCall.__struct_encode_fields__
"""What a call is documented to have; everything else is stored under its name, and counted."""

# How a delivery is known to be the vendor's; see kit/signatures.py for the other ways. `SecretAddress()` is
# for a vendor that documents none.
SIGNATURE = HmacSigned(
    secret_is="the webhook's secret",  # noqa: S106
    read_header=two_headers("x-examplia-signature", "x-examplia-time"),
    message=lambda body, stamp: stamp.encode() + b"." + body,  # over the bytes as they came, never re-encoded
    instant=epoch_seconds,
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
)


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: `{"event", "at", "call"}`."""
    wire = Payload.of(document)
    event = or_none(wire.text("event")) or ""
    if event == "agent.pick":
        raise AnswerExpected(event)
    unknown = Unknown()
    unknown.fields(wire, ("event", "at", "call"))
    if wire.raw.get("call") is None:
        return ParsedDelivery(event=event, unknown=unknown.found(), note="it names no call")
    call = wire.part("call")
    sighting = from_wire(call)
    sighting.as_of = or_none(wire.instant("at")) or UNSET  # a late delivery does not overwrite newer facts
    sighting.verbatim = UNSET  # a delivery is no answer of the API, whose values are given back as they came
    unknown.word(call, "state", STATUS)
    unknown.word(call, "direction", DIRECTION)
    unknown.word(call, "ended_by", END_REASON)
    sighting.vendor_fields = unknown.fields(call, FIELDS) or UNSET
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown.found())


DOOR = Door(
    name=NAME,
    title="Examplia",
    about=__doc__ or "",
    signature=SIGNATURE,
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,  # leave it out if the vendor has no list
)
