"""Bland: one webhook when a call is over, with the whole call and its transcript.

Sources: docs.bland.ai for the details of a call, post-call webhooks and their signature.

Events: the post-call webhook, and a call as its API prints it; a line of the live log is stored but has no
call.

Not carried: tool calls, which the transcript names in words only.

Our choice: `end_at` is documented as the moment at which a call would have been cut off, so the end is
`corrected_duration` after the start, and is marked as derived; a call is true as of its end. The length in
seconds is preferred to `call_length`, which is in minutes. A phrase begins when it was written, since the
vendor has no other time. `agent-action` entries are not speech: they are read as tool calls, with their words
as arguments. Variables that the system sets itself are not metadata. A signature may be over the raw body or
over its JSON without spaces, which is what the vendor's example checks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import AnyOf, HmacSigned, one_header
from trunkline.vendors.bland.parse import from_wire, read_call
from trunkline.vendors.bland.words import NAME


def read(document: Any) -> ParsedDelivery:
    """Read a post-call webhook; raises `Unreadable`."""
    wire = Payload.of(document)
    if (
        "category" in wire
        and "message" in wire
        and not {"completed", "status", "queue_status"} & wire.raw.keys()
    ):
        return ParsedDelivery(
            event=or_none(wire.text("category")) or "", note="a line of the live log, not a call"
        )
    sighting, unknown = read_call(wire)
    return ParsedDelivery(event="", sightings=[sighting], unknown=unknown)


def _compact(body: bytes, _: str) -> bytes:
    """The body's JSON without spaces; the body itself where it is none."""
    try:
        return msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body


KEY = "the webhook's signing secret"

DOOR = Door(
    name=NAME,
    title="Bland",
    about=__doc__ or "",
    signature=AnyOf(
        secret_is=KEY,
        ways=(
            HmacSigned(
                secret_is=KEY, read_header=one_header("x-webhook-signature"), message=lambda body, _: body
            ),
            HmacSigned(secret_is=KEY, read_header=one_header("x-webhook-signature"), message=_compact),
        ),
    ),
    parse_delivery=read,
    from_wire=from_wire,
)
