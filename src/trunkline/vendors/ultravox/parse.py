"""Ultravox' calls read into sightings, as webhooks carry them and as its API prints them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.wire import later
from trunkline.model.call import Agent, Analysis, Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import ENDED_BY, RESULTS, EndReason, Result, Status
from trunkline.vendors.ultravox.words import (
    BILLING_STEPS,
    CHANNELS,
    CONFIG,
    DIRECTIONS,
    END_REASON,
    NAME,
    READ,
    STORED_FIELDS,
    USAGE,
)


def from_wire(raw: Any) -> Sighting:
    """Read a call of the vendor's API; raises `Unreadable`."""
    return read_call(Payload.of(raw))[0]


def read_call(call: Payload) -> tuple[Sighting, list[str]]:
    """Read a call, and name the words and fields in it that are not known."""
    unknown: list[str] = []
    created_at, joined_at = or_none(call.instant("created")), or_none(call.instant("joined"))
    ended_at, billing = or_none(call.instant("ended")), or_none(call.text("billingStatus"))
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=call.identifier("callId"),
        created_at=created_at or UNSET,
        started_at=call.instant("joined"),
        ended_at=call.instant("ended"),
        end_reason_raw=call.text("endReason"),
        billing_status=call.text("billingStatus"),
        metadata=call.json_object("metadata"),
        problems=call.problems,
    )
    reason = sighting.end_reason_raw
    if isinstance(reason, str):
        sighting.end_reason = END_REASON.read(reason)
        if not END_REASON.knows(reason):
            unknown.append(f"call.endReason={reason}")
    _read_status(sighting, joined_at, ended_at)
    if billing and billing not in BILLING_STEPS:
        unknown.append(f"call.billingStatus={billing}")
    last = ended_at or joined_at or created_at
    if last is not None:
        sighting.as_of = later(last, BILLING_STEPS.get(billing or "", 0)) or last
    _read_medium(call, sighting, unknown)
    _read_rest(call, sighting)
    rest = call.rest(*READ)
    unknown += [f"call.{name}" for name in rest if name not in STORED_FIELDS]
    sighting.vendor_fields = rest or UNSET
    return sighting, unknown


def _read_status(sighting: Sighting, joined_at: datetime | None, ended_at: datetime | None) -> None:
    if ended_at is not None or sighting.end_reason:
        status = ENDED_BY.get(sighting.end_reason or EndReason.OTHER, Status.COMPLETED)
        sighting.status = status
        result = RESULTS.get(status) or (None if joined_at is None else Result.ANSWERED)
        if result is not None:
            sighting.result = result
            sighting.derived = ["result"]
    else:
        sighting.status = Status.QUEUED if joined_at is None else Status.IN_PROGRESS


def _read_medium(call: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """What the call travels over; a phone's medium may have both numbers and who called whom."""
    medium = call.object("medium")
    for name in medium.raw if isinstance(medium, Payload) else ():
        if name not in CHANNELS:
            unknown.append(f"call.medium.{name}")
            continue
        sighting.channel = CHANNELS[name]
        carrier = medium.object(name) if isinstance(medium, Payload) else None
        for way in DIRECTIONS if isinstance(carrier, Payload) else ():
            dialled = carrier.object(way) if isinstance(carrier, Payload) else None
            if isinstance(dialled, Payload):
                sighting.direction = DIRECTIONS[way]
                sighting.from_number = dialled.text("from")
                sighting.to_number = dialled.text("to")


def _read_rest(call: Payload, sighting: Sighting) -> None:
    agent = call.object("agent")
    agent_id = or_none(call.text("agentId"))
    name = None
    if isinstance(agent, Payload):
        agent_id, name = or_none(agent.text("agentId")) or agent_id, or_none(agent.text("name"))
    config = {key: call.raw[key] for key in CONFIG if call.raw.get(key) is not None}
    if agent_id or name or config:
        sighting.agent = Agent(id=agent_id, name=name, config=config or None)
    if "summary" in call:
        sighting.analysis = Analysis(summary=or_none(call.text("summary")))
    if "recordingEnabled" in call:
        sighting.recording = Recording(enabled=or_none(call.flag("recordingEnabled")))
    usage = {key: call.raw[key] for key in USAGE if call.raw.get(key) is not None}
    if usage:
        sighting.usage = usage
