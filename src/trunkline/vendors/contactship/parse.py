"""ContactShip's calls read into sightings, in every documented variant."""

from __future__ import annotations

import re
from typing import Any

import toons
from msgspec import UNSET, UnsetType

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.transcript import sequence_from
from trunkline.kit.verbatim import difference
from trunkline.model.call import Agent, Analysis, Campaign, Contact, Cost, Recording, Turn, Word
from trunkline.model.ids import uuid_of
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Direction, Role, Sentiment, Status
from trunkline.vendors.contactship.render import to_wire
from trunkline.vendors.contactship.words import (
    ANALYSIS_KEYS,
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    RESULT,
    ROLES,
    SENTIMENT,
    STATUS,
    STATUS_VARIANTS,
)


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list, a get, a call history or a webhook."""
    wire = Payload.of(raw)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("id", "call_id"),
        from_number=wire.text("from", "from_number"),
        created_at=or_none(wire.instant("created_at")) or UNSET,
        started_at=wire.instant("start_at"),
        ended_at=wire.instant("finished_at"),
        duration_ms=wire.seconds("duration"),
        vendor_type=wire.text("type", "call_type"),
        end_reason_raw=wire.text("disconnection_reason"),
        problems=wire.problems,
    )
    words: dict[str, str] = {}
    _read_words(wire, sighting, words)
    record = wire.text("call_record", "recording_url")
    if record is not UNSET:
        sighting.recording = Recording(url=record)
    agent = wire.text("agent_id")
    if agent is not UNSET:
        sighting.agent = Agent(id=agent) if agent else None
    campaign = wire.text("campaign_id")
    if campaign is not UNSET:
        sighting.campaign = Campaign(id=campaign) if campaign else None
    sighting.contact = contact_from(wire.object("contact"))
    _read_called_number(wire, sighting)
    sighting.analysis = analysis_from(wire.object("call_analysis"), words)
    price = or_none(wire.number("price"))
    if price is not None:
        sighting.cost = Cost(amount=price, unit=or_none(wire.text("price_unit")) or "USD")
    _read_transcript(wire, sighting)
    sighting.vendor_words = words or UNSET
    return _with_verbatim(sighting, wire.raw)


def _read_words(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    status = wire.text("call_status", "status")
    if isinstance(status, str):
        ours = Status.CANCELED if status == "canceled" else STATUS.read(STATUS_VARIANTS.get(status, status))
        sighting.status = ours or Status.INCOMPLETE
        words |= STATUS.vendor_words_for(STATUS_VARIANTS.get(status, status), ours)
    result = wire.text("call_result")
    if isinstance(result, str):
        sighting.result = RESULT.read(result)
        words |= RESULT.vendor_words_for(result, sighting.result)
    elif result is None:
        sighting.result = None
    direction = wire.text("direction")
    if isinstance(direction, str):
        sighting.direction = DIRECTION.read(direction) or Direction.UNKNOWN
        if direction != "outbound-api":
            words |= DIRECTION.vendor_words_for(direction, sighting.direction)
    kind = sighting.vendor_type
    if isinstance(kind, str):
        sighting.channel = CHANNEL.read(kind) or Channel.UNKNOWN
    reason = sighting.end_reason_raw
    if reason is not UNSET:
        sighting.end_reason = None if reason is None else END_REASON.read(reason)


def _read_called_number(wire: Payload, sighting: Sighting) -> None:
    number = wire.text("to_number", "to")
    if number is not UNSET:
        sighting.to_number = number
    elif sighting.direction is Direction.OUTBOUND and isinstance(sighting.contact, Contact):
        # On an outbound call the contact is who was called, although REST does not print it as such.
        sighting.to_number = sighting.contact.phone_number
        sighting.derived = ["to_number"]


def contact_from(wire: Payload | UnsetType | None) -> Contact | UnsetType | None:
    """Read a contact."""
    if not isinstance(wire, Payload):
        return wire

    return Contact(
        id=or_none(wire.text("id", "contact_id")),
        full_name=or_none(wire.text("full_name")),
        phone_number=or_none(wire.text("phone_number")),
        email=or_none(wire.text("email")),
        country=or_none(wire.text("country")),
    )


def analysis_from(wire: Payload | UnsetType | None, words: dict[str, str]) -> Analysis | UnsetType | None:
    """Read an analysis in the seed's shape or in the webhook's; keys of neither are custom ones."""
    if not isinstance(wire, Payload):
        return wire
    mood = wire.text("sentiment", "user_sentiment")
    sentiment = None
    if isinstance(mood, str):
        sentiment = SENTIMENT.read(mood.lower())
        words |= SENTIMENT.vendor_words_for(
            mood if sentiment is Sentiment.UNKNOWN else mood.lower(), sentiment
        )
    custom = wire.rest(*ANALYSIS_KEYS)
    return Analysis(
        summary=or_none(wire.text("summary", "call_summary")),
        sentiment=sentiment,
        success=or_none(wire.flag("call_successful")),
        voicemail=or_none(wire.flag("in_voicemail")),
        custom={**(or_none(wire.json_object("custom_analysis_data")) or {}), **custom} or None,
        evaluations=or_none(wire.json_objects("evaluation_results")),
    )


def _read_transcript(wire: Payload, sighting: Sighting) -> None:
    entries = _entries(wire, "chat_history", "transcript_object")
    with_tools = _entries(wire, "chat_history_with_tools", "transcript_with_tool_calls")
    if with_tools is not None:
        sequence = sequence_from(with_tools, _turn_from)
        sighting.turns, sighting.tool_calls = sequence.turns, sequence.tool_calls
        if entries is not None and len(entries) >= len(sequence.turns):
            sighting.turns = [_turn_from(entry) for entry in entries]  # only these have word times
    elif entries is not None:
        sighting.turns = [_turn_from(entry) for entry in entries]


def _entries(wire: Payload, *names: str) -> list[Payload] | None:
    name = next((name for name in names if name in wire), names[0])
    value = wire.value(name)
    if isinstance(value, str):
        value = _from_toon(value)
        if value is None:
            wire.note(wire.where(name), wire.value(name), "a list, as JSON or as TOON")
            return None
        wire = Payload({name: value}, wire.path, wire.problems)
    return list(wire.objects(name)) if isinstance(wire.items(name), list) else None


def _from_toon(text: str) -> Any:
    """The value that a text holds; `None` if it is not TOON."""
    try:
        return toons.loads(text)
    except (ValueError, RecursionError):
        return None


def _turn_from(entry: Payload) -> Turn:
    turn = Turn(
        role=ROLES.get(or_none(entry.text("role")) or "", Role.AGENT),
        text=or_none(entry.text("content")) or "",
    )
    if isinstance(entry.items("words"), list):
        turn.words = [_word_from(word) for word in entry.objects("words")]
        if turn.words:
            turn.start_ms, turn.end_ms = turn.words[0].start_ms, turn.words[-1].end_ms
    return turn


def _word_from(word: Payload) -> Word:
    return Word(
        word=or_none(word.text("word")) or "",
        start_ms=or_none(word.seconds("start")),
        end_ms=or_none(word.seconds("end")),
    )


TIMES = ("created_at", "start_at", "finished_at")
FRACTION = re.compile(r"\.[0-9]*[1-9][0-9]*Z$")


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    fields = ["duration", "contact", "call_record", "type"]
    # Milliseconds come back as they were written, not with six digits; other spellings in the seed's.
    fields += [name for name in TIMES if FRACTION.search(str(raw.get(name)))]
    analysis = raw.get("call_analysis")
    if isinstance(analysis, dict) and not {"call_summary", "user_sentiment"} & analysis.keys():
        fields.append("call_analysis")  # the other documented shape is answered in the seed's
    if sighting.created_at is not UNSET:
        call, _ = first_call(sighting, uuid_of(sighting.vendor_call_id), sighting.created_at)
        sighting.verbatim = difference(to_wire(call), raw, tuple(fields)) or UNSET
    return sighting
