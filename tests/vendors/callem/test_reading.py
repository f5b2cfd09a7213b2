from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from trunkline.kit.payload import Unreadable
from trunkline.model.call import Agent, Analysis, Call, ToolCall, Turn
from trunkline.model.ids import call_id
from trunkline.model.intents import CallPage, OneCall
from trunkline.model.merge import first_call, merged
from trunkline.model.words import EndReason, Result, Role, Status
from trunkline.vendors.callem import DIALECT
from trunkline.vendors.callem.recognition import SAVED
from trunkline.vendors.callem.wire import WireCall

CAPTURES = Path(__file__).parent / "captures"
LIST, GET, *_ = DIALECT.operations
SEEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = [
    *("id", "status", "duration", "summary", "evaluation", "endedReason", "callerNumber", "calledNumber"),
    *("isEngaged", "callAnalysis", "transcript", "createdAt", "updatedAt"),
]

SEED: dict[str, Any] = json.loads((CAPTURES / "get.json").read_text("utf-8"))["body"]


def call_of(raw: dict[str, Any]) -> Call:
    sighting = DIALECT.from_wire(raw)
    return first_call(sighting, call_id("callem", sighting.vendor_call_id), SEEN_AT)[0]


def as_json(answer: Any) -> str:
    return json.dumps(json.loads(msgspec.json.encode(answer)))


def printed(raw: dict[str, Any]) -> Any:
    return json.loads(as_json(DIALECT.to_wire(call_of(raw))))


def live(**changes: Any) -> dict[str, Any]:
    return SEED | {"status": "live", "duration": 0, "endedReason": None, "evaluation": None} | changes


def test_the_seeds_list_comes_back_with_its_values_and_key_order() -> None:
    capture = json.loads((CAPTURES / "list.json").read_text("utf-8"))
    calls = [call_of(raw) for raw in SAVED.calls_in(capture["body"]) or ()]
    page = CallPage.of("acme", calls, total=capture["total"], has_more=capture["has_more"])
    assert as_json(LIST.answer_of(page, LIST.query(limit=50, offset=0))) == json.dumps(capture["body"])


def test_get_answers_the_bare_call() -> None:
    answer = GET.answer_of(OneCall("acme", call_of(SEED)), GET.query())
    assert as_json(answer) == json.dumps(SEED)


def test_the_seeds_call_says_this_in_our_words() -> None:
    call = call_of(SEED)
    assert (call.vendor, call.vendor_call_id) == ("callem", "6789abcdef0123456789abcd")
    assert call.status is Status.COMPLETED
    assert call.result is Result.ANSWERED
    assert call.end_reason is EndReason.USER_HANGUP
    assert (call.from_number, call.to_number) == ("+33612345678", "+33198765432")
    assert call.duration_ms == 145_000
    assert call.analysis is not None
    assert (call.analysis.success, call.analysis.engaged) == (True, True)
    assert call.analysis.sentiment is None
    assert call.analysis.custom == SEED["callAnalysis"]
    assert [turn.role for turn in call.turns or ()] == [Role.AGENT, Role.USER] * 2 + [Role.AGENT]
    assert call.verbatim is None


def test_start_and_end_follow_from_creation_and_length_and_are_marked_as_derived() -> None:
    call = call_of(SEED)
    assert call.started_at == datetime(2025, 12, 15, 14, 30, tzinfo=UTC)
    assert call.ended_at == datetime(2025, 12, 15, 14, 32, 25, tzinfo=UTC)
    assert call.derived is not None
    assert {"started_at", "ended_at", "result"} <= set(call.derived)


def test_an_end_beyond_the_calendar_is_left_out() -> None:
    call = call_of(SEED | {"createdAt": "9999-12-31T23:59:59.000Z"})
    assert call.ended_at is None
    assert "ended_at" not in (call.derived or ())


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"endedReason": "voicemail"}, Result.VOICEMAIL),
        ({"endedReason": "no_answer"}, Result.NO_ANSWER),
        ({"endedReason": "busy"}, Result.BUSY),
        ({"endedReason": "error"}, Result.FAILED),
        ({"isEngaged": False}, Result.ANSWERED),
        ({"transcript": []}, Result.ANSWERED),
        ({"transcript": [], "isEngaged": False}, None),
        ({"status": "live"}, None),
        ({"status": "live", "endedReason": "busy"}, None),
    ],
)
def test_the_result_follows_from_the_reason_and_from_who_spoke(
    changes: dict[str, Any], result: Result | None
) -> None:
    call = call_of(SEED | changes)
    assert call.result is result
    assert ("result" in (call.derived or ())) is (result is not None)


