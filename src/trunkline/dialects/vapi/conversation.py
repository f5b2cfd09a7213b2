"""The conversation of a Vapi call: messages with their places, tool calls and results among them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from trunkline.dialects.vapi.words import ROLES, TOOL_CALLS, TOOL_RESULTS, UNSPOKEN
from trunkline.kit.payload import Payload, told
from trunkline.kit.transcript import Sequence
from trunkline.model.call import ToolCall, Turn
from trunkline.model.sighting import Sighting

LONGEST_TURN = timedelta(days=1)


def read_messages(container: Payload, sighting: Sighting, unknown: list[str]) -> None:
    """Take the messages under `messages`, unless there are none."""
    if not told(container.items("messages")):
        return
    sequence = Sequence()
    for entry in container.objects("messages"):
        role = told(entry.text("role")) or ""
        if role in TOOL_CALLS:
            for tool in entry.objects("toolCalls"):
                sequence.invocation(_tool_call(tool, start_ms(entry)))
        elif role in TOOL_RESULTS:
            result = told(entry.value("result", "content", "message"))
            sequence.returned(
                told(entry.text("toolCallId", "tool_call_id")), result, told(entry.text("name"))
            )
        elif role not in UNSPOKEN:
            if role not in ROLES:
                unknown.append(f"messages.role={role}")
                continue
            begins_ms = start_ms(entry)
            text = told(entry.text("message", "content")) or ""
            turn = Turn(role=ROLES[role], text=text, start_ms=begins_ms, end_ms=_end_ms(entry, begins_ms))
            sequence.turn(turn)
    sighting.turns = sequence.turns
    if sequence.tool_calls:
        sighting.tool_calls = sequence.tool_calls


def start_ms(entry: Payload) -> int | None:
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
