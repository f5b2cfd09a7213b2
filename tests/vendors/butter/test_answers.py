from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.vendors.butter.samples import (
    SEEN_AT,
    a_detail,
    a_row,
    body_of,
    detail_of,
    foreign,
    plain,
    read,
    row_of,
)
from trunkline.kit.cursors import content_of, cursor_of
from trunkline.kit.losses import full_call
from trunkline.kit.query import read_query
from trunkline.model.call import Call, Cost, Recording, ToolCall, Turn
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, GetCall, ListCalls
from trunkline.model.query import After, AfterCall, Order
from trunkline.model.words import Channel, Role, Status
from trunkline.vendors.butter.api import DIALECT, GET, LIST
from trunkline.vendors.butter.recognition import SAVED
from trunkline.vendors.butter.wire import CallList, WireCall

# -- writing --------------------------------------------------------------


def test_a_full_foreign_call_fits_the_vendors_record() -> None:
    call = full_call()
    assert isinstance(call.turns, list)
    call.turns[0].start_ms, call.turns[0].end_ms = 600, 2340
    encoded = msgspec.json.encode(DIALECT.to_wire(call))
    wire = msgspec.json.decode(encoded, type=WireCall)
    assert msgspec.json.encode(wire) == encoded
    assert wire.call_sid == DIALECT.ids.printed(call)
    assert list(json.loads(encoded)) == list(a_detail())
    assert [[event.type for event in turn.events] for turn in wire.turns] == [
        ["assistant_response"],
        ["user_speech", "tool_call"],
        ["assistant_response"],
        ["user_speech", "tool_call"],
    ]
    assert (wire.turns[0].turn_number, wire.turns[0].duration_seconds) == (1, 1.74)


def test_a_tool_call_is_an_event_with_its_result() -> None:
    event = detail_of(full_call())["turns"][1]["events"][1]
    assert json.dumps(event) == json.dumps(
        {
            "type": "tool_call",
            "relative_time": 5.3,
            "tool_call_id": "tool-1",
            "tool_name": "find_slot",
            "arguments": {"day": "thursday"},
            "result": {"free": ["10:00"]},
        }
    )


def test_a_tool_call_before_anybody_spoke_has_a_turn_of_its_own() -> None:
    tool = ToolCall(name="look_up", position=0)
    call = foreign(tool_calls=[tool], turns=[Turn(Role.AGENT, "Hi.")])
    turns = detail_of(call)["turns"]
    assert [[event["type"] for event in turn["events"]] for turn in turns] == [
        ["tool_call"],
        ["assistant_response"],
    ]
    assert [turn["turn_number"] for turn in turns] == [1, 2]
    assert turns[1]["relative_start_time"] is None


def test_an_answer_without_its_call_and_a_call_without_its_answer_are_events_of_their_own() -> None:
    tools = [
        ToolCall(name="look_up", arguments={"n": 1}, position=1),
        ToolCall(result={"ok": True}, result_position=2),
        ToolCall(name="save", position=4, result_position=5),
    ]
    call = foreign(tool_calls=tools, turns=[Turn(Role.AGENT, "Hi."), Turn(Role.USER, "Hello.")])
    events = [event for turn in detail_of(call)["turns"] for event in turn["events"]]
    assert [event.get("result", "none") for event in events] == ["none", "none", {"ok": True}, "none", None]
    assert read(detail_of(call)).tool_calls == tools


def test_an_empty_foreign_call_prints_what_is_required() -> None:
    call = Call(
        id="9c2f8a5e-6f0b-4d0e-8f57-2f6c1f4f9a10",
        vendor="elsewhere",
        vendor_call_id="1",
        status=Status.QUEUED,
        created_at=SEEN_AT,
    )
    row = row_of(call, "acme")
    assert row == {
        "call_sid": DIALECT.ids.printed(call),
        "to_number": "",
        "from_number": None,
        "agent_id": "",
        "agent_name": None,
        "client_id": "acme",
        "call_type": "inbound",
        "status": "queued",
        "recording_enabled": False,
        "total_cost": None,
        "duration_seconds": None,
        "turn_count": 0,
        "created_at": "2026-06-01T00:00:00Z",
        "updated_at": "2026-06-01T00:00:00Z",
        "start_time": None,
        "end_time": None,
        "end_reason": None,
        "billing_status": None,
    }
    detail = detail_of(call)
    assert (detail["turns"], detail["transcript"]) == ([], [])
    assert detail["summary"] == dict.fromkeys(a_detail()["summary"])
    nulls = ("trace_id", "agent_config", "transport", "recording_url", "cost_breakdown", "usage", "errors")
    assert all(detail[name] is None for name in nulls)


