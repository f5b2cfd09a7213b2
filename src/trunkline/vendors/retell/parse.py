"""Retell's calls read into sightings, as webhooks carry them and as list and get print them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import Sequence
from trunkline.model.call import (
    Agent,
    Analysis,
    Campaign,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Word,
)
from trunkline.model.sighting import Sighting
from trunkline.model.words import CONVERSED, ENDED_BY, RESULTS, Direction, EndReason, Result, Role, Status
from trunkline.vendors.retell.words import (
    ASIDES,
    CHANNEL,
    DIRECTION,
    END_REASON,
    LEFT,
    NAME,
    REFINED,
    ROLES,
    SCRUBBED,
    SENTIMENT,
    STATUS,
    STORED_FIELDS,
)

VARIABLES = ("retell_llm_dynamic_variables", "collected_dynamic_variables")
"""A team's own values beside `metadata`; they are in our metadata under these names."""

READ = frozenset(
    {
        *("call_id", "call_type", "call_status", "direction", "from_number", "to_number"),
        *("agent_id", "agent_name", "agent_version", "batch_call_id", "metadata", *VARIABLES),
        *("start_timestamp", "end_timestamp", "duration_ms", "disconnection_reason"),
        *("transcript", "transcript_object", "transcript_with_tool_calls", "recording_url", "public_log_url"),
        *("call_analysis", "call_cost", "latency", "llm_token_usage", "telephony_identifier"),
        "opt_out_sensitive_data_storage",
    }
)

