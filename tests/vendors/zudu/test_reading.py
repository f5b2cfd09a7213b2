from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from tests.vendors.zudu.samples import START_MS, a_call, printed, read
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.vendors.zudu import DIALECT


def test_the_call_id_falls_back_to_the_id() -> None:
    call = read(a_call(call_id=UNSET))
    assert call.vendor_call_id == call.id
    assert DIALECT.from_wire(a_call(call_id=None)).vendor_call_id == call.id


def test_an_id_that_is_no_uuid_gives_way_to_a_derived_one() -> None:
    sighting = DIALECT.from_wire(a_call(id="row-17"))
    assert sighting.id is UNSET
    assert printed(read(a_call(id="row-17")))["id"] == call_id("zudu", sighting.vendor_call_id)


def test_creation_is_reported_or_the_first_event_or_the_start() -> None:
    told = DIALECT.from_wire(a_call(created_at=START_MS - 60_000, updated_at=START_MS + 20_000))
    assert told.created_at == datetime(2026, 1, 5, 7, 59, tzinfo=UTC)
    assert told.updated_at == datetime(2026, 1, 5, 8, 0, 20, tzinfo=UTC)
    event = DIALECT.from_wire(a_call())
    assert (event.created_at, event.derived) == (datetime(2026, 1, 5, 7, 59, 58, 100_000, UTC), ["result"])
    start = DIALECT.from_wire(a_call(events=[{"timestamp": "soon", "event": "odd"}]))
    assert (start.created_at, start.derived) == (
        datetime(2026, 1, 5, 8, tzinfo=UTC),
        ["created_at", "result"],
    )
    nothing = DIALECT.from_wire({"call_id": "call_1", "call_status": "REGISTERED"})
    assert nothing.created_at is UNSET


@pytest.mark.parametrize("scheduled", [1767600000, 1767600000000, "1767600000"])
def test_a_schedule_is_in_seconds_or_in_milliseconds(scheduled: Any) -> None:
    sighting = DIALECT.from_wire(a_call(metadata={"scheduled_timestamp": scheduled}))
    assert sighting.scheduled_at == datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_what_a_team_puts_into_metadata_never_costs_it_the_call() -> None:
    metadata = {"scheduled_timestamp": "tomorrow", "campaign": ["a"], "batch_call_id": {"n": 1}}
    sighting = DIALECT.from_wire(a_call(metadata=metadata))
    assert (sighting.scheduled_at, sighting.campaign) == (UNSET, UNSET)
    assert printed(read(a_call(metadata=metadata)))["metadata"] == metadata
    assert sighting.problems == {}
    assert DIALECT.from_wire(a_call(metadata={"scheduled_timestamp": 1e21})).scheduled_at is UNSET


def test_without_a_start_times_count_from_the_first_and_still_come_back() -> None:
    raw = a_call(start_timestamp=None, events=[])
    call = read(raw)
    assert isinstance(call.turns, list)
    assert [turn.start_ms for turn in call.turns] == [0, 2560, 8730, 11420]
    assert "turns" in (call.derived or [])
    assert printed(call)["transcript_object"] == raw["transcript_object"]


def test_a_longer_transcript_wins_over_one_with_tools_alone() -> None:
    tools = [entry for entry in a_call()["transcript_with_tool_calls"] if entry["role"].startswith("tool")]
    raw = a_call(transcript_with_tool_calls=tools)
    call = read(raw)
    assert isinstance(call.turns, list)
    assert isinstance(call.tool_calls, list)
    assert (len(call.turns), call.tool_calls[0].position) == (4, None)
    assert printed(call)["transcript_with_tool_calls"] == tools


def test_the_transcript_with_tools_alone_gives_the_turns() -> None:
    call = read(a_call(transcript_object=UNSET))
    assert isinstance(call.turns, list)
    assert [turn.text for turn in call.turns] == [e["content"] for e in a_call()["transcript_object"]]


