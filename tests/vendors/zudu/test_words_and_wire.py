from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.vendors.zudu.samples import a_call, body_of, foreign, plain, printed, read
from trunkline.model.call import Campaign, Cost, Word
from trunkline.model.intents import CallPage, OneCall
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status
from trunkline.vendors.zudu.api import GET, LIST
from trunkline.vendors.zudu.recognition import SAVED
from trunkline.vendors.zudu.words import END_REASON, SENTIMENT, STATUS


@pytest.mark.parametrize("name", ["list.json", "get.json"])
def test_a_captured_call_comes_back_key_order_included(name: str) -> None:
    raw = a_call(name)
    assert json.dumps(printed(read(raw))) == json.dumps(raw)


def test_the_example_list_is_answered_as_it_is() -> None:
    body = body_of("list.json")
    calls = [read(raw) for raw in SAVED.calls_in(body) or []]
    page = CallPage.of("acme", calls, total=25, has_more=True)
    assert json.dumps(plain(LIST.answer_of(page, LIST.query()))) == json.dumps(body)


def test_get_answers_in_the_envelope() -> None:
    found = GET.answer_of(OneCall("acme", read(a_call())), GET.query())
    assert json.dumps(plain(found)) == json.dumps(body_of("get.json"))


def test_the_example_in_our_words() -> None:
    call = read(a_call("list.json"))
    assert call.id == "550e8400-e29b-41d4-a716-446655440000"
    assert call.vendor_call_id == "call-456"
    assert (call.status, call.result, call.end_reason) == (
        Status.COMPLETED,
        Result.ANSWERED,
        EndReason.USER_HANGUP,
    )
    assert (call.direction, call.channel) == (Direction.OUTBOUND, Channel.PHONE)
    assert call.campaign == Campaign(id="batch-001", name="summer-2024")
    assert call.cost == Cost(amount=Decimal("0.25"), unit="USD")
    assert call.created_at == call.started_at
    assert call.derived == ["created_at", "result", "turn_count"]
    assert call.vendor_fields == {"organization_id": "org-789"}


def test_turns_words_and_tools_count_from_the_start() -> None:
    call = read(a_call())
    assert isinstance(call.turns, list)
    assert isinstance(call.tool_calls, list)
    assert [(turn.role, turn.start_ms, turn.end_ms) for turn in call.turns[:2]] == [
        (Role.AGENT, 420, 1600),
        (Role.USER, 2980, 4780),
    ]
    assert call.turns[0].words == [
        Word("Harbour", 420, 670),
        Word("Dental,", 730, 980),
        Word("good", 1040, 1290),
        Word("morning.", 1350, 1600),
    ]
    assert [(tool.name, tool.position, tool.result_position) for tool in call.tool_calls] == [
        ("find_opening", 2, 3)
    ]


@pytest.mark.parametrize(
    ("word", "reason", "voicemail", "status", "result"),
    [
        ("SCHEDULED", None, None, Status.SCHEDULED, None),
        ("REGISTERED", None, None, Status.QUEUED, None),
        ("ongoing", None, None, Status.IN_PROGRESS, None),
        ("ENDED", "USER_HANGUP", False, Status.COMPLETED, Result.ANSWERED),
        ("Ended", "agent_hangup", None, Status.COMPLETED, Result.ANSWERED),
        ("ENDED", None, False, Status.COMPLETED, Result.ANSWERED),
        ("ENDED", None, None, Status.COMPLETED, None),
        ("ENDED", "USER_DECLINED", None, Status.NO_ANSWER, Result.NO_ANSWER),
        ("ENDED", "INVALID_DESTINATION", None, Status.FAILED, Result.FAILED),
        ("ENDED", "MARKED_AS_SPAM", None, Status.COMPLETED, None),
        ("ENDED", "DIAL_NO_ANSWER", None, Status.NO_ANSWER, Result.NO_ANSWER),
        ("ENDED", "DIAL_BUSY", None, Status.BUSY, Result.BUSY),
        ("ENDED", "VOICEMAIL_REACHED", None, Status.VOICEMAIL, Result.VOICEMAIL),
        ("ENDED", "AGENT_HANGUP", True, Status.VOICEMAIL, Result.VOICEMAIL),
        ("ENDED", "DIAL_FAILED", None, Status.FAILED, Result.FAILED),
        ("ENDED", "error_llm_websocket", None, Status.FAILED, Result.FAILED),
        ("ENDED", "MANUAL_STOPPED", None, Status.CANCELED, None),
        ("ERROR", "ERROR_UNKNOWN", None, Status.FAILED, Result.FAILED),
        ("PARKED", None, None, Status.INCOMPLETE, None),
    ],
)
def test_a_status_is_read_with_its_reason_and_comes_back(
    word: str, reason: str | None, voicemail: bool | None, status: Status, result: Result | None
) -> None:
    raw = a_call(call_status=word, disconnection_reason=reason, call_analysis={"in_voicemail": voicemail})
    call = read(raw)
    assert (call.status, call.result) == (status, result)
    back = printed(call)
    assert back["call_status"] == word.upper()
    assert back["disconnection_reason"] == (None if reason is None else reason.upper())


