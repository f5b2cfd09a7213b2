"""Bland: one webhook when a call is over, which holds the whole call with its transcript.

Sources: docs.bland.ai for the details of a call, post-call webhooks and their signature.

Events: the post-call webhook, and a call as its API prints it; a line of the live log is noted.

Not carried: tool calls, which the transcript names in words only.

Our choice: `end_at` is documented as the moment at which a call would have been cut off, so the end lies
`corrected_duration` after the start, and is marked as derived; a call holds as of its end. The length in
seconds counts before `call_length`, which is minutes. A phrase begins when it was written, since the vendor
tells no other time. `agent-action` entries are not speech: they stand among the tool calls, with their
words as arguments. Of the variables those that the system sets itself are not metadata. A signature may be
over the body as it came or over its JSON without spaces, which is what the vendor's example checks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trunkline.kit.door import Door, Heard
from trunkline.kit.payload import Payload, Unreadable, told
from trunkline.kit.signatures import AnyOf, HmacSigned, one_header
from trunkline.kit.transcript import Sequence
from trunkline.kit.vocabulary import OneWay
from trunkline.kit.wire import later
from trunkline.model.call import Agent, Analysis, Campaign, Cost, Recording, ToolCall, Turn
from trunkline.model.sighting import Sighting
from trunkline.model.words import RESULTS, Channel, Direction, EndReason, Result, Role, Status

NAME = "bland"

STATUS = OneWay(
    "status",
    read={
        "completed": Status.COMPLETED,
        "complete": Status.COMPLETED,
        "failed": Status.FAILED,
        "busy": Status.BUSY,
        "no-answer": Status.NO_ANSWER,
        "canceled": Status.CANCELED,
        "voicemail": Status.VOICEMAIL,
        "queued": Status.QUEUED,
        "pre_queue": Status.QUEUED,
        "new": Status.QUEUED,
        "allocated": Status.QUEUED,
        "ringing": Status.RINGING,
        "started": Status.IN_PROGRESS,
        "in-progress": Status.IN_PROGRESS,
        "complete_error": Status.FAILED,
        "call_error": Status.FAILED,
        "queue_error": Status.FAILED,
        "pre_queue_error": Status.FAILED,
    },
    otherwise=Status.INCOMPLETE,
)

ENDED_BY = OneWay(
    "end_reason",
    read={"ASSISTANT": EndReason.AGENT_HANGUP, "USER": EndReason.USER_HANGUP},
    otherwise=EndReason.OTHER,
    spelling=str.upper,
)

ANSWERED_BY = OneWay(
    "answered_by",
    read={
        "human": Result.ANSWERED,
        "unknown": Result.ANSWERED,
        "voicemail": Result.VOICEMAIL,
        "no-answer": Result.NO_ANSWER,
    },
    otherwise=None,
)

END_REASONS = {
    Status.FAILED: EndReason.ERROR,
    Status.BUSY: EndReason.BUSY,
    Status.NO_ANSWER: EndReason.NO_ANSWER,
    Status.VOICEMAIL: EndReason.VOICEMAIL,
    Status.CANCELED: EndReason.CANCELED,
}

ROLES = {"user": Role.USER, "assistant": Role.AGENT, "robot": Role.AGENT}
ACTION = "agent-action"

LONGEST_MINUTES = 366 * 24 * 60

SYSTEM_VARIABLES = (
    *("now", "now_utc", "short_from", "short_to", "from", "to", "call_id", "phone_number", "city", "country"),
    *("state", "zip", "timestamp", "timezone", "language"),
)
READ = (
    *("call_id", "c_id", "to", "from", "inbound", "status", "queue_status", "completed", "answered_by"),
    *("call_ended_by", "error_message", "created_at", "started_at", "corrected_duration", "call_length"),
    *(
        "batch_id",
        "pathway_id",
        "persona_id",
        "transcripts",
        "concatenated_transcript",
        "summary",
        "analysis",
    ),
    *("price", "record", "recording_url", "metadata", "variables"),
)
KEPT = (
    *(
        "end_at",
        "request_data",
        "endpoint_url",
        "max_duration",
        "local_dialing",
        "pathway_logs",
        "pathway_tags",
    ),
    *("analysis_schema", "recording_expiration", "disposition_tag", "transferred_to", "transferred_at"),
    *("pre_transfer_duration", "post_transfer_duration", "warm_transfer_calls", "citations", "language"),
    *("pathway_version", "is_proxy_agent_call", "sms_log", "post_call_sms", "corrected_at"),
)


def read(document: Any) -> Heard:
    """Read a post-call webhook; raises `Unreadable`."""
    wire = Payload.of(document)
    if (
        "category" in wire
        and "message" in wire
        and not {"completed", "status", "queue_status"} & wire.raw.keys()
    ):
        return Heard(event=told(wire.text("category")) or "", note="a line of the live log, not a call")
    sighting, unknown = _sighting(wire)
    return Heard(event="", sightings=[sighting], unknown=unknown)


def from_wire(raw: Any) -> Sighting:
    """Read a call of the vendor's API; raises `Unreadable`."""
    return _sighting(Payload.of(raw))[0]


