"""The slots of a live call: its events that still count, so that each further event costs what the first did.

A slot is a part of a call that events can concern: one turn, one tool call, or the rest of the call (status,
latency, recording, end). Only those events of a slot are held that still decide something: the first, the
last, and the last to state each field. Together they give the same result as all events, and still do so when
more events are added.

Only one case cannot be handled in place: an event counted under an id, and an earlier event with that id
arrives later. Then `EventReplaced` is raised, and the slots have to be rebuilt from all stored events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, structs

from trunkline.model.call import Turn
from trunkline.model.live import (
    EndEvent,
    LatencyEvent,
    PartialTurnEvent,
    RecordingEvent,
    StatusEvent,
    TimedEvent,
    ToolCallEvent,
    TurnEvent,
    read_event,
    sighting_of_events,
)
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role, Status


class SlotKind(IntEnum):
    """The kind of a slot; the rest of the call is not stored as a slot, since there is only one."""

    TURN = 1
    TOOL_CALL = 2
    EVENT_ID = 3
    """An event id, with the first event that had it."""


class SlotKey(NamedTuple):
    """A slot of a call."""

    kind: SlotKind
    digest: bytes
    """A digest of the turn's name, the tool call's id or the event's id, which may be any text."""


Events = list[TimedEvent]
"""Events in their order, each once."""


class LiveSummary(Struct, omit_defaults=True):
    """The state from a call's slots besides its transcript."""

    events: list[Raw] = []
    """Events about the rest of the call that still count."""
    turns: int = 0
    user_turns: int = 0
    turns_at: datetime | None = None
    """When the last event about a turn was true."""
    tool_calls: int = 0
    tool_calls_at: datetime | None = None


class EventReplaced(Exception):
    """An event that was counted must not count, since an earlier one has its id."""


class LiveSlots:
    """A call's slots, or as many of them as some events need."""

    def __init__(
        self, summary: LiveSummary | None = None, slots: Mapping[SlotKey, Events] | None = None
    ) -> None:
        self._summary = summary or LiveSummary()
        self._rest = [read_event(bytes(raw)) for raw in self._summary.events]
        self._slots = dict(slots or {})
        self.written: set[SlotKey] = set()
        """Slots that were changed."""
        self.moved: set[str] = set()
        """Those of `turns` and `tool_calls` whose printed form was changed."""

    @classmethod
    def of(cls, events: Iterable[bytes]) -> LiveSlots:
        """The slots of a call from all of its events."""
        slots = cls()
        slots.add(events)
        return slots

    def add(self, events: Iterable[bytes]) -> None:
        """Add events; the slots that `keys_of` names must be loaded. Raises `EventReplaced`."""
        for one in sorted(read_event(raw) for raw in set(events)):
            if self._is_first_of_its_id(one):
                self._add(one)

    def events(self, key: SlotKey) -> Events:
        """The events of a slot that still count."""
        return self._slots[key]

    @property
    def keys(self) -> list[SlotKey]:
        """The loaded slots."""
        return list(self._slots)

    @property
    def summary(self) -> LiveSummary:
        """The state from all slots, also those that are not loaded."""
        return structs.replace(self._summary, events=[Raw(one.encoded) for one in self._rest])

    def whole(self, vendor: str, vendor_call_id: str) -> Sighting:
        """The sighting of all events; all slots must be loaded."""
        conversation = [
            one.encoded
            for key, events in self._slots.items()
            if key.kind is not SlotKind.EVENT_ID
            for one in events
        ]
        return sighting_of_events(
            vendor, vendor_call_id, [*conversation, *(one.encoded for one in self._rest)]
        )

    def _is_first_of_its_id(self, one: TimedEvent) -> bool:
        key = _id_key(one)
        if key is None:
            return True
        counted = self._slots.get(key)
        if counted:
            if one[:2] < counted[0][:2]:
                raise EventReplaced(one.event.id)
            return False
        self._slots[key] = [one]
        self.written.add(key)
        return True

    def _add(self, one: TimedEvent) -> None:
        key = _slot_key(one)
        if key is None:
            self._rest = _still_counting_of_rest(_with(self._rest, one))
            return
        before = self._slots.get(key, [])
        if key.kind is SlotKind.TURN:
            after = _still_counting_of_turn(_with(before, one))
            self._count("turns", one.at, is_new=not before)
            spoken = _is_of_user(after) - (_is_of_user(before) if before else 0)
            self._summary = structs.replace(self._summary, user_turns=self._summary.user_turns + spoken)
            moved = not before or before[0] != after[0] or printed_turn(before) != printed_turn(after)
        else:
            after = _still_counting_of_tool_call(_with(before, one))
            self._count("tool_calls", one.at, is_new=not before)
            moved = _printed_tool_call(before) != _printed_tool_call(after)
        if moved:
            self.moved.add("turns" if key.kind is SlotKind.TURN else "tool_calls")
        if after != before:
            self._slots[key] = after
            self.written.add(key)

    def _count(self, name: str, at: datetime, *, is_new: bool) -> None:
        last_at: datetime | None = getattr(self._summary, f"{name}_at")
        latest = at if last_at is None else max(last_at, at)
        count = getattr(self._summary, name) + is_new
        self._summary = structs.replace(self._summary, **{name: count, f"{name}_at": latest})


def _is_of_user(events: Events) -> int:
    turn, _ = printed_turn(events)
    return int(turn.role is Role.USER)


def keys_of(events: Iterable[bytes]) -> set[SlotKey]:
    """The slots that must be loaded to add some events."""
    keys: set[SlotKey] = set()
    for raw in events:
        event = read_event(raw)
        keys |= {key for key in (_slot_key(event), _id_key(event)) if key is not None}
    return keys


