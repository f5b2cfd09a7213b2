"""Status, reason, type, direction and sentiment in Zudu's words, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.zudu.samples import a_call, back, elsewhere, ours, shown
from trunkline.model.call import Analysis
from trunkline.model.words import Channel, Direction, EndReason, Sentiment, Status


@pytest.mark.claim("zudu:call.status.words", "zudu:call.status.reason")
@pytest.mark.parametrize("told", [None, EndReason.AGENT_HANGUP, EndReason.OTHER])
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
def test_every_status_has_a_word_and_where_that_is_not_enough_a_reason(
    world: World, status: Status, word: str, reason: str | None, told: EndReason | None
) -> None:
    call = elsewhere(1, status=status, end_reason=told, end_reason_raw="hung-up" if told else None)
    otherwise = {EndReason.AGENT_HANGUP: "AGENT_HANGUP", EndReason.OTHER: "HUNG-UP", None: None}[told]
    found = shown(world, call)
    assert (found["call_status"], found["disconnection_reason"]) == (word, reason or otherwise)


@pytest.mark.claim("zudu:call.reason.foreign", "zudu:call.reason.other")
@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (EndReason.USER_HANGUP, "USER_HANGUP"),
        (EndReason.AGENT_HANGUP, "AGENT_HANGUP"),
        (EndReason.TRANSFER, "CALL_TRANSFER"),
        (EndReason.VOICEMAIL, "VOICEMAIL_REACHED"),
        (EndReason.NO_ANSWER, "DIAL_NO_ANSWER"),
        (EndReason.BUSY, "DIAL_BUSY"),
        (EndReason.MAX_DURATION, "MAX_DURATION_REACHED"),
        (EndReason.INACTIVITY, "INACTIVITY"),
        (EndReason.CANCELED, "MANUAL_STOPPED"),
        (EndReason.IVR, "IVR_REACHED"),
        (EndReason.DECLINED, "USER_DECLINED"),
        (EndReason.SPAM, "MARKED_AS_SPAM"),
        (EndReason.INVALID_NUMBER, "INVALID_DESTINATION"),
        (EndReason.BLOCKED, "TELEPHONY_PROVIDER_PERMISSION_DENIED"),
        (EndReason.CONCURRENCY_LIMIT, "CONCURRENCY_LIMIT_REACHED"),
        (EndReason.NO_CREDIT, "NO_VALID_PAYMENT"),
        (EndReason.NOT_CONNECTED, "REGISTERED_CALL_TIMEOUT"),
        (EndReason.CONNECTION_LOST, "ERROR_CONNECTION"),
        (EndReason.CARRIER_ERROR, "TELEPHONY_PROVIDER_UNAVAILABLE"),
        (EndReason.AGENT_ERROR, "ERROR_AGENT"),
        (EndReason.ERROR, "DIAL_FAILED"),
        (EndReason.OTHER, "PIPELINE-ERROR"),
    ],
)
def test_every_reason_of_another_vendor_has_a_word(world: World, reason: EndReason, word: str) -> None:
    call = elsewhere(1, end_reason=reason, end_reason_raw="pipeline-error")
    assert shown(world, call)["disconnection_reason"] == word


@pytest.mark.claim("zudu:call.status.reason")
def test_a_declined_call_of_another_vendor_keeps_its_reason_which_says_that_nobody_answered(
    world: World,
) -> None:
    found = shown(world, elsewhere(1, status=Status.NO_ANSWER, end_reason=EndReason.DECLINED))
    assert (found["call_status"], found["disconnection_reason"]) == ("ENDED", "USER_DECLINED")


@pytest.mark.claim("zudu:call.status.words", "zudu:call.status.read")
@pytest.mark.parametrize(
    ("word", "reason", "voicemail", "status", "result"),
    [
        ("SCHEDULED", None, None, "scheduled", None),
        ("REGISTERED", None, None, "queued", None),
        ("ONGOING", None, None, "in_progress", None),
        ("ERROR", None, None, "failed", "failed"),
        ("ENDED", "USER_HANGUP", False, "completed", "answered"),
        ("ENDED", None, None, "completed", None),
        ("ENDED", "DIAL_NO_ANSWER", None, "no_answer", "no_answer"),
        ("ENDED", "DIAL_BUSY", None, "busy", "busy"),
        ("ENDED", "VOICEMAIL_REACHED", None, "voicemail", "voicemail"),
        ("ENDED", "AGENT_HANGUP", True, "voicemail", "voicemail"),
        ("ENDED", "DIAL_FAILED", None, "failed", "failed"),
        ("ENDED", "ERROR_LLM", None, "failed", "failed"),
        ("ENDED", "MANUAL_STOPPED", None, "canceled", None),
    ],
)
def test_how_a_call_ended_is_read_from_reason_and_voicemail(
    world: World, word: str, reason: str | None, voicemail: bool | None, status: str, result: str | None
) -> None:
    raw = a_call(call_status=word, disconnection_reason=reason, call_analysis={"in_voicemail": voicemail})
    found = back(world, raw)
    assert (found["call_status"], found["disconnection_reason"]) == (word, reason)
    call = ours(world, raw["id"])
    assert (call["status"], call["result"]) == (status, result)
    assert ("result" in call["derived"]) is (result is not None)


@pytest.mark.claim("zudu:call.words.case", "zudu:call.sentiment.words", "zudu:call.type.words")
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_words_are_read_in_any_case_and_printed_in_one(world: World, spell: Any) -> None:
    mood = a_call()["call_analysis"]
    raw = a_call(
        call_status=spell("ENDED"),
        call_type=spell("WEB_CALL"),
        direction=spell("OUTBOUND"),
        disconnection_reason=spell("MAX_DURATION_REACHED"),
        call_analysis=mood | {"user_sentiment": spell("Negative")},
    )
    usual = {
        "call_status": "ENDED",
        "call_type": "WEB_CALL",
        "direction": "OUTBOUND",
        "disconnection_reason": "MAX_DURATION_REACHED",
        "call_analysis": mood | {"user_sentiment": "Negative"},
    }
    assert back(world, raw) == a_call(**usual)
    call = ours(world, raw["id"])
    assert (call["channel"], call["direction"], call["end_reason"]) == ("web", "outbound", "max_duration")
    assert call["analysis"]["sentiment"] == "negative"


@pytest.mark.claim("zudu:call.reason.words", "zudu:call.reason.other")
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("USER_HANGUP", "user_hangup"),
        ("AGENT_HANGUP", "agent_hangup"),
        ("CALL_TRANSFER", "transfer"),
        ("VOICEMAIL_REACHED", "voicemail"),
        ("IVR_REACHED", "ivr"),
        ("INACTIVITY", "inactivity"),
        ("MAX_DURATION_REACHED", "max_duration"),
        ("CONCURRENCY_LIMIT_REACHED", "concurrency_limit"),
        ("NO_VALID_PAYMENT", "no_credit"),
        ("SCAM_DETECTED", "spam"),
        ("DIAL_BUSY", "busy"),
        ("DIAL_FAILED", "error"),
        ("DIAL_NO_ANSWER", "no_answer"),
        ("INVALID_DESTINATION", "invalid_number"),
        ("TELEPHONY_PROVIDER_PERMISSION_DENIED", "blocked"),
        ("TELEPHONY_PROVIDER_UNAVAILABLE", "carrier_error"),
        ("SIP_ROUTING_ERROR", "carrier_error"),
        ("MARKED_AS_SPAM", "spam"),
        ("USER_DECLINED", "declined"),
        ("REGISTERED_CALL_TIMEOUT", "not_connected"),
        ("MANUAL_STOPPED", "canceled"),
        ("ERROR_ASR", "error"),
        ("LINE_CUT", "other"),
    ],
)
def test_every_reason_of_the_vendors_own_comes_back_as_it_came_in(
    world: World, word: str, meant: str
) -> None:
    raw = a_call(disconnection_reason=word)
    assert back(world, raw) == raw
    assert ours(world, raw["id"])["end_reason"] == meant


@pytest.mark.claim("zudu:call.type.words", "zudu:call.type.unknown")
@pytest.mark.parametrize(
    ("channel", "word"),
    [
        (Channel.PHONE, "PHONE_CALL"),
        (Channel.WEB, "WEB_CALL"),
        (Channel.TEST, "WEB_CALL"),
        (Channel.UNKNOWN, "PHONE_CALL"),
    ],
)
def test_every_channel_has_a_word(world: World, channel: Channel, word: str) -> None:
    assert shown(world, elsewhere(1, channel=channel))["call_type"] == word


@pytest.mark.claim("zudu:call.direction", "zudu:call.direction.unknown")
@pytest.mark.parametrize(
    ("direction", "word"),
    [(Direction.INBOUND, "INBOUND"), (Direction.OUTBOUND, "OUTBOUND"), (Direction.UNKNOWN, None)],
)
def test_a_direction_that_was_not_reported_is_null(
    world: World, direction: Direction, word: str | None
) -> None:
    assert shown(world, elsewhere(1, direction=direction))["direction"] == word


@pytest.mark.claim("zudu:call.sentiment.words", "zudu:call.analysis")
@pytest.mark.parametrize("sentiment", [*Sentiment, None])
def test_a_sentiment_has_a_capital_and_the_four_keys_are_always_there(
    world: World, sentiment: Sentiment | None
) -> None:
    call = elsewhere(1, analysis=Analysis(sentiment=sentiment))
    assert list(shown(world, call)["call_analysis"].items()) == [
        ("call_successful", None),
        ("call_summary", None),
        ("user_sentiment", None if sentiment is None else sentiment.value.capitalize()),
        ("in_voicemail", None),
    ]
