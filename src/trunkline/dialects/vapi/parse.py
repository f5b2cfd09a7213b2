"""Vapi's calls as list and get print them, and as messages carry them, read into sightings."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.dialects.vapi.words import (
    CHANNELS,
    KEPT,
    LEFT_OUT,
    NAME,
    READ,
    ROLES,
    STATUS,
    SUCCESS,
    TOOL_CALLS,
    TOOL_RESULTS,
    TYPE,
    UNSPOKEN,
    end_reason,
)
from trunkline.kit.payload import Payload, told
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


def from_wire(raw: Any) -> Sighting:
    """Read a call of the list or the get; raises `Unreadable`."""
    sighting = read_call(Payload.of(raw), [])
    settle(sighting)
    sighting.said_at = told(sighting.updated_at) or implied_at(sighting)
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
        created_at=told(call.instant("createdAt")) or UNSET,
        updated_at=call.instant("updatedAt"),
        started_at=call.instant("startedAt"),
        ended_at=call.instant("endedAt"),
        duration_ms=_duration_ms(call),
    )
    _read_words(call, sighting, unknown)
    _read_sides(call, sighting)
    _read_artifact(call, sighting, unknown)
    _read_analysis(call, sighting)
    _read_cost(call, sighting)
    _read_plan(call, sighting)
    message = told(call.text("endedMessage"))
    if message:
        sighting.errors = {"endedMessage": message}
    rest = call.rest(*READ, *LEFT_OUT)
    unknown += [f"call.{name}" for name in rest if name not in KEPT]
    if rest:
        sighting.vendor_fields = {**(sighting.vendor_fields or {}), **rest}
    return sighting


def _duration_ms(call: Payload) -> int | UnsetType | None:
    exact = call.milliseconds("durationMs")
    return exact if isinstance(exact, int) else call.seconds("durationSeconds")


def _read_words(call: Payload, sighting: Sighting, unknown: list[str]) -> None:
    status, kind, reason = (
        told(call.text("status")),
        told(sighting.vendor_type),
        told(sighting.end_reason_raw),
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
        known = end_reason(reason)
        sighting.end_reason = known or EndReason.OTHER
        sighting.status = ENDED_BY.get(sighting.end_reason, Status.COMPLETED)
        if known is None:
            unknown.append(f"call.endedReason={reason}")


def _read_sides(call: Payload, sighting: Sighting) -> None:
    """Who talked: the customer, the assistant, and the numbers and carrier between them."""
    customer, phone = call.object("customer"), call.object("phoneNumber")
    theirs = told(customer.text("number", "sipUri")) if isinstance(customer, Payload) else None
    ours = told(phone.text("number", "twilioPhoneNumber", "sipUri")) if isinstance(phone, Payload) else None
    if sighting.direction is Direction.INBOUND:
        sighting.from_number, sighting.to_number = theirs or UNSET, ours or UNSET
    elif sighting.direction is Direction.OUTBOUND:
        sighting.from_number, sighting.to_number = ours or UNSET, theirs or UNSET
    if isinstance(customer, Payload) or told(call.text("customerId")) is not None:
        person = customer if isinstance(customer, Payload) else Payload({}, "customer")
        sighting.contact = Contact(
            id=told(call.text("customerId")),
            phone_number=theirs,
            full_name=told(person.text("name")),
            email=told(person.text("email")),
        )
    assistant = call.object("assistant")
    agent = Agent(id=told(call.text("assistantId")))
    if isinstance(assistant, Payload):
        agent.id = agent.id or told(assistant.text("id"))
        agent.name = told(assistant.text("name"))
    if agent.id or agent.name:
        sighting.agent = agent
    transport = call.object("transport")
    sid = told(call.text("phoneCallProviderId"))
    if isinstance(transport, Payload):
        sid = sid or told(transport.text("callSid"))
    if sid or told(call.text("phoneCallTransport")):
        sighting.telephony = Telephony(sid=sid, transport=told(call.text("phoneCallTransport")))


def _read_artifact(call: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """What a call left behind; older payloads have some of it on the call itself."""
    found = call.object("artifact")
    artifact = found if isinstance(found, Payload) else Payload({}, "artifact")
    _read_messages(call, sighting, unknown)
    _read_messages(artifact, sighting, unknown)
    text = told(artifact.text("transcript")) or told(call.text("transcript"))
    if text:
        sighting.transcript_text = text
    url = _recording_url(artifact) or _recording_url(call)
    if url is not None:
        sighting.recording = Recording(enabled=True, url=url)
    sighting.log_url = told(artifact.text("logUrl")) or UNSET
    metrics = told(artifact.json_object("performanceMetrics"))
    if metrics:
        sighting.latency = metrics
    transfers = told(artifact.items("transfers"))
    if transfers:
        sighting.vendor_fields = {"transfers": transfers}


def _recording_url(wire: Payload) -> str | None:
    """One address: the two sides mixed where there is such a file, else the stereo one."""
    recording = wire.object("recording")
    if isinstance(recording, Payload):
        mono = recording.object("mono")
        url = told(mono.text("combinedUrl")) if isinstance(mono, Payload) else None
        url = url or told(recording.text("stereoUrl"))
        if url:
            return url
    return told(wire.text("recordingUrl")) or told(wire.text("stereoRecordingUrl")) or None


def _read_analysis(call: Payload, sighting: Sighting) -> None:
    analysis, artifact = call.object("analysis"), call.object("artifact")
    said = analysis if isinstance(analysis, Payload) else Payload({}, "analysis")
    left = artifact if isinstance(artifact, Payload) else Payload({}, "artifact")
    custom = dict(told(said.json_object("structuredData")) or {})
    for output in told(left.json_object("structuredOutputs")) or {}, told(said.json_object("custom")) or {}:
        custom |= {_name_of(key, value): _result_of(value) for key, value in output.items()}
    cards = told(left.json_object("scorecards")) or {}
    grade = told(said.value("successEvaluation"))
    success = SUCCESS.get(str(grade).lower())
    summary = told(said.text("summary")) or told(call.text("summary"))
    if summary or custom or cards or success is not None:
        sighting.analysis = Analysis(
            summary=summary,
            success=success,
            custom=custom or None,
            evaluations=[{"id": key, "scorecard": card} for key, card in cards.items()] or None,
        )
    kept = {"successEvaluation": grade, "structuredDataMulti": told(said.value("structuredDataMulti"))}
    kept = {name: value for name, value in kept.items() if value is not None}
    if kept:
        sighting.vendor_fields = {**(sighting.vendor_fields or {}), "analysis": kept}


def _name_of(key: str, output: Any) -> str:
    """A structured output's own name; its key is a generated id."""
    name = output.get("name") if isinstance(output, dict) else None
    return name if isinstance(name, str) and name else key