def summarized(vendor: str, vendor_call_id: str, summary: LiveSummary) -> Sighting:
    """The sighting of all events, without the turns and tool calls themselves."""
    sighting = sighting_of_events(vendor, vendor_call_id, [bytes(raw) for raw in summary.events])
    ats = sighting.as_of_by_path if sighting.as_of_by_path is not UNSET else {}
    times = [at for at in (summary.turns_at, summary.tool_calls_at) if at is not None]
    if summary.turns_at is not None:
        ats["turns"] = summary.turns_at
    if summary.tool_calls_at is not None:
        ats["tool_calls"] = max(times)  # their positions are positions among the turns
    if sighting.as_of is not UNSET:
        times.append(sighting.as_of)
    sighting.as_of_by_path = ats
    if times:
        sighting.as_of = max(times)
    return sighting


def joined(events: Sequence[TimedEvent]) -> bytes:
    """A slot as it is stored."""
    return b",".join(one.encoded for one in events)


def parted(stored: bytes) -> Events:
    """Read a slot as it is stored, or several that are joined by commas."""
    return [read_event(bytes(raw)) for raw in _read_many(b"[" + stored + b"]")]


def spoken_in(stored: bytes) -> Sighting:
    """The transcript fields of slots that are joined by commas."""
    return sighting_of_events("", "", [bytes(raw) for raw in _read_many(b"[" + stored + b"]")])


_read_many = msgspec.json.Decoder(list[Raw]).decode


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()[:16]


def _slot_key(one: TimedEvent) -> SlotKey | None:
    event = one.event
    if isinstance(event, TurnEvent | PartialTurnEvent):
        name = one.encoded if event.turn is None else f"turn {event.turn}".encode()
        return SlotKey(SlotKind.TURN, _digest(name))
    if isinstance(event, ToolCallEvent):
        return SlotKey(
            SlotKind.TOOL_CALL, _digest(one.encoded if not event.id else f"id {event.id}".encode())
        )
    return None


def _id_key(one: TimedEvent) -> SlotKey | None:
    if isinstance(one.event, ToolCallEvent) or one.event.id is None:
        return None
    return SlotKey(SlotKind.EVENT_ID, _digest(one.event.id.encode()))


def _with(events: Events, one: TimedEvent) -> Events:
    if any(one.encoded == other.encoded for other in events):
        return events
    return sorted([*events, one])


# -- what still counts ----------------------------------------------------


def _chosen(events: Events, *indexes: int | None) -> Events:
    return [events[index] for index in sorted({index for index in indexes if index is not None})]


def _last(events: Events, states: list[bool]) -> int | None:
    return max((index for index, is_stated in enumerate(states) if is_stated), default=None)


def _first(states: list[bool]) -> int | None:
    return min((index for index, is_stated in enumerate(states) if is_stated), default=None)


def _still_counting_of_turn(events: Events) -> Events:
    done = _last(events, [isinstance(one.event, TurnEvent) for one in events])
    return _chosen(events, 0, len(events) - 1, done)


def _still_counting_of_tool_call(events: Events) -> Events:
    contents: list[Any] = [one.event for one in events]
    results = [event.result is not UNSET for event in contents]
    return _chosen(
        events,
        0,
        len(events) - 1,
        _last(events, [event.name is not None for event in contents]),
        _last(events, [event.start_ms is not None for event in contents]),
        _last(events, [event.arguments is not UNSET for event in contents]),
        _last(events, results),
        _first(results),
    )


def _still_counting_of_rest(events: Events) -> Events:
    indexes: set[int | None] = set()

    def note(kinds: type | tuple[type, ...], states: list[bool], *, first: bool = False) -> None:
        of_kind = [isinstance(one.event, kinds) and states[index] for index, one in enumerate(events)]
        indexes.add(_first(of_kind) if first else _last(events, of_kind))

    contents: list[Any] = [one.event for one in events]
    every = [True] * len(events)
    statuses = [getattr(event, "status", None) for event in contents]
    note((StatusEvent, EndEvent), every)
    note((StatusEvent, EndEvent), [status is not None and status.is_final for status in statuses])
    note((StatusEvent, EndEvent), [status is Status.IN_PROGRESS for status in statuses], first=True)
    note(EndEvent, every)
    for name in ("result", "end_reason", "ended_at", "duration_ms"):
        note(EndEvent, [getattr(event, name, None) is not None for event in contents])
    note(RecordingEvent, every)
    for name in ("url", "enabled"):
        note(RecordingEvent, [getattr(event, name, None) is not None for event in contents])
    note(LatencyEvent, every)
    for stage in {stage for event in contents if isinstance(event, LatencyEvent) for stage in event.latency}:
        states = [isinstance(event, LatencyEvent) and stage in event.latency for event in contents]
        note(LatencyEvent, states)
        note(LatencyEvent, states, first=True)  # in whose order stages are printed
    return _chosen(events, *indexes)


def printed_turn(events: Events) -> tuple[Turn, int | str | None]:
    """What a turn prints, and its name."""
    done = [one for one in events if isinstance(one.event, TurnEvent)]
    turn: Any = (done or events)[-1].event
    return Turn(turn.role, turn.text, turn.start_ms, turn.end_ms, turn.words), turn.turn


def _printed_tool_call(events: Events) -> Any:
    if not events:
        return None
    contents: list[Any] = [one.event for one in reversed(events)]
    answered = [one.at for one in events if one.event.result is not UNSET]  # type: ignore[union-attr]
    stated = [
        next((value for event in contents if (value := getattr(event, name)) is not unsaid), unsaid)
        for name, unsaid in (("name", None), ("start_ms", None), ("arguments", UNSET), ("result", UNSET))
    ]
    return events[0], answered[:1], stated
