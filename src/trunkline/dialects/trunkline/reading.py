"""Our own form read into sightings: what get call prints, and lines written by hand."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from trunkline.dialects.trunkline.wire import CLOSED
from trunkline.kit.payload import Payload, Unreadable, told
from trunkline.model.call import Agent, Campaign, Contact, Cost
from trunkline.model.ids import is_uuid
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role

NAME = "trunkline"

INSTANTS = ("created_at", "updated_at", "scheduled_at", "started_at", "ended_at")

NEVER_NULL = ("id", "direction", "channel", "status", "created_at", "turns", "tool_calls")
"""Fields for which null says no more than leaving them out."""

SAID = ("said_at", "said_ats")

_MESSAGE = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


def from_wire(raw: Any) -> Sighting:
    """Read a call in our own form; whatever is absent was not mentioned."""
    wire = Payload.of(raw)
    said = {**wire.raw, **_identity(wire)}
    for name in SAID:
        said.pop(name, None)  # when something was said follows from the call's own instants
    for name in INSTANTS:
        if name in said:
            said[name] = wire.instant(name)
    if "duration_ms" in said:
        said["duration_ms"] = wire.milliseconds("duration_ms")
    if "turn_count" in said:
        said["turn_count"] = wire.count("turn_count")
    for name in NEVER_NULL:
        if name in said and said[name] is None:
            del said[name]
    try:
        sighting = msgspec.convert(said, Sighting)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from None
    _check(sighting)
    return sighting


def _identity(wire: Payload) -> dict[str, Any]:
    call_id = told(wire.text("id"))
    if call_id is not None:
        if not is_uuid(call_id):
            raise Unreadable("id", "must be a UUID")
        call_id = call_id.lower()
    named = call_id is None or told(wire.value("vendor_call_id")) is not None
    return {
        "id": call_id,
        "vendor": NAME if told(wire.value("vendor")) is None else wire.identifier("vendor"),
        "vendor_call_id": wire.identifier("vendor_call_id") if named else call_id,
    }


def _check(sighting: Sighting) -> None:
    for name, text in _indexed(sighting):
        if isinstance(text, str) and "\x00" in text:
            raise Unreadable(name, "must not contain the character NUL")
    cost = sighting.cost
    if isinstance(cost, Cost) and cost.amount is not None and not cost.amount.is_finite():
        raise Unreadable("cost.amount", "expected a number")


def _indexed(sighting: Sighting) -> list[tuple[str, Any]]:
    """The texts that calls are looked up by; the columns they stand in cannot hold a NUL."""
    texts: list[tuple[str, Any]] = [
        ("vendor", sighting.vendor),
        ("vendor_call_id", sighting.vendor_call_id),
        ("from_number", sighting.from_number),
        ("to_number", sighting.to_number),
    ]
    if isinstance(sighting.agent, Agent):
        texts.append(("agent.id", sighting.agent.id))
    if isinstance(sighting.campaign, Campaign):
        texts.append(("campaign.id", sighting.campaign.id))
    if isinstance(sighting.contact, Contact):
        texts.append(("contact.phone_number", sighting.contact.phone_number))
    if isinstance(sighting.vendor_words, dict):
        texts += [(f"vendor_words.{field}", word) for field, word in sighting.vendor_words.items()]
    return texts


def _unreadable(message: str) -> Unreadable:
    found = _MESSAGE.fullmatch(message)
    reason, path = (found[1], found[2] or "") if found else (message, "")
    words = Role if path.endswith(".role") else CLOSED.get(path.rpartition(".")[2])
    if words is not None and reason.startswith("Invalid enum value"):
        reason = f"must be one of {', '.join(words)}"
    return Unreadable(path or "payload", reason[:1].lower() + reason[1:])