def test_the_last_update_falls_back_to_end_start_and_creation() -> None:
    call = foreign(updated_at=None)
    assert row_of(call)["updated_at"] == row_of(call)["end_time"]
    call = foreign(updated_at=None, ended_at=None)
    assert row_of(call)["updated_at"] == row_of(call)["start_time"]
    call = foreign(updated_at=None, ended_at=None, started_at=None)
    assert row_of(call)["updated_at"] == row_of(call)["created_at"]


def test_times_have_a_fraction_only_when_there_is_one() -> None:
    whole = foreign(started_at=SEEN_AT, ended_at=SEEN_AT + timedelta(milliseconds=500))
    assert row_of(whole)["start_time"] == "2026-06-01T00:00:00Z"
    assert row_of(whole)["end_time"].startswith("2026-06-01T00:00:00.5")


@pytest.mark.parametrize(
    ("recording", "enabled"),
    [
        (None, False),
        (Recording(url="https://recordings.example.com/1.wav"), True),
        (Recording(enabled=False, url="https://recordings.example.com/1.wav"), False),
        (Recording(enabled=True), True),
    ],
)
def test_recording_is_enabled_as_reported_else_where_there_is_one(
    recording: Recording | None, enabled: bool
) -> None:
    assert row_of(foreign(recording=recording))["recording_enabled"] is enabled


@pytest.mark.parametrize(
    ("cost", "total", "breakdown"),
    [
        (Cost(amount=Decimal("4.10"), unit="credits"), 4.1, None),
        (
            Cost(amount=Decimal(4), unit="credits", items=[{"product": "tts", "units": 9}, {"units": 1}]),
            4,
            {"tts": {"units": 9}},
        ),
        (Cost(amount=Decimal(4), unit="USD", items=[{"product": "tts", "cost": 4}]), None, None),
        (None, None, None),
    ],
)
def test_a_cost_is_printed_in_credits_only(cost: Cost | None, total: Any, breakdown: Any) -> None:
    detail = detail_of(foreign(cost=cost))
    assert (detail["total_cost"], detail["cost_breakdown"]) == (total, breakdown)


def test_a_web_call_without_a_stated_transport_goes_over_webrtc() -> None:
    assert detail_of(foreign(channel=Channel.WEB, telephony=None))["transport"] == "webrtc"
    assert detail_of(foreign(channel=Channel.PHONE, telephony=None))["transport"] is None


# -- operations -----------------------------------------------------------


def intent_of(query_string: str) -> ListCalls:
    query, _ = read_query(query_string.encode(), LIST.query)
    intent = LIST.to_intent(query, "")
    assert isinstance(intent, ListCalls)
    return intent


def test_a_list_begins_with_the_fifty_newest() -> None:
    intent = intent_of("")
    assert intent.window == After(50)
    assert intent.order == Order()
    assert not intent.with_total
    assert not intent.with_transcript


def test_a_cursor_goes_on_after_the_call_it_names() -> None:
    calls = [read(a_row(call_sid=f"call_{n:012}")) for n in range(3)]
    page = LIST.answer_of(CallPage.of("acme", calls, has_more=True), LIST.query(limit=3))
    assert page.pagination.next_cursor is not None
    assert content_of(page.pagination.next_cursor) == {"call_sid": "call_000000000002"}
    intent = intent_of(f"limit=3&cursor={page.pagination.next_cursor}")
    assert intent.window == AfterCall(3, "call_000000000002")


def test_the_seeds_cursor_is_understood_with_and_without_padding() -> None:
    seed = body_of("list.json")["pagination"]["next_cursor"]
    assert intent_of(f"cursor={seed}").window == AfterCall(50, "call_abc123")
    assert cursor_of({"call_sid": "call_abc123"}) == seed
    unpadded = cursor_of({"call_sid": "call_1"}).rstrip("=")
    assert intent_of(f"cursor={unpadded}").window == AfterCall(50, "call_1")