def _sighting(wire: Payload) -> tuple[Sighting, list[str]]:
    unknown: list[str] = []
    minutes = wire.number("call_length")
    duration_ms = wire.seconds("corrected_duration")
    if not isinstance(duration_ms, int) and isinstance(minutes, Decimal):
        if not 0 <= minutes <= LONGEST_MINUTES:
            raise Unreadable("call_length", "a duration lies between nothing and a year")
        duration_ms = round(minutes * 60_000)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("call_id", "c_id"),
        channel=Channel.PHONE,
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        created_at=told(wire.instant("created_at")) or UNSET,
        started_at=wire.instant("started_at"),
        duration_ms=duration_ms,
        end_reason_raw=wire.text("call_ended_by"),
        transcript_text=wire.text("concatenated_transcript"),
    )
    inbound = told(wire.flag("inbound"))
    if inbound is not None:
        sighting.direction = Direction.INBOUND if inbound else Direction.OUTBOUND
    _read_outcome(wire, sighting, unknown)
    _read_analysis(wire, sighting)
    _read_transcript(wire, sighting, unknown)
    _read_rest(wire, sighting)
    rest = wire.rest(*READ)
    unknown += [name for name in rest if name not in KEPT]
    sighting.vendor_fields = rest or UNSET
    return sighting, unknown


def _read_outcome(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """Status, end, reason and result; a call that is completed is over, whatever its place in the queue."""
    derived: list[str] = []
    name = "status" if told(wire.text("status")) else "queue_status"
    word, completed = told(wire.text(name)), told(wire.flag("completed"))
    if word:
        sighting.status = STATUS.read(word) or Status.INCOMPLETE
        if not STATUS.knows(word):
            unknown.append(f"{name}={word}")
    if completed and (sighting.status is UNSET or not sighting.status.is_final):
        sighting.status = Status.COMPLETED
    started_at, status = told(sighting.started_at), told(sighting.status)
    if status is not None and status.is_final:
        if started_at is not None and isinstance(sighting.duration_ms, int):
            sighting.ended_at = later(started_at, sighting.duration_ms) or UNSET
            derived += ["ended_at"] if sighting.ended_at else []
        answered_by = told(wire.text("answered_by"))
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
    said_at = told(sighting.ended_at) or started_at or told(sighting.created_at)
    sighting.said_at = said_at or UNSET
    sighting.derived = derived or UNSET


def _read_analysis(wire: Payload, sighting: Sighting) -> None:
    answered_by = told(wire.text("answered_by"))
    heard_by = ANSWERED_BY.read(answered_by) if answered_by else None
    analysis = told(wire.value("analysis"))
    if any(name in wire for name in ("summary", "analysis", "answered_by")):
        sighting.analysis = Analysis(
            summary=told(wire.text("summary")),
            voicemail=None if heard_by is None else heard_by is Result.VOICEMAIL,
            custom=analysis if isinstance(analysis, dict) else None,
        )


def _read_transcript(wire: Payload, sighting: Sighting, unknown: list[str]) -> None:
    if not isinstance(wire.items("transcripts"), list):
        return
    sequence = Sequence()
    for entry in wire.objects("transcripts"):
        speaker = told(entry.text("user")) or ""
        text, start_ms = told(entry.text("text")) or "", _offset_ms(entry, sighting.started_at)
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
    at = told(entry.instant("created_at"))
    if at is None or not isinstance(started_at, datetime) or at < started_at:
        return None
    return (at - started_at) // timedelta(milliseconds=1)


def _read_rest(wire: Payload, sighting: Sighting) -> None:
    batch, agent = told(wire.text("batch_id")), told(wire.text("persona_id")) or told(wire.text("pathway_id"))
    if batch:
        sighting.campaign = Campaign(id=batch)
    if agent:
        sighting.agent = Agent(id=agent)
    price, problem = told(wire.number("price")), told(wire.text("error_message"))
    if price is not None:
        sighting.cost = Cost(amount=price, unit="USD")
    if problem:
        sighting.errors = {"error_message": problem}
    if "record" in wire or "recording_url" in wire:
        sighting.recording = Recording(
            enabled=told(wire.flag("record")), url=told(wire.text("recording_url")) or None
        )
    metadata, variables = told(wire.json_object("metadata")), told(wire.object("variables"))
    own = variables.rest(*SYSTEM_VARIABLES) if variables is not None else {}
    if metadata is not None or own:
        sighting.metadata = {**(metadata or {}), **({"variables": own} if own else {})}


def _compact(body: bytes, _: str) -> bytes:
    """The body's JSON without spaces; the body itself where it is none."""
    try:
        return msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body


KEY = "the webhook's signing secret"

DOOR = Door(
    name=NAME,
    title="Bland",
    about=__doc__ or "",
    signing=AnyOf(
        secret_is=KEY,
        ways=(
            HmacSigned(secret_is=KEY, shown=one_header("x-webhook-signature"), message=lambda body, _: body),
            HmacSigned(secret_is=KEY, shown=one_header("x-webhook-signature"), message=_compact),
        ),
    ),
    read=read,
    from_wire=from_wire,
)
