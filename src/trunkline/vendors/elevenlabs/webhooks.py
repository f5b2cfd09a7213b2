"""ElevenLabs: conversations arrive by post-call webhook, and can be pulled from `/v1/convai/conversations`.

Sources: elevenlabs.io/docs on post-call webhooks, list conversations and get conversation; the types and
the verifier of ElevenLabs' own Python SDK. Documented are the three types of webhook, the fields and their
units, and the signature `ElevenLabs-Signature: t=<s>,v0=<hex>`, which is valid for thirty minutes.

Events: `post_call_transcription`, `post_call_audio` and `call_initiation_failure`, also as
`unredacted_…`.

Not carried: the duration and cost of each turn, feedback on turns, an interrupted turn's first wording, the
audio itself, conversations that come as OpenTelemetry traces; the payload is stored, so that they can be
read later.

Our choice: a signature's time may be five minutes in the future. A delivery is true as of its
`event_timestamp`. The reasons for an end are undocumented sentences; some are recognised by their beginning.
A call that could not be made is dated by its delivery, and where its reason is `unknown` the carrier's SIP
code is the reason. `processing` counts as over. The end is derived from the start and the duration. Costs are
credits. The data that a team collects is stored as its values, and whole in `analysis` beside them. Dynamic
variables are in the metadata under the vendor's name. The list is requested with a second more at either end,
since it is not documented whether its bounds are included, and each conversation is then requested by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import HmacSigned, Window, epoch_seconds, pairs_in_header
from trunkline.model.call import Agent, Recording, Telephony
from trunkline.model.sighting import Sighting
from trunkline.model.words import ENDED_BY, RESULTS, Channel, EndReason, Status
from trunkline.vendors.elevenlabs.parse import from_wire, read_conversation
from trunkline.vendors.elevenlabs.pull import LIST_API
from trunkline.vendors.elevenlabs.words import DIRECTION, FAILURE, NAME, SIP_CODES

TRACES = "the conversation is an OpenTelemetry trace, which is stored with the payload and not read"
AUDIO = "the audio is stored with the payload; it has no address of its own"
INITIATION = frozenset({"caller_id", "agent_id", "called_number", "call_sid"})
"""The request of ElevenLabs before an inbound call; its answer sets up the conversation."""


def parse_delivery(document: Any) -> ParsedDelivery:
    """Read a delivery; it is as old as its `event_timestamp`."""
    body = Payload.of(document)
    if "type" not in body and body.raw.keys() >= INITIATION:
        raise AnswerExpected("conversation_initiation_client_data")
    event = or_none(body.text("type")) or ""
    data = body.part("data")
    at = or_none(body.epoch_s("event_timestamp"))
    kind = event.removeprefix("unredacted_")
    if kind == "call_initiation_failure":
        delivery = _failure(event, data, at)
    elif kind == "post_call_audio":
        delivery = _audio(event, data, at)
    else:
        sighting, unknown = read_conversation(data)
        if kind != "post_call_transcription":
            unknown.insert(0, f"type={event}")
        note = TRACES if "otlp_traces" in data else ""
        delivery = ParsedDelivery(event=event, sightings=[sighting], unknown=unknown, note=note)
    for sighting in delivery.sightings:
        sighting.as_of = at or UNSET
    delivery.unknown += sorted(body.rest("type", "event_timestamp", "data"))
    return delivery


def _about(data: Payload) -> Sighting:
    sighting = Sighting(
        vendor=NAME, vendor_call_id=data.identifier("conversation_id"), problems=data.problems
    )
    agent, name = or_none(data.text("agent_id")), or_none(data.text("agent_name"))
    if agent is not None or name is not None:
        sighting.agent = Agent(id=agent, name=name)
    return sighting


def _audio(event: str, data: Payload, at: datetime | None) -> ParsedDelivery:
    sighting = _about(data)
    sighting.recording = Recording(enabled=True)
    sighting.status, sighting.derived = Status.COMPLETED, ["status"]
    _date(sighting, at)
    new = data.rest("agent_id", "agent_name", "conversation_id", "full_audio")
    sighting.vendor_fields = new or UNSET
    return ParsedDelivery(event=event, sightings=[sighting], unknown=sorted(new), note=AUDIO)


def _failure(event: str, data: Payload, at: datetime | None) -> ParsedDelivery:
    sighting, unknown = _about(data), []
    sighting.channel = Channel.PHONE
    reason = or_none(data.text("failure_reason")) or "unknown"
    sighting.end_reason_raw, sighting.end_reason = reason, FAILURE.read(reason) or EndReason.ERROR
    if not FAILURE.knows(reason):
        unknown.append(f"failure_reason={reason}")
    meta = data.object("metadata")
    derived = []
    if isinstance(meta, Payload):
        body = meta.object("body")
        wire = body if isinstance(body, Payload) else Payload({}, "metadata.body", meta.problems)
        if _read_carrier(meta, wire, sighting):
            derived.append("end_reason")
        sighting.vendor_fields = {"metadata": meta.raw}
    sighting.status = ENDED_BY.get(sighting.end_reason, Status.FAILED)
    if sighting.status in RESULTS:
        sighting.result = RESULTS[sighting.status]
        derived.append("result")
    sighting.derived = derived or UNSET
    _date(sighting, at)
    new = data.rest("agent_id", "agent_name", "conversation_id", "failure_reason", "metadata")
    if new:
        sighting.vendor_fields = (or_none(sighting.vendor_fields) or {}) | new
    return ParsedDelivery(event=event, sightings=[sighting], unknown=unknown + sorted(new))


def _read_carrier(meta: Payload, body: Payload, sighting: Sighting) -> bool:
    """Read the carrier's report, in Twilio's names or a SIP trunk's; returns whether it had the reason."""
    sighting.from_number = body.text("From", "from_number")
    sighting.to_number = body.text("To", "to_number")
    sighting.telephony = Telephony(
        sid=or_none(body.text("CallSid", "call_sid")), transport=or_none(meta.text("type"))
    )
    way = or_none(body.text("Direction", "direction"))
    if way:
        sighting.direction = DIRECTION.read(way.partition("-")[0].lower()) or sighting.direction
    code = or_none(body.text("SipResponseCode", "sip_status_code")) or ""
    if sighting.end_reason is not EndReason.ERROR or not code.isdecimal() or len(code) != len("000"):
        return False
    carriers = EndReason.CARRIER_ERROR if code.startswith("5") else None
    reason = SIP_CODES.get(int(code), carriers)
    if reason is not None:
        sighting.end_reason = reason
    return reason is not None


def _date(sighting: Sighting, at: datetime | None) -> None:
    # Neither says when the call was made; it cannot have been later than this.
    if at is not None:
        sighting.created_at = at
        sighting.derived = [*(sighting.derived or ()), "created_at"]


SIGNATURE = HmacSigned(
    secret_is="the webhook's shared secret",  # noqa: S106 (its name, not itself)
    read_header=pairs_in_header("elevenlabs-signature", "t", "v0"),
    message=lambda body, stamp: stamp.encode() + b"." + body,
    instant=epoch_seconds,
    window=Window(past=timedelta(minutes=30), future=timedelta(minutes=5)),
)

DOOR = Door(
    name=NAME,
    title="ElevenLabs",
    about=__doc__ or "",
    signature=SIGNATURE,
    parse_delivery=parse_delivery,
    from_wire=from_wire,
    list_api=LIST_API,
)
