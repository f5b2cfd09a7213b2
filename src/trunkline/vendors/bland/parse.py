"""Bland's calls read into sightings, as its webhook carries them and as its API prints them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, UnsetType

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import Sequence
from trunkline.kit.wire import later
from trunkline.model.call import Agent, Analysis, Campaign, Cost, Recording, ToolCall, Turn
from trunkline.model.sighting import Sighting
from trunkline.model.words import RESULTS, Channel, Direction, Result, Role, Status
from trunkline.vendors.bland.words import (
    ACTION,
    ANSWERED_BY,
    END_REASONS,
    ENDED_BY,
    NAME,
    READ,
    ROLES,
    STATUS,
    STORED_FIELDS,
    SYSTEM_VARIABLES,
)


def from_wire(raw: Any) -> Sighting:
    """Read a call of the vendor's API; raises `Unreadable`."""
    return read_call(Payload.of(raw))[0]


def read_call(wire: Payload) -> tuple[Sighting, list[str]]:
    """Read a call, and name the words and fields in it that are not known."""
    unknown: list[str] = []
    duration_ms, rounded_ms = wire.seconds("corrected_duration"), wire.minutes("call_length")
    if not isinstance(duration_ms, int) and isinstance(rounded_ms, int):
        duration_ms = rounded_ms
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("call_id", "c_id"),
        channel=Channel.PHONE,
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        created_at=or_none(wire.instant("created_at")) or UNSET,
        started_at=wire.instant("started_at"),
        duration_ms=duration_ms,
        end_reason_raw=wire.text("call_ended_by"),
        transcript_text=wire.text("concatenated_transcript"),
        problems=wire.problems,
    )
    inbound = or_none(wire.flag("inbound"))
    if inbound is not None:
        sighting.direction = Direction.INBOUND if inbound else Direction.OUTBOUND
    _read_outcome(wire, sighting, unknown)
    _read_analysis(wire, sighting)
    _read_transcript(wire, sighting, unknown)
    _read_rest(wire, sighting)
    rest = wire.rest(*READ)
    unknown += [name for name in rest if name not in STORED_FIELDS]
    sighting.vendor_fields = rest or UNSET
    return sighting, unknown


def _read_outcome(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """Status, end, reason and result; a call that is completed is over, whatever its queue status."""
    derived: list[str] = []
    name = "status" if or_none(wire.text("status")) else "queue_status"
    word, completed = or_none(wire.text(name)), or_none(wire.flag("completed"))
    if word:
        sighting.status = STATUS.read(word) or Status.INCOMPLETE
        if not STATUS.knows(word):
            unknown.append(f"{name}={word}")
    if completed and (sighting.status is UNSET or not sighting.status.is_final):
        sighting.status = Status.COMPLETED
    started_at, status = or_none(sighting.started_at), or_none(sighting.status)
    if status is not None and status.is_final:
        if started_at is not None and isinstance(sighting.duration_ms, int):
            sighting.ended_at = later(started_at, sighting.duration_ms) or UNSET
            derived += ["ended_at"] if sighting.ended_at else []
        answered_by = or_none(wire.text("answered_by"))
        result = RESULTS.get(status) or (ANSWERED_BY.read(answered_by) if answered_by else None)
        if result is not None:
            sighting.result = result
            derived.append("result")
    if sighting.end_reason_raw:
        sighting.end_reason = ENDED_BY.read(sighting.end_reason_raw)
        if not ENDED_BY.knows(sighting.end_reason_raw):
            unknown.append(f"call_ended_by={sighting.end_reason_raw}")
    elif status in END_REASONS:
        sighting.end_reason = END_REASONS[status]
        derived.append("end_reason")
    as_of = or_none(sighting.ended_at) or started_at or or_none(sighting.created_at)
    sighting.as_of = as_of or UNSET
    sighting.derived = derived or UNSET


def _read_analysis(wire: Payload, sighting: Sighting) -> None:
    answered_by = or_none(wire.text("answered_by"))
    answered_by_result = ANSWERED_BY.read(answered_by) if answered_by else None
    analysis = or_none(wire.json_object("analysis"))
    if any(name in wire for name in ("summary", "analysis", "answered_by")):
        sighting.analysis = Analysis(
            summary=or_none(wire.text("summary")),
            voicemail=None if answered_by_result is None else answered_by_result is Result.VOICEMAIL,
            custom=analysis,
        )


def _read_transcript(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    if not isinstance(wire.items("transcripts"), list):
        return
    sequence = Sequence()
    for entry in wire.objects("transcripts"):
        speaker = or_none(entry.text("user")) or ""
        text, start_ms = or_none(entry.text("text")) or "", _offset_ms(entry, sighting.started_at)
        if speaker == ACTION:
            sequence.invocation(ToolCall(name=ACTION, arguments=text, start_ms=start_ms))
            continue
        if speaker not in ROLES:
            unknown.append(f"transcripts.user={speaker}")
        sequence.turn(Turn(role=ROLES.get(speaker, Role.AGENT), text=text, start_ms=start_ms))
    sighting.turns = sequence.turns
    if sequence.tool_calls:
        sighting.tool_calls = sequence.tool_calls


def _offset_ms(entry: Payload, started_at: datetime | UnsetType | None) -> int | None:
    at = or_none(entry.instant("created_at"))
    if at is None or not isinstance(started_at, datetime) or at < started_at:
        return None
    return (at - started_at) // timedelta(milliseconds=1)


def _read_rest(wire: Payload, sighting: Sighting) -> None:
    batch, agent = (
        or_none(wire.text("batch_id")),
        or_none(wire.text("persona_id")) or or_none(wire.text("pathway_id")),
    )
    if batch:
        sighting.campaign = Campaign(id=batch)
    if agent:
        sighting.agent = Agent(id=agent)
    price, problem = or_none(wire.number("price")), or_none(wire.text("error_message"))
    if price is not None:
        sighting.cost = Cost(amount=price, unit="USD")
    if problem:
        sighting.errors = {"error_message": problem}
    if "record" in wire or "recording_url" in wire:
        sighting.recording = Recording(
            enabled=or_none(wire.flag("record")), url=or_none(wire.text("recording_url")) or None
        )
    metadata, variables = or_none(wire.json_object("metadata")), or_none(wire.object("variables"))
    own = variables.rest(*SYSTEM_VARIABLES) if variables is not None else {}
    if metadata is not None or own:
        sighting.metadata = {**(metadata or {}), **({"variables": own} if own else {})}
