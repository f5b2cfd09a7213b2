from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

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
from trunkline.kit.cursors import cursor_of
from trunkline.model.call import Agent, Call, Cost, Recording, Telephony
from trunkline.model.intents import CallPage, OneCall
from trunkline.model.merge import merged
from trunkline.model.words import Channel, Direction, EndReason, Result, Status
from trunkline.vendors.butter.api import DIALECT, GET, LIST
from trunkline.vendors.butter.recognition import SAVED
from trunkline.vendors.butter.words import END_REASON, STATUS


def test_the_example_row_comes_back_key_order_included() -> None:
    assert json.dumps(row_of(read(a_row()))) == json.dumps(a_row())


def test_a_detail_comes_back_key_order_included() -> None:
    assert json.dumps(detail_of(read(a_detail()))) == json.dumps(a_detail())


def test_the_example_list_is_answered_as_it_is_but_for_its_two_flaws() -> None:
    body = body_of("list.json")
    calls = [read(raw) for raw in SAVED.calls_in(body) or []]
    answer = LIST.answer_of(CallPage.of("acme", calls, has_more=True), LIST.query())
    body["pagination"]["next_cursor"] = cursor_of({"call_sid": calls[-1].vendor_call_id})
    body["pagination"]["page_size"] = len(calls)
    assert json.dumps(plain(answer)) == json.dumps(body)


def test_get_answers_in_the_envelope() -> None:
    found = GET.answer_of(OneCall("acme", read(a_detail())), GET.query())
    assert json.dumps(plain(found)) == json.dumps(body_of("get.json"))


def test_the_example_row_in_our_words() -> None:
    call = read(a_row())
    assert call.vendor_call_id == "call_abc123def456"
    assert (call.status, call.result) == (Status.COMPLETED, Result.ANSWERED)
    assert (call.end_reason, call.end_reason_raw) == (EndReason.AGENT_HANGUP, "tool_end_call")
    assert (call.direction, call.channel) == (Direction.OUTBOUND, Channel.UNKNOWN)
    assert (call.duration_ms, call.turn_count) == (120_500, 7)
    assert call.agent == Agent(id="agent_xyz789", name="Sales Rep")
    assert call.cost == Cost(amount=Decimal("12.35"), unit="credits")
    assert call.recording == Recording(enabled=True)
    assert call.billing_status == "billed"
    assert call.vendor_fields == {"client_id": "org_123"}
    assert call.derived == ["result"]


def test_the_detail_adds_what_only_get_has() -> None:
    call = read(a_detail())
    assert call.trace_id == "trace_5f0c2a9b"
    assert (call.channel, call.telephony) == (Channel.PHONE, Telephony(transport="twilio"))
    assert call.end_reason is EndReason.AGENT_HANGUP
    assert call.cost is not None
    assert call.cost.items is not None
    assert call.cost.items[0] == {"product": "llm_input", "cost_credits": 0.41, "units": 812}
    assert call.usage == a_detail()["usage"]
    assert call.errors == a_detail()["errors"]
    assert call.agent is not None
    assert call.agent.config == a_detail()["agent_config"]


@pytest.mark.parametrize("detail_first", [True, False])
def test_a_row_and_a_detail_of_one_call_make_both_answers(detail_first: bool) -> None:
    detail = a_detail()
    row = {name: value for name, value in detail.items() if name in a_row()}
    row["end_reason"] = detail["summary"]["end_reason"]
    sightings = [DIALECT.from_wire(detail), DIALECT.from_wire(row)]
    first, second = sightings if detail_first else sightings[::-1]
    known = read(detail if detail_first else row)
    versions = {"*": 0}
    call, versions = merged(known, versions, first, SEEN_AT)
    call, _ = merged(call, versions, second, SEEN_AT)
    assert detail_of(call) == detail
    assert row_of(call) == row