@pytest.mark.parametrize("reason", ["voicemail", "no_answer", "busy", "error"])
def test_a_completed_call_stays_completed_whatever_its_reason(reason: str) -> None:
    assert call_of(SEED | {"endedReason": reason}).status is Status.COMPLETED


def test_a_length_of_0_reported_by_a_live_call_is_not_known() -> None:
    assert call_of(live()).duration_ms is None
    assert call_of(live(duration=12)).duration_ms == 12_000
    assert call_of(SEED | {"duration": 0}).duration_ms == 0
    assert printed(live()) == live()


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 39.812},
        {"duration": "145"},
        {"duration": 0.0004},
        {"evaluation": "fail"},
        {"evaluation": None},
        {"evaluation": "partial"},
        {"summary": None},
        {"summary": ""},
        {"endedReason": None},
        {"endedReason": ""},
        {"endedReason": "pipeline-error"},
        {"callerNumber": None, "calledNumber": None},
        {"callerNumber": "anonymous"},
        {"callerNumber": 33612345678},
        {"isEngaged": False},
        {"isEngaged": None},
        {"callAnalysis": None},
        {"callAnalysis": {}},
        {"callAnalysis": {"score": 3, "tags": ["a"], "note": None}},
        {"transcript": []},
        {"createdAt": "2025-12-15T14:30:00.123Z"},
        {"createdAt": "2025-12-15T15:30:00+01:00"},
        {"updatedAt": None},
        {"updatedAt": "2025-12-15T14:32:25.123456Z"},
        {"status": "ringing"},
        {"status": "live"},
    ],
)
def test_what_came_in_is_what_comes_out(changes: dict[str, Any]) -> None:
    raw = SEED | changes
    assert printed(raw) == raw
    assert list(printed(raw)) == KEYS


def test_an_unknown_status_is_stored_as_the_vendors_own_word() -> None:
    call = call_of(SEED | {"status": "ringing"})
    assert call.status is Status.INCOMPLETE
    assert call.vendor_words == {"status.incomplete": "ringing"}
    assert (call.result, call.ended_at) == (None, None)


def test_an_old_word_does_not_outlive_the_value_it_stood_for() -> None:
    first = DIALECT.from_wire(SEED | {"evaluation": "partial", "updatedAt": "2025-12-15T14:32:25.000Z"})
    call, versions = first_call(first, call_id("callem", SEED["id"]), SEEN_AT)
    later = DIALECT.from_wire(SEED | {"evaluation": "success", "updatedAt": "2025-12-15T14:40:00.000Z"})
    call, _ = merged(call, versions, later, SEEN_AT)
    assert DIALECT.to_wire(call) == DIALECT.to_wire(call_of(SEED | {"updatedAt": "2025-12-15T14:40:00.000Z"}))


def test_fields_that_the_vendor_hides_are_never_printed() -> None:
    hidden = {
        "projectId": "p1",
        "agentCollectionId": "a1",
        "messagesIds": ["m1"],
        "audio": "https://example.com/a.mp3",
        "totalCost": 1.5,
        "transcriptionMetadata": {"model": "x"},
    }
    assert list(printed(SEED | hidden)) == KEYS
    assert [field.encode_name for field in structs.fields(WireCall)] == KEYS