def _result_of(output: Any) -> Any:
    return output["result"] if isinstance(output, dict) and "result" in output else output


def _read_cost(call: Payload, sighting: Sighting) -> None:
    amount, items = told(call.number("cost")), told(call.json_objects("costs"))
    if amount is not None or items:
        sighting.cost = Cost(amount=amount, unit="USD", items=items or None)


def _read_plan(call: Payload, sighting: Sighting) -> None:
    """What was asked for before the call: its campaign, its time, and the team's own values."""
    campaign, plan = told(call.text("campaignId")), call.object("schedulePlan")
    if campaign:
        sighting.campaign = Campaign(id=campaign)
    if isinstance(plan, Payload):
        sighting.scheduled_at = plan.instant("earliestAt")
    metadata = dict(told(call.json_object("metadata")) or {})
    overrides = call.object("assistantOverrides")
    if isinstance(overrides, Payload):
        metadata |= told(overrides.json_object("metadata")) or {}
        values = told(overrides.json_object("variableValues"))
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


# -- the conversation: messages with their places, tool calls and results among them ---

LONGEST_TURN = timedelta(days=1)


def _read_messages(container: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """Take the messages under `messages`, unless there are none."""
    if not told(container.items("messages")):
        return
    sequence = Sequence()
    for entry in container.objects("messages"):
        role = told(entry.text("role")) or ""
        if role in TOOL_CALLS:
            for tool in entry.objects("toolCalls"):
                sequence.invocation(_tool_call(tool, _start_ms(entry)))
        elif role in TOOL_RESULTS:
            result = told(entry.value("result", "content", "message"))
            sequence.returned(
                told(entry.text("toolCallId", "tool_call_id")), result, told(entry.text("name"))
            )
        elif role not in UNSPOKEN:
            if role not in ROLES:
                unknown.append(f"messages.role={role}")
                continue
            begins_ms = _start_ms(entry)
            text = told(entry.text("message", "content")) or ""
            turn = Turn(role=ROLES[role], text=text, start_ms=begins_ms, end_ms=_end_ms(entry, begins_ms))
            sequence.turn(turn)
    sighting.turns = sequence.turns
    if sequence.tool_calls:
        sighting.tool_calls = sequence.tool_calls


def _start_ms(entry: Payload) -> int | None:
    """Where a message begins, from the seconds since the start of the conversation."""
    seconds = told(entry.number("secondsFromStart"))
    return round(seconds * 1000) if isinstance(seconds, Decimal) and 0 <= seconds < 10**7 else None


def _end_ms(entry: Payload, begins_ms: int | None) -> int | None:
    """Where a message ends, from its two epoch times in milliseconds."""
    began, ended = told(entry.number("time")), told(entry.number("endTime"))
    if begins_ms is None or began is None or ended is None:
        return None
    length_ms = round(ended - began)
    return begins_ms + length_ms if 0 <= length_ms <= LONGEST_TURN // timedelta(milliseconds=1) else None


def _tool_call(tool: Payload, begins_ms: int | None) -> ToolCall:
    """A tool call; its name and arguments may lie under `function`, as language models print them."""
    function = tool.object("function")
    named = function if isinstance(function, Payload) else tool
    arguments = told(named.value("arguments", "parameters"))
    return ToolCall(
        name=told(named.text("name")),
        id=told(tool.text("id", "toolCallId")),
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