def test_a_foreign_call_is_named_by_the_id_it_prints() -> None:
    page = LIST.answer_of(CallPage.of("acme", [full_call()], has_more=True), LIST.query())
    assert content_of(page.pagination.next_cursor or "") == {"call_sid": DIALECT.ids.printed(full_call())}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "bm90IGpzb24=",
        cursor_of({}),
        cursor_of({"call_sid": None}),
        cursor_of({"call_sid": 7}),
        "WyJjYWxsXzEiXQ==",
        "x" * 3000,
    ],
)
def test_a_cursor_that_makes_no_sense_is_refused(cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        intent_of(f"cursor={cursor}")
    status, body = DIALECT.errors.answer(refused.value)
    assert status == 400
    assert json.dumps(plain(body)) == '{"success": false, "message": "Invalid cursor"}'


@pytest.mark.parametrize("limit", ["0", "101", "-5"])
def test_a_limit_out_of_range_is_refused(limit: str) -> None:
    with pytest.raises(Refused) as refused:
        intent_of(f"limit={limit}")
    status, body = DIALECT.errors.answer(refused.value)
    assert status == 400
    assert plain(body) == {"success": False, "message": "limit must be between 1 and 100"}


@pytest.mark.parametrize(("shown", "more"), [(0, False), (2, False), (2, True)])
def test_the_last_page_has_no_cursor(shown: int, more: bool) -> None:
    calls = [full_call() for _ in range(shown)]
    answer = LIST.answer_of(CallPage.of("acme", calls, has_more=more), LIST.query())
    assert isinstance(msgspec.json.decode(msgspec.json.encode(answer), type=CallList), CallList)
    pagination = plain(answer)["pagination"]
    assert list(pagination) == ["next_cursor", "has_more", "page_size"]
    assert (pagination["has_more"], pagination["page_size"]) == (more, shown)
    assert (pagination["next_cursor"] is not None) is more


def test_a_list_has_no_transcript_and_get_has_it() -> None:
    assert GET.to_intent(GET.query(), "call_1") == GetCall(
        printed_id="call_1", with_transcript=True, reveal_foreign=True
    )
    only_in_get = a_detail().keys() - a_row().keys()
    assert {"turns", "transcript", "recording_url", "trace_id"} <= only_in_get
    assert a_row().keys() - a_detail().keys() == {"end_reason"}


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (Fault.NO_CREDENTIAL, 401, "Invalid or missing API key"),
        (Fault.MALFORMED_CREDENTIAL, 401, "Invalid or missing API key"),
        (Fault.UNKNOWN_CREDENTIAL, 401, "Invalid or missing API key"),
        (Fault.EXPIRED_CREDENTIAL, 401, "Invalid or missing API key"),
        (Fault.REVOKED_CREDENTIAL, 401, "Invalid or missing API key"),
        (Fault.ADDRESS_NOT_ALLOWED, 403, "IP address not allowed"),
        (Fault.FOREIGN_CALL, 403, "Call belongs to a different organization"),
        (Fault.CALL_NOT_FOUND, 404, "Call not found"),
        (Fault.INTERNAL, 500, "Internal server error"),
    ],
)
def test_a_refusal_is_a_message(fault: Fault, status: int, message: str) -> None:
    answered, body = DIALECT.errors.answer(Refused(fault, "call_1"))
    assert (answered, plain(body)) == (status, {"success": False, "message": message})


def test_the_key_is_in_its_header_or_as_a_bearer_token() -> None:
    in_header = DIALECT.auth.read({"x-api-key": "bk_live_1", "x-organization-id": "org_1"})
    assert (in_header.token, in_header.org) == ("bk_live_1", "org_1")
    bearer = DIALECT.auth.read({"authorization": "Bearer bk_live_2"})
    assert (bearer.token, bearer.org) == ("bk_live_2", None)
    with pytest.raises(Refused, match="NO_CREDENTIAL"):
        DIALECT.auth.read({"x-organization-id": "org_1"})


def test_calls_are_found_in_every_wrapper() -> None:
    detail = a_detail()
    wrapped: list[Any] = [detail, [detail], {"data": detail}, {"data": [detail]}, body_of("get.json")]
    for document in wrapped:
        assert SAVED.calls_in(document) == [detail]
    assert SAVED.calls_in(body_of("list.json")) == [a_row()]
    assert SAVED.calls_in({"success": True, "data": []}) == []
    strangers: list[Any] = [None, [], [1], {}, {"data": {"call_id": "x", "call_sid": "CA1"}}]
    for document in strangers:
        assert SAVED.calls_in(document) is None


def test_turns_that_were_not_fetched_print_as_none() -> None:
    call = foreign(turns=UNSET, tool_calls=UNSET)
    assert (detail_of(call)["turns"], detail_of(call)["transcript"]) == ([], [])
