"""Callem's calls read into sightings, as REST prints them and as webhooks carry them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import Sequence
from trunkline.kit.verbatim import difference
from trunkline.model.call import Agent, Analysis, ToolCall, Turn
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.model.words import Result, Role, Status
from trunkline.vendors.callem.render import to_wire
from trunkline.vendors.callem.words import END_REASON, EVALUATION, NAME, REASONS_RESULTS, ROLES, STATUS


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list, a get or a webhook."""
    wire = Payload.of(raw)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("id"),
        from_number=wire.text("callerNumber", "callerNum"),
        to_number=wire.text("calledNumber", "calledNum"),
        end_reason_raw=wire.text("endedReason"),
        created_at=or_none(wire.instant("createdAt")) or UNSET,
        updated_at=wire.instant("updatedAt"),
        duration_ms=wire.seconds("duration"),
        turn_count=wire.count("totalInteraction"),
        problems=wire.problems,
    )
    _read_words(wire, sighting)
    if sighting.duration_ms == 0 and sighting.status is Status.IN_PROGRESS:
        sighting.duration_ms = None  # our choice: a live call prints 0 because its length is not known
    _read_agent(wire, sighting)
    _read_analysis(wire, sighting)
    _read_transcript(wire, sighting)
    _derive(sighting)
    return _with_verbatim(sighting, wire.raw)


def _read_words(wire: Payload, sighting: Sighting) -> None:
    status = wire.text("status")
    live = wire.flag("isLive")
    if status is UNSET and isinstance(live, bool):
        status = "live" if live else "completed"
    if isinstance(status, str):
        ours = STATUS.read(status) or Status.INCOMPLETE
        sighting.status = ours
        sighting.vendor_words = STATUS.vendor_words_for(status, ours) or UNSET
    reason = sighting.end_reason_raw
    if reason is not UNSET:
        sighting.end_reason = None if reason is None else END_REASON.read(reason)


def _read_agent(wire: Payload, sighting: Sighting) -> None:
    agent, version = or_none(wire.text("agentCollectionId")), or_none(wire.value("agentVersionNumber"))
    if agent or version is not None:
        config = None if version is None else {"agentVersionNumber": version}
        sighting.agent = Agent(id=agent, config=config)


def _read_analysis(wire: Payload, sighting: Sighting) -> None:
    if not any(name in wire for name in ("summary", "evaluation", "isEngaged", "callAnalysis")):
        return
    sighting.analysis = Analysis(
        summary=or_none(wire.text("summary")),
        success=EVALUATION.get(or_none(wire.text("evaluation")) or ""),
        engaged=or_none(wire.flag("isEngaged")),
        custom=or_none(wire.json_object("callAnalysis")),
    )


def _read_transcript(wire: Payload, sighting: Sighting) -> None:
    if not isinstance(wire.items("transcript", "transcription"), list):
        return
    sequence = Sequence()
    for entry in wire.objects("transcript", "transcription"):
        role = (or_none(entry.text("role", "speaker")) or "").lower()
        start_ms = or_none(entry.seconds("startTime"))
        if role == "tool":
            data = entry.object("data")
            name = or_none(data.text("toolName")) if isinstance(data, Payload) else None
            sequence.invocation(ToolCall(name=name, start_ms=start_ms))
        else:
            text = or_none(entry.text("content", "text")) or ""
            sequence.turn(Turn(role=ROLES.get(role, Role.AGENT), text=text, start_ms=start_ms))
    sighting.turns = sequence.turns
    if sequence.tool_calls:
        sighting.tool_calls = sequence.tool_calls


def _derive(sighting: Sighting) -> None:
    derived = []
    created_at, duration_ms = sighting.created_at, sighting.duration_ms
    if isinstance(created_at, datetime):
        sighting.started_at = created_at
        derived.append("started_at")
        if sighting.status is Status.COMPLETED and isinstance(duration_ms, int):
            try:
                sighting.ended_at = created_at + timedelta(milliseconds=duration_ms)
                derived.append("ended_at")
            except OverflowError:
                sighting.ended_at = UNSET  # the calendar ends before the call does
    result = _result(sighting)
    if result is not None:
        sighting.result = result
        derived.append("result")
    sighting.derived = derived or UNSET


def _result(sighting: Sighting) -> Result | None:
    if sighting.status is UNSET or not sighting.status.is_final:
        return None
    result = REASONS_RESULTS.get(sighting.end_reason) if sighting.end_reason else None
    if result is None and sighting.status is Status.COMPLETED:
        spoke = any(turn.role is Role.USER for turn in sighting.turns or ())
        engaged = isinstance(sighting.analysis, Analysis) and sighting.analysis.engaged
        return Result.ANSWERED if spoke or engaged else None
    return result


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    if sighting.created_at is not UNSET:
        known_as = call_id(sighting.vendor, sighting.vendor_call_id)
        call, _ = first_call(sighting, known_as, sighting.created_at)
        sighting.verbatim = difference(to_wire(call), raw, VERBATIM) or UNSET
    return sighting


VERBATIM = (
    *("duration", "summary", "evaluation", "endedReason", "callerNumber", "calledNumber"),
    *("isEngaged", "callAnalysis", "createdAt", "updatedAt"),
)
"""Wire fields that are stored verbatim; not the transcript, which would then be stored twice."""
