"""The call as Zudu prints it, of its own and of other vendors, field by field."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.zudu.samples import (
    AT,
    AT_MS,
    a_call,
    back,
    body_of,
    elsewhere,
    got,
    ours,
    row,
    shown,
    uuid,
)
from trunkline.model.call import (
    Agent,
    Analysis,
    Call,
    Campaign,
    Contact,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Word,
)
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors import dialects
from trunkline.vendors.zudu.recognition import SAVED

ZUDU = dialects()["zudu"]
SECOND = timedelta(seconds=1)

LATENCY = {
    "e2e": {
        "max": 912.4,
        "min": 388,
        "num": 2,
        "p50": 650.2,
        "p90": 886.2,
        "p95": 899.3,
        "p99": 909.8,
        "values": [388, 912.4],
    }
}


def full(**changes: Any) -> Call:
    """A call of another vendor with something in every field that this one prints."""
    fields: dict[str, Any] = {
        "direction": Direction.OUTBOUND,
        "channel": Channel.PHONE,
        "from_number": "+12025550119",
        "to_number": "+12025550164",
        "status": Status.COMPLETED,
        "result": Result.ANSWERED,
        "end_reason": EndReason.AGENT_HANGUP,
        "started_at": AT,
        "ended_at": AT + 14.6 * SECOND,
        "duration_ms": 14350,
        "agent": Agent(id="agent_frontdesk", name="Front desk"),
        "campaign": Campaign(id="batch-1", name="winter"),
        "contact": Contact(full_name="Jane Smith"),
        "scheduled_at": AT - 60 * SECOND,
        "turns": [
            Turn(
                Role.AGENT, "Good morning.", 420, 1600, [Word("Good", 420, 670), Word("morning.", 730, 980)]
            ),
            Turn(Role.USER, "Friday, please.", 2980),
        ],
        "tool_calls": [
            ToolCall("find", "tc_1", {"day": "fri"}, {"free": [9]}, position=1, result_position=2),
        ],
        "analysis": Analysis("Moved to Friday.", Sentiment.NEUTRAL, True, False, custom={"day": "fri"}),
        "cost": Cost(Decimal("0.0431"), "USD", [{"product": "voice", "cost": 0.0431, "unit_price": 0.002}]),
        "latency": LATENCY,
        "recording": Recording(url="https://recordings.example.com/1.mp4"),
        "log_url": "https://logs.example.com/1",
        "privacy": Privacy(opt_out=True),
        "telephony": Telephony("CA1", "CF1", "sip"),
        "metadata": {"priority": "high"},
        "events": [{"timestamp": AT_MS, "event": "Call created", "session_time": 0, "data": {}}],
    }
    return elsewhere(1, **(fields | changes))


# -- the whole call -------------------------------------------------------


@pytest.mark.claim(
    "zudu:call.keys",
    "zudu:call.transcript.always",
    "zudu:call.transcript.text",
    "zudu:call.transcript_object",
    "zudu:call.transcript_with_tools",
    "zudu:call.times",
    "zudu:call.latency",
    "zudu:call.cost",
    "zudu:call.events",
    "zudu:call.telephony",
    "zudu:call.metadata",
    "zudu:call.campaign",
    "zudu:call.schedule",
    "zudu:call.opt_out",
    "zudu:call.analysis",
)
def test_a_full_call_of_another_vendor_prints_the_same_in_list_and_get(world: World) -> None:
    call = full()
    world.take([call])
    first = {
        "role": "assistant",
        "content": "Good morning.",
        "timestamp": AT_MS + 420,
        "words": [
            {"word": "Good", "start": AT_MS + 420, "end": AT_MS + 670},
            {"word": "morning.", "start": AT_MS + 730, "end": AT_MS + 980},
        ],
    }
    second = {"role": "user", "content": "Friday, please.", "timestamp": AT_MS + 2980, "words": []}
    expected = {
        "id": uuid(1),
        "call_id": ZUDU.ids.printed(call),
        "agent_id": "agent_frontdesk",
        "organization_id": world.name,
        "call_status": "ENDED",
        "call_type": "PHONE_CALL",
        "direction": "OUTBOUND",
        "from_number": "+12025550119",
        "to_number": "+12025550164",
        "start_timestamp": AT_MS,
        "end_timestamp": AT_MS + 14600,
        "call_duration": 14350,
        "disconnection_reason": "AGENT_HANGUP",
        "recording_url": "https://recordings.example.com/1.mp4",
        "public_log_url": "https://logs.example.com/1",
        "opt_out_sensitive_data_storage": True,
        "metadata": {
            "priority": "high",
            "campaign": "winter",
            "batch_call_id": "batch-1",
            "is_scheduled": True,
            "scheduled_timestamp": AT_MS // 1000 - 60,
        },
        "events": [{"timestamp": AT_MS, "event": "Call created", "session_time": 0, "data": {}}],
        "transcript": "Agent: Good morning.\nUser: Friday, please.",
        "transcript_object": [first, second],
        "transcript_with_tool_calls": [
            first,
            {
                "role": "tool_call_invocation",
                "tool_call_id": "tc_1",
                "name": "find",
                "arguments": '{"day": "fri"}',
            },
            {"role": "tool_call_result", "tool_call_id": "tc_1", "content": '{"free": [9]}'},
            second,
        ],
        "latency": LATENCY,
        "call_analysis": {
            "call_successful": True,
            "call_summary": "Moved to Friday.",
            "user_sentiment": "Neutral",
            "in_voicemail": False,
            "day": "fri",
        },
        "call_cost": {
            "combined_cost": 0.0431,
            "product_costs": [{"product": "voice", "cost": 0.0431, "unit_price": 0.002}],
        },
        "telephony_identifier": {"call_sid": "CA1", "conference_sid": "CF1"},
    }
    says(world.get("zudu", f"/api/calls/{uuid(1)}"), got(expected))
    (in_list,) = world.get("zudu", "/api/calls").json()["data"]["calls"]
    assert list(in_list.items()) == list(expected.items())


@pytest.mark.claim(
    "zudu:call.nullable", "zudu:call.keys", "zudu:call.type.unknown", "zudu:call.opt_out.unknown"
)
def test_what_nobody_reported_is_null_or_empty_and_never_left_out(world: World) -> None:
    call = elsewhere(1, status=Status.QUEUED)
    call_id = ZUDU.ids.printed(call)
    expected = row(1, world.name, call_id=call_id, call_status="REGISTERED")
    world.take([call])
    says(world.get("zudu", f"/api/calls/{call_id}"), got(expected))


@pytest.mark.claim(
    "zudu:call.round_trip",
    "zudu:call.keys",
    "zudu:call.latency",
    "zudu:call.events",
    "zudu:call.cost.items",
    "zudu:call.telephony",
    "zudu:call.transcript.always",
)
@pytest.mark.parametrize("name", ["list.json", "get.json"])
def test_the_vendors_examples_come_back_to_the_letter(world: World, name: str) -> None:
    raw = a_call(name)
    world.see([ZUDU.from_wire(raw)])
    for call_id in (raw["call_id"], raw["id"]):
        says(world.get("zudu", f"/api/calls/{call_id}"), got(raw))
    body = body_of("list.json")
    body["data"] |= {"calls": [raw], "organization_id": raw["organization_id"]}
    body["data"]["pagination"] |= {"total_count": 1, "total_pages": 1, "has_next_page": False}
    says(world.get("zudu", "/api/calls"), body)


@pytest.mark.claim("zudu:call.round_trip", "zudu:call.metadata", "zudu:call.events", "zudu:call.cost.items")
def test_odd_values_of_the_vendors_own_come_back_to_the_letter(world: World) -> None:
    raw = a_call(
        agent_id="",
        call_duration=14350.25,
        end_timestamp=0,
        metadata={"campaign": ["a"], "nested": {"b": None, "a": 1.50}},
        events=[{"event": "Call created"}, "odd", None],
        latency={"llm": {"p50": None}},
        call_analysis={"in_voicemail": None, "score": 7},
        call_cost={"combined_cost": 1e-7, "total_duration_seconds": 15, "total_duration_unit_price": 0.1},
        telephony_identifier={"call_sid": "CA1"},
        transcript_object=[{"role": "agent", "content": "Hm.", "mood": "calm"}],
        transcript_with_tool_calls=[{"role": "node_transition", "to": "close"}],
    )
    world.see([ZUDU.from_wire(raw)])
    says(world.get("zudu", f"/api/calls/{raw['call_id']}"), got(raw))


# -- money, ids and free objects ------------------------------------------


@pytest.mark.claim("zudu:call.cost", "zudu:call.cost.currency", "zudu:call.nullable")
@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (None, None),
        (Cost(Decimal("0.25"), "USD"), {"combined_cost": 0.25}),
        (Cost(Decimal("3.00"), "USD"), {"combined_cost": 3}),
        (Cost(Decimal(0), "USD"), {"combined_cost": 0}),
        (Cost(None, "USD", []), {"combined_cost": None, "product_costs": []}),
        (Cost(Decimal("0.25"), "EUR"), None),
        (Cost(Decimal("12.35"), "credits"), None),
    ],
)
def test_a_cost_is_in_dollars_or_null(world: World, cost: Cost | None, expected: Any) -> None:
    assert shown(world, elsewhere(1, cost=cost))["call_cost"] == expected


@pytest.mark.claim("zudu:call.cost.currency")
def test_a_cost_that_came_in_is_in_dollars(world: World) -> None:
    back(world, a_call("list.json"))
    cost = ours(world, a_call("list.json")["id"])["cost"]
    assert cost == {"amount": 0.25, "unit": "USD", "items": None}


@pytest.mark.claim("zudu:call.telephony")
@pytest.mark.parametrize(
    ("telephony", "expected"),
    [
        (Telephony(sid="CA1"), {"call_sid": "CA1", "conference_sid": None}),
        (Telephony(conference_sid="CF1"), {"call_sid": None, "conference_sid": "CF1"}),
        (Telephony(transport="sip"), None),
    ],
)
def test_the_carriers_ids_are_there_with_both_keys_or_null(
    world: World, telephony: Telephony, expected: Any
) -> None:
    assert shown(world, elsewhere(1, telephony=telephony))["telephony_identifier"] == expected


@pytest.mark.claim("zudu:call.campaign", "zudu:call.schedule", "zudu:call.metadata.empty")
@pytest.mark.parametrize(
    ("changes", "metadata"),
    [
        ({}, {}),
        ({"metadata": {}}, {}),
        ({"campaign": Campaign(id="b")}, {"batch_call_id": "b"}),
        ({"campaign": Campaign(name="winter"), "metadata": {"a": 1}}, {"a": 1, "campaign": "winter"}),
        ({"scheduled_at": AT}, {"is_scheduled": True, "scheduled_timestamp": AT_MS // 1000}),
    ],
)
def test_campaign_and_schedule_of_another_vendor_are_in_metadata(
    world: World, changes: dict[str, Any], metadata: dict[str, Any]
) -> None:
    assert shown(world, elsewhere(1, **changes))["metadata"] == metadata


@pytest.mark.claim("zudu:call.campaign", "zudu:call.schedule", "zudu:call.schedule.ms")
@pytest.mark.parametrize("scheduled", [AT_MS // 1000, AT_MS, str(AT_MS // 1000), AT_MS * 1000])
def test_campaign_and_schedule_are_read_from_metadata(world: World, scheduled: int | str) -> None:
    raw = a_call(metadata={"campaign": "c", "batch_call_id": "b", "scheduled_timestamp": scheduled})
    assert back(world, raw) == raw
    call = ours(world, raw["id"])
    assert call["campaign"] == {"id": "b", "name": "c"}
    assert call["scheduled_at"] == "2026-01-05T08:00:00Z"


# -- reading --------------------------------------------------------------


@pytest.mark.claim("zudu:read.wrappers", "zudu:list.pagination.older")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda call: call,
        lambda call: [call],
        lambda call: {"data": call},
        lambda call: {"data": {"call": call}},
        lambda call: {"message": "…", "status": "success", "error": None, "data": {"calls": [call]}},
        lambda call: {"data": {"calls": [call], "pagination": {"page": 0, "limit": 20, "total": 1}}},
    ],
    ids=["bare", "in a list", "in data", "in data.call", "in data.calls", "in an older list"],
)
def test_a_call_is_found_in_every_wrapper(world: World, wrap: Any) -> None:
    raw = a_call()
    world.see([ZUDU.from_wire(found) for found in SAVED.calls_in(wrap(raw)) or ()])
    says(world.get("zudu", f"/api/calls/{raw['call_id']}"), got(raw))
