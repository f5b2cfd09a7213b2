"""ElevenLabs' conversations read into sightings, as webhooks carry them and as list and get print them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import Sequence
from trunkline.kit.wire import later
from trunkline.model.call import (
    Agent,
    Analysis,
    Campaign,
    Contact,
    Cost,
    Recording,
    Telephony,
    ToolCall,
    Turn,
)
from trunkline.model.sighting import Sighting
from trunkline.model.words import (
    CONVERSED,
    ENDED_BY,
    RESULTS,
    Channel,
    Direction,
    EndReason,
    Result,
    Role,
    Status,
)
from trunkline.vendors.elevenlabs.words import (
    ANALYSIS,
    CALL_RESULT,
    CHANNEL,
    CONVERSATION,
    DIRECTION,
    END_REASON,
    METADATA,
    NAME,
    ROLES,
    SENTIMENT,
    STATUS,
    STORED_ANALYSIS,
    STORED_FIELDS,
    STORED_METADATA,
    SUCCESS,
    SUMMARY,
)


def from_wire(raw: Any) -> Sighting:
    """Read a conversation of a list or a get.

    An answer has the state of a conversation at the time of the request, so it is true as of its arrival.
    """
    return read_conversation(Payload.of(raw))[0]


def read_conversation(wire: Payload) -> tuple[Sighting, list[str]]:
    """Read a conversation, and name the words and fields in it that are not known."""
    sighting = Sighting(
        vendor=NAME, vendor_call_id=wire.identifier("conversation_id"), problems=wire.problems
    )
    unknown: list[str] = []
    fields = {name: wire.raw[name] for name in STORED_FIELDS if name in wire}
    inner = wire.object("metadata")
    meta = inner if isinstance(inner, Payload) else wire
    _read_agent(wire, sighting)
    _read_times(meta, sighting)
    _read_phone(meta, wire, sighting, unknown)
    _read_money(meta, sighting)
    if meta is not wire:
        _hold("metadata", meta, METADATA, STORED_METADATA, fields, unknown)
    _read_analysis(wire, sighting, fields, unknown)
    _read_transcript(wire, sighting, unknown)
    _read_end(wire, meta, sighting, unknown)
    _derive(sighting)
    new = wire.rest(*CONVERSATION, *SUMMARY, *STORED_FIELDS)
    sighting.vendor_fields = (fields | new) or UNSET
    return sighting, unknown + sorted(new)


def _hold(
    name: str,
    wire: Payload,
    read: frozenset[str],
    stored: frozenset[str],
    fields: dict[str, Any],
    unknown: list[str],
) -> None:
    rest = wire.rest(*read)
    if rest:
        fields[name] = rest
    unknown += [f"{name}.{field}" for field in sorted(rest) if field not in stored]


def _read_agent(wire: Payload, sighting: Sighting) -> None:
    agent, name = or_none(wire.text("agent_id")), or_none(wire.text("agent_name"))
    if agent is not None or name is not None:
        sighting.agent = Agent(id=agent, name=name)
    user = wire.text("user_id")
    if user is not UNSET:
        sighting.contact = Contact(id=user) if user else None
    client = wire.object("conversation_initiation_client_data")
    variables = client.json_object("dynamic_variables") if isinstance(client, Payload) else UNSET
    if isinstance(variables, dict):
        sighting.metadata = {"dynamic_variables": variables}
    has_audio = wire.flag("has_audio")
    if isinstance(has_audio, bool):
        sighting.recording = Recording(enabled=has_audio)


def _read_times(meta: Payload, sighting: Sighting) -> None:
    sighting.started_at = meta.epoch_s("start_time_unix_secs")
    sighting.duration_ms = meta.seconds("call_duration_secs")


def _read_phone(meta: Payload, wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    source = meta.text("conversation_initiation_source")
    if isinstance(source, str):
        sighting.vendor_type = source
        sighting.channel = CHANNEL.read(source) or Channel.UNKNOWN
        unknown += [] if CHANNEL.knows(source) else [f"conversation_initiation_source={source}"]
    phone = meta.object("phone_call")
    way = phone.text("direction") if isinstance(phone, Payload) else wire.text("direction")
    if isinstance(way, str):
        sighting.direction = DIRECTION.read(way) or Direction.UNKNOWN
        unknown += [] if DIRECTION.knows(way) else [f"direction={way}"]
    if isinstance(phone, Payload):
        sighting.channel = Channel.PHONE
        ours, theirs = phone.text("agent_number"), phone.text("external_number")
        inbound = sighting.direction is Direction.INBOUND
        sighting.from_number, sighting.to_number = (theirs, ours) if inbound else (ours, theirs)
        sighting.telephony = Telephony(
            sid=or_none(phone.text("call_sid")), transport=or_none(phone.text("type"))
        )
    batch = meta.object("batch_call")
    if isinstance(batch, Payload):
        sighting.campaign = Campaign(id=or_none(batch.text("batch_call_id")))


def _read_money(meta: Payload, sighting: Sighting) -> None:
    amount, charging = meta.number("cost"), meta.json_object("charging")
    if amount is UNSET and charging is UNSET:
        return
    if amount is not None or charging:
        items = [charging] if isinstance(charging, dict) and charging else None
        sighting.cost = Cost(amount=or_none(amount), unit="credits", items=items)


def _read_analysis(wire: Payload, sighting: Sighting, fields: dict[str, Any], unknown: list[str]) -> None:
    inner = wire.object("analysis")
    analysis = inner if isinstance(inner, Payload) else wire
    if inner is None or not any(name in analysis for name in (*ANALYSIS, "data_collection_results")):
        return
    success = or_none(analysis.text("call_successful"))
    if success and success not in SUCCESS:
        unknown.append(f"call_successful={success}")
    moods = analysis.object("sentiment_analysis")
    mood = or_none(moods.text("overall_label")) if isinstance(moods, Payload) else None
    if mood and not SENTIMENT.knows(mood):
        unknown.append(f"sentiment_analysis.overall_label={mood}")
    collected = or_none(analysis.json_object("data_collection_results"))
    criteria = or_none(analysis.json_object("evaluation_criteria_results"))
    sighting.analysis = Analysis(
        summary=or_none(analysis.text("transcript_summary")),
        sentiment=SENTIMENT.read(mood) if mood else None,
        success=SUCCESS.get(success or ""),
        custom={name: _collected(value) for name, value in collected.items()} if collected else None,
        evaluations=[_criterion(name, value) for name, value in criteria.items()] if criteria else None,
    )
    if analysis is not wire:
        _hold("analysis", analysis, ANALYSIS, STORED_ANALYSIS, fields, unknown)


def _collected(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _criterion(name: str, value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"criteria_id": name, "result": value}


def _read_transcript(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    entries = wire.items("transcript")
    if not isinstance(entries, list) or (not entries and "otlp_traces" in wire):
        return
    sequence, events = Sequence(), []
    for entry in wire.objects("transcript"):
        role, start_ms = or_none(entry.text("role")) or "", or_none(entry.seconds("time_in_call_secs"))
        message = or_none(entry.text("message"))
        if role not in ROLES:
            unknown.append(f"transcript.role={role}")
            events.append(entry.raw)
            continue
        if message is not None:
            sequence.turn(Turn(role=ROLES[role], text=message, start_ms=start_ms))
        for tool in entry.objects("tool_calls"):
            sequence.invocation(
                ToolCall(
                    name=or_none(tool.text("tool_name")),
                    id=or_none(tool.text("request_id")),
                    arguments=or_none(tool.value("params_as_json")),
                    start_ms=start_ms,
                )
            )
        for back in entry.objects("tool_results"):
            result = or_none(back.value("result_value", "result"))
            sequence.returned(or_none(back.text("request_id")), result, or_none(back.text("tool_name")))
    sighting.turns, sighting.tool_calls = sequence.turns, sequence.tool_calls
    sighting.events = events or UNSET


def _read_end(wire: Payload, meta: Payload, sighting: Sighting, unknown: list[str]) -> None:
    reason = meta.text("termination_reason")
    if isinstance(reason, str) and reason:
        sighting.end_reason_raw, sighting.end_reason = reason, END_REASON.read(reason)
        unknown += [] if END_REASON.knows(reason) else [f"termination_reason={reason}"]
    error = meta.json_object("error")
    if error is not UNSET:
        sighting.errors = error
    word = or_none(wire.text("status"))
    if not word:
        return
    sighting.status = STATUS.read(word) or Status.INCOMPLETE
    unknown += [] if STATUS.knows(word) else [f"status={word}"]
    if sighting.status is Status.COMPLETED:
        phone = meta.object("phone_call")
        result = or_none(phone.text("call_result")) if isinstance(phone, Payload) else None
        sighting.status = CALL_RESULT.get(result or "", sighting.status)
    if sighting.status is Status.COMPLETED and sighting.end_reason is EndReason.VOICEMAIL:
        sighting.status = ENDED_BY[EndReason.VOICEMAIL]


def _derive(sighting: Sighting) -> None:
    status, started_at, duration_ms = (
        or_none(sighting.status),
        or_none(sighting.started_at),
        sighting.duration_ms,
    )
    derived = []
    if status is None or not status.is_final:
        if duration_ms == 0:
            sighting.duration_ms = None  # our choice: a call that goes on prints 0, its length is not known
        return
    if started_at is not None and isinstance(duration_ms, int):
        sighting.ended_at = later(started_at, duration_ms) or UNSET
        derived += ["ended_at"] if sighting.ended_at else []
    if status in RESULTS:
        sighting.result = RESULTS[status]
    elif status is Status.COMPLETED:
        spoke = any(turn.role is Role.USER for turn in sighting.turns or ())
        sighting.result = Result.ANSWERED if spoke or sighting.end_reason in CONVERSED else UNSET
    if sighting.result is not UNSET:
        derived.append("result")
    sighting.derived = derived or UNSET