@pytest.mark.parametrize(
    ("status", "word", "reason"),
    [
        (Status.SCHEDULED, "SCHEDULED", None),
        (Status.QUEUED, "REGISTERED", None),
        (Status.RINGING, "REGISTERED", None),
        (Status.IN_PROGRESS, "ONGOING", None),
        (Status.COMPLETED, "ENDED", None),
        (Status.NO_ANSWER, "ENDED", "DIAL_NO_ANSWER"),
        (Status.BUSY, "ENDED", "DIAL_BUSY"),
        (Status.VOICEMAIL, "ENDED", "VOICEMAIL_REACHED"),
        (Status.FAILED, "ERROR", None),
        (Status.CANCELED, "ENDED", "MANUAL_STOPPED"),
        (Status.INCOMPLETE, "ENDED", None),
    ],
)
def test_a_foreign_status_brings_the_reason_that_says_it(
    status: Status, word: str, reason: str | None
) -> None:
    back = printed(foreign(status=status, end_reason=None, end_reason_raw=None))
    assert (back["call_status"], back["disconnection_reason"]) == (word, reason)


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("CALL_TRANSFER", EndReason.TRANSFER),
        ("IVR_REACHED", EndReason.IVR),
        ("INACTIVITY", EndReason.INACTIVITY),
        ("MAX_DURATION_REACHED", EndReason.MAX_DURATION),
        ("CONCURRENCY_LIMIT_REACHED", EndReason.CONCURRENCY_LIMIT),
        ("NO_VALID_PAYMENT", EndReason.NO_CREDIT),
        ("SCAM_DETECTED", EndReason.SPAM),
        ("INVALID_DESTINATION", EndReason.INVALID_NUMBER),
        ("TELEPHONY_PROVIDER_PERMISSION_DENIED", EndReason.BLOCKED),
        ("TELEPHONY_PROVIDER_UNAVAILABLE", EndReason.CARRIER_ERROR),
        ("SIP_ROUTING_ERROR", EndReason.CARRIER_ERROR),
        ("MARKED_AS_SPAM", EndReason.SPAM),
        ("REGISTERED_CALL_TIMEOUT", EndReason.NOT_CONNECTED),
        ("ERROR_RETELL", EndReason.ERROR),
        ("something_new", EndReason.OTHER),
    ],
)
def test_every_reason_is_read_and_comes_back_in_upper_case(word: str, ours: EndReason) -> None:
    call = read(a_call(disconnection_reason=word))
    assert (call.end_reason, call.end_reason_raw) == (ours, word)
    assert printed(call)["disconnection_reason"] == word.upper()


def test_a_foreign_reason_outside_our_words_prints_raw_in_upper_case() -> None:
    back = printed(foreign(end_reason=EndReason.OTHER, end_reason_raw="pipeline-error"))
    assert back["disconnection_reason"] == "PIPELINE-ERROR"


def test_lower_case_is_read_and_upper_case_printed() -> None:
    spelled = {"call_type": "phone_call", "direction": "inbound", "call_status": "ended"}
    mood = {**a_call()["call_analysis"], "user_sentiment": "neutral"}
    raw = a_call(**spelled, disconnection_reason="agent_hangup", call_analysis=mood)
    call = read(raw)
    assert call.analysis is not None
    assert call.analysis.sentiment is Sentiment.NEUTRAL
    assert json.dumps(printed(call)) == json.dumps(a_call())


def test_an_unknown_word_comes_back_in_upper_case() -> None:
    mood = {**a_call()["call_analysis"], "user_sentiment": "Mixed"}
    call = read(a_call(call_type="SIP_CALL", direction="SIDEWAYS", call_analysis=mood))
    back = printed(call)
    assert (call.channel, call.direction) == (Channel.UNKNOWN, Direction.UNKNOWN)
    assert (back["call_type"], back["direction"]) == ("SIP_CALL", "SIDEWAYS")
    assert back["call_analysis"]["user_sentiment"] == "Mixed"


@pytest.mark.parametrize(
    "raw",
    [
        a_call(call_status="ENDED", disconnection_reason="DIAL_FAILED"),
        a_call(call_status="ENDED", disconnection_reason="DIAL_BUSY"),
        a_call(call_status="ERROR", disconnection_reason="error_asr"),
        a_call(call_status="PARKED", disconnection_reason="SCAM_DETECTED"),
    ],
)
def test_a_filter_on_a_printed_word_finds_the_call(raw: dict[str, Any]) -> None:
    call = read(raw)
    back = printed(call)
    for vocabulary, ours, word in (
        (STATUS, call.status, back["call_status"]),
        (END_REASON, call.end_reason, back["disconnection_reason"]),
        (SENTIMENT, call.analysis and call.analysis.sentiment, back["call_analysis"]["user_sentiment"]),
    ):
        wording = vocabulary.wording_for("zudu", word.lower())
        kept = (call.vendor_words or {}).get(f"{vocabulary.field}.{ours}")
        assert kept in wording.words if kept is not None else ours in wording.values
