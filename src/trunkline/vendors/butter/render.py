"""Our calls written as Butter prints them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trunkline.kit.call_ids import prefixed_letters
from trunkline.kit.transcript import Invocation, Returned, interleaved, turns_of
from trunkline.kit.verbatim import restore_verbatim
from trunkline.kit.wire import number, seconds_of_ms
from trunkline.model.call import Agent, Call, Cost, Recording, Telephony, ToolCall, Turn
from trunkline.model.words import Channel, EndReason
from trunkline.vendors.butter.wire import WireCall, WireEvent, WireLine, WireSummary, WireTurn
from trunkline.vendors.butter.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    PREVIEW,
    SPEAKERS_WRITTEN,
    SPEECH,
    STATUS,
    TOOL_CALL,
)

IDS = prefixed_letters(NAME, "call_")

CREDITS = "credits"

STATISTICS = ("interruptions", "avg_turn_duration", "total_tokens", "total_characters")
"""The numbers in a detail's `summary`, which is not a summary in words."""


def to_wire(call: Call) -> WireCall:
    """Write a call without an org."""
    return in_get(call, "")


def in_list(call: Call, org: str) -> WireSummary:
    """Write a call as a list prints it; the org's name is printed where the call has no organization."""
    row = _row(call, org)
    if call.vendor == NAME:
        restore_verbatim(row, call)
    return row


def in_get(call: Call, org: str) -> WireCall:
    """Write a call as get prints it."""
    row = _row(call, org)
    agent = call.agent or Agent()
    wire = WireCall(
        call_sid=row.call_sid,
        trace_id=call.trace_id,
        to_number=row.to_number,
        from_number=row.from_number,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        client_id=row.client_id,
        call_type=row.call_type,
        status=row.status,
        agent_config=agent.config,
        transport=(call.telephony or Telephony()).transport or CHANNEL.write(call.channel),
        recording_enabled=row.recording_enabled,
        recording_url=call.recording.url if call.recording else None,
        duration_seconds=row.duration_seconds,
        turn_count=row.turn_count,
        total_cost=row.total_cost,
        cost_breakdown=_breakdown(call.cost),
        usage=call.usage,
        summary=_summary(call, row.end_reason),
        errors=call.errors,
        turns=_turns(call),
        transcript=[WireLine(SPEAKERS_WRITTEN[turn.role], turn.text) for turn in turns_of(call)],
        created_at=row.created_at,
        updated_at=row.updated_at,
        start_time=row.start_time,
        end_time=row.end_time,
        billing_status=row.billing_status,
    )
    if call.vendor == NAME:
        restore_verbatim(wire, call)
    return wire


def _row(call: Call, org: str) -> WireSummary:
    own = call.vendor == NAME
    fields = (call.vendor_fields if own else None) or {}
    words = call.vendor_words if own else None
    agent, recording = call.agent or Agent(), call.recording or Recording()
    return WireSummary(
        call_sid=IDS.printed(call),
        to_number=call.to_number or "",
        from_number=call.from_number,
        agent_id=agent.id or "",
        agent_name=agent.name,
        client_id=fields.get("client_id") or org,
        call_type=_type(call, own),
        status=STATUS.word_for(call.status, words) or "completed",
        recording_enabled=bool(recording.url) if recording.enabled is None else recording.enabled,
        total_cost=_total(call.cost),
        duration_seconds=_seconds(call.duration_ms),
        turn_count=call.turn_count or 0,
        created_at=call.created_at,
        updated_at=call.updated_at or call.ended_at or call.started_at or call.created_at,
        start_time=call.started_at,
        end_time=call.ended_at,
        end_reason=_reason(call, own),
        billing_status=call.billing_status,
    )


def _type(call: Call, own: bool) -> str:
    if own:
        return DIRECTION.word_for(call.direction, call.vendor_words) or "inbound"
    return PREVIEW if call.channel is Channel.TEST else DIRECTION.write(call.direction) or "inbound"


def _reason(call: Call, own: bool) -> str | None:
    if own:
        return END_REASON.word_for(call.end_reason, call.vendor_words) or call.end_reason_raw
    return call.end_reason_raw if call.end_reason is EndReason.OTHER else END_REASON.write(call.end_reason)


def _seconds(ms: int | None) -> int | float | None:
    return None if ms is None else seconds_of_ms(ms)


def _total(cost: Cost | None) -> int | float | None:
    if cost is None or cost.unit != CREDITS or cost.amount is None:
        return None
    return number(cost.amount)


def _breakdown(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None or cost.unit != CREDITS or cost.items is None:
        return None
    return {
        str(item["product"]): {name: value for name, value in item.items() if name != "product"}
        for item in cost.items
        if "product" in item
    }


def _summary(call: Call, end_reason: str | None) -> dict[str, Any]:
    stated = (call.vendor_fields or {}).get("summary") if call.vendor == NAME else None
    return {"end_reason": end_reason, **dict.fromkeys(STATISTICS), **(stated or {})}


def _turns(call: Call) -> list[WireTurn]:
    turns: list[WireTurn] = []
    printed: set[int] = set()
    for entry in interleaved(call):
        match entry:
            case Invocation(tool) | Returned(tool):
                if id(tool) in printed:
                    continue  # its result is part of the event that ran it
                printed.add(id(tool))
                if not turns:
                    turns.append(WireTurn(1, None, None, None, []))
                turns[-1].events.append(_tool_call(tool))
            case _:
                turns.append(_turn(len(turns) + 1, entry))
    return turns


def _turn(position: int, turn: Turn) -> WireTurn:
    start, end = turn.start_ms, turn.end_ms
    return WireTurn(
        turn_number=position,
        relative_start_time=_seconds(start),
        relative_end_time=_seconds(end),
        duration_seconds=None if start is None or end is None else seconds_of_ms(end - start),
        events=[WireEvent(SPEECH[turn.role], text=turn.text, relative_time=_seconds(start))],
    )


def _tool_call(tool: ToolCall) -> WireEvent:
    came_back = tool.result_position is not None or tool.result is not None
    return WireEvent(
        TOOL_CALL,
        relative_time=_seconds(tool.start_ms),
        tool_call_id=tool.id,
        tool_name=tool.name,
        arguments=tool.arguments,
        result=tool.result if came_back else UNSET,
    )
