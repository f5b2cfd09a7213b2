"""Examplia: signed webhooks during and after a call; the list is read by limit and offset.

Sources: say here which public pages the facts below come from.

Events: `call.started` and `call.ended` are read; `agent.pick` expects an answer and is not taken.

Not carried: what this vendor never says.

Our choice: what the vendor does not document and we had to decide. A time may lie five minutes from ours.
"""

# How to use this file: for a vendor that is only listened to copy it to `<vendor>.py`; beside a dialect copy
# it to `<vendor>/door.py`, let the package export `DOOR`, and take `from_wire` from the dialect. Below
# tests/dialects/<vendor>/ its deliveries go into captures/hooks/, its way to sign into signs.py, and what it
# promises into claims.toml; the tests say what is missing. Delete this comment.

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, Heard
from trunkline.kit.listing_api import ListApi, Listed, Request
from trunkline.kit.payload import Payload, told
from trunkline.kit.signatures import HmacSigned, Window, epoch_seconds, two_headers
from trunkline.kit.unknown import Unknown
from trunkline.kit.vocabulary import OneWay
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status

NAME = "examplia"

STATUS = OneWay(
    "status",
    read={"ringing": Status.RINGING, "talking": Status.IN_PROGRESS, "done": Status.COMPLETED},
    otherwise=Status.INCOMPLETE,
)

FIELDS = ("id", "state", "from", "to", "created", "seconds")
"""What a call is documented to have; everything else is kept under its name, and counted."""

# -- a call ---------------------------------------------------------------


def from_wire(raw: Any, path: str = "") -> Sighting:
    """Read a call of a list or a webhook; the path is where it stands there."""
    # What the payload does not mention stays UNSET: each accessor answers so by itself.
    wire = Payload.of(raw, path)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("id"),
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        created_at=told(wire.instant("created")) or UNSET,
        duration_ms=wire.seconds("seconds"),
    )
    state = wire.text("state")
    if isinstance(state, str):
        sighting.status = STATUS.read(state) or Status.INCOMPLETE
        if not STATUS.knows(state):
            sighting.vendor_words = {f"status.{sighting.status}": state}
    return sighting


# -- deliveries -----------------------------------------------------------

SIGNING = HmacSigned(
    secret_is="the webhook's secret",  # noqa: S106
    shown=two_headers("x-examplia-signature", "x-examplia-time"),
    message=lambda body, stamp: stamp.encode() + b"." + body,  # over the bytes as they came, never re-encoded
    instant=epoch_seconds,
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
)


def read(document: Any) -> Heard:
    """Read a delivery: `{"event", "at", "call"}`."""
    wire = Payload.of(document)
    event = told(wire.text("event")) or ""
    if event == "agent.pick":
        raise AnswerExpected(event)
    unknown = Unknown()
    unknown.fields(wire, ("event", "at", "call"))
    if wire.raw.get("call") is None:
        return Heard(event=event, unknown=unknown.found(), note="it names no call")
    call = Payload.of(wire.raw["call"], "call")
    sighting = from_wire(call.raw, call.path)
    sighting.said_at = told(wire.instant("at")) or UNSET  # a late delivery does not overwrite newer facts
    unknown.word(call, "state", STATUS)
    sighting.vendor_fields = unknown.fields(call, FIELDS) or UNSET
    return Heard(event=event, sightings=[sighting], unknown=unknown.found())


# -- the list -------------------------------------------------------------

PAGE = 100


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"x-examplia-key": credential["api_key"]}


def first(since: datetime | None, until: datetime | None) -> Request:
    """The newest calls of a range of creation."""
    span = {"created_from": since, "created_to": until}
    asked = tuple((name, at.isoformat()) for name, at in span.items() if at is not None)
    return Request(path="/v2/calls", query=(*asked, ("limit", str(PAGE)), ("offset", "0")))


def listed(answer: Any, request: Request) -> Listed:
    """Read a page: `{"calls", "total"}`."""
    wire = Payload.of(answer)
    items, total = told(wire.items("calls")) or [], told(wire.count("total"))
    reached = int(dict(request.query)["offset"]) + len(items)
    following = None
    if items and (len(items) == PAGE if total is None else reached < total):
        query = (*(pair for pair in request.query if pair[0] != "offset"), ("offset", str(reached)))
        following = Request(path=request.path, query=query)
    return Listed(items=items, following=following, total=total)


DOOR = Door(
    name=NAME,
    title="Examplia",
    about=__doc__ or "",
    signing=SIGNING,
    read=read,
    from_wire=from_wire,
    list_api=ListApi(  # leave it out if the vendor cannot be asked; give `one` if its list leaves parts out
        base_url="https://api.example.com",
        credential=("api_key",),
        headers=headers,
        first=first,
        read=listed,
        by_place=True,
        requests_per_minute=60,
    ),
)
