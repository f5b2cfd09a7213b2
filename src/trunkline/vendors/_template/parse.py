"""Examplia's calls read into sightings, as its API prints them and as webhooks carry them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.verbatim import difference
from trunkline.model.call import Agent, Analysis, Turn
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.model.words import Direction, Role, Status
from trunkline.vendors._template.render import to_wire
from trunkline.vendors._template.words import DIRECTION, END_REASON, NAME, ROLES, STATUS


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list, a get or a webhook."""
    # Generous: accept every documented variant. Leave UNSET what the payload does not mention, and set None
    # where it has null, so that a poorer payload never erases the values of a richer one.
    wire = Payload.of(raw)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("id"),
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        end_reason_raw=wire.text("ended_by"),
        created_at=or_none(wire.instant("created_at")) or UNSET,
        started_at=wire.instant("started_at"),
        duration_ms=wire.seconds("seconds"),
        problems=wire.problems,  # an accessor leaves out what it cannot read, and names it here
    )
    words: dict[str, str] = {}
    state, direction = wire.text("state"), wire.text("direction")
    if isinstance(state, str):
        sighting.status = STATUS.read(state) or Status.INCOMPLETE
        words |= STATUS.vendor_words_for(state, sighting.status)
    if isinstance(direction, str):
        sighting.direction = DIRECTION.read(direction) or Direction.UNKNOWN
        words |= DIRECTION.vendor_words_for(direction, sighting.direction)
    if isinstance(sighting.end_reason_raw, str):
        sighting.end_reason = END_REASON.read(sighting.end_reason_raw)
    agent = wire.text("agent_id")
    if agent is not UNSET:
        sighting.agent = Agent(id=agent) if agent else None
    summary = wire.text("summary")
    if summary is not UNSET:
        sighting.analysis = Analysis(summary=summary)
    if isinstance(wire.items("transcript"), list):
        sighting.turns = [_turn_from(entry) for entry in wire.objects("transcript")]
    # A value that is not stated and follows from others is named: sighting.derived = ["ended_at"].
    sighting.vendor_words = words or UNSET
    return _with_verbatim(sighting, wire.raw)


def _turn_from(entry: Payload) -> Turn:
    speaker = or_none(entry.text("speaker")) or ""
    return Turn(role=ROLES.get(speaker, Role.AGENT), text=or_none(entry.text("text")) or "")


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    # Values that our words do not bring back are found by printing the call, and stored unchanged.
    if sighting.created_at is not UNSET:
        call, _ = first_call(sighting, call_id(NAME, sighting.vendor_call_id), sighting.created_at)
        sighting.verbatim = difference(to_wire(call), raw, ("seconds", "ended_by", "agent_id")) or UNSET
    return sighting
