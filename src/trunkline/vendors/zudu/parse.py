"""Zudu's calls read into sightings, in every documented variant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import sequence_from
from trunkline.kit.verbatim import difference
from trunkline.model.call import Agent, Analysis, Campaign, Cost, Privacy, Recording, Telephony, Turn, Word
from trunkline.model.ids import call_id, is_uuid
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.model.words import CONVERSED, ENDED_BY, RESULTS, Channel, Direction, Result, Role, Status
from trunkline.vendors.zudu.render import CURRENCY, to_wire
from trunkline.vendors.zudu.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    ROLES_READ,
    SENTIMENT,
    STATUS,
    end_reason_of,
)

V = TypeVar("V")

VERBATIM = (
    *("agent_id", "call_type", "start_timestamp", "end_timestamp", "call_duration", "recording_url"),
    *("public_log_url", "opt_out_sensitive_data_storage", "metadata", "events", "transcript"),
    *("transcript_object", "transcript_with_tool_calls", "latency", "call_analysis", "call_cost"),
    "telephony_identifier",
)
"""Wire fields that are given back as they came in, even where our words for them differ."""

CONVERSATION = ("events", "transcript", "transcript_object", "transcript_with_tool_calls")

_TOOL_ROLES = frozenset({"tool_call_invocation", "tool_call_result"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list, a get or a webhook."""
    wire = Payload.of(raw)
    wished = wire.text("id")
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("call_id" if wire.raw.get("call_id") else "id"),
        id=wished.lower() if isinstance(wished, str) and is_uuid(wished) else UNSET,
        from_number=wire.text("from_number"),
        to_number=wire.text("to_number"),
        updated_at=wire.epoch_ms("updated_at"),
        started_at=wire.epoch_ms("start_timestamp"),
        ended_at=wire.epoch_ms("end_timestamp"),
        duration_ms=wire.milliseconds("call_duration"),
        vendor_type=wire.text("call_type"),
        end_reason_raw=wire.text("disconnection_reason"),
        transcript_text=wire.text("transcript"),
        latency=wire.json_object("latency"),
        log_url=wire.text("public_log_url"),
        cost=_cost_from(wire.object("call_cost")),
        telephony=_telephony_from(wire.object("telephony_identifier")),
        problems=wire.problems,
    )
    derived: list[str] = []
    words: dict[str, str] = {}
    sighting.analysis = _analysis_from(wire.object("call_analysis"), words)
    _read_words(wire, sighting, words)
    _read_end(wire, sighting, words)
    _read_events(wire, sighting, derived)
    _read_metadata(wire, sighting)
    _read_transcript(wire, sighting, derived)
    agent = wire.text("agent_id")
    if agent is not UNSET:
        sighting.agent = Agent(id=agent) if agent else None
    record = wire.text("recording_url")
    if record is not UNSET:
        sighting.recording = Recording(url=record)
    opt_out = wire.flag("opt_out_sensitive_data_storage")
    if opt_out is not UNSET:
        sighting.privacy = Privacy(opt_out=opt_out)
    org = wire.text("organization_id")
    if isinstance(org, str):
        sighting.vendor_fields = {"organization_id": org}
    sighting.vendor_words = words or UNSET
    if sighting.result is not UNSET:
        derived.append("result")
    sighting.derived = derived or UNSET
    return _with_verbatim(sighting, wire.raw)


