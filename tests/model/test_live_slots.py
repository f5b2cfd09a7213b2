"""The slots of a live call give the same result as all of its events, in any order of arrival."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from tests.model.live_events import BEGIN, events, stored_event
from trunkline.model.live import sighting_of_events
from trunkline.model.live_slots import (
    EventReplaced,
    LiveSlots,
    LiveSummary,
    SlotKey,
    SlotKind,
    joined,
    keys_of,
    parted,
    summarized,
)
from trunkline.model.sighting import Sighting

KEY = ("ours", "c")


class Stored:
    """Slots as a store holds them, of which a batch of events sees only those that it needs."""

    def __init__(self) -> None:
        self.stored_event: list[bytes] = []
        self.summary = b"{}"
        self.slots: dict[SlotKey, bytes] = {}

    def take(self, batch: list[bytes]) -> set[str]:
        """Count events; answers what prints otherwise."""
        self.stored_event += batch
        replaced = False
        found = {key: parted(self.slots[key]) for key in keys_of(batch) if key in self.slots}
        part = LiveSlots(msgspec.json.decode(self.summary, type=LiveSummary), found)
        try:
            part.add(batch)
        except EventReplaced:
            part, replaced = LiveSlots.of(self.stored_event), True
            self.slots = {}
        self.slots |= {key: joined(part.events(key)) for key in part.written}
        self.summary = msgspec.json.encode(part.summary)
        return {"turns", "tool_calls"} if replaced else part.moved

    @property
    def whole(self) -> Sighting:
        slots = {key: parted(stored) for key, stored in self.slots.items()}
        return LiveSlots(msgspec.json.decode(self.summary, type=LiveSummary), slots).whole(*KEY)


def batches(data: st.DataObject, every: list[bytes]) -> list[list[bytes]]:
    """Events in some order, some of them again, in parts."""
    again = data.draw(st.lists(st.sampled_from(every), max_size=5))
    mixed = data.draw(st.permutations([*every, *again]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=6)))
    return [mixed[low:high] for low, high in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]


def sorted_sighting(sighting: Sighting) -> Sighting:
    return structs.replace(sighting, derived=sorted(sighting.derived or ()))


@settings(max_examples=400, deadline=None)
@given(st.lists(events, min_size=1, max_size=14), st.data())
def test_slots_say_what_all_events_say(every: list[bytes], data: st.DataObject) -> None:
    stored, before = Stored(), sighting_of_events(*KEY, [])
    for batch in batches(data, every):
        moved = stored.take(batch)
        whole = sighting_of_events(*KEY, stored.stored_event)
        assert stored.whole == whole
        summary = msgspec.json.decode(stored.summary, type=LiveSummary)
        bare = structs.replace(whole, turns=UNSET, tool_calls=UNSET)
        assert sorted_sighting(summarized(*KEY, summary)) == sorted_sighting(bare)
        assert summary.turns == (0 if whole.turns is UNSET else len(whole.turns))
        assert summary.tool_calls == (0 if whole.tool_calls is UNSET else len(whole.tool_calls))
        if whole.turns != before.turns:
            assert "turns" in moved
        if whole.tool_calls != before.tool_calls:
            assert moved
        before = whole


def printed(sighting: Sighting) -> bytes:
    return msgspec.json.encode(structs.replace(sighting, as_of_by_path=UNSET))


@settings(max_examples=200, deadline=None)
@given(st.lists(events, min_size=1, max_size=10))
def test_they_print_byte_for_byte_what_all_events_print(every: list[bytes]) -> None:
    assert printed(LiveSlots.of(every).whole(*KEY)) == printed(sighting_of_events(*KEY, every))


@settings(max_examples=300, deadline=None)
@given(st.lists(events, min_size=1, max_size=10))
def test_events_that_came_before_move_nothing(every: list[bytes]) -> None:
    stored = Stored()
    stored.take(every)
    before = stored.summary, dict(stored.slots)
    assert stored.take(list(reversed(every))) == set()
    assert (stored.summary, stored.slots) == before


def turn(number: int, **said: object) -> bytes:
    at = (BEGIN + timedelta(seconds=number)).isoformat()
    return stored_event({"type": "turn", "role": "user", "text": f"Turn {number}.", "at": at, **said})


@pytest.mark.parametrize("how_many", [10, 1000])
def test_what_a_slot_holds_does_not_grow_with_its_events(how_many: int) -> None:
    one_turn = LiveSlots.of(turn(number, turn="all the same") for number in range(how_many))
    (key,) = one_turn.keys
    assert len(one_turn.events(key)) <= 3
    latencies = [
        stored_event(
            {"type": "latency", "at": (BEGIN + timedelta(seconds=n)).isoformat(), "latency": {"e2e": n}}
        )
        for n in range(how_many)
    ]
    assert len(LiveSlots.of(latencies).summary.events) <= 2
    tool_calls = [
        stored_event(
            {"type": "tool_call", "id": "t", "result": n, "at": (BEGIN + timedelta(seconds=n)).isoformat()}
        )
        for n in range(how_many)
    ]
    (key,) = LiveSlots.of(tool_calls).keys
    assert len(LiveSlots.of(tool_calls).events(key)) <= 7


def test_an_earlier_event_of_an_id_that_was_counted_requires_all_events() -> None:
    slots = LiveSlots.of([turn(5, id="e-1")])
    slots.add([turn(7, id="e-1")])
    assert {key.kind for key in slots.keys} == {SlotKind.TURN, SlotKind.EVENT_ID}
    with pytest.raises(EventReplaced):
        slots.add([turn(1, id="e-1")])