# -- words ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason", "turns", "status", "result", "back"),
    [
        ("queued", None, 0, Status.QUEUED, None, "queued"),
        ("initiated", None, 0, Status.QUEUED, None, "initiated"),
        ("ringing", None, 0, Status.RINGING, None, "ringing"),
        ("in_progress", None, 2, Status.IN_PROGRESS, None, "in_progress"),
        ("in-progress", None, 2, Status.IN_PROGRESS, None, "in_progress"),
        ("completed", "user_hangup", 3, Status.COMPLETED, Result.ANSWERED, "completed"),
        ("completed", "user_hangup", 0, Status.COMPLETED, None, "completed"),
        ("completed", "voicemail", 1, Status.COMPLETED, Result.VOICEMAIL, "completed"),
        ("busy", None, 0, Status.BUSY, Result.BUSY, "busy"),
        ("no-answer", None, 0, Status.NO_ANSWER, Result.NO_ANSWER, "no-answer"),
        ("no_answer", None, 0, Status.NO_ANSWER, Result.NO_ANSWER, "no-answer"),
        ("failed", "error", 0, Status.FAILED, Result.FAILED, "failed"),
        ("canceled", "canceled", 0, Status.CANCELED, Result.FAILED, "canceled"),
        ("parked", None, 0, Status.INCOMPLETE, None, "parked"),
    ],
)
def test_a_status_is_read_and_comes_back(
    word: str, reason: str | None, turns: int, status: Status, result: Result | None, back: str
) -> None:
    call = read(a_row(status=word, end_reason=reason, turn_count=turns))
    assert (call.status, call.result) == (status, result)
    assert (row_of(call)["status"], row_of(call)["end_reason"]) == (back, reason)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.SCHEDULED, "queued"),
        (Status.QUEUED, "queued"),
        (Status.RINGING, "ringing"),
        (Status.IN_PROGRESS, "in_progress"),
        (Status.COMPLETED, "completed"),
        (Status.NO_ANSWER, "no-answer"),
        (Status.BUSY, "busy"),
        (Status.VOICEMAIL, "completed"),
        (Status.FAILED, "failed"),
        (Status.CANCELED, "canceled"),
        (Status.INCOMPLETE, "completed"),
    ],
)
def test_every_status_of_ours_has_a_word(status: Status, word: str) -> None:
    assert row_of(foreign(status=status))["status"] == word


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (EndReason.USER_HANGUP, "user_hangup"),
        (EndReason.AGENT_HANGUP, "tool_end_call"),
        (EndReason.TRANSFER, "transfer"),
        (EndReason.VOICEMAIL, "voicemail"),
        (EndReason.NO_ANSWER, "no_answer"),
        (EndReason.BUSY, "busy"),
        (EndReason.MAX_DURATION, "max_duration"),
        (EndReason.INACTIVITY, "inactivity"),
        (EndReason.CANCELED, "canceled"),
        (EndReason.ERROR, "error"),
        (EndReason.OTHER, "callee_hung_up"),
        (None, None),
    ],
)
def test_every_reason_of_ours_has_a_word(reason: EndReason | None, word: str | None) -> None:
    call = foreign(end_reason=reason)
    assert row_of(call)["end_reason"] == word
    assert detail_of(call)["summary"]["end_reason"] == word


def test_a_reason_that_nobody_documented_comes_back() -> None:
    call = read(a_detail(summary={**a_detail()["summary"], "end_reason": "silence_timeout"}))
    assert (call.end_reason, call.end_reason_raw) == (EndReason.OTHER, "silence_timeout")
    assert detail_of(call)["summary"]["end_reason"] == "silence_timeout"


def test_a_stored_word_is_what_a_filter_finds() -> None:
    call = read(a_row(status="initiated", end_reason="silence_timeout"))
    for vocabulary, ours in ((STATUS, call.status), (END_REASON, call.end_reason)):
        kept = (call.vendor_words or {})[f"{vocabulary.field}.{ours}"]
        assert kept in vocabulary.wording_for("butter", kept).words


@pytest.mark.parametrize(
    ("kind", "direction", "channel"),
    [
        ("inbound", Direction.INBOUND, Channel.PHONE),
        ("outbound", Direction.OUTBOUND, Channel.PHONE),
        ("preview", Direction.UNKNOWN, Channel.TEST),
        ("campaign", Direction.UNKNOWN, Channel.PHONE),
    ],
)
def test_a_type_is_a_direction_or_a_preview(kind: str, direction: Direction, channel: Channel) -> None:
    call = read(a_detail(call_type=kind))
    assert (call.direction, call.channel, call.vendor_type) == (direction, channel, kind)
    assert detail_of(call)["call_type"] == kind


