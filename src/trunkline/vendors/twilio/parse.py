"""The calls and recordings of Twilio's REST API, read into sightings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.model.call import Analysis, Contact, Cost, Recording, Telephony
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Result, Status
from trunkline.vendors.twilio.words import (
    ANSWERED_BY,
    DIRECTION,
    END_REASONS,
    LEFT_OUT,
    NAME,
    OUTCOMES,
    READ_IN_CALL,
    RECORDED,
    STATUS,
    STORED_OF_CALL,
)

HOST = "https://api.twilio.com"


def from_wire(raw: Any) -> Sighting:
    """Read a call of the REST API, or a recording that names its call; raises `Unreadable`."""
    wire = Payload.of(raw)
    if "call_sid" in wire:
        return _recording_from(wire)
    updated_at = wire.rfc_2822("date_updated")
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("sid"),
        channel=Channel.PHONE,
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        created_at=or_none(wire.rfc_2822("date_created")) or UNSET,
        updated_at=updated_at,
        started_at=wire.rfc_2822("start_time"),
        ended_at=wire.rfc_2822("end_time"),
        duration_ms=wire.seconds("duration"),
        telephony=Telephony(sid=wire.identifier("sid")),
        as_of=or_none(updated_at) or UNSET,
        problems=wire.problems,
    )
    read_words(wire, sighting, [], names=("status", "direction", "answered_by", "caller_name"))
    price = wire.number("price")
    if isinstance(price, Decimal):
        sighting.cost = Cost(amount=-price, unit=or_none(wire.text("price_unit")))
    store_rest(wire, sighting, [], READ_IN_CALL, STORED_OF_CALL)
    return sighting


def read_words(
    wire: Payload, sighting: Sighting, unknown: list[str], *, names: tuple[str, str, str, str]
) -> None:
    """Read status, direction, who answered and who called, under the given names."""
    status_name, direction_name, answered_name, caller_name = names
    status, direction = or_none(wire.text(status_name)), or_none(wire.text(direction_name))
    answered_by, caller = or_none(wire.text(answered_name)), or_none(wire.text(caller_name))
    derived: list[str] = []
    if status:
        sighting.status = STATUS.read(status) or Status.INCOMPLETE
        if not STATUS.knows(status):
            unknown.append(f"{status_name}={status}")
    if direction:
        sighting.direction = DIRECTION.read(direction) or UNSET
        sighting.vendor_type = direction
        if not DIRECTION.knows(direction):
            unknown.append(f"{direction_name}={direction}")
    answered_by_result: Result | None = None
    if answered_by:
        answered_by_result = ANSWERED_BY.read(answered_by)
        sighting.analysis = Analysis(
            voicemail=None if answered_by_result is None else answered_by_result is Result.VOICEMAIL
        )
        if not ANSWERED_BY.knows(answered_by):
            unknown.append(f"{answered_name}={answered_by}")
    if caller:
        sighting.contact = Contact(full_name=caller)
    if isinstance(sighting.status, Status) and sighting.status.is_final:
        result = OUTCOMES.get(sighting.status)
        if result is Result.ANSWERED and answered_by_result is not None:
            result = answered_by_result
        if result is not None:
            sighting.result = result
            derived.append("result")
        if sighting.status in END_REASONS:
            sighting.end_reason = END_REASONS[sighting.status]
            derived.append("end_reason")
    sighting.derived = derived or UNSET


def _recording_from(wire: Payload) -> Sighting:
    """A recording of the REST API; its audio is at its address without the ending `.json`."""
    status, uri = or_none(wire.text("status")), or_none(wire.text("uri"))
    call_sid = wire.identifier("call_sid")
    url = or_none(wire.text("media_url")) or (HOST + uri.removesuffix(".json") if uri else None)
    recorded = RECORDED.get(status or "")
    created_at = or_none(wire.rfc_2822("start_time")) or or_none(wire.rfc_2822("date_created"))
    return Sighting(
        vendor=NAME,
        vendor_call_id=call_sid,
        channel=Channel.PHONE,
        telephony=Telephony(sid=call_sid, conference_sid=or_none(wire.text("conference_sid"))),
        recording=Recording(enabled=recorded, url=url if recorded else None),
        created_at=created_at or UNSET,
        derived=UNSET if created_at is None else ["created_at"],
        as_of=or_none(wire.rfc_2822("date_updated")) or UNSET,
        problems=wire.problems,
    )


def store_rest(
    wire: Payload,
    sighting: Sighting,
    unknown: list[str],
    read_names: tuple[str, ...],
    stored_fields: tuple[str, ...],
) -> None:
    """Store fields that are not read, and name unknown ones."""
    rest = wire.rest(*read_names, *LEFT_OUT)
    if rest:
        sighting.vendor_fields = rest
    unknown += [name for name in rest if name not in stored_fields]
