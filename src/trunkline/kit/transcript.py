"""The transcript as one sequence: turns, tool calls and results in the order in which they happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import UNSET

from trunkline.kit.payload import Payload, or_none
from trunkline.model.call import Call, ToolCall, Turn
from trunkline.model.words import Role


class Invocation(NamedTuple):
    """The moment when the agent ran a tool."""

    tool: ToolCall


class Returned(NamedTuple):
    """The moment when a tool returned its result."""

    tool: ToolCall


Entry = Turn | Invocation | Returned


def turns_of(call: Call) -> list[Turn]:
    """The call's turns; none if they are not known."""
    return [] if call.turns is UNSET else call.turns


def tool_calls_of(call: Call) -> list[ToolCall]:
    """The call's tool calls; none if they are not known."""
    return [] if call.tool_calls is UNSET else call.tool_calls


def interleaved(call: Call) -> list[Entry]:
    """Turns, invocations and results in order; the turns fill the positions that no tool call has."""
    turns, tools = turns_of(call), tool_calls_of(call)
    if not tools:
        return list(turns)
    placed: dict[int, Entry] = {}
    late: list[Entry] = []
    for tool in tools:
        if tool.position is not None or tool.result_position is None:
            _set_position(placed, late, tool.position, Invocation(tool))
        if tool.result_position is not None or tool.result is not None:
            _set_position(placed, late, tool.result_position, Returned(tool))
    sequence: list[Entry] = []
    rest = iter(turns)
    for index in range(len(turns) + len(placed)):
        entry = placed.pop(index, None) or next(rest, None)
        if entry is not None:
            sequence.append(entry)
    sequence += [placed[index] for index in sorted(placed)]  # positions beyond the end
    return [*sequence, *rest, *late]


def _set_position(placed: dict[int, Entry], late: list[Entry], position: int | None, entry: Entry) -> None:
    if position is None or position < 0 or position in placed:
        late.append(entry)
    else:
        placed[position] = entry


class Sequence:
    """Builds turns and positioned tool calls from entries in their order."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.tool_calls: list[ToolCall] = []
        self._open: dict[str | None, ToolCall] = {}
        self._length = 0

    def turn(self, turn: Turn) -> None:
        """Add a turn."""
        self.turns.append(turn)
        self._length += 1

    def invocation(self, tool: ToolCall) -> None:
        """Add a tool call."""
        tool.position = self._length
        self._length += 1
        self.tool_calls.append(tool)
        self._open[tool.id] = tool

    def returned(self, tool_call_id: str | None, result: Any, name: str | None = None) -> None:
        """Add a result to the invocation of its id; without one it becomes a tool call of its own."""
        tool = self._open.pop(tool_call_id, None)
        if tool is None:
            tool = ToolCall(id=tool_call_id, name=name)
            self.tool_calls.append(tool)
        tool.result = result
        tool.result_position = self._length
        self._length += 1


def sequence_from(entries: Iterable[Payload], turn_from: Callable[[Payload], Turn]) -> Sequence:
    """Read a transcript with tools whose entries are `tool_call_invocation`, `tool_call_result` or speech."""
    sequence = Sequence()
    for entry in entries:
        role, tool_call_id = or_none(entry.text("role")), or_none(entry.text("tool_call_id"))
        if role == "tool_call_invocation":
            name, arguments = or_none(entry.text("name")), or_none(entry.value("arguments"))
            sequence.invocation(ToolCall(id=tool_call_id, name=name, arguments=arguments))
        elif role == "tool_call_result":
            sequence.returned(tool_call_id, or_none(entry.value("content")))
        else:
            sequence.turn(turn_from(entry))
    return sequence


def as_text(call: Call, *, agent: str = "Agent", user: str = "User") -> str:
    """The transcript as plain text, one line per turn."""
    names = {Role.AGENT: agent, Role.USER: user}
    return "\n".join(f"{names[turn.role]}: {turn.text}" for turn in turns_of(call))


def json_text(value: Any) -> str:
    """A tool's arguments or result as text: JSON, unless it is a text already."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_engaged(call: Call) -> bool:
    """Whether it was a meaningful conversation: as the vendor states, else whether the user said anything."""
    if call.analysis is not None and call.analysis.engaged is not None:
        return call.analysis.engaged
    return bool(user_spoke(call))


def user_spoke(call: Call) -> bool | None:
    """Whether the user said anything; `None` where the turns are not known."""
    if call.turns is UNSET:
        return None
    return any(turn.role is Role.USER for turn in call.turns)
