"""Our calls written as ContactShip prints them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from trunkline.kit.call_ids import uuids
from trunkline.kit.toon import toon
from trunkline.kit.transcript import Entry, Invocation, Returned, interleaved, json_text, turns_of
from trunkline.kit.verbatim import restore_verbatim
from trunkline.kit.wire import seconds_of_ms
from trunkline.model.call import Analysis, Call, Contact, Turn
from trunkline.model.ids import is_uuid, uuid_of
from trunkline.model.words import EndReason
from trunkline.vendors.contactship.wire import (
    GetQuery,
    WireCall,
    WireContact,
    WireEntry,
    WireStatus,
    WireTurn,
    WireWord,
)
from trunkline.vendors.contactship.words import (
    ANALYSIS_KEYS,
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    POLLED,
    RESULT,
    SENTIMENT,
    STATUS,
)

IDS = uuids(NAME)


class Conversation(Struct, frozen=True, kw_only=True):
    """The parts of a conversation to print."""

    transcript: bool = False
    words: bool = False
    tools: bool = False
    form: Literal["json", "toon"] = "json"


def conversation_of(query: GetQuery) -> Conversation:
    """The parts of the conversation that a query includes; nothing else of it changes a printed call."""
    return Conversation(
        transcript=query.include_transcript,
        words=query.include_words,
        tools=query.include_tools,
        form=query.transcript_format,
    )


def to_wire(call: Call) -> WireCall:
    """Write a call with everything that a list can include."""
    return in_list(call, "", Conversation(transcript=True, words=True, tools=True))


def status_of(call: Call) -> WireStatus:
    """Write the state of a call, in the words of the status poll."""
    return WireStatus(
        call_id=IDS.printed(call),
        agent_id=_uuid(call.agent.id if call.agent else None),
        call_status=POLLED[call.status],
        finished=call.status.is_final,
        disconnection_reason=_reason(call, call.vendor == NAME),
        started_at=call.started_at,
        ended_at=call.ended_at,
    )


def in_list(call: Call, _: str, requested: Conversation) -> WireCall:
    """Write a call as a list prints it, which names the campaign."""
    wire = in_get(call, requested)
    campaign = call.campaign.id if call.campaign else None
    wire.campaign_id = _uuid(campaign)
    return wire


def in_get(call: Call, requested: Conversation) -> WireCall:
    """Write a call as get prints it."""
    own = call.vendor == NAME
    words = call.vendor_words if own else None
    agent = call.agent.id if call.agent else None
    wire = WireCall(
        id=IDS.printed(call),
        direction=DIRECTION.word_for(call.direction, words) or "inbound",
        from_=call.from_number,
        call_record=call.recording.url if call.recording else None,
        call_status=STATUS.word_for(call.status, words) or "incomplete",
        call_result=RESULT.word_for(call.result, words),
        disconnection_reason=_reason(call, own),
        finished_at=call.ended_at,
        start_at=call.started_at,
        duration=None if call.duration_ms is None else seconds_of_ms(call.duration_ms),
        call_analysis=_analysis(call.analysis, words),
        type=(call.vendor_type if own else None) or CHANNEL.write(call.channel) or "ai_call",
        created_at=call.created_at,
        agent_id=_uuid(agent),
        contact=_contact(call.contact),
    )
    if requested.transcript:
        wire.chat_history = _encoded([_turn(turn, requested) for turn in turns_of(call)], requested)
    if requested.tools:
        wire.chat_history_with_tools = _encoded([_entry(e, requested) for e in interleaved(call)], requested)
    if requested.transcript or requested.tools:
        wire.transcript_format = requested.form
    if own:
        restore_verbatim(wire, call)
    return wire


@lru_cache(maxsize=65536)
def _uuid(text: str | None) -> str | None:
    # A printed id must be valid in the filters, which accept UUIDs only.
    return text if text is None or is_uuid(text) else uuid_of(text)


def _reason(call: Call, own: bool) -> str | None:
    if own or call.end_reason is EndReason.OTHER:
        return call.end_reason_raw or END_REASON.write(call.end_reason)
    return END_REASON.write(call.end_reason)


def _analysis(analysis: Analysis | None, words: dict[str, str] | None) -> dict[str, Any] | None:
    if analysis is None:
        return None
    wire: dict[str, Any] = {
        "summary": analysis.summary,
        "sentiment": SENTIMENT.word_for(analysis.sentiment, words),
    }
    if analysis.success is not None:
        wire["call_successful"] = analysis.success
    if analysis.voicemail is not None:
        wire["in_voicemail"] = analysis.voicemail
    if analysis.evaluations is not None:
        wire["evaluation_results"] = analysis.evaluations
    if not analysis.custom:
        return wire
    clashing = {name: value for name, value in analysis.custom.items() if name in ANALYSIS_KEYS}
    if clashing:
        wire["custom_analysis_data"] = clashing
    return wire | {name: value for name, value in analysis.custom.items() if name not in clashing}


def _contact(contact: Contact | None) -> WireContact | None:
    if contact is None:
        return None
    return WireContact(
        id=_uuid(contact.id),
        full_name=contact.full_name,
        phone_number=contact.phone_number,
        email=contact.email,
        country=contact.country,
    )


def _encoded(entries: list[Any], requested: Conversation) -> Any:
    return toon(entries) if requested.form == "toon" else entries


def _turn(turn: Turn, requested: Conversation) -> WireTurn:
    wire = WireTurn(role=turn.role.value, content=turn.text)
    if requested.words:
        wire.words = _words(turn)
    return wire


def _words(turn: Turn) -> list[WireWord]:
    return [
        WireWord(
            word=word.word,
            start=None if word.start_ms is None else seconds_of_ms(word.start_ms),
            end=None if word.end_ms is None else seconds_of_ms(word.end_ms),
        )
        for word in turn.words or ()
    ]


def _entry(entry: Entry, requested: Conversation) -> WireEntry:
    match entry:
        case Invocation(tool):
            return WireEntry(
                role="tool_call_invocation",
                tool_call_id=tool.id,
                name=tool.name,
                arguments=json_text(tool.arguments),
            )
        case Returned(tool):
            return WireEntry(role="tool_call_result", tool_call_id=tool.id, content=json_text(tool.result))
        case _:
            wire = WireEntry(role=entry.role.value, content=entry.text)
            if requested.words and requested.transcript:
                wire.words = _words(entry)
            return wire
