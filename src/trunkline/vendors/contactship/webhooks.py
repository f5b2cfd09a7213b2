"""ContactShip: one unsigned webhook after the analysis of a call; the list is read by limit and offset.

Sources: docs.contactship.ai on the post-call webhook, on list calls and on rate limits.

Events: none is named; every delivery describes a call after it ended. The request that runs a custom tool
expects an answer.

Not carried: the direction of a call that only a webhook reported.

Our choice: the address is the secret, since no signature is documented. A delivery has no time of its own, so
it is true as of the call's end. `ended` is refined by the result beside it, since the list has words for
each. The variables of a call and of its contact are in `metadata` under the vendor's names. The agent's
language and voice are its configuration; other values of organization, contact and campaign are stored as the
vendor's fields. The call of a webhook is the one that the list prints under the same id. A list is requested
with everything that can be included, within the budget for heavy requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery
from trunkline.kit.payload import Payload, or_none
from trunkline.kit.signatures import SecretAddress
from trunkline.kit.unknown import Unknown
from trunkline.model.call import Agent, Analysis, Campaign
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Sentiment, Status
from trunkline.vendors.contactship.parse import contact_from, from_wire
from trunkline.vendors.contactship.pull import LIST_API
from trunkline.vendors.contactship.words import (
    CHANNEL,
    END_REASON,
    ENDED_WITH,
    NAME,
    RESULT,
    SENTIMENT,
    STATUS,
    STATUS_VARIANTS,
)

PARTS = ("agent", "organization", "call", "contact", "campaign")

CALL = (
    *("call_id", "call_type", "call_status", "duration", "start_timestamp", "end_timestamp"),
    *("disconnection_reason", "recording_url", "transcript", "transcript_object"),
    *("transcript_with_tool_calls", "call_analysis", "call_result", "from_number", "to_number"),
    *("call_additional_data", "direction", "agent_id", "campaign_id"),
)
"""A webhook's call as it is documented, and what the same call has elsewhere."""

AGENT = ("agent_id", "name", "language", "voice")

ORGANIZATION = ("name", "email", "country")

CAMPAIGN = ("name", "description", "start_at", "status")

CONTACT = (
    *("contact_id", "full_name", "phone_number", "email", "country"),
    *("additional_data", "call_attempts", "call_status", "contact_data"),
)

# -- deliveries -----------------------------------------------------------


def read(document: Any) -> ParsedDelivery:
    """Read a delivery: `{"data": {"agent", "organization", "call", "contact", "campaign"}}`."""
    wire = Payload.of(document)
    if "tool_name" in wire and "data" not in wire:
        raise AnswerExpected("tool call")
    unknown = Unknown()
    unknown.fields(wire, ("data",))
    data = wire.object("data")
    if not isinstance(data, Payload) or data.raw.get("call") is None:
        return ParsedDelivery(event="", unknown=unknown.found(), note="it names no call")
    call = data.part("call")
    sighting = from_wire(Payload(_spelled(call.raw), call.path, call.problems))
    sighting.verbatim = UNSET  # these are no values of the form in which the vendor prints a call
    sighting.started_at = call.epoch_ms("start_timestamp")
    sighting.ended_at = call.epoch_ms("end_timestamp")
    sighting.as_of = or_none(sighting.ended_at) or or_none(sighting.started_at) or UNSET
    sighting.transcript_text = call.text("transcript")
    _refine(sighting)
    others = {name: _part(data, name) for name in PARTS if name != "call"}
    _read_others(others, sighting)
    metadata = _metadata(call, others["contact"])
    sighting.metadata = metadata or UNSET
    _count_unknown_words(call, sighting, unknown)
    fields = unknown.fields(call, CALL) | _rest(others, unknown)
    fields |= unknown.fields(data, PARTS)
    sighting.vendor_fields = fields or UNSET
    return ParsedDelivery(event="", sightings=[sighting], unknown=unknown.found())


def _spelled(call: dict[str, Any]) -> dict[str, Any]:
    """A call whose duration, which may be a text, is absent where it is an empty one."""
    return {name: value for name, value in call.items() if name != "duration" or value != ""}


def _part(data: Payload, name: str) -> Payload | None:
    part = data.object(name)
    return part if isinstance(part, Payload) and part.raw else None


def _refine(sighting: Sighting) -> None:
    if sighting.status is not Status.COMPLETED:
        return
    result, reason = or_none(sighting.result), or_none(sighting.end_reason)
    voicemail = sighting.analysis.voicemail if isinstance(sighting.analysis, Analysis) else None
    if result is not None:
        sighting.status = ENDED_WITH.get(result, Status.COMPLETED)
    elif reason is EndReason.VOICEMAIL or voicemail:
        sighting.status = Status.VOICEMAIL


def _read_others(others: Mapping[str, Payload | None], sighting: Sighting) -> None:
    agent, contact, campaign = others["agent"], others["contact"], others["campaign"]
    if agent is not None:
        config = {name: agent.raw[name] for name in ("language", "voice") if name in agent}
        sighting.agent = Agent(
            id=or_none(agent.text("agent_id")), name=or_none(agent.text("name")), config=config or None
        )
    if contact is not None:
        sighting.contact = contact_from(contact)
    if campaign is not None:
        sighting.campaign = Campaign(name=or_none(campaign.text("name")))


def _metadata(call: Payload, contact: Payload | None) -> dict[str, Any]:
    """The values that a team gave to its calls and contacts, under the vendor's names."""
    metadata: dict[str, Any] = {}
    if call.raw.get("call_additional_data"):
        metadata["call_additional_data"] = call.raw["call_additional_data"]
    if contact is not None and contact.raw.get("additional_data"):
        metadata["additional_data"] = contact.raw["additional_data"]
    return metadata


def _rest(others: Mapping[str, Payload | None], unknown: Unknown) -> dict[str, Any]:
    """The other parts' fields that have no field of ours, stored under the part's name."""
    stored: dict[str, Any] = {}
    fields_of = {
        "agent": (AGENT, AGENT),
        "organization": (ORGANIZATION, ()),
        "contact": (CONTACT, CONTACT[:6]),
        "campaign": (CAMPAIGN, ("name",)),
    }
    for name, (documented, placed) in fields_of.items():
        part = others[name]
        if part is not None:
            unknown.fields(part, documented)
            if rest := part.rest(*placed):
                stored[name] = rest
    return stored


def _count_unknown_words(call: Payload, sighting: Sighting, unknown: Unknown) -> None:
    status = call.raw.get("call_status")
    if isinstance(status, str) and not STATUS.knows(STATUS_VARIANTS.get(status, status)):
        unknown.note(f"{call.path}.call_status={status[:60]}")
    unknown.word(call, "call_result", RESULT)
    unknown.word(call, "call_type", CHANNEL)
    unknown.word(call, "disconnection_reason", END_REASON)
    analysis = call.raw.get("call_analysis")
    if isinstance(sighting.analysis, Analysis) and sighting.analysis.sentiment is Sentiment.UNKNOWN:
        mood = analysis.get("user_sentiment", analysis.get("sentiment")) if isinstance(analysis, dict) else ""
        if isinstance(mood, str) and not SENTIMENT.knows(mood.lower()):
            unknown.note(f"{call.path}.call_analysis.user_sentiment={mood[:60]}")


DOOR = Door(
    name=NAME,
    title="ContactShip",
    about=__doc__ or "",
    signature=SecretAddress(),
    parse_delivery=read,
    from_wire=from_wire,
    list_api=LIST_API,
)