def _read_words(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    direction = wire.text("direction")
    if isinstance(direction, str):
        sighting.direction = DIRECTION.read(direction) or Direction.UNKNOWN
        words |= DIRECTION.vendor_words_for(direction, sighting.direction)
    kind = sighting.vendor_type
    if isinstance(kind, str):
        sighting.channel = CHANNEL.read(kind) or Channel.UNKNOWN
        words |= CHANNEL.vendor_words_for(kind, sighting.channel)
    reason = sighting.end_reason_raw
    if isinstance(reason, str):
        sighting.end_reason = end_reason_of(reason)
        words |= END_REASON.vendor_words_for(reason, sighting.end_reason)
    elif reason is None:
        sighting.end_reason = None


def _read_end(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    word = wire.text("call_status")
    if not isinstance(word, str):
        return
    reason = or_none(sighting.end_reason)
    voicemail = sighting.analysis.voicemail if isinstance(sighting.analysis, Analysis) else None
    status = STATUS.read(word) or Status.INCOMPLETE
    if status is Status.COMPLETED:
        status = ENDED_BY.get(reason, status) if reason is not None else status
        if status is Status.COMPLETED and voicemail:
            status = Status.VOICEMAIL
        if status is Status.COMPLETED and (reason in CONVERSED or (reason is None and voicemail is False)):
            sighting.result = Result.ANSWERED
    sighting.status = status
    if status in RESULTS:
        sighting.result = RESULTS[status]
    words |= STATUS.vendor_words_for(word, status)


def _analysis_from(wire: Payload | UnsetType | None, words: dict[str, str]) -> Analysis | UnsetType | None:
    if not isinstance(wire, Payload):
        return wire
    mood = wire.text("user_sentiment")
    sentiment = None
    if isinstance(mood, str):
        sentiment = SENTIMENT.read(mood)
        words |= SENTIMENT.vendor_words_for(mood, sentiment)
    custom = wire.rest("call_successful", "call_summary", "user_sentiment", "in_voicemail")
    return Analysis(
        summary=or_none(wire.text("call_summary")),
        sentiment=sentiment,
        success=or_none(wire.flag("call_successful")),
        voicemail=or_none(wire.flag("in_voicemail")),
        custom=custom or None,
    )


def _cost_from(wire: Payload | UnsetType | None) -> Cost | UnsetType | None:
    if not isinstance(wire, Payload):
        return wire
    return Cost(
        amount=or_none(wire.number("combined_cost")),
        unit=CURRENCY,
        items=or_none(wire.json_objects("product_costs")),
    )


def _telephony_from(wire: Payload | UnsetType | None) -> Telephony | UnsetType | None:
    if not isinstance(wire, Payload):
        return wire
    return Telephony(sid=or_none(wire.text("call_sid")), conference_sid=or_none(wire.text("conference_sid")))


def _read_events(wire: Payload, sighting: Sighting, derived: list[str]) -> None:
    events = wire.json_objects("events")
    sighting.events = events
    created = or_none(wire.epoch_ms("created_at"))
    if created is None and isinstance(events, list) and events:
        created = or_none(Payload(events[0]).epoch_ms("timestamp"))
    if created is None and isinstance(sighting.started_at, datetime):
        created = sighting.started_at
        derived.append("created_at")
    sighting.created_at = created or UNSET


def _read_metadata(wire: Payload, sighting: Sighting) -> None:
    metadata = wire.object("metadata")
    if not isinstance(metadata, Payload):
        sighting.metadata = metadata
        return
    sighting.metadata = metadata.raw
    free = Payload(metadata.raw)  # a team's own values, of which none is a problem
    batch, name = or_none(free.text("batch_call_id")), or_none(free.text("campaign"))
    if batch or name:
        sighting.campaign = Campaign(id=batch, name=name)
    scheduled_at = or_none(free.epoch_s("scheduled_timestamp"))
    if scheduled_at is not None:
        sighting.scheduled_at = scheduled_at


def _read_transcript(wire: Payload, sighting: Sighting, derived: list[str]) -> None:
    entries, with_tools = _entries(wire, "transcript_object"), _entries(wire, "transcript_with_tool_calls")
    zero = or_none(sighting.started_at)
    if zero is None:
        zero = _first_time([*(entries or ()), *(with_tools or ())])
        if zero is not None:
            derived.append("turns")
    turn_from = partial(_turn_from, zero=zero)
    if entries is not None:
        sighting.turns = [turn_from(entry) for entry in entries]
    if with_tools is not None:
        sequence = sequence_from(with_tools, turn_from)
        sighting.tool_calls = sequence.tool_calls
        if entries is None or len(entries) < len(sequence.turns):
            sighting.turns = sequence.turns
        elif len(entries) > len(sequence.turns):
            for tool in sequence.tool_calls:  # positions in another sequence than the one that is stored
                tool.position = tool.result_position = None


def _entries(wire: Payload, name: str) -> list[Payload] | None:
    if not isinstance(wire.items(name), list):
        return None
    entries = wire.objects(name)
    return [entry for entry in entries if "content" in entry or entry.text("role") in _TOOL_ROLES]


def _first_time(entries: list[Payload]) -> datetime | None:
    for entry in entries:
        at = or_none(entry.epoch_ms("timestamp"))
        starts = (or_none(word.epoch_ms("start")) for word in entry.objects("words"))
        at = at or next((start for start in starts if start is not None), None)
        if at is not None:
            return at
    return None


def _turn_from(entry: Payload, *, zero: datetime | None) -> Turn:
    turn = Turn(
        role=ROLES_READ.get((or_none(entry.text("role")) or "").lower(), Role.AGENT),
        text=or_none(entry.text("content")) or "",
        start_ms=_offset_ms(entry, "timestamp", zero),
    )
    if isinstance(entry.items("words"), list):
        turn.words = [
            Word(
                word=or_none(word.text("word")) or "",
                start_ms=_offset_ms(word, "start", zero),
                end_ms=_offset_ms(word, "end", zero),
            )
            for word in entry.objects("words")
        ]
        if turn.words:
            turn.end_ms = turn.words[-1].end_ms
            turn.start_ms = turn.words[0].start_ms if turn.start_ms is None else turn.start_ms
    return turn


def _offset_ms(wire: Payload, name: str, zero: datetime | None) -> int | None:
    at = or_none(wire.epoch_ms(name))
    return None if at is None or zero is None else (at - zero) // _MS


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    seen_at = _EPOCH if sighting.created_at is UNSET else sighting.created_at  # is not printed
    call, _ = first_call(sighting, call_id(NAME, sighting.vendor_call_id), seen_at)
    verbatim = difference(to_wire(call), _in_their_case(raw), VERBATIM, apart=CONVERSATION)
    sighting.verbatim = verbatim or UNSET
    return sighting


def _in_their_case(raw: dict[str, Any]) -> dict[str, Any]:
    spelled = dict(raw)
    if isinstance(kind := raw.get("call_type"), str):
        spelled["call_type"] = kind.upper()
    analysis = raw.get("call_analysis")
    if isinstance(analysis, dict) and isinstance(mood := analysis.get("user_sentiment"), str):
        spelled["call_analysis"] = {**analysis, "user_sentiment": mood.capitalize()}
    return spelled
