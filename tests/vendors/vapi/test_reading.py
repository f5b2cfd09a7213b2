"""Vapi's messages and calls, read."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from tests.vendors.captures import call_of, captures, life, values_of
from tests.vendors.published import payloads
from trunkline.kit.door import AnswerExpected
from trunkline.kit.payload import Unreadable
from trunkline.model.words import EndReason, Result, Role, Status
from trunkline.vendors.vapi import DOOR
from trunkline.vendors.vapi.words import EXPECT_AN_ANSWER, end_reason

CALL = "73a6da0f-c455-4bb6-bf4a-5f0634871430"
CREATED = "2026-03-02T09:15:00.000Z"


def message(event: str, *, call: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"message": {"type": event, "call": {"id": CALL, "createdAt": CREATED, **(call or {})}, **fields}}


def message_of(event: str, *, call: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return values_of(DOOR.parse_delivery(message(event, call=call, **fields)).sightings[0])


@pytest.mark.claim("vapi:report", "vapi:tools", "vapi:turns")
def test_the_messages_of_a_call_make_one_call() -> None:
    call = call_of(reversed(life("vapi", CALL)))
    assert (call.status, call.result, call.end_reason) == (
        Status.COMPLETED,
        Result.ANSWERED,
        EndReason.AGENT_HANGUP,
    )
    assert call.end_reason_raw == "assistant-said-end-call-phrase"
    assert [(turn.role, turn.start_ms, turn.end_ms) for turn in call.turns or ()] == [
        (Role.AGENT, 800, 2400),
        (Role.USER, 3100, 5250),
        (Role.AGENT, 7500, 9200),
    ]
    assert [(tool.name, tool.arguments, tool.position) for tool in call.tool_calls or ()] == [
        ("book", {"people": 2}, 2)
    ]
    assert call.duration_ms == 10_200
    assert call.ended_at == datetime(2026, 3, 2, 9, 15, 14, 200_000, tzinfo=UTC)
    assert call.analysis is not None
    assert call.analysis.custom == {"people": 2, "Satisfaction": 8}


@pytest.mark.claim("vapi:answers")
@pytest.mark.parametrize("event", sorted(EXPECT_AN_ANSWER))
def test_a_message_that_expects_an_answer_is_never_answered(event: str) -> None:
    with pytest.raises(AnswerExpected, match=r"expects an answer"):
        DOOR.parse_delivery(message(event))


@pytest.mark.claim("vapi:live")
@pytest.mark.parametrize(
    "event", ["speech-update", "conversation-update", "hang", "user-interrupted", "model-output"]
)
def test_a_message_of_the_conversation_says_that_the_call_is_in_progress(event: str) -> None:
    assert message_of(event, call={"status": "queued", "cost": 0})["status"] == Status.IN_PROGRESS


@pytest.mark.claim("vapi:snapshot")
def test_the_call_inside_a_message_is_old_unless_it_says_that_it_is_over() -> None:
    old = message_of("end-of-call-report", call={"status": "queued", "cost": 0}, endedReason="voicemail")
    assert (old["status"], old["end_reason"]) == (Status.VOICEMAIL, EndReason.VOICEMAIL)
    assert "cost" not in old
    over = message_of(
        "end-of-call-report", call={"status": "ended", "cost": 1, "endedReason": "customer-busy"}
    )
    assert (over["status"], over["cost"]["amount"]) == (Status.BUSY, 1)


@pytest.mark.claim("vapi:transcript")
def test_a_partial_transcript_is_no_turn_and_a_final_one_gives_way_to_the_conversation() -> None:
    line: dict[str, Any] = {
        "role": "user",
        "transcript": "I would like a very long table.",
        "timestamp": 1772442909000,
    }
    assert len(DOOR.parse_delivery(message("transcript", transcriptType="partial", **line)).sightings) == 1
    final = DOOR.parse_delivery(message("transcript", transcriptType="final", **line)).sightings
    assert [turn.text for turn in call_of(final).turns or ()] == [line["transcript"]]
    messages = [{"role": "bot", "message": "Hello?", "secondsFromStart": 1}]
    whole = DOOR.parse_delivery(
        message("conversation-update", messages=messages, timestamp=1772442901000)
    ).sightings
    for order in ([*final, *whole], [*whole, *final], [final[1], *whole, final[0]]):
        assert [turn.text for turn in call_of(order).turns or ()] == ["Hello?"]


@pytest.mark.claim("vapi:times")
def test_a_message_without_a_time_holds_as_of_the_end_or_the_start() -> None:
    ended = message_of("end-of-call-report", endedAt="2026-03-02T09:16:00Z", endedReason="voicemail")
    assert ended["as_of"] == "2026-03-02T09:16:00Z"
    assert message_of("hang")["as_of"] == "2026-03-02T09:15:00Z"
    assert message_of("hang", timestamp=1772442901500)["as_of"] == "2026-03-02T09:15:01.500000Z"


@pytest.mark.claim("vapi:turns")
def test_a_turn_without_an_end_or_a_start_has_none() -> None:
    messages = [
        {"role": "user", "message": "a", "secondsFromStart": 1.5, "time": 5000},
        {"role": "user", "message": "b", "time": 5000, "endTime": 6000},
        {"role": "user", "message": "c", "secondsFromStart": 2, "time": 5000, "endTime": 4000},
    ]
    turns = message_of("conversation-update", messages=messages)["turns"]
    assert [(turn["start_ms"], turn["end_ms"]) for turn in turns] == [
        (1500, None),
        (None, None),
        (2000, None),
    ]


@pytest.mark.claim("vapi:numbers")
@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        ("inboundPhoneCall", ("+13105550188", "+12025550123")),
        ("outboundPhoneCall", ("+12025550123", "+13105550188")),
        ("webCall", (None, None)),
    ],
)
def test_the_kind_of_call_states_who_called_whom(kind: str, sides: tuple[str | None, str | None]) -> None:
    numbers = {"customer": {"number": "+13105550188"}, "phoneNumber": {"number": "+12025550123"}}
    told = message_of("hang", call={"type": kind, **numbers})
    assert (told.get("from_number"), told.get("to_number")) == sides


@pytest.mark.claim("vapi:grade")
@pytest.mark.parametrize(
    ("grade", "success"), [("true", True), ("Fail", False), (True, True), ("7", None), ("Excellent", None)]
)
def test_a_grade_is_a_success_only_on_a_rubric_of_two(grade: object, success: bool | None) -> None:
    told = message_of("end-of-call-report", analysis={"summary": "s", "successEvaluation": grade})
    assert told["analysis"]["success"] is success
    assert told["vendor_fields"]["analysis"] == {"successEvaluation": grade}


def test_what_opens_a_call_is_left_out() -> None:
    for capture in captures("vapi").values():
        for sighting in capture.sightings(DOOR):
            assert "secret" not in str(values_of(sighting))
            assert "controlUrl" not in str(values_of(sighting))


@pytest.mark.parametrize("document", [[], {}, {"results": []}, {"message": {"type": 5.5e99}}])
def test_what_has_neither_a_type_nor_a_call_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)


@pytest.mark.claim("vapi:published")
def test_every_published_message_is_read_noted_or_left_to_its_server() -> None:
    ways: Counter[str] = Counter()
    unknown: set[str] = set()
    for document in payloads("vapi"):
        try:
            message_of = DOOR.parse_delivery(document)
        except AnswerExpected:
            ways["left"] += 1
        except Unreadable:
            ways["no message"] += 1
        else:
            ways["read" if message_of.sightings else "noted"] += 1
            unknown |= set(message_of.unknown)
    assert ways == {"read": 2, "noted": 18, "left": 8, "no message": 1}
    assert unknown == {"message.type=<server-message-type>", "message.type=request-start"}


@pytest.mark.claim("vapi:published")
def test_a_published_message_that_leaves_its_call_out_is_read_once_it_names_one() -> None:
    read: Counter[str] = Counter()
    for document in payloads("vapi"):
        published = document.get("message")
        if not isinstance(published, dict) or published["type"] in EXPECT_AN_ANSWER:
            continue
        if "destination" in document:
            continue  # what a server answers, not what it is sent
        named = {**published, "call": {"id": CALL, "createdAt": CREATED, **published.get("call", {})}}
        told = DOOR.parse_delivery({"message": named})
        read[told.event] += len(told.sightings)
        assert [word for word in told.unknown if not word.startswith("message.type=")] == []
    assert read["end-of-call-report"] == 4
    assert {"status-update", "hang", "transcript", "speech-update", "user-interrupted"} <= read.keys()


# -- why a call ended -----------------------------------------------------


@pytest.mark.claim("vapi:ended")
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("customer-ended-call", EndReason.USER_HANGUP),
        ("customer-ended-call-during-transfer", EndReason.USER_HANGUP),
        ("assistantEndedCall", EndReason.AGENT_HANGUP),
        ("assistant-forwarded-call", EndReason.TRANSFER),
        ("call.ending.hook-executed-say", EndReason.AGENT_HANGUP),
        ("silence-timed-out", EndReason.INACTIVITY),
        ("pipeline-error-a-provider-of-tomorrow-llm-failed", EndReason.AGENT_ERROR),
        ("call.in-progress.error-providerfault-tomorrow-503-server-overloaded-error", EndReason.AGENT_ERROR),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            EndReason.CARRIER_ERROR,
        ),
        ("call.in-progress.error-vapifault-transport-never-connected", EndReason.NOT_CONNECTED),
        ("call.start.error-subscription-insufficient-credits", EndReason.NO_CREDIT),
        ("call.start.error-subscription-concurrency-limit-reached", EndReason.CONCURRENCY_LIMIT),
        ("tomorrow-voice-failed", EndReason.AGENT_ERROR),
        ("sun-exploded", None),
    ],
)
def test_a_reason_is_read_by_its_word_or_its_family(word: str, reason: EndReason | None) -> None:
    assert end_reason(word) is reason


@pytest.mark.claim("vapi:ended.sdk")
def test_every_reason_of_the_vendors_own_library_is_known() -> None:
    types = pytest.importorskip("vapi.types.call_ended_reason")
    words = [word for part in get_args(types.CallEndedReason) for word in get_args(part)]
    assert len(words) > 500
    assert [word for word in words if end_reason(word) is None] == []
    seldom = Counter(end_reason(word) for word in words)
    assert seldom[EndReason.OTHER] < 10
    assert seldom[EndReason.ERROR] < 30


@pytest.mark.claim("vapi:ended.unknown")
def test_a_reason_of_no_family_is_stored_and_counted() -> None:
    told = DOOR.parse_delivery(message("end-of-call-report", endedReason="sun-exploded"))
    assert told.unknown == ["call.endedReason=sun-exploded"]
    assert told.sightings[0].end_reason is EndReason.OTHER
    assert told.sightings[0].end_reason_raw == "sun-exploded"
