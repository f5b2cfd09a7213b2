"""Vapi's calls as list and get print them, and as messages carry them, read into sightings."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import Sequence
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
from trunkline.model.words import CONVERSED, ENDED_BY, RESULTS, Direction, EndReason, Result, Role, Status
from trunkline.vendors.vapi.words import (
    CHANNELS,
    LEFT_OUT,
    NAME,
    READ,
    ROLES,
    STATUS,
    STORED_FIELDS,
    SUCCESS,
    TOOL_CALLS,
    TOOL_RESULTS,
    TYPE,
    UNSPOKEN,
    end_reason,
)


def from_wire(raw: Any) -> Sighting:
    """Read a call of the list or the get; raises `Unreadable`."""
    sighting = read_call(Payload.of(raw), [])
    settle(sighting)
    sighting.as_of = or_none(sighting.updated_at) or implied_at(sighting)
    return sighting


def implied_at(sighting: Sighting) -> datetime | UnsetType:
    """The last instant that the facts imply."""
    times = (sighting.ended_at, sighting.started_at, sighting.created_at)
    return next((at for at in times if isinstance(at, datetime)), UNSET)


# -- the call -------------------------------------------------------------


def read_call(call: Payload, unknown: list[str]) -> Sighting:
    """Read a call, and add to a list the words and fields in it that are not known."""
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=call.identifier("id"),
        vendor_type=call.text("type"),
        end_reason_raw=call.text("endedReason"),
        created_at=or_none(call.instant("createdAt")) or UNSET,
        updated_at=call.instant("updatedAt"),
        started_at=call.instant("startedAt"),
        ended_at=call.instant("endedAt"),
        duration_ms=_duration_ms(call),
        problems=call.problems,
    )
    _read_words(call, sighting, unknown)
    _read_sides(call, sighting)
    _read_artifact(call, sighting, unknown)
    _read_analysis(call, sighting)
    _read_cost(call, sighting)
    _read_plan(call, sighting)
    message = or_none(call.text("endedMessage"))
    if message:
        sighting.errors = {"endedMessage": message}
    rest = call.rest(*READ, *LEFT_OUT)
    unknown += [f"call.{name}" for name in rest if name not in STORED_FIELDS]
    if rest:
        sighting.vendor_fields = {**(sighting.vendor_fields or {}), **rest}
    return sighting


def _duration_ms(call: Payload) -> int | UnsetType | None:
    exact = call.milliseconds("durationMs")
    return exact if isinstance(exact, int) else call.seconds("durationSeconds")


def _read_words(call: Payload, sighting: Sighting, unknown: list[str]) -> None:
    status, kind, reason = (
        or_none(call.text("status")),
        or_none(sighting.vendor_type),
        or_none(sighting.end_reason_raw),
    )
    if kind is not None:
        sighting.direction = TYPE.read(kind) or Direction.UNKNOWN
        if kind in CHANNELS:
            sighting.channel = CHANNELS[kind]
        else:
            unknown.append(f"call.type={kind}")
    if status is not None:
        sighting.status = STATUS.read(status) or Status.INCOMPLETE
        if not STATUS.knows(status):
            unknown.append(f"call.status={status}")
    if reason:
        documented = end_reason(reason)
        sighting.end_reason = documented or EndReason.OTHER
        sighting.status = ENDED_BY.get(sighting.end_reason, Status.COMPLETED)
        if documented is None:
            unknown.append(f"call.endedReason={reason}")


def _read_sides(call: Payload, sighting: Sighting) -> None:
    """Who talked: the customer, the assistant, and the numbers and carrier between them."""
    customer, phone = call.object("customer"), call.object("phoneNumber")
    theirs = or_none(customer.text("number", "sipUri")) if isinstance(customer, Payload) else None
    ours = (
        or_none(phone.text("number", "twilioPhoneNumber", "sipUri")) if isinstance(phone, Payload) else None
    )
    if sighting.direction is Direction.INBOUND:
        sighting.from_number, sighting.to_number = theirs or UNSET, ours or UNSET
    elif sighting.direction is Direction.OUTBOUND:
        sighting.from_number, sighting.to_number = ours or UNSET, theirs or UNSET
    if isinstance(customer, Payload) or or_none(call.text("customerId")) is not None:
        person = customer if isinstance(customer, Payload) else Payload({}, "customer", call.problems)
        sighting.contact = Contact(
            id=or_none(call.text("customerId")),
            phone_number=theirs,
            full_name=or_none(person.text("name")),
            email=or_none(person.text("email")),
        )
    assistant = call.object("assistant")
    agent = Agent(id=or_none(call.text("assistantId")))
    if isinstance(assistant, Payload):
        agent.id = agent.id or or_none(assistant.text("id"))
        agent.name = or_none(assistant.text("name"))
    if agent.id or agent.name:
        sighting.agent = agent
    transport = call.object("transport")
    sid = or_none(call.text("phoneCallProviderId"))
    if isinstance(transport, Payload):
        sid = sid or or_none(transport.text("callSid"))
    if sid or or_none(call.text("phoneCallTransport")):
        sighting.telephony = Telephony(sid=sid, transport=or_none(call.text("phoneCallTransport")))


def _read_artifact(call: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """What a call left behind; older payloads have some of it on the call itself."""
    found = call.object("artifact")
    artifact = found if isinstance(found, Payload) else Payload({}, "artifact", call.problems)
    _read_messages(call, sighting, unknown)
    _read_messages(artifact, sighting, unknown)
    text = or_none(artifact.text("transcript")) or or_none(call.text("transcript"))
    if text:
        sighting.transcript_text = text
    url = _recording_url(artifact) or _recording_url(call)
    if url is not None:
        sighting.recording = Recording(enabled=True, url=url)
    sighting.log_url = or_none(artifact.text("logUrl")) or UNSET
    metrics = or_none(artifact.json_object("performanceMetrics"))
    if metrics:
        sighting.latency = metrics
    transfers = or_none(artifact.items("transfers"))
    if transfers:
        sighting.vendor_fields = {"transfers": transfers}


def _recording_url(wire: Payload) -> str | None:
    """One address: the two sides mixed where there is such a file, else the stereo one."""
    recording = wire.object("recording")
    if isinstance(recording, Payload):
        mono = recording.object("mono")
        url = or_none(mono.text("combinedUrl")) if isinstance(mono, Payload) else None
        url = url or or_none(recording.text("stereoUrl"))
        if url:
            return url
    return or_none(wire.text("recordingUrl")) or or_none(wire.text("stereoRecordingUrl")) or None


def _read_analysis(call: Payload, sighting: Sighting) -> None:
    analysis, artifact = call.object("analysis"), call.object("artifact")
    stated = analysis if isinstance(analysis, Payload) else Payload({}, "analysis", call.problems)
    left = artifact if isinstance(artifact, Payload) else Payload({}, "artifact", call.problems)
    custom = dict(or_none(stated.json_object("structuredData")) or {})
    for output in (
        or_none(left.json_object("structuredOutputs")) or {},
        or_none(stated.json_object("custom")) or {},
    ):
        custom |= {_name_of(key, value): _result_of(value) for key, value in output.items()}
    cards = or_none(left.json_object("scorecards")) or {}
    grade = or_none(stated.value("successEvaluation"))
    success = SUCCESS.get(str(grade).lower())
    summary = or_none(stated.text("summary")) or or_none(call.text("summary"))
    if summary or custom or cards or success is not None:
        sighting.analysis = Analysis(
            summary=summary,
            success=success,
            custom=custom or None,
            evaluations=[{"id": key, "scorecard": card} for key, card in cards.items()] or None,
        )
    stored = {"successEvaluation": grade, "structuredDataMulti": or_none(stated.value("structuredDataMulti"))}
    stored = {name: value for name, value in stored.items() if value is not None}
    if stored:
        sighting.vendor_fields = {**(sighting.vendor_fields or {}), "analysis": stored}


def _name_of(key: str, output: Any) -> str:
    """A structured output's own name; its key is a generated id."""
    name = output.get("name") if isinstance(output, dict) else None
    return name if isinstance(name, str) and name else key


