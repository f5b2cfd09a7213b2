"""Times and transcripts as Zudu prints them: absolute epoch milliseconds throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET

from tests.conftest import World
from tests.vendors.zudu.samples import AT, AT_MS, a_call, back, elsewhere, made, ours, shown
from trunkline.model.call import ToolCall, Turn, Word
from trunkline.model.words import Role

SECOND = timedelta(seconds=1)


@pytest.mark.claim("zudu:call.times", "zudu:call.duration", "zudu:call.duration.as_told")
def test_times_and_durations_are_whole_milliseconds_and_none_follows_from_the_others(world: World) -> None:
    call = made(1, started_at=AT, ended_at=AT + 1.0019 * SECOND, duration_ms=7)
    found = shown(world, call)
    assert found["start_timestamp"] == AT_MS
    assert found["end_timestamp"] == AT_MS + 1001
    assert found["call_duration"] == 7
    assert shown(world, made(2, started_at=AT, ended_at=AT + SECOND))["call_duration"] is None


@pytest.mark.claim("zudu:call.times.zero")
def test_a_time_of_zero_is_not_known_and_comes_back(world: World) -> None:
    raw = a_call(start_timestamp=0, end_timestamp=0, transcript_object=[], transcript_with_tool_calls=[])
    assert back(world, raw) == raw
    call = ours(world, raw["id"])
    assert (call["started_at"], call["ended_at"]) == (None, None)


@pytest.mark.claim("zudu:call.created_at.older", "zudu:call.created_at.first_event")
@pytest.mark.parametrize(
    ("changes", "created_at", "derived"),
    [
        ({"created_at": AT_MS - 60_000, "updated_at": AT_MS}, "2026-01-05T07:59:00Z", False),
        ({}, "2026-01-05T07:59:58.100000Z", False),
        ({"events": []}, "2026-01-05T08:00:00Z", True),
    ],
)
def test_the_creation_is_reported_or_the_first_event_or_the_start(
    world: World, changes: dict[str, Any], created_at: str, derived: bool
) -> None:
    raw = a_call(**changes)
    found = back(world, raw)
    assert found.keys().isdisjoint({"created_at", "updated_at"})
    call = ours(world, raw["id"])
    assert (call["created_at"], "created_at" in call["derived"]) == (created_at, derived)


@pytest.mark.claim("zudu:read.words.without_start", "zudu:call.round_trip")
def test_words_without_a_start_count_from_the_first_and_come_back(world: World) -> None:
    raw = a_call(start_timestamp=None)
    assert back(world, raw) == raw
    call = world.get("trunkline", f"/v1/calls/{raw['id']}?include=turns,words").json()
    assert [turn["start_ms"] for turn in call["turns"]] == [0, 2560, 8730, 11420]
    assert "turns" in call["derived"]


@pytest.mark.claim("zudu:call.transcript_object.without_start")
def test_a_call_of_another_vendor_without_a_start_counts_from_its_creation(world: World) -> None:
    turns = [Turn(Role.USER, "Hello?", 500, words=[Word("Hello?", 500, 900)])]
    created_ms = AT_MS + 60_000
    assert shown(world, elsewhere(1, turns=turns))["transcript_object"] == [
        {
            "role": "user",
            "content": "Hello?",
            "timestamp": created_ms + 500,
            "words": [{"word": "Hello?", "start": created_ms + 500, "end": created_ms + 900}],
        }
    ]


@pytest.mark.claim(
    "zudu:call.transcript.text", "zudu:call.transcript.text.foreign", "zudu:call.transcript_object"
)
def test_the_text_is_the_vendors_own_else_put_together_from_the_turns(world: World) -> None:
    turns = [Turn(Role.AGENT, "Hi."), Turn(Role.USER, "Hello.\nWho is it?")]
    told = "Whatever they wrote."
    assert shown(world, made(1, turns=turns, transcript_text=told))["transcript"] == told
    built = "Agent: Hi.\nUser: Hello.\nWho is it?"
    assert shown(world, elsewhere(2, turns=turns, transcript_text=told))["transcript"] == built
    assert shown(world, elsewhere(3, turns=UNSET, transcript_text=told))["transcript"] == told
    assert shown(world, elsewhere(4, turns=[]))["transcript"] is None
    assert shown(world, elsewhere(5, turns=turns[:1]))["transcript_object"] == [
        {"role": "assistant", "content": "Hi.", "timestamp": None, "words": []}
    ]


@pytest.mark.claim("zudu:call.transcript_with_tools")
def test_a_tool_call_without_an_answer_is_an_invocation_alone(world: World) -> None:
    tools = [
        ToolCall("end_call", None, "now", position=1),
        ToolCall(id="tc_9", result=[1], result_position=2),
    ]
    turns = [Turn(Role.AGENT, "Bye.")]
    assert shown(world, elsewhere(1, turns=turns, tool_calls=tools))["transcript_with_tool_calls"][1:] == [
        {"role": "tool_call_invocation", "tool_call_id": None, "name": "end_call", "arguments": "now"},
        {"role": "tool_call_result", "tool_call_id": "tc_9", "content": "[1]"},
    ]
