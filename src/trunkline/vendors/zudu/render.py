"""Our calls written as Zudu prints them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from trunkline.kit.call_ids import prefixed_letters
from trunkline.kit.payload import or_none
from trunkline.kit.transcript import Entry, Invocation, Returned, as_text, interleaved, json_text, turns_of
from trunkline.kit.verbatim import restore_verbatim
from trunkline.kit.wire import ms_of_instant, number, seconds_of_ms
from trunkline.model.call import Analysis, Call, Cost, Telephony, Turn
from trunkline.model.words import ENDED_BY, EndReason
from trunkline.vendors.zudu.wire import WireCall, WireCost, WireEntry, WireTelephony, WireTurn, WireWord
from trunkline.vendors.zudu.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    REASONS,
    ROLES_WRITTEN,
    SENTIMENT,
    STATUS,
)

IDS = prefixed_letters(NAME, "call_", by_canonical_id=True)

CURRENCY = "USD"  # our choice: theirs is not documented

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_wire(call: Call) -> WireCall:
    """Write a call without an org."""
    return write_call(call, "")


def write_call(call: Call, org: str) -> WireCall:
    """Write a call; the org's name is printed where the call has no organization."""
    own = call.vendor == NAME
    words = call.vendor_words if own else None
    zero_ms = ms_of_instant(_zero(call, own))
    turns = [_turn(turn, zero_ms, own) for turn in turns_of(call)]
    wire = WireCall(
        id=call.id,
        call_id=IDS.printed(call),
        agent_id=call.agent.id if call.agent else None,
        organization_id=organization(call, org),
        call_status=STATUS.word_for(call.status, words) or "ENDED",
        call_type=CHANNEL.word_for(call.channel, words) or "PHONE_CALL",
        direction=DIRECTION.word_for(call.direction, words),
        from_number=call.from_number,
        to_number=call.to_number,
        start_timestamp=None if call.started_at is None else ms_of_instant(call.started_at),
        end_timestamp=None if call.ended_at is None else ms_of_instant(call.ended_at),
        call_duration=call.duration_ms,
        disconnection_reason=_reason(call, own),
        recording_url=call.recording.url if call.recording else None,
        public_log_url=call.log_url,
        opt_out_sensitive_data_storage=bool(call.privacy and call.privacy.opt_out),
        metadata=_metadata(call, own),
        events=or_none(call.events) or [],
        transcript=_text(call, own),
        transcript_object=turns,
        transcript_with_tool_calls=_entries(call, turns),
        latency=call.latency,
        call_analysis=_analysis(call.analysis, words),
        call_cost=_cost(call.cost),
        telephony_identifier=_telephony(call.telephony),
    )
    if own:
        restore_verbatim(wire, call)
    return wire


def organization(call: Call, org: str) -> str:
    """Whose a call is: the vendor's own name for it, else the org's name here."""
    stated: str | None = (call.vendor_fields or {}).get("organization_id") if call.vendor == NAME else None
    return stated or org


def _zero(call: Call, own: bool) -> datetime:
    if call.started_at is not None:
        return call.started_at
    # An own call's times count from an unknown start, so that no instant is right; one that is
    # always the same lets the vendor's own transcript be recognised as still holding.
    return _EPOCH if own else call.created_at


def _reason(call: Call, own: bool) -> str | None:
    if own:
        return END_REASON.word_for(call.end_reason, call.vendor_words) or _upper(call.end_reason_raw)
    if call.status in REASONS and (
        call.end_reason is None or ENDED_BY.get(call.end_reason) is not call.status
    ):
        return REASONS[call.status]
    if call.end_reason is EndReason.OTHER and call.end_reason_raw:
        return _upper(call.end_reason_raw)
    return END_REASON.write(call.end_reason)


def _upper(word: str | None) -> str | None:
    return None if word is None else word.upper()


def _metadata(call: Call, own: bool) -> dict[str, Any]:
    metadata = dict(call.metadata or {})
    if own:
        return metadata
    if call.campaign is not None:
        named = {"campaign": call.campaign.name, "batch_call_id": call.campaign.id}
        metadata |= {name: value for name, value in named.items() if value is not None}
    if call.scheduled_at is not None:
        scheduled = seconds_of_ms(ms_of_instant(call.scheduled_at))
        metadata.setdefault("is_scheduled", True)  # it may have been cancelled since
        metadata.setdefault("scheduled_timestamp", scheduled)
    return metadata


def _text(call: Call, own: bool) -> str | None:
    if own and call.transcript_text is not UNSET:
        return call.transcript_text
    return as_text(call) or or_none(call.transcript_text)


def _turn(turn: Turn, zero_ms: int, own: bool) -> WireTurn:
    wire = WireTurn(role=ROLES_WRITTEN[turn.role], content=turn.text)
    if turn.start_ms is not None:
        wire.timestamp = zero_ms + turn.start_ms
    elif not own:
        wire.timestamp = None
    if turn.words is not UNSET:
        wire.words = [
            WireWord(
                word=word.word,
                start=None if word.start_ms is None else zero_ms + word.start_ms,
                end=None if word.end_ms is None else zero_ms + word.end_ms,
            )
            for word in turn.words
        ]
    elif not own:
        wire.words = []
    return wire


def _entries(call: Call, turns: list[WireTurn]) -> list[WireEntry]:
    rest = iter(turns)
    return [_entry(entry, rest) for entry in interleaved(call)]


def _entry(entry: Entry, rest: Iterator[WireTurn]) -> WireEntry:
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
            turn = next(rest)
            return WireEntry(role=turn.role, content=turn.content, timestamp=turn.timestamp, words=turn.words)


def _analysis(analysis: Analysis | None, words: dict[str, str] | None) -> dict[str, Any] | None:
    if analysis is None:
        return None
    wire = {
        "call_successful": analysis.success,
        "call_summary": analysis.summary,
        "user_sentiment": SENTIMENT.word_for(analysis.sentiment, words),
        "in_voicemail": analysis.voicemail,
    }
    return {**wire, **{name: value for name, value in (analysis.custom or {}).items() if name not in wire}}


def _cost(cost: Cost | None) -> WireCost | None:
    if cost is None or cost.unit != CURRENCY or (cost.amount is None and cost.items is None):
        return None
    return WireCost(
        combined_cost=None if cost.amount is None else number(cost.amount),
        product_costs=UNSET if cost.items is None else cost.items,
    )


def _telephony(telephony: Telephony | None) -> WireTelephony | None:
    if telephony is None or (telephony.sid is None and telephony.conference_sid is None):
        return None
    return WireTelephony(call_sid=telephony.sid, conference_sid=telephony.conference_sid)
