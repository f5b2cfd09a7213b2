"""The row of a list and the detail as Butter prints them, field by field."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.butter.samples import (
    AT,
    a_detail,
    a_row,
    detail,
    elsewhere,
    got,
    listed,
    made,
    ours,
    shown,
    sid,
    summary,
)
from trunkline.model.call import (
    Agent,
    Analysis,
    Call,
    Campaign,
    Contact,
    Cost,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Word,
)
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors import dialects

BUTTER = dialects()["butter"]
SECOND = timedelta(seconds=1)


def full(**changes: Any) -> Call:
    """A call of another vendor with something in every field that this one prints, and in some others."""
    fields: dict[str, Any] = {
        "trace_id": "trace_1",
        "direction": Direction.OUTBOUND,
        "channel": Channel.PHONE,
        "from_number": "+15551234567",
        "to_number": "+15559876543",
        "status": Status.COMPLETED,
        "result": Result.ANSWERED,
        "end_reason": EndReason.AGENT_HANGUP,
        "updated_at": AT + 150 * SECOND,
        "started_at": AT + 5 * SECOND,
        "ended_at": AT + 145 * SECOND,
        "duration_ms": 120_500,
        "agent": Agent("agent_xyz789", "Sales Rep", {"llm_model": "gpt", "speak_first": True}),
        "campaign": Campaign("batch-1", "winter"),
        "contact": Contact(full_name="Jane Smith"),
        "turns": [
            Turn(Role.AGENT, "Hello.", 800, 4310, [Word("Hello.", 800, 1200)]),
            Turn(Role.USER, "Friday, please.", 5020, 9900),
        ],
        "tool_calls": [
            ToolCall("find", "tc_1", {"day": "fri"}, {"free": [9]}, 1, 2, start_ms=4500),
            ToolCall("book", position=4, start_ms=10_000),
        ],
        "turn_count": 7,
        "analysis": Analysis("Moved to Friday.", Sentiment.NEUTRAL, True),
        "cost": Cost(
            Decimal("12.35"), "credits", [{"product": "llm_input", "cost_credits": 0.4, "units": 812}]
        ),
        "billing_status": "billed",
        "usage": {"llm": {"total_tokens": 909}},
        "errors": {"error_count": 0, "has_fatal_errors": False, "errors": []},
        "recording": Recording(True, "s3://recordings/1.wav"),
        "telephony": Telephony("CA1", "CF1", "twilio"),
        "metadata": {"priority": "high"},
        "latency": {"e2e": {"p50": 800}},
        "events": [{"event": "Call created"}],
    }
    return elsewhere(1, **(fields | changes))


ROW = {
    "to_number": "+15559876543",
    "from_number": "+15551234567",
    "agent_id": "agent_xyz789",
    "agent_name": "Sales Rep",
    "call_type": "outbound",
    "status": "completed",
    "recording_enabled": True,
    "total_cost": 12.35,
    "duration_seconds": 120.5,
    "turn_count": 7,
    "created_at": "2026-03-09T10:01:00Z",
    "updated_at": "2026-03-09T10:02:30Z",
    "start_time": "2026-03-09T10:00:05Z",
    "end_time": "2026-03-09T10:02:25Z",
    "end_reason": "tool_end_call",
    "billing_status": "billed",
}
"""What both answers print of that call."""


# -- the whole call -------------------------------------------------------


@pytest.mark.claim(
    "butter:list.row.keys",
    "butter:call.turn_count",
    "butter:call.total_cost",
    "butter:call.duration",
    "butter:call.times",
    "butter:call.client_id",
)
def test_a_full_call_of_another_vendor_is_a_row_of_18_fields(world: World) -> None:
    call = full()
    world.take([call])
    says(
        world.get("butter", "/api/calls"),
        listed([summary(1, world.name, call_sid=BUTTER.ids.printed(call), **ROW)]),
    )


@pytest.mark.claim(
    "butter:get.keys",
    "butter:get.times",
    "butter:call.turns",
    "butter:call.turns.tool_call",
    "butter:call.transcript",
    "butter:call.summary",
    "butter:call.cost_breakdown",
    "butter:call.transport",
)
def test_a_full_call_of_another_vendor_is_a_detail_with_its_conversation(world: World) -> None:
    call = full()
    world.take([call])
    row = {name: value for name, value in ROW.items() if name != "end_reason"}
    expected = detail(1, world.name, call_sid=BUTTER.ids.printed(call), **row) | {
        "trace_id": "trace_1",
        "agent_config": {"llm_model": "gpt", "speak_first": True},
        "transport": "twilio",
        "recording_url": "s3://recordings/1.wav",
        "cost_breakdown": {"llm_input": {"cost_credits": 0.4, "units": 812}},
        "usage": {"llm": {"total_tokens": 909}},
        "summary": {
            "end_reason": "tool_end_call",
            "interruptions": None,
            "avg_turn_duration": None,
            "total_tokens": None,
            "total_characters": None,
        },
        "errors": {"error_count": 0, "has_fatal_errors": False, "errors": []},
        "turns": [
            {
                "turn_number": 1,
                "relative_start_time": 0.8,
                "relative_end_time": 4.31,
                "duration_seconds": 3.51,
                "events": [
                    {"type": "assistant_response", "text": "Hello.", "relative_time": 0.8},
                    {
                        "type": "tool_call",
                        "relative_time": 4.5,
                        "tool_call_id": "tc_1",
                        "tool_name": "find",
                        "arguments": {"day": "fri"},
                        "result": {"free": [9]},
                    },
                ],
            },
            {
                "turn_number": 2,
                "relative_start_time": 5.02,
                "relative_end_time": 9.9,
                "duration_seconds": 4.88,
                "events": [
                    {"type": "user_speech", "text": "Friday, please.", "relative_time": 5.02},
                    {
                        "type": "tool_call",
                        "relative_time": 10,
                        "tool_call_id": None,
                        "tool_name": "book",
                        "arguments": None,
                    },
                ],
            },
        ],
        "transcript": [
            {"speaker": "assistant", "text": "Hello."},
            {"speaker": "user", "text": "Friday, please."},
        ],
    }
    says(world.get("butter", f"/api/calls/{BUTTER.ids.printed(call)}"), got(expected))


@pytest.mark.claim("butter:call.nullable", "butter:call.required", "butter:call.client_id")
def test_what_nobody_reported_is_null_or_empty_and_never_left_out(world: World) -> None:
    call = elsewhere(1, status=Status.QUEUED)
    in_list, in_get = shown(world, call)
    told = {"call_sid": BUTTER.ids.printed(call), "status": "queued"}
    assert list(in_list.items()) == list(summary(1, world.name, **told).items())
    assert list(in_get.items()) == list(detail(1, world.name, **told).items())


@pytest.mark.claim(
    "butter:call.round_trip", "butter:list.row.keys", "butter:call.billing_status", "butter:call.client_id"
)
def test_the_row_of_the_vendors_example_comes_back_to_the_letter(world: World) -> None:
    world.see([BUTTER.from_wire(a_row())])
    says(world.get("butter", "/api/calls"), listed([a_row()]))


@pytest.mark.claim(
    "butter:call.round_trip",
    "butter:get.keys",
    "butter:get.like_list",
    "butter:call.cost_breakdown",
    "butter:call.usage",
    "butter:call.summary",
    "butter:call.turns.shape",
)
def test_a_detail_comes_back_to_the_letter_and_its_row_says_the_same(world: World) -> None:
    raw = a_detail()
    world.see([BUTTER.from_wire(raw)])
    says(world.get("butter", f"/api/calls/{raw['call_sid']}"), got(raw))
    row = {name: raw[name] if name in raw else raw["summary"][name] for name in a_row()}
    says(world.get("butter", "/api/calls"), listed([row]))


@pytest.mark.claim("butter:call.round_trip")
@pytest.mark.parametrize("detail_first", [True, False])
def test_a_row_and_a_detail_of_one_call_make_both_answers_in_any_order(
    world: World, detail_first: bool
) -> None:
    raw = a_detail()
    row = {name: raw[name] if name in raw else raw["summary"][name] for name in a_row()}
    for payload in (raw, row) if detail_first else (row, raw):
        world.see([BUTTER.from_wire(payload)])
    says(world.get("butter", f"/api/calls/{raw['call_sid']}"), got(raw))
    says(world.get("butter", "/api/calls"), listed([row]))


@pytest.mark.claim("butter:call.round_trip", "butter:call.usage", "butter:call.turns.shape")
def test_odd_values_of_the_vendors_own_come_back_to_the_letter(world: World) -> None:
    raw = a_detail(
        to_number=None,
        agent_id=None,
        recording_enabled=None,
        duration_seconds=18.64049,
        turn_count=None,
        total_cost=1e-7,
        cost_breakdown={"llm": 3, "tts": {"units": 1, "product": "voice"}},
        usage={},
        summary={"talk_ratio": 0.5},
        turns=[{"turn_number": 9, "events": [{"type": "barge_in", "at": 1}]}],
        transcript=[{"speaker": "Agent", "text": "Hi", "lang": "en"}],
        created_at="2026-02-11T16:20:00.120Z",
        updated_at="2026-02-11T18:20:31+02:00",
        billing_status=None,
    )
    world.see([BUTTER.from_wire(raw)])
    says(world.get("butter", f"/api/calls/{raw['call_sid']}"), got(raw))


# -- numbers, times and ids -----------------------------------------------


@pytest.mark.claim("butter:call.total_cost", "butter:call.total_cost.money", "butter:call.cost_breakdown")
@pytest.mark.parametrize(
    ("cost", "total", "breakdown"),
    [
        (None, None, None),
        (Cost(Decimal("12.35"), "credits"), 12.35, None),
        (Cost(Decimal("4.00"), "credits", [{"product": "tts", "units": 9}]), 4, {"tts": {"units": 9}}),
        (Cost(Decimal(0), "credits", []), 0, {}),
        (Cost(Decimal("0.25"), "USD", [{"product": "tts", "cost": 0.25}]), None, None),
        (Cost(Decimal("0.25"), None), None, None),
    ],
)
def test_a_cost_is_in_credits_or_null(world: World, cost: Cost | None, total: Any, breakdown: Any) -> None:
    in_list, in_get = shown(world, elsewhere(1, cost=cost))
    assert (in_list["total_cost"], in_get["total_cost"], in_get["cost_breakdown"]) == (
        total,
        total,
        breakdown,
    )


@pytest.mark.claim("butter:call.total_cost")
def test_a_cost_that_came_in_is_in_credits(world: World) -> None:
    world.see([BUTTER.from_wire(a_row())])
    cost = ours(world, a_row()["call_sid"])["cost"]
    assert cost == {"amount": 12.35, "unit": "credits", "items": None}


@pytest.mark.claim("butter:call.duration")
@pytest.mark.parametrize(
    ("duration_ms", "seconds"), [(120_500, 120.5), (140_000, 140), (1, 0.001), (0, 0), (None, None)]
)
def test_a_duration_is_in_seconds_and_never_the_time_between_start_and_end(
    world: World, duration_ms: int | None, seconds: float | None
) -> None:
    call = elsewhere(1, started_at=AT, ended_at=AT + 140 * SECOND, duration_ms=duration_ms)
    for answer in shown(world, call):
        assert repr(answer["duration_seconds"]) == repr(seconds)


@pytest.mark.claim("butter:call.times", "butter:call.updated_at", "butter:call.nullable")
def test_times_have_a_fraction_only_where_there_is_one_and_the_last_of_them_is_the_update(
    world: World,
) -> None:
    told: dict[str, Any] = {}
    times = {"created_at": "2026-03-09T10:01:00Z", "start_time": None, "end_time": None}
    for number, (ours_, theirs, at, text) in enumerate(
        [
            ("started_at", "start_time", AT + 61.5 * SECOND, "2026-03-09T10:01:01.500000Z"),
            ("ended_at", "end_time", AT + 70 * SECOND, "2026-03-09T10:01:10Z"),
            ("updated_at", "updated_at", AT + 3600 * SECOND, "2026-03-09T11:00:00Z"),
        ]
    ):
        told |= {ours_: at}
        times |= {theirs: text, "updated_at": text}
        call = elsewhere(1, id=f"00000000-0000-4000-8000-00000000a00{number}", **told)
        call.vendor_call_id = f"times-{number}"
        world.take([call])
        answer = world.get("butter", f"/api/calls/{BUTTER.ids.printed(call)}").json()["data"]
        assert {name: answer[name] for name in times} == times
        rows = world.get("butter", "/api/calls").json()["data"]
        (row,) = (row for row in rows if row["call_sid"] == answer["call_sid"])
        assert {name: row[name] for name in times} == times


@pytest.mark.claim("butter:call.updated_at")
def test_a_call_that_nothing_is_known_of_was_updated_when_it_was_created(world: World) -> None:
    in_list, in_get = shown(world, elsewhere(1))
    assert in_list["updated_at"] == in_get["updated_at"] == in_list["created_at"] == "2026-03-09T10:01:00Z"


@pytest.mark.claim("butter:call.turn_count", "butter:call.turn_count.as_told")
@pytest.mark.parametrize(
    ("turns", "told", "count"),
    [
        (UNSET, 7, 7),
        ([Turn(Role.AGENT, "Hi.")], 7, 7),
        ([Turn(Role.AGENT, "Hi.")], None, 1),
        (UNSET, None, 0),
    ],
)
def test_turns_are_counted_as_reported_else_as_they_are(
    world: World, turns: Any, told: int | None, count: int
) -> None:
    for answer in shown(world, elsewhere(1, turns=turns, turn_count=told)):
        assert answer["turn_count"] == count


@pytest.mark.claim("butter:call.recording_enabled")
@pytest.mark.parametrize(
    ("recording", "enabled"),
    [
        (None, False),
        (Recording(url="s3://recordings/1.wav"), True),
        (Recording(enabled=False, url="s3://recordings/1.wav"), False),
        (Recording(enabled=True), True),
    ],
)
def test_recording_is_enabled_as_reported_else_where_there_is_one(
    world: World, recording: Recording | None, enabled: bool
) -> None:
    for answer in shown(world, elsewhere(1, recording=recording)):
        assert answer["recording_enabled"] is enabled


@pytest.mark.claim("butter:call.client_id")
def test_every_row_says_whose_it_is_in_its_vendors_words_or_by_the_organizations_name(world: World) -> None:
    world.see([BUTTER.from_wire(a_row())])
    world.take([made(30)])
    rows = world.get("butter", "/api/calls").json()["data"]
    assert [(row["call_sid"], row["client_id"]) for row in rows] == [
        (sid(30), world.name),
        ("call_abc123def456", "org_123"),
    ]
