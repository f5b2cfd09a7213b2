"""Butter's calls read into sightings, from a list or from get."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.kit.verbatim import difference
from trunkline.model.call import Agent, Cost, Recording, Telephony, ToolCall, Turn
from trunkline.model.ids import derived_call_id
from trunkline.model.merge import first_call
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Status
from trunkline.vendors.butter.render import CREDITS, to_wire
from trunkline.vendors.butter.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    PREVIEW,
    RESULTS,
    SPEAKERS_READ,
    STATUS,
    STATUS_VARIANTS,
    TOOL_CALL,
    role_of_event,
)

VERBATIM = (
    *("trace_id", "to_number", "from_number", "agent_id", "agent_name", "agent_config", "call_type"),
    *("transport", "recording_enabled", "recording_url", "duration_seconds", "turn_count", "total_cost"),
    *("cost_breakdown", "usage", "summary", "errors", "turns", "transcript"),
    *("created_at", "updated_at", "start_time", "end_time", "billing_status"),
)
"""Wire fields that are given back as they came in, even where our words for them differ."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Item = Turn | ToolCall


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list, of get or of a webhook."""
    wire = Payload.of(raw)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("call_sid"),
        trace_id=wire.text("trace_id"),
        from_number=wire.text("from_number"),
        to_number=wire.text("to_number") or None if "to_number" in wire else UNSET,
        created_at=or_none(wire.instant("created_at")) or UNSET,
        updated_at=wire.instant("updated_at"),
        started_at=wire.instant("start_time"),
        ended_at=wire.instant("end_time"),
        duration_ms=wire.seconds("duration_seconds"),
        vendor_type=wire.text("call_type"),
        billing_status=wire.text("billing_status"),
        usage=wire.json_object("usage"),
        errors=wire.json_object("errors"),
        turn_count=wire.count("turn_count"),
        problems=wire.problems,
    )
    words: dict[str, str] = {}
    _read_summary(wire, sighting, words)
    _read_type(wire, sighting, words)
    _read_status(wire, sighting, words)
    _read_parts(wire, sighting)
    _read_conversation(wire, sighting)
    if sighting.result is not UNSET:
        sighting.derived = [*(sighting.derived or ()), "result"]
    sighting.vendor_words = words or UNSET
    return _with_verbatim(sighting, wire.raw)


def _read_summary(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    fields: dict[str, Any] = {}
    client = wire.text("client_id")
    if isinstance(client, str):
        fields["client_id"] = client
    reason = wire.text("end_reason")
    summary = wire.object("summary")
    if isinstance(summary, Payload):
        fields["summary"] = summary.rest("end_reason")
        reason = summary.text("end_reason") if reason is UNSET else reason
    sighting.vendor_fields = fields or UNSET
    sighting.end_reason_raw = reason
    if isinstance(reason, str):
        sighting.end_reason = END_REASON.read(reason)
        words |= END_REASON.vendor_words_for(reason, sighting.end_reason)
    elif reason is None:
        sighting.end_reason = None


def _read_type(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    kind = sighting.vendor_type
    if isinstance(kind, str):
        sighting.direction = DIRECTION.read(kind) or Direction.UNKNOWN
        words |= DIRECTION.vendor_words_for(kind, sighting.direction)
    transport = wire.text("transport")
    if transport is not UNSET:
        sighting.telephony = Telephony(transport=transport) if transport else None
    if kind == PREVIEW:
        sighting.channel = Channel.TEST
    elif isinstance(transport, str):
        sighting.channel = CHANNEL.read(transport) or Channel.UNKNOWN


def _read_status(wire: Payload, sighting: Sighting, words: dict[str, str]) -> None:
    word = wire.text("status")
    if not isinstance(word, str):
        return
    word = STATUS_VARIANTS.get(word, word)
    sighting.status = status = STATUS.read(word) or Status.INCOMPLETE
    words |= STATUS.vendor_words_for(word, status)
    if status in RESULTS:
        sighting.result = RESULTS[status]
    elif status is Status.COMPLETED and sighting.end_reason is EndReason.VOICEMAIL:
        sighting.result = Result.VOICEMAIL
    elif status is Status.COMPLETED and (or_none(sighting.turn_count) or 0) > 0:
        sighting.result = Result.ANSWERED


def _read_parts(wire: Payload, sighting: Sighting) -> None:
    if {"agent_id", "agent_name", "agent_config"} & wire.raw.keys():
        sighting.agent = Agent(
            id=or_none(wire.text("agent_id")) or None,
            name=or_none(wire.text("agent_name")),
            config=or_none(wire.json_object("agent_config")),
        )
    if {"recording_enabled", "recording_url"} & wire.raw.keys():
        enabled, url = or_none(wire.flag("recording_enabled")), or_none(wire.text("recording_url"))
        sighting.recording = Recording(enabled=enabled, url=url)
    parts = or_none(wire.json_object("cost_breakdown"))
    amount = wire.number("total_cost")
    if amount is None and parts is None:
        sighting.cost = None
    elif amount is not UNSET or parts is not None:
        items = None if parts is None else [_item_from(product, part) for product, part in parts.items()]
        sighting.cost = Cost(amount=or_none(amount), unit=CREDITS, items=items)


def _item_from(product: str, part: Any) -> dict[str, Any]:
    return {"product": product, **(part if isinstance(part, dict) else {"cost_credits": part})}


def _read_conversation(wire: Payload, sighting: Sighting) -> None:
    items, lines = _items_from(wire), _lines_from(wire)
    if items is None and lines is None:
        return
    spoken = [item for item in items or () if isinstance(item, Turn)]
    if lines is not None and len(lines) > len(spoken):
        items = _along(lines, items or [])
    tools = _set_in_order(items or [], sighting)
    if "turns" in wire:
        sighting.tool_calls = tools


def _items_from(wire: Payload) -> list[Item] | None:
    if not isinstance(wire.items("turns"), list):
        return None
    items: list[Item] = []
    for turn in wire.objects("turns"):
        turns: list[Turn] = []
        for event in turn.objects("events"):
            kind = or_none(event.text("type")) or ""
            role, text = role_of_event(kind), or_none(event.value("text"))
            if kind == TOOL_CALL:
                items.append(_tool_call_from(event))
            elif role is not None and isinstance(text, str):
                turns.append(Turn(role=role, text=text, start_ms=or_none(event.seconds("relative_time"))))
                items.append(turns[-1])
        _give_times(turn, turns)
    return items


def _give_times(turn: Payload, turns: list[Turn]) -> None:
    start, end = or_none(turn.seconds("relative_start_time")), or_none(turn.seconds("relative_end_time"))
    if turns:
        if start is not None and (len(turns) == 1 or turns[0].start_ms is None):
            turns[0].start_ms = start
        turns[-1].end_ms = end


def _tool_call_from(event: Payload) -> ToolCall:
    return ToolCall(
        name=or_none(event.text("tool_name")),
        id=or_none(event.text("tool_call_id")),
        arguments=or_none(event.value("arguments")),
        result=or_none(event.value("result")),
        result_position=0 if "result" in event else None,  # the position follows from the sequence
        start_ms=or_none(event.seconds("relative_time")),
    )


def _lines_from(wire: Payload) -> list[Turn] | None:
    if not isinstance(wire.items("transcript"), list):
        return None
    return [
        Turn(
            role=SPEAKERS_READ.get((or_none(line.text("speaker")) or "").lower(), Role.AGENT),
            text=or_none(line.text("text")) or "",
        )
        for line in wire.objects("transcript")
    ]


def _along(lines: list[Turn], items: list[Item]) -> list[Item]:
    # The transcript also has the turns of events of an undocumented type; the events have the times.
    rest = deque(items)
    found: list[Item] = []
    for line in lines:
        while rest and isinstance(rest[0], ToolCall):
            found.append(rest.popleft())
        head = rest[0] if rest else None
        same = isinstance(head, Turn) and (head.role, head.text) == (line.role, line.text)
        found.append(rest.popleft() if same else line)
    return [*found, *(item for item in rest if isinstance(item, ToolCall))]


def _set_in_order(items: list[Item], sighting: Sighting) -> list[ToolCall]:
    turns: list[Turn] = []
    tools: list[ToolCall] = []
    position = 0
    for item in items:
        if isinstance(item, Turn):
            turns.append(item)
            position += 1
            continue
        tools.append(item)
        if item.result_position is None or item.name is not None or item.arguments is not None:
            item.position = position
            position += 1
        if item.result_position is not None:
            item.result_position = position
            position += 1
    sighting.turns = turns
    return tools


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    seen_at = _EPOCH if sighting.created_at is UNSET else sighting.created_at
    call, _ = first_call(sighting, derived_call_id(NAME, sighting.vendor_call_id), seen_at)
    sighting.verbatim = difference(to_wire(call), raw, VERBATIM, apart=("turns", "transcript")) or UNSET
    return sighting