@pytest.mark.parametrize(
    ("transport", "channel"),
    [
        ("twilio", Channel.PHONE),
        ("sip", Channel.PHONE),
        ("webrtc", Channel.WEB),
        ("pigeon", Channel.UNKNOWN),
    ],
)
def test_the_transport_states_the_channel_and_comes_back(transport: str, channel: Channel) -> None:
    call = read(a_detail(transport=transport))
    assert call.channel is channel
    assert detail_of(call)["transport"] == transport


@pytest.mark.parametrize(
    ("direction", "channel", "kind"),
    [
        (Direction.INBOUND, Channel.PHONE, "inbound"),
        (Direction.OUTBOUND, Channel.WEB, "outbound"),
        (Direction.UNKNOWN, Channel.UNKNOWN, "inbound"),
        (Direction.OUTBOUND, Channel.TEST, "preview"),
    ],
)
def test_a_foreign_type_follows_from_direction_and_channel(
    direction: Direction, channel: Channel, kind: str
) -> None:
    assert row_of(foreign(direction=direction, channel=channel))["call_type"] == kind


# -- odd values -----------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"to_number": "", "from_number": None, "agent_id": "", "agent_name": None},
        {"to_number": None, "agent_id": None, "call_type": None, "billing_status": None},
        {"total_cost": None},
        {"total_cost": 0, "duration_seconds": 0, "turn_count": 0},
        {"total_cost": 1e-7, "duration_seconds": 120.50049},
        {"turn_count": None, "duration_seconds": None, "recording_enabled": None},
        {"start_time": None, "end_time": None, "updated_at": None, "end_reason": None},
        {"created_at": "2026-03-09T10:00:00.120Z", "updated_at": "2026-03-09T12:02:30+02:00"},
    ],
)
def test_an_odd_row_comes_back_field_by_field(changes: dict[str, Any]) -> None:
    raw = a_row(**changes)
    stored = msgspec.json.decode(msgspec.json.encode(read(raw)), type=Call)
    assert row_of(stored) == raw


@pytest.mark.parametrize(
    "changes",
    [
        {"trace_id": None, "transport": None, "recording_url": None, "agent_config": None},
        {"cost_breakdown": None, "usage": None, "errors": None, "summary": None},
        {"cost_breakdown": {}, "usage": {}, "errors": {}, "summary": {}, "agent_config": {}},
        {"cost_breakdown": {"llm": 3, "tts": {"units": 1, "product": "voice"}}},
        {"cost_breakdown": {"llm": {"cost_credits": 3}}, "total_cost": None},
        {"summary": {"interruptions": 4, "talk_ratio": 0.5}},
        {"turns": None, "transcript": None},
        {"turns": [], "transcript": []},
        {"turns": [{"turn_number": 9, "events": []}], "transcript": []},
        {"turns": [{"turn_number": 1, "events": [{"type": "user_speech", "text": None}]}]},
        {"turns": [{"turn_number": 1, "events": [{"type": "tool_call", "tool_name": "x"}]}]},
        {"transcript": [{"speaker": "Agent", "text": "Hi", "lang": "en"}]},
    ],
)
def test_an_odd_detail_comes_back_field_by_field(changes: dict[str, Any]) -> None:
    raw = a_detail(**changes)
    stored = msgspec.json.decode(msgspec.json.encode(read(raw)), type=Call)
    assert detail_of(stored) == raw


def test_what_was_stored_gives_way_to_what_is_known_later() -> None:
    known = read(a_row(duration_seconds=120.50049))
    later = DIALECT.from_wire(a_row(duration_seconds=130, updated_at="2026-03-09T11:00:00Z"))
    at = datetime.fromisoformat("2026-03-09T10:02:30+00:00")
    call, _ = merged(known, {"*": round(at.timestamp() * 1000)}, later, SEEN_AT)
    assert row_of(call)["duration_seconds"] == 130
