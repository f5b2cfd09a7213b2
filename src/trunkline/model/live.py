"""Live events: what is reported while a call runs, merged into one sighting in any order of arrival.

Every event has the time at which it was true (`at`). The merge uses all stored events of a call, so that
order, repeats and delays make no difference:

* an event with an `id` counts once, the earliest of that id; equal events count once;
* events of one turn replace each other: a `turn` beats every `partial_turn`, then the later one wins;
* tool calls are merged by their id, field by field, and the later value wins;
* an ended status beats a live one, then the later one wins.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from trunkline.model.call import Recording, ToolCall, Turn, Word
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Result, Role, Status

MAX_MS = 366 * 24 * 3600 * 1000

At = Annotated[datetime, Meta(tz=True)]
Milliseconds = Annotated[int, Meta(ge=0, le=MAX_MS)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class LiveEvent(Struct, kw_only=True, tag_field="type", omit_defaults=True, forbid_unknown_fields=True):
    """The fields of every event."""

    at: At | UnsetType = UNSET
    """When it was true; by default its arrival."""
    id: Name | None = None
    """Events of one id are one event. Of a tool call it is the id of the tool call."""


class StatusEvent(LiveEvent, kw_only=True, tag="status"):
    """The call has this status now."""

    status: Status


class TurnEvent(LiveEvent, kw_only=True, tag="turn"):
    """A turn is complete."""

    role: Role
    text: str
    turn: int | Name | None = None
    """Its number or name, by which it replaces earlier events of the same turn."""
    start_ms: Milliseconds | None = None
    end_ms: Milliseconds | None = None
    words: list[Word] | UnsetType = UNSET


class PartialTurnEvent(LiveEvent, kw_only=True, tag="partial_turn"):
    """A turn so far; the next event of the same turn replaces it."""

    role: Role
    text: str
    turn: int | Name
    start_ms: Milliseconds | None = None
    end_ms: Milliseconds | None = None
    words: list[Word] | UnsetType = UNSET


class ToolCallEvent(LiveEvent, kw_only=True, tag="tool_call"):
    """A function was called, or has returned."""

    name: str | None = None
    arguments: Any = UNSET
    result: Any = UNSET
    start_ms: Milliseconds | None = None


class LatencyEvent(LiveEvent, kw_only=True, tag="latency"):
    """How long something took; stages are merged by their names."""

    latency: dict[str, Any]


class RecordingEvent(LiveEvent, kw_only=True, tag="recording"):
    """Whether the call is recorded, and the link to the recording."""

    url: str | None = None
    enabled: bool | None = None


class EndEvent(LiveEvent, kw_only=True, tag="end"):
    """The call has ended."""

    status: Status = Status.COMPLETED
    result: Result | None = None
    end_reason: EndReason | None = None
    ended_at: At | None = None
    """When it ended; by default the time of the event."""
    duration_ms: Milliseconds | None = None


Event = StatusEvent | TurnEvent | PartialTurnEvent | ToolCallEvent | LatencyEvent | RecordingEvent | EndEvent

_read = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


class TimedEvent(NamedTuple):
    """One event with its time; events of the same time are ordered by their encoding."""

    at: datetime
    encoded: bytes
    event: Event


def encoded_event(event: Event, now: datetime) -> bytes:
    """An event as it is stored, with its arrival if it has no time of its own."""
    if event.at is UNSET:
        event = msgspec.structs.replace(event, at=now)
    return _encode(event)


def sighting_of_events(vendor: str, vendor_call_id: str, events: Sequence[bytes]) -> Sighting:
    """The sighting of all events of one call; repeats and order make no difference."""
    ordered = _in_order(events)
    fold = _Fold(Sighting(vendor=vendor, vendor_call_id=vendor_call_id))
    fold.status([one for one in ordered if isinstance(one.event, StatusEvent | EndEvent)])
    fold.conversation(ordered)
    fold.latency([one for one in ordered if isinstance(one.event, LatencyEvent)])
    fold.recording([one for one in ordered if isinstance(one.event, RecordingEvent)])
    fold.end([one for one in ordered if isinstance(one.event, EndEvent)])
    if ordered:
        fold.sighting.as_of = ordered[-1].at
    return fold.sighting


def read_event(raw: bytes) -> TimedEvent:
    """Read an event as it is stored."""
    event = _read(raw)
    return TimedEvent(_at(event), raw, event)


def _in_order(events: Iterable[bytes]) -> list[TimedEvent]:
    ordered = sorted(map(read_event, set(events)))
    used_ids: set[str] = set()
    once = []
    for one in ordered:
        name = None if isinstance(one.event, ToolCallEvent) else one.event.id
        if name is None or name not in used_ids:
            once.append(one)
        if name is not None:
            used_ids.add(name)
    return once


def _at(event: Event) -> datetime:
    if not isinstance(event.at, datetime):
        raise TypeError("a stored event must have a time")
    return event.at


class _Fold:
    """A sighting under construction, each field with the time of the last event that states it."""

    def __init__(self, sighting: Sighting) -> None:
        self.sighting = sighting
        self.ats = sighting.as_of_by_path = {}
        self.derived = sighting.derived = []

    def state(self, name: str, value: Any, at: datetime, *, derived: bool = False) -> None:
        """State a field."""
        setattr(self.sighting, name, value)
        self.ats[name] = at
        if derived:
            self.derived.append(name)

    def status(self, events: list[TimedEvent]) -> None:
        if not events:
            return
        ended = [one for one in events if one.event.status.is_final]  # type: ignore[union-attr]
        last = (ended or events)[-1]
        self.state("status", last.event.status, last.at)  # type: ignore[union-attr]
        begun = [one.at for one in events if one.event.status is Status.IN_PROGRESS]  # type: ignore[union-attr]
        if begun:
            self.state("started_at", begun[0], events[-1].at, derived=True)

    def conversation(self, events: list[TimedEvent]) -> None:
        turns = _turns(events)
        tools = _tools(events)
        if turns:
            self.state("turns", [turn.turn for turn in turns], max(turn.last_at for turn in turns))
        if tools:
            _set_positions(tools, turns)
            last_at = max(tool.last_at for tool in tools)
            # Their positions are positions among the turns, so that they have the same time.
            self.state(
                "tool_calls", [tool.tool for tool in tools], max([last_at, *(t.last_at for t in turns)])
            )

    def latency(self, events: list[TimedEvent]) -> None:
        stages: dict[str, Any] = {}
        for one in events:
            stages |= one.event.latency  # type: ignore[union-attr]
        if events:
            self.state("latency", stages, events[-1].at)

    def recording(self, events: list[TimedEvent]) -> None:
        values = _last_of(events, ("url", "enabled"))
        if values:
            parts = {name: value for name, (value, _) in values.items()}
            self.state("recording", Recording(**parts), events[-1].at)
            for name, (_, at) in values.items():
                self.ats[f"recording/{name}"] = at

    def end(self, events: list[TimedEvent]) -> None:
        for name, (value, at) in _last_of(
            events, ("result", "end_reason", "ended_at", "duration_ms")
        ).items():
            self.state(name, value, at)
        if events and self.sighting.ended_at is UNSET:
            self.state("ended_at", events[-1].at, events[-1].at, derived=True)


def _last_of(events: list[TimedEvent], names: Sequence[str]) -> dict[str, tuple[Any, datetime]]:
    """Each field's last value and its time."""
    return {
        name: (value, one.at)
        for one in events
        for name in names
        if (value := getattr(one.event, name)) is not None
    }


