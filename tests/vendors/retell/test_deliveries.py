"""How Retell's deliveries are read, and that any order and repetition of them makes the same call."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vendors.captures import call_of, captures
from trunkline.kit.door import AnswerExpected
from trunkline.kit.payload import Unreadable
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Result, Sentiment, Status
from trunkline.vendors.retell import DOOR
from trunkline.vendors.retell.words import END_REASON, STATUS

CAPTURES = captures("retell")
LIFE = [
    sighting
    for name, capture in CAPTURES.items()
    if name.startswith("life_")
    for sighting in capture.sightings(DOOR)
]
SEEN_AT = datetime(2024, 5, 3, tzinfo=UTC)
CALL = {"call_id": "call_1", "call_type": "phone_call", "start_timestamp": 1714608475945}
SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "vendor_payloads_sample.jsonl.gz"


def sighting_of(event: str = "call_ended", **call: Any) -> Sighting:
    return DOOR.parse_delivery({"event": event, "call": CALL | call}).sightings[0]


@pytest.mark.claim("retell:hook.events", "retell:hook.unknown", "retell:call.asides", "retell:call.token")
@pytest.mark.parametrize("name", CAPTURES)
def test_a_delivery_says_what_it_says_and_no_more(name: str) -> None:
    assert CAPTURES[name].problem(DOOR) is None


@pytest.mark.claim("retell:hook.order")
@given(order=st.permutations(range(len(LIFE))), again=st.lists(st.integers(0, len(LIFE) - 1), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_order_and_repetition_of_a_calls_deliveries_makes_the_same_call(
    order: list[int], again: list[int]
) -> None:
    assert call_of([LIFE[n] for n in [*order, *again]], SEEN_AT) == call_of(LIFE, SEEN_AT)


@pytest.mark.claim("retell:hook.order", "retell:call.times", "retell:call.cost", "retell:call.variables")
def test_a_whole_life_states_everything() -> None:
    call = call_of(LIFE, SEEN_AT)
    assert (call.status, call.result, call.end_reason) == (
        Status.COMPLETED,
        Result.ANSWERED,
        EndReason.USER_HANGUP,
    )
    assert (call.created_at, call.duration_ms) == (call.started_at, 24533)
    assert call.cost is not None
    assert (str(call.cost.amount), call.cost.unit) == ("0.1335", "USD")
    assert call.analysis is not None
    assert call.analysis.sentiment is Sentiment.POSITIVE
    assert call.metadata == {
        "ticket": "T-17",
        "retell_llm_dynamic_variables": {"customer_name": "Ada"},
        "collected_dynamic_variables": {"seats": "2"},
    }
    assert [(tool.position, tool.result_position) for tool in call.tool_calls or ()] == [(2, 3)]
    assert [(turn.start_ms, turn.end_ms) for turn in call.turns or ()] == [
        (100, 2250),
        (3004, 5125),
        (8500, 9020),
        (None, None),
    ]


@pytest.mark.claim("retell:hook.order")
def test_an_analysis_that_finds_a_voicemail_wins_over_the_end_in_either_order() -> None:
    end: dict[str, Any] = {
        "call_status": "ended",
        "end_timestamp": 1714608485945,
        "disconnection_reason": "user_hangup",
    }
    ended = sighting_of(**end)
    analyzed = sighting_of("call_analyzed", **end, call_analysis={"in_voicemail": True})
    for order in ([ended, analyzed], [analyzed, ended]):
        call = call_of(order, SEEN_AT)
        assert (call.status, call.result) == (Status.VOICEMAIL, Result.VOICEMAIL)


@pytest.mark.claim("retell:call.status")
@pytest.mark.parametrize(
    ("word", "reason", "status", "result"),
    [
        ("registered", None, Status.QUEUED, None),
        ("ongoing", None, Status.IN_PROGRESS, None),
        ("ended", None, Status.COMPLETED, None),
        ("ended", "agent_hangup", Status.COMPLETED, Result.ANSWERED),
        ("ended", "ivr_reached", Status.COMPLETED, None),
        ("ended", "voicemail_reached", Status.VOICEMAIL, Result.VOICEMAIL),
        ("ended", "dial_busy", Status.BUSY, Result.BUSY),
        ("ended", "user_declined", Status.NO_ANSWER, Result.NO_ANSWER),
        ("ended", "manual_stopped", Status.CANCELED, None),
        ("not_connected", None, Status.FAILED, Result.FAILED),
        ("not_connected", "dial_no_answer", Status.NO_ANSWER, Result.NO_ANSWER),
        ("error", "error_asr", Status.FAILED, Result.FAILED),
        ("error", "user_hangup", Status.FAILED, Result.FAILED),
    ],
)
def test_a_status_is_read_with_its_reason(
    word: str, reason: str | None, status: Status, result: Result | None
) -> None:
    sighting = sighting_of(call_status=word, disconnection_reason=reason)
    assert (sighting.status, sighting.result or None) == (status, result)


@pytest.mark.claim("retell:call.reason")
def test_every_reason_and_status_that_the_vendors_kit_knows_has_a_word_of_ours() -> None:
    kit = pytest.importorskip("retell.types.phone_call_response").PhoneCallResponse
    fields = kit.model_fields
    reasons = get_args(fields["disconnection_reason"].annotation)[0]
    statuses = get_args(fields["call_status"].annotation)
    assert len(get_args(reasons)) == 39
    assert [word for word in get_args(reasons) if not END_REASON.knows(word)] == []
    assert [word for word in statuses if not STATUS.knows(word)] == []


@pytest.mark.claim("retell:call.variables")
def test_metadata_that_is_absent_null_empty_or_no_object_stays_so() -> None:
    assert sighting_of().metadata.__class__.__name__ == "UnsetType"
    assert sighting_of(metadata=None).metadata is None
    assert sighting_of(metadata={}).metadata == {}
    assert sighting_of(metadata="T-17").metadata == {"metadata": "T-17"}


@pytest.mark.claim("retell:hook.answer")
@pytest.mark.parametrize(
    "document",
    [
        {"event": "call_inbound", "call_inbound": {"agent_id": "a", "from_number": "+12025550111"}},
        {"name": "find_table", "args": {"seats": 2}, "call": CALL},
    ],
)
def test_what_expects_an_answer_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(AnswerExpected):
        DOOR.parse_delivery(document)


@pytest.mark.parametrize("document", [[], "call", {}, {"event": "call_ended"}, {"event": "x", "call": {}}])
def test_what_holds_no_call_is_unreadable(document: Any) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample payloads are not here")
def test_the_vendors_own_example_is_read_whole() -> None:
    with gzip.open(SAMPLES, "rt", encoding="utf-8") as lines:
        payloads = [json.loads(line) for line in lines]
    example = next(row["payload"] for row in payloads if row["vendor"] == "retell")
    sighting_of = DOOR.parse_delivery({"event": "call_analyzed", "call": example})
    assert sighting_of.unknown == []
    assert sighting_of.sightings[0].events == [
        entry
        for entry in example["transcript_with_tool_calls"]
        if entry["role"] in ("node_transition", "dtmf")
    ]
    assert DOOR.from_wire(example).vendor_call_id == example["call_id"]