ANALYSIS = ("call_summary", "in_voicemail", "user_sentiment", "call_successful", "custom_analysis_data")


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list or a get.

    An answer has the state of a call at the time of the request, so it is true as of its arrival.
    """
    return read_call(Payload.of(raw, "call"))[0]


def read_call(wire: Payload) -> tuple[Sighting, list[str]]:
    """Read a call, and name the words and fields in it that are not known."""
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("call_id"),
        vendor_type=wire.text("call_type"),
        from_number=wire.text("from_number"),
        to_number=wire.text("to_number"),
        end_reason_raw=wire.text("disconnection_reason"),
        started_at=wire.epoch_ms("start_timestamp"),
        ended_at=wire.epoch_ms("end_timestamp"),
        duration_ms=wire.milliseconds("duration_ms"),
        transcript_text=wire.text("transcript"),
        latency=wire.json_object("latency"),
        usage=wire.json_object("llm_token_usage"),
        log_url=wire.text("public_log_url"),
        metadata=_metadata(wire),
        recording=_recording(wire),
        problems=wire.problems,
    )
    unknown: list[str] = []
    _read_parts(wire, sighting, unknown)
    _read_words(wire, sighting, unknown)
    _read_conversation(wire, sighting, unknown)
    _derive_result(sighting)
    new = sorted(wire.rest(*READ, *STORED_FIELDS, *LEFT))
    stored = {name: wire.raw[name] for name in (*STORED_FIELDS, *new) if name in wire}
    fields = (or_none(sighting.vendor_fields) or {}) | stored
    sighting.vendor_fields = fields or UNSET
    return sighting, unknown + [f"call.{name}" for name in new]


def _metadata(wire: Payload) -> dict[str, Any] | UnsetType | None:
    free = wire.value("metadata")
    stated = free if isinstance(free, dict) else {"metadata": free} if free else {}
    variables = {name: wire.raw[name] for name in VARIABLES if wire.raw.get(name)}
    if stated or variables:
        return {**stated, **variables}
    return free if free is UNSET or isinstance(free, dict) else None


def _recording(wire: Payload) -> Recording | UnsetType | None:
    urls = [wire.text("recording_url"), wire.text("scrubbed_recording_url")]
    url = next((url for url in urls if isinstance(url, str) and url), None)
    if url is None:
        return UNSET if all(found is UNSET for found in urls) else None
    return Recording(url=url)


def _read_parts(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    fields: dict[str, Any] = {}
    agent, version = or_none(wire.text("agent_id")), or_none(wire.value("agent_version"))
    if agent is not None or "agent_name" in wire:
        config = None if version is None else {"agent_version": version}
        sighting.agent = Agent(id=agent, name=or_none(wire.text("agent_name")), config=config)
    batch = wire.text("batch_call_id")
    if isinstance(batch, str):
        sighting.campaign = Campaign(id=batch)
    opt_out = wire.flag("opt_out_sensitive_data_storage")
    if isinstance(opt_out, bool):
        sighting.privacy = Privacy(opt_out=opt_out)
    carrier = wire.object("telephony_identifier")
    if isinstance(carrier, Payload):
        sighting.telephony = Telephony(sid=or_none(carrier.text("twilio_call_sid")))
        if rest := carrier.rest("twilio_call_sid"):
            fields["telephony_identifier"] = rest
    cost = wire.object("call_cost")
    if isinstance(cost, Payload):
        cents, items = or_none(cost.number("combined_cost")), or_none(cost.json_objects("product_costs"))
        amount = None if cents is None else cents / Decimal(100)
        sighting.cost = Cost(amount=amount, unit="USD", items=items)
        if rest := cost.rest("combined_cost", "product_costs"):
            fields["call_cost"] = rest
    analysis = wire.object("call_analysis")
    if isinstance(analysis, Payload):
        sighting.analysis = _analysis(analysis, unknown)
        if rest := analysis.rest(*ANALYSIS):
            fields["call_analysis"] = rest
            unknown += [f"call.call_analysis.{name}" for name in sorted(rest)]
    sighting.vendor_fields = fields or UNSET


def _analysis(wire: Payload, unknown: list[str]) -> Analysis:
    mood = or_none(wire.text("user_sentiment"))
    if mood and not SENTIMENT.knows(mood):
        unknown.append(f"call.call_analysis.user_sentiment={mood}")
    custom = or_none(wire.value("custom_analysis_data"))
    return Analysis(
        summary=or_none(wire.text("call_summary")),
        sentiment=SENTIMENT.read(mood) if mood else None,
        success=or_none(wire.flag("call_successful")),
        voicemail=or_none(wire.flag("in_voicemail")),
        custom=custom if isinstance(custom, dict) else {"custom_analysis_data": custom} if custom else None,
    )


def _read_words(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    kind, way = sighting.vendor_type, wire.text("direction")
    if isinstance(kind, str):
        sighting.channel = CHANNEL.read(kind) or sighting.channel
        unknown += [] if CHANNEL.knows(kind) else [f"call.call_type={kind}"]
    if isinstance(way, str):
        sighting.direction = DIRECTION.read(way) or Direction.UNKNOWN
        unknown += [] if DIRECTION.knows(way) else [f"call.direction={way}"]
    reason = or_none(sighting.end_reason_raw)
    if reason:
        sighting.end_reason = END_REASON.read(reason)
        unknown += [] if END_REASON.knows(reason) else [f"call.disconnection_reason={reason}"]
    word = or_none(wire.text("call_status"))
    if word:
        sighting.status = _status(word, or_none(sighting.end_reason), or_none(sighting.analysis))
        unknown += [] if STATUS.knows(word) else [f"call.call_status={word}"]


def _status(word: str, reason: EndReason | None, analysis: Analysis | None) -> Status:
    status = STATUS.read(word) or Status.INCOMPLETE
    if word not in REFINED:
        return status
    if reason is not None:
        status = ENDED_BY.get(reason, status)
    if status is Status.COMPLETED and analysis is not None and analysis.voicemail:
        return Status.VOICEMAIL
    return status


def _derive_result(sighting: Sighting) -> None:
    status, reason = or_none(sighting.status), or_none(sighting.end_reason)
    if status in RESULTS:
        sighting.result = RESULTS[status]
    elif status is Status.COMPLETED:
        spoke = any(turn.role is Role.USER for turn in sighting.turns or ())
        sighting.result = Result.ANSWERED if spoke or reason in CONVERSED else UNSET
    if sighting.result is not UNSET:
        sighting.derived = ["result"]


def _read_conversation(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    name = next(
        (
            name
            for name in ("transcript_with_tool_calls", "transcript_object", SCRUBBED)
            if isinstance(wire.items(name), list)
        ),
        None,
    )
    if name is None:
        return
    sequence, events = Sequence(), []
    for entry in wire.objects(name):
        role, call = or_none(entry.text("role")) or "", or_none(entry.text("tool_call_id"))
        if role == "tool_call_invocation":
            tool, arguments = or_none(entry.text("name")), or_none(entry.value("arguments"))
            sequence.invocation(ToolCall(name=tool, id=call, arguments=arguments))
        elif role == "tool_call_result":
            sequence.returned(call, or_none(entry.value("content")))
        elif role in ROLES:
            sequence.turn(_turn(entry, ROLES[role]))
        else:
            events.append(entry.raw)
            unknown += [] if role in ASIDES else [f"call.{name}.role={role}"]
    sighting.turns = sequence.turns
    if name != "transcript_object":
        sighting.tool_calls = sequence.tool_calls
        sighting.events = events or UNSET


def _turn(entry: Payload, role: Role) -> Turn:
    turn = Turn(role=role, text=or_none(entry.text("content")) or "")
    if isinstance(entry.items("words"), list):
        turn.words = [
            Word(
                word=or_none(word.text("word")) or "",
                start_ms=or_none(word.seconds("start")),
                end_ms=or_none(word.seconds("end")),
            )
            for word in entry.objects("words")
        ]
        starts = [word.start_ms for word in turn.words if word.start_ms is not None]
        ends = [word.end_ms for word in turn.words if word.end_ms is not None]
        turn.start_ms, turn.end_ms = min(starts, default=None), max(ends, default=None)
    return turn
