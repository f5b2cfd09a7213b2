"""Ultravox: webhooks for a call that was created, joined, ended and billed, each with the whole call.

Sources: docs.ultravox.ai for webhooks and for the definition of a call.

Events: `call.started`, `call.joined`, `call.ended`, `call.billed`, and a call as its API prints it.

Not carried: turns and the recording's address, which the vendor serves at addresses of their own, and a
price.

Our choice: a call prints no status, so it follows from whether it was joined and ended, and from why it
ended. A webhook's time is in its headers only, so a call is true as of the last instant that it prints: its
end, else when it was joined, else its creation. The bill counts as later than the end, by a millisecond
for each step, so that a bill that was pending never replaces one that was settled. The billed duration is
not the length of the call and is stored under usage. The address to join a call and the callbacks contain
secrets and are left out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import HmacSigned, Window, two_headers
from trunkline.kit.wire import instant_of_iso
from trunkline.vendors.ultravox.parse import from_wire, read_call
from trunkline.vendors.ultravox.words import EVENTS, NAME


def read(document: Any) -> ParsedDelivery:
    """Read a webhook; raises `Unreadable`."""
    wire = Payload.of(document)
    event = or_none(wire.text("event")) or ""
    call = wire.object("call")
    if not isinstance(call, Payload):
        return ParsedDelivery(event=event, note="the webhook has no call")
    sighting, unknown = read_call(call)
    if event not in EVENTS:
        unknown.insert(0, f"event={event}")
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown)


MINUTE = timedelta(minutes=1)

DOOR = Door(
    name=NAME,
    title="Ultravox",
    about=__doc__ or "",
    signature=HmacSigned(
        secret_is="the webhook's secret",  # noqa: S106 - what it is called
        read_header=two_headers("x-ultravox-webhook-signature", "x-ultravox-webhook-timestamp", ","),
        message=lambda body, stamp: body + stamp.encode(),
        instant=instant_of_iso,
        window=Window(past=MINUTE, future=MINUTE),
    ),
    parse_delivery=read,
    from_wire=from_wire,
)
