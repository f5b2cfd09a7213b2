"""Ultravox: webhooks for a call that was created, joined, ended and billed, each with the whole call.

Sources: docs.ultravox.ai for webhooks and for the definition of a call.

Events: `call.started`, `call.joined`, `call.ended`, `call.billed`, and a call as its API prints it.

Not carried: turns and the recording's address, which the vendor gives at addresses of their own, and a
price.

Our choice: a call prints no status, so it follows from whether it was joined and ended, and from why it
ended. A webhook's time is in its headers only, so a call holds as of the last instant that it prints: its
end, else when it was joined, else its creation. What is said of a bill comes after the end, a millisecond
for each step, so that a bill that was pending never replaces one that was settled. The billed duration is
not the length of the call and is kept under usage. The address to join a call and the callbacks, which hold
secrets, are left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import Door, Heard
from trunkline.kit.payload import Payload, told
from trunkline.kit.signatures import HmacSigned, Window, two_headers
from trunkline.kit.vocabulary import OneWay
from trunkline.kit.wire import instant_of_iso, later
from trunkline.model.call import Agent, Analysis, Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import ENDED_BY, RESULTS, Channel, Direction, EndReason, Result, Status

NAME = "ultravox"

EVENTS = ("call.started", "call.joined", "call.ended", "call.billed")

END_REASON = OneWay(
    "end_reason",
    read={
        "unjoined": EndReason.NOT_CONNECTED,
        "hangup": EndReason.USER_HANGUP,
        "agent_hangup": EndReason.AGENT_HANGUP,
        "timeout": EndReason.MAX_DURATION,
        "connection_error": EndReason.CONNECTION_LOST,
        "system_error": EndReason.AGENT_ERROR,
    },
    otherwise=EndReason.OTHER,
)

BILLING_STEPS = {
    "BILLING_STATUS_UNSPECIFIED": 0,
    "BILLING_STATUS_PENDING": 0,
    "BILLING_STATUS_FREE_CONSOLE": 1,
    "BILLING_STATUS_FREE_ZERO_EFFECTIVE_DURATION": 1,
    "BILLING_STATUS_FREE_MINUTES": 1,
    "BILLING_STATUS_FREE_SYSTEM_ERROR": 1,
    "BILLING_STATUS_FREE_OTHER": 1,
    "BILLING_STATUS_BILLED": 1,
    "BILLING_STATUS_REFUNDED": 2,
}
"""How far each word is along the way of a bill."""

CHANNELS = {
    "webRtc": Channel.WEB,
    "serverWebSocket": Channel.WEB,
    "twilio": Channel.PHONE,
    "telnyx": Channel.PHONE,
    "plivo": Channel.PHONE,
    "exotel": Channel.PHONE,
    "sip": Channel.PHONE,
}
DIRECTIONS = {"outgoing": Direction.OUTBOUND, "incoming": Direction.INBOUND}

CONFIG = ("model", "voice", "externalVoice", "voiceOverrides", "temperature", "languageHint", "systemPrompt")
USAGE = ("billedDuration", "billedSideInputTokens", "billedSideOutputTokens")
LEFT_OUT = ("joinUrl", "callbacks", "medium")  # they hold secrets; what counts of the medium is read
READ = (
    *("callId", "created", "joined", "ended", "endReason", "agent", "agentId", "summary", "billingStatus"),
    *("recordingEnabled", "metadata"),
    *(*CONFIG, *USAGE, *LEFT_OUT),
)
KEPT = (
    *("clientVersion", "shortSummary", "sipDetails", "joinTimeout", "maxDuration", "firstSpeaker"),
    *("firstSpeakerSettings", "inactivityMessages", "initialOutputMedium", "timeExceededMessage"),
    *("transcriptOptional", "vadSettings", "experimentalSettings", "initialState", "requestContext"),
    "dataConnectionConfig",
)


def read(document: Any) -> Heard:
    """Read a webhook; raises `Unreadable`."""
    wire = Payload.of(document)
    event = told(wire.text("event")) or ""
    call = wire.object("call")
    if not isinstance(call, Payload):
        return Heard(event=event, note="the webhook holds no call")
    sighting, unknown = _sighting(call)
    if event not in EVENTS:
        unknown.insert(0, f"event={event}")
    return Heard(event=event, sightings=[sighting], unknown=unknown)


def from_wire(raw: Any) -> Sighting:
    """Read a call of the vendor's API; raises `Unreadable`."""
    return _sighting(Payload.of(raw))[0]


def _sighting(call: Payload) -> tuple[Sighting, list[str]]:
    unknown: list[str] = []
    created_at, joined_at = told(call.instant("created")), told(call.instant("joined"))
    ended_at, billing = told(call.instant("ended")), told(call.text("billingStatus"))
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=call.identifier("callId"),
        created_at=created_at or UNSET,
        started_at=call.instant("joined"),
        ended_at=call.instant("ended"),
        end_reason_raw=call.text("endReason"),
        billing_status=call.text("billingStatus"),
        metadata=call.json_object("metadata"),
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
        sighting.said_at = later(last, BILLING_STEPS.get(billing or "", 0)) or last
    _read_medium(call, sighting, unknown)
    _read_rest(call, sighting)
    rest = call.rest(*READ)
    unknown += [f"call.{name}" for name in rest if name not in KEPT]
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
    """What the call travels over; a phone's medium may hold both numbers and who called whom."""
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
    agent_id = told(call.text("agentId"))
    name = None
    if isinstance(agent, Payload):
        agent_id, name = told(agent.text("agentId")) or agent_id, told(agent.text("name"))
    config = {key: call.raw[key] for key in CONFIG if call.raw.get(key) is not None}
    if agent_id or name or config:
        sighting.agent = Agent(id=agent_id, name=name, config=config or None)
    if "summary" in call:
        sighting.analysis = Analysis(summary=told(call.text("summary")))
    if "recordingEnabled" in call:
        sighting.recording = Recording(enabled=told(call.flag("recordingEnabled")))
    usage = {key: call.raw[key] for key in USAGE if call.raw.get(key) is not None}
    if usage:
        sighting.usage = usage


MINUTE = timedelta(minutes=1)

DOOR = Door(
    name=NAME,
    title="Ultravox",
    about=__doc__ or "",
    signing=HmacSigned(
        secret_is="the webhook's secret",  # noqa: S106 - what it is called
        shown=two_headers("x-ultravox-webhook-signature", "x-ultravox-webhook-timestamp", ","),
        message=lambda body, stamp: body + stamp.encode(),
        instant=instant_of_iso,
        window=Window(past=MINUTE, future=MINUTE),
    ),
    read=read,
    from_wire=from_wire,
)