def _result_of(output: Any) -> Any:
    return output["result"] if isinstance(output, dict) and "result" in output else output


def _read_cost(call: Payload, sighting: Sighting) -> None:
    amount, items = or_none(call.number("cost")), or_none(call.json_objects("costs"))
    if amount is not None or items:
        sighting.cost = Cost(amount=amount, unit="USD", items=items or None)


def _read_plan(call: Payload, sighting: Sighting) -> None:
    """Values from before the call: its campaign, its time, and the team's own values."""
    campaign, plan = or_none(call.text("campaignId")), call.object("schedulePlan")
    if campaign:
        sighting.campaign = Campaign(id=campaign)
    if isinstance(plan, Payload):
        sighting.scheduled_at = plan.instant("earliestAt")
    metadata = dict(or_none(call.json_object("metadata")) or {})
    overrides = call.object("assistantOverrides")
    if isinstance(overrides, Payload):
        metadata |= or_none(overrides.json_object("metadata")) or {}
        values = or_none(overrides.json_object("variableValues"))
        if values:
            metadata["variableValues"] = values
    if metadata:
        sighting.metadata = metadata


def settle(sighting: Sighting) -> None:
    """Derive the result, once a call is over: from its status and reason, or from who spoke."""
    if sighting.status is UNSET or not sighting.status.is_final:
        return
    result = RESULTS.get(sighting.status)
    if result is None and sighting.status is Status.COMPLETED:
        spoke = any(turn.role is Role.USER for turn in sighting.turns or ())
        result = Result.ANSWERED if spoke or sighting.end_reason in CONVERSED else None
    if result is not None:
        sighting.result = result
        sighting.derived = ["result"]