def test_a_webhooks_call_is_read_under_its_own_names() -> None:
    webhook = {
        "id": SEED["id"],
        "agentCollectionId": "665f0c",
        "agentVersionNumber": 3,
        "callerNum": "+33612345678",
        "calledNum": "+33198765432",
        "isLive": False,
        "createdAt": "2025-12-15T14:30:00.000Z",
        "duration": 39.812,
        "isEngaged": True,
        "totalInteraction": 2,
        "transcription": [
            {"speaker": "Agent", "text": "Hello", "startTime": 0.4},
            {"speaker": "Tool", "text": "", "startTime": 2, "data": {"toolName": "check_calendar"}},
            {"speaker": "User", "text": "Hi", "startTime": 3.25},
        ],
        "updatedAt": "2025-12-15T14:32:25.000Z",
    }
    call = call_of(webhook)
    assert call.agent == Agent(id="665f0c", config={"agentVersionNumber": 3})
    assert call.status is Status.COMPLETED
    assert (call.from_number, call.to_number) == ("+33612345678", "+33198765432")
    assert (call.duration_ms, call.turn_count) == (39_812, 2)
    assert call.turns == [
        Turn(role=Role.AGENT, text="Hello", start_ms=400),
        Turn(role=Role.USER, text="Hi", start_ms=3250),
    ]
    assert call.tool_calls == [ToolCall(name="check_calendar", position=1, start_ms=2000)]


def test_a_webhook_and_a_rest_answer_make_one_call_with_what_both_say() -> None:
    webhook = {
        "id": SEED["id"],
        "agentCollectionId": "665f0c",
        "isLive": True,
        "createdAt": SEED["createdAt"],
    }
    call, versions = first_call(DIALECT.from_wire(webhook), call_id("callem", SEED["id"]), SEEN_AT)
    call, _ = merged(call, versions, DIALECT.from_wire(SEED), SEEN_AT)
    assert call.agent is not None
    assert call.agent.id == "665f0c"
    assert json.loads(as_json(DIALECT.to_wire(call))) == SEED


def test_what_a_payload_does_not_mention_stays_unsaid() -> None:
    sighting = DIALECT.from_wire({"id": "6789abcdef0123456789abcd", "callerNumber": None})
    assert sighting.from_number is None
    for name in ("status", "created_at", "duration_ms", "analysis", "turns", "started_at", "derived"):
        assert getattr(sighting, name) is UNSET


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ([], "payload"),
        ({}, "id"),
        ({"id": ""}, "id"),
    ],
)
def test_what_names_no_call_is_unreadable(raw: Any, path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        DIALECT.from_wire(raw)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("duration", -1, "duration"),
        ("duration", "long", "duration"),
        ("createdAt", "yesterday", "createdAt"),
        ("updatedAt", 5, "updatedAt"),
        ("transcript", "Hello", "transcript"),
        ("transcript", ["Hello"], "transcript[0]"),
        ("callAnalysis", [1], "callAnalysis"),
        ("isEngaged", "maybe", "isEngaged"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(name: str, value: Any, path: str) -> None:
    sighting = DIALECT.from_wire(SEED | {name: value})
    assert list(sighting.problems or ()) == [path]
    whole = DIALECT.from_wire(SEED)
    assert (sighting.vendor_call_id, sighting.status) == (whole.vendor_call_id, whole.status)


def test_a_saved_answer_is_split_in_every_variant() -> None:
    envelope = {"data": [SEED], "pagination": {"total": 1, "limit": 100, "offset": 0}}
    for document in (envelope, {"data": SEED}, {"data": [SEED]}, [SEED], SEED):
        assert SAVED.calls_in(document) == [SEED]
    assert SAVED.calls_in({"data": [], "pagination": {"total": 0, "limit": 100, "offset": 0}}) == []


@pytest.mark.parametrize(
    "document",
    [None, "", 5, {}, [], {"data": []}, {"data": [{"id": "x"}]}, {"data": {"id": "x"}}],
)
def test_another_document_is_not_mistaken_for_an_answer(document: Any) -> None:
    assert SAVED.calls_in(document) is None


def test_a_call_is_recognised_by_the_names_that_only_this_vendor_has() -> None:
    assert SAVED.fits(SEED)
    assert not SAVED.fits({"id": "x", "status": "completed"})
    assert not SAVED.fits({name: value for name, value in SEED.items() if name != "id"})


def test_an_analysis_is_known_as_soon_as_one_part_of_it_is() -> None:
    sighting = DIALECT.from_wire({"id": "a", "summary": "Booked."})
    assert sighting.analysis == Analysis(summary="Booked.")