class _Turn(NamedTuple):
    first_at: datetime
    last_at: datetime
    turn: Turn
    name: int | str | None


def _turns(events: list[TimedEvent]) -> list[_Turn]:
    groups: dict[tuple[str, str | bytes], list[TimedEvent]] = {}
    for one in events:
        event = one.event
        if isinstance(event, TurnEvent | PartialTurnEvent):
            named = event.turn is not None
            groups.setdefault(("turn", str(event.turn)) if named else ("event", one.encoded), []).append(one)
    turns = []
    for group in groups.values():
        done = [one for one in group if isinstance(one.event, TurnEvent)]
        event = (done or group)[-1].event
        assert isinstance(event, TurnEvent | PartialTurnEvent)  # noqa: S101 what the groups are made of
        turn = Turn(event.role, event.text, event.start_ms, event.end_ms, event.words)
        turns.append(_Turn(group[0].at, group[-1].at, turn, event.turn))
    # Turns are in the order of their first event, unless numbers or times within the call give a better one.
    if all(isinstance(turn.name, int) for turn in turns):
        turns.sort(key=lambda turn: turn.name or 0)
    elif all(turn.turn.start_ms is not None for turn in turns):
        turns.sort(key=lambda turn: turn.turn.start_ms or 0)
    return turns


class _Tool(NamedTuple):
    called_at: datetime
    answered_at: datetime | None
    last_at: datetime
    tool: ToolCall


def _tools(events: list[TimedEvent]) -> list[_Tool]:
    groups: dict[str | bytes, list[TimedEvent]] = {}
    for one in events:
        if isinstance(one.event, ToolCallEvent):
            groups.setdefault(one.event.id or one.encoded, []).append(one)
    tools = []
    for group in groups.values():
        tool, answered_at = ToolCall(), None
        for one in group:
            event = one.event
            assert isinstance(event, ToolCallEvent)  # noqa: S101 what the groups are made of
            tool.id = event.id
            tool.name = event.name if event.name is not None else tool.name
            tool.start_ms = event.start_ms if event.start_ms is not None else tool.start_ms
            tool.arguments = tool.arguments if event.arguments is UNSET else event.arguments
            if event.result is not UNSET:
                tool.result = event.result
                answered_at = answered_at or one.at
        tools.append(_Tool(group[0].at, answered_at, group[-1].at, tool))
    return tools


def _set_positions(tools: list[_Tool], turns: list[_Turn]) -> None:
    """Set the positions of tool calls in the sequence that they form with the turns."""
    begun = sorted((turn.first_at, position) for position, turn in enumerate(turns, 1))
    last_positions = list(accumulate((position for _, position in begun), max))

    def after(at: datetime) -> int:
        """The last position of a turn that had begun."""
        count = bisect_right(begun, at, key=lambda entry: entry[0])
        return last_positions[count - 1] if count else 0

    sequence: list[tuple[tuple[Any, ...], _Tool | None, bool]] = [
        ((position, 0), None, False) for position in range(1, len(turns) + 1)
    ]
    for index, tool in enumerate(tools):
        sequence.append(((after(tool.called_at), 1, tool.called_at, index, 0), tool, False))
        if tool.answered_at is not None:
            sequence.append(((after(tool.answered_at), 1, tool.answered_at, index, 1), tool, True))
    for position, (_, tool_or_turn, answered) in enumerate(sorted(sequence, key=lambda entry: entry[0])):
        if tool_or_turn is not None and answered:
            tool_or_turn.tool.result_position = position
        elif tool_or_turn is not None:
            tool_or_turn.tool.position = position