# -- the conversation: messages with their positions, tool calls and results among them ---

MAX_TURN = timedelta(days=1)


def _read_messages(container: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """Read the messages under `messages`, unless there are none."""
    if not or_none(container.items("messages")):
        return
    sequence = Sequence()
    for entry in container.objects("messages"):
        role = or_none(entry.text("role")) or ""
        if role in TOOL_CALLS:
            for tool in entry.objects("toolCalls"):
                sequence.invocation(_tool_call(tool, _start_ms(entry)))
        elif role in TOOL_RESULTS:
            result = or_none(entry.value("result", "content", "message"))
            sequence.returned(
                or_none(entry.text("toolCallId", "tool_call_id")), result, or_none(entry.text("name"))
            )
        elif role not in UNSPOKEN:
            if role not in ROLES:
                unknown.append(f"messages.role={role}")
                continue
            begins_ms = _start_ms(entry)
            text = or_none(entry.text("message", "content")) or ""
            turn = Turn(role=ROLES[role], text=text, start_ms=begins_ms, end_ms=_end_ms(entry, begins_ms))
            sequence.turn(turn)
    sighting.turns = sequence.turns
    if sequence.tool_calls:
        sighting.tool_calls = sequence.tool_calls


def _start_ms(entry: Payload) -> int | None:
    """Where a message begins, from the seconds since the start of the conversation."""
    seconds = or_none(entry.number("secondsFromStart"))
    return round(seconds * 1000) if isinstance(seconds, Decimal) and 0 <= seconds < 10**7 else None


def _end_ms(entry: Payload, begins_ms: int | None) -> int | None:
    """Where a message ends, from its two epoch times in milliseconds."""
    began, ended = or_none(entry.number("time")), or_none(entry.number("endTime"))
    if begins_ms is None or began is None or ended is None:
        return None
    length_ms = round(ended - began)
    return begins_ms + length_ms if 0 <= length_ms <= MAX_TURN // timedelta(milliseconds=1) else None


def _tool_call(tool: Payload, begins_ms: int | None) -> ToolCall:
    """A tool call; its name and arguments may lie under `function`, as language models print them."""
    function = tool.object("function")
    named = function if isinstance(function, Payload) else tool
    arguments = or_none(named.value("arguments", "parameters"))
    return ToolCall(
        name=or_none(named.text("name")),
        id=or_none(tool.text("id", "toolCallId")),
        arguments=_parsed(arguments),
        start_ms=begins_ms,
    )


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
