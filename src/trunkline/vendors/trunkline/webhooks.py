"""Trunkline: calls in our own form, sent by hand or pulled from another Trunkline by page tokens.

Sources: this project.

Events: none; a delivery is a call as get prints it, or several as `{"calls": […]}`.

Not carried: nothing.

Our choice: the address is the secret, and a source that has a secret besides accepts only deliveries signed
with it as Standard Webhooks says. A call has the same vendor and id as in the other log, so that a call
pulled from another Trunkline and reported by its vendor is one call. A delivery of several calls is stored as
one delivery for each of them, without anything that was beside the calls. A call that does not say which call
it is about is stored with the reason and does not affect the others. The list is requested with everything
that can be included.
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from trunkline.kit.door import Door, ParsedDelivery
from trunkline.kit.payload import Payload
from trunkline.kit.signatures import STANDARD_WEBHOOKS, SecretAddress
from trunkline.kit.unknown import Unknown
from trunkline.model.sighting import Sighting
from trunkline.vendors.trunkline.parse import NAME, from_wire
from trunkline.vendors.trunkline.pull import LIST_API

FIELDS = tuple(field.name for field in structs.fields(Sighting))

# -- deliveries -----------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: a call, or several as `{"calls": […]}`."""
    wire = Payload.of(document)
    unknown = Unknown()
    if "calls" not in wire:
        calls = [wire]
    else:
        unknown.fields(wire, ("calls", "next_page_token", "total_size"))
        calls = list(wire.objects("calls"))
    sightings = [_sighting(call, unknown) for call in calls]
    return ParsedDelivery(
        event="", sightings=sightings, unknown=unknown.found(), note="" if calls else "it names no call"
    )


def split(document: Any) -> list[Any]:
    """A delivery of several calls as one of each."""
    calls = document.get("calls") if isinstance(document, dict) else None
    if not isinstance(calls, list) or len(calls) < 2:
        return [document]
    return [{"calls": [call]} for call in calls]


def _sighting(call: Payload, unknown: Unknown) -> Sighting:
    unknown.fields(Payload(call.raw, "call"), FIELDS)
    return from_wire(call)


DOOR = Door(
    name=NAME,
    title="Trunkline",
    about=__doc__ or "",
    signature=SecretAddress(signed=STANDARD_WEBHOOKS),
    parse_delivery=read,
    from_wire=from_wire,
    split=split,
    list_api=LIST_API,
)