TURN = {"role": "user", "content": "Hm."}


@pytest.mark.parametrize(
    "changes",
    [
        {"transcript_object": [TURN], "transcript_with_tool_calls": [TURN]},
        {"transcript_object": [{**TURN, "words": []}], "transcript_with_tool_calls": []},
        {"transcript_object": [{**TURN, "timestamp": None, "words": None}]},
        {"transcript_object": [{**TURN, "role": "agent", "mood": "calm"}]},
        {"transcript_object": [{**TURN, "words": [{"word": "Hm.", "start": START_MS + 0.5, "end": None}]}]},
        {"transcript_object": None, "transcript_with_tool_calls": None, "transcript": None},
        {"transcript_with_tool_calls": [{"role": "node_transition", "to": "close"}]},
        {"events": None},
        {"events": [None, "odd", {"event": "x"}]},
        {"metadata": None},
        {"metadata": {}},
        {"latency": None},
        {"latency": {"e2e": {"p50": None}}},
        {"call_analysis": None},
        {"call_analysis": {}},
        {"call_analysis": {"in_voicemail": None, "score": 7}},
        {"call_cost": None},
        {"call_cost": {}},
        {"call_cost": {"combined_cost": 1e-7}},
        {"call_cost": {"combined_cost": 12, "product_costs": [{"product": "llm"}, None]}},
        {"telephony_identifier": None},
        {"telephony_identifier": {"call_sid": "CA1"}},
        {"telephony_identifier": {}},
        {"start_timestamp": 0, "end_timestamp": 0, "call_duration": 0},
        {"call_duration": 14350.25},
        {"agent_id": None, "recording_url": None, "public_log_url": None, "call_type": None},
        {"agent_id": "", "recording_url": "", "public_log_url": ""},
        {"opt_out_sensitive_data_storage": None, "direction": None, "disconnection_reason": None},
    ],
)
def test_an_odd_call_comes_back_field_by_field(changes: dict[str, Any]) -> None:
    raw = a_call(**changes)
    assert printed(read(raw)) == raw
    stored = msgspec.json.decode(msgspec.json.encode(read(raw)), type=Call)
    assert printed(stored) == raw


def test_an_absent_field_says_nothing() -> None:
    sighting = DIALECT.from_wire({"call_id": "call_1", "call_status": "ONGOING"})
    said = {name for name in structs.asdict(sighting) if getattr(sighting, name) is not UNSET}
    assert said == {"vendor", "vendor_call_id", "status", "problems"}
    assert sighting.problems == {}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"start_timestamp": "yesterday"}, "start_timestamp"),
        ({"end_timestamp": 1e30}, "end_timestamp"),
        ({"call_duration": "long"}, "call_duration"),
        ({"call_duration": -1}, "call_duration"),
        ({"created_at": "2026-01-32"}, "created_at"),
        ({"call_cost": {"combined_cost": "cheap"}}, "call_cost.combined_cost"),
        ({"call_analysis": "fine"}, "call_analysis"),
        ({"transcript_object": [{"timestamp": "now", "content": ""}]}, "transcript_object[0].timestamp"),
        ({"transcript_with_tool_calls": [{"role": {"name": "user"}}]}, "transcript_with_tool_calls[0].role"),
        ({"opt_out_sensitive_data_storage": "perhaps"}, "opt_out_sensitive_data_storage"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(changes: dict[str, Any], path: str) -> None:
    sighting = DIALECT.from_wire(a_call(**changes))
    assert list(sighting.problems or ()) == [path]
    whole = DIALECT.from_wire(a_call())
    assert (sighting.vendor_call_id, sighting.status) == (whole.vendor_call_id, whole.status)


def test_a_call_without_an_id_is_nobodys() -> None:
    with pytest.raises(Unreadable) as refused:
        DIALECT.from_wire(a_call(call_id="", id=""))
    assert refused.value.path == "id"
