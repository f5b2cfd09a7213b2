from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET, structs

from tests.vendors.butter.samples import a_detail, a_row, detail_of, read
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Call, ToolCall, Turn
from trunkline.model.words import Role, Status
from trunkline.vendors.butter import DIALECT


def turns_of(call: Call) -> list[Turn]:
    assert isinstance(call.turns, list)
    return call.turns


def tools_of(call: Call) -> list[ToolCall]:
    assert isinstance(call.tool_calls, list)
    return call.tool_calls


def test_events_become_turns_and_tool_calls_in_order() -> None:
    call = read(a_detail())
    assert turns_of(call) == [
        Turn(Role.AGENT, "Your parcel comes today. Will you be at home?", 800, 4310),
        Turn(Role.USER, "Please leave it with a neighbour.", 5020, 9900),
        Turn(Role.AGENT, "I have noted the neighbour. Goodbye.", 10350, 14560),
    ]
    assert tools_of(call) == [
        ToolCall(
            name="set_drop_off",
            id="tc_77",
            arguments={"place": "neighbour"},
            result={"saved": True},
            position=2,
            result_position=3,
            start_ms=7400,
        )
    ]


def test_a_turn_of_several_events_is_several_of_ours() -> None:
    events = [
        {"type": "user_speech", "text": "Hello?", "relative_time": 1.2},
        {"type": "assistant_response", "text": "Good day.", "relative_time": 2.5},
    ]
    turn = {"turn_number": 1, "relative_start_time": 1, "relative_end_time": 4, "events": events}
    call = read(a_detail(turns=[turn], transcript=UNSET))
    assert turns_of(call) == [
        Turn(Role.USER, "Hello?", 1200, None),
        Turn(Role.AGENT, "Good day.", 2500, 4000),
    ]


def test_the_transcript_speaks_when_the_turns_carry_no_text() -> None:
    turns = [{"turn_number": n, "events": [{"type": "utterance", "relative_time": n}]} for n in (1, 2, 3)]
    call = read(a_detail(turns=turns))
    assert [(turn.role, turn.text) for turn in turns_of(call)] == [
        (Role.AGENT, "Your parcel comes today. Will you be at home?"),
        (Role.USER, "Please leave it with a neighbour."),
        (Role.AGENT, "I have noted the neighbour. Goodbye."),
    ]
    assert tools_of(call) == []


def test_the_transcript_fills_in_what_an_undocumented_event_said() -> None:
    raw = a_detail()
    raw["turns"][1]["events"][0]["type"] = "speech_recognized"
    call = read(raw)
    assert turns_of(call) == [
        Turn(Role.AGENT, "Your parcel comes today. Will you be at home?", 800, 4310),
        Turn(Role.USER, "Please leave it with a neighbour."),
        Turn(Role.AGENT, "I have noted the neighbour. Goodbye.", 10350, 14560),
    ]
    assert (tools_of(call)[0].name, tools_of(call)[0].position) == ("set_drop_off", 1)
    assert detail_of(call) == raw


def test_the_transcript_alone_reveals_nothing_of_tools() -> None:
    sighting = DIALECT.from_wire(a_detail(turns=UNSET))
    assert isinstance(sighting.turns, list)
    assert len(sighting.turns) == 3
    assert sighting.tool_calls is UNSET


def test_a_row_says_nothing_of_the_conversation() -> None:
    sighting = DIALECT.from_wire(a_row())
    unsaid = ("turns", "tool_calls", "usage", "errors", "trace_id", "telephony", "channel")
    assert all(getattr(sighting, name) is UNSET for name in unsaid)


def test_an_absent_field_says_nothing() -> None:
    sighting = DIALECT.from_wire({"call_sid": "call_1", "status": "ringing"})
    said = {name for name in structs.asdict(sighting) if getattr(sighting, name) is not UNSET}
    assert said == {"vendor", "vendor_call_id", "status", "problems"}
    assert not sighting.problems


def test_the_result_of_a_completed_call_needs_the_number_of_turns() -> None:
    assert DIALECT.from_wire(a_row(turn_count=UNSET)).result is UNSET


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"created_at": "2026-02-30T10:00:00Z"}, "created_at"),
        ({"start_time": 5}, "start_time"),
        ({"end_time": "soon"}, "end_time"),
        ({"duration_seconds": "two minutes"}, "duration_seconds"),
        ({"total_cost": "cheap"}, "total_cost"),
        ({"turn_count": 2.5}, "turn_count"),
        ({"recording_enabled": "perhaps"}, "recording_enabled"),
        ({"turns": {}}, "turns"),
        ({"turns": [{"events": [{"relative_time": "now"}]}]}, "turns[0].events[0].relative_time"),
        ({"transcript": "Hello"}, "transcript"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(changes: dict[str, Any], path: str) -> None:
    if path.startswith("turns["):
        changes["turns"][0]["events"][0] |= {"type": "user_speech", "text": "Hm."}
    sighting = DIALECT.from_wire(a_detail(**changes))
    assert list(sighting.problems or ()) == [path]
    assert sighting.status is Status.COMPLETED


def test_a_call_without_an_id_is_nobodys() -> None:
    with pytest.raises(Unreadable, match="call_sid"):
        DIALECT.from_wire(a_detail(call_sid=""))
