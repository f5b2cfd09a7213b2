"""How ElevenLabs' deliveries are read, and that any order and repetition of them makes the same call."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.vendors.captures import call_of, captures
from trunkline.kit.door import AnswerExpected, ParsedDelivery
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, EndReason, Result, Status
from trunkline.vendors.elevenlabs import DOOR
from trunkline.vendors.elevenlabs.words import CHANNEL, STATUS

CAPTURES = captures("elevenlabs")
TRANSCRIPTION: dict[str, Any] = CAPTURES["life_2_post_call_transcription"].document()
CONVERSATION: dict[str, Any] = TRANSCRIPTION["data"]
SEEN_AT = datetime(2025, 2, 15, tzinfo=UTC)
FAILED_AT = 1739537300


def failure(reason: str, **body: Any) -> ParsedDelivery:
    data = {
        "agent_id": "agent_01jx",
        "conversation_id": CONVERSATION["conversation_id"],
        "failure_reason": reason,
        "metadata": {"type": "sip", "body": body},
    }
    return DOOR.parse_delivery(
        {"type": "call_initiation_failure", "event_timestamp": FAILED_AT, "data": data}
    )


def conversation(status: str = "done", **metadata: Any) -> Sighting:
    whole = deepcopy(CONVERSATION) | {"status": status}
    return DOOR.from_wire(whole | {"metadata": whole["metadata"] | metadata})


OF_ONE_CALL = [
    sighting
    for name in ("life_1_post_call_audio", "life_2_post_call_transcription")
    for sighting in CAPTURES[name].sightings(DOOR)
]
LIFE = [
    *OF_ONE_CALL,
    *failure("no-answer").sightings,
    DOOR.parse_delivery(
        TRANSCRIPTION
        | {
            "type": "unredacted_post_call_transcription",
            "event_timestamp": TRANSCRIPTION["event_timestamp"] - 2,
            "data": CONVERSATION | {"status": "processing", "analysis": None, "transcript": []},
        }
    ).sightings[0],
]
"""Everything that is ever sent, as if it were about one call."""


@pytest.mark.claim("elevenlabs:hook.types", "elevenlabs:hook.unknown", "elevenlabs:call.tools")
@pytest.mark.claim("elevenlabs:hook.traces", "elevenlabs:hook.audio")
@pytest.mark.parametrize("name", CAPTURES)
def test_a_delivery_says_what_it_says_and_no_more(name: str) -> None:
    assert CAPTURES[name].problem(DOOR) is None


@pytest.mark.claim("elevenlabs:hook.order")
@given(order=st.permutations(range(len(LIFE))), again=st.lists(st.integers(0, len(LIFE) - 1), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_order_and_repetition_of_a_calls_deliveries_makes_the_same_call(
    order: list[int], again: list[int]
) -> None:
    assert call_of([LIFE[n] for n in [*order, *again]], SEEN_AT) == call_of(LIFE, SEEN_AT)


@pytest.mark.claim("elevenlabs:hook.audio", "elevenlabs:hook.audio.kept")
def test_an_audio_alone_makes_a_call_that_is_over_and_the_conversation_states_the_rest() -> None:
    audio, transcription = OF_ONE_CALL
    alone = call_of([audio], SEEN_AT)
    assert (alone.status, alone.recording) == (Status.COMPLETED, Recording(enabled=True))
    assert alone.derived == ["created_at", "status"]
    for order in ([audio, transcription], [transcription, audio]):
        call = call_of(order, SEEN_AT)
        assert (call.created_at, call.derived) == (
            call.started_at,
            ["created_at", "ended_at", "result", "turn_count"],
        )
        assert (call.result, call.recording) == (Result.ANSWERED, Recording(enabled=True))


@pytest.mark.claim("elevenlabs:hook.traces")
def test_a_conversation_that_came_as_a_trace_keeps_the_turns_it_had() -> None:
    document = deepcopy(TRANSCRIPTION)
    document["event_timestamp"] += 60
    document["data"] |= {"transcript": [], "otlp_traces": {"resourceSpans": []}}
    heard = DOOR.parse_delivery(document)
    assert "OpenTelemetry" in heard.note
    traced = heard.sightings[0]
    assert (traced.turns, traced.vendor_fields) == (UNSET, OF_ONE_CALL[1].vendor_fields)
    assert call_of([*OF_ONE_CALL, traced], SEEN_AT).turn_count == 4


@pytest.mark.claim("elevenlabs:call.failure", "elevenlabs:call.failure.code")
@pytest.mark.parametrize(
    ("reason", "code", "ours", "status"),
    [
        ("busy", None, EndReason.BUSY, Status.BUSY),
        ("no-answer", 603, EndReason.NO_ANSWER, Status.NO_ANSWER),
        ("unknown", None, EndReason.ERROR, Status.FAILED),
        ("unknown", 404, EndReason.INVALID_NUMBER, Status.FAILED),
        ("unknown", "486", EndReason.BUSY, Status.BUSY),
        ("unknown", 487, EndReason.CANCELED, Status.CANCELED),
        ("unknown", 503, EndReason.CARRIER_ERROR, Status.FAILED),
        ("unknown", 499, EndReason.ERROR, Status.FAILED),
        ("unknown", "50x", EndReason.ERROR, Status.FAILED),
        ("eclipse", None, EndReason.ERROR, Status.FAILED),
    ],
)
def test_a_call_that_could_not_be_made_has_the_reason_that_is_reported(
    reason: str, code: object, ours: EndReason, status: Status
) -> None:
    heard = failure(reason, sip_status_code=code)
    sighting = heard.sightings[0]
    assert (sighting.end_reason, sighting.end_reason_raw, sighting.status) == (ours, reason, status)
    by_code = reason == "unknown" and ours is not EndReason.ERROR
    assert ("end_reason" in (sighting.derived or ())) is by_code
    assert heard.unknown == (["failure_reason=eclipse"] if reason == "eclipse" else [])
    assert sighting.as_of == sighting.created_at == datetime.fromtimestamp(FAILED_AT, UTC)


@pytest.mark.claim("elevenlabs:call.status")
@pytest.mark.parametrize(
    ("word", "result", "status"),
    [
        ("initiated", None, Status.QUEUED),
        ("in-progress", "voicemail", Status.IN_PROGRESS),
        ("processing", None, Status.COMPLETED),
        ("done", "answered", Status.COMPLETED),
        ("done", "voicemail", Status.VOICEMAIL),
        ("done", "no_answer", Status.NO_ANSWER),
        ("failed", "answered", Status.FAILED),
    ],
)
def test_a_status_is_read_with_what_the_carrier_says(word: str, result: str | None, status: Status) -> None:
    phone = CONVERSATION["metadata"]["phone_call"] | {"call_result": result}
    assert conversation(word, phone_call=phone).status is status


@pytest.mark.claim("elevenlabs:call.reason")
@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("Client disconnected: 1006", EndReason.USER_HANGUP),
        ("Call ended by remote party", EndReason.USER_HANGUP),
        ("end_call tool was called.", EndReason.AGENT_HANGUP),
        ("END_CALL TOOL WAS CALLED", EndReason.AGENT_HANGUP),
        ("voicemail_detection tool was called.", EndReason.VOICEMAIL),
        ("The moon rose.", EndReason.OTHER),
        ("", None),
    ],
)
def test_a_reason_is_known_by_its_beginning(text: str, ours: EndReason | None) -> None:
    assert (conversation(termination_reason=text).end_reason or None) is ours


@pytest.mark.claim("elevenlabs:call.status", "elevenlabs:hook.types")
def test_every_status_and_source_that_the_vendors_kit_knows_has_a_word_of_ours() -> None:
    status = pytest.importorskip("elevenlabs.types.get_conversation_response_model_status")
    source = pytest.importorskip("elevenlabs.types.conversation_initiation_source")
    statuses = get_args(get_args(status.GetConversationResponseModelStatus)[0])
    sources = get_args(get_args(source.ConversationInitiationSource)[0])
    assert statuses
    assert [word for word in statuses if not STATUS.knows(word)] == []
    assert sources
    assert [word for word in sources if not CHANNEL.knows(word)] == []


@pytest.mark.claim("elevenlabs:call.end", "elevenlabs:call.cost", "elevenlabs:call.numbers")
def test_end_cost_and_numbers_follow_the_conversation() -> None:
    inbound = conversation()
    assert inbound.started_at
    assert inbound.ended_at == inbound.started_at + timedelta(seconds=22)
    assert "ended_at" in (inbound.derived or ())
    assert inbound.cost
    assert (inbound.cost.amount, inbound.cost.unit) == (Decimal(296), "credits")
    phone = CONVERSATION["metadata"]["phone_call"]
    assert (inbound.from_number, inbound.to_number) == (phone["external_number"], phone["agent_number"])
    outbound = conversation(phone_call=phone | {"direction": "outbound"})
    assert (outbound.from_number, outbound.to_number) == (phone["agent_number"], phone["external_number"])


@pytest.mark.claim("elevenlabs:call.end")
def test_a_conversation_that_goes_on_has_neither_end_nor_length() -> None:
    live = conversation("in-progress", call_duration_secs=0)
    assert (live.ended_at, live.duration_ms, live.result) == (UNSET, None, UNSET)


@pytest.mark.claim("elevenlabs:list.flat")
def test_a_row_of_the_list_says_flat_what_a_conversation_says_inside() -> None:
    row = {
        "agent_id": "agent_01jx",
        "agent_name": "Orders",
        "conversation_id": "conv_07",
        "start_time_unix_secs": 1739537297,
        "call_duration_secs": 22,
        "cost": 296,
        "message_count": 5,
        "status": "done",
        "termination_reason": "Silence timeout: 30",
        "call_successful": "failure",
        "transcript_summary": "Nothing came of it.",
        "call_summary_title": "Nothing",
        "direction": "outbound",
        "conversation_initiation_source": "widget",
        "sentiment_analysis": {"overall_label": "negative"},
    }
    heard = DOOR.parse_delivery(
        {"type": "post_call_transcription", "event_timestamp": 1739537400, "data": row}
    )
    sighting = DOOR.from_wire(row)
    assert heard.unknown == []
    assert sighting.analysis
    assert (sighting.analysis.summary, sighting.analysis.success) == ("Nothing came of it.", False)
    assert (sighting.analysis.sentiment, sighting.channel) == ("negative", Channel.WEB)
    assert (sighting.end_reason, sighting.result) == (EndReason.INACTIVITY, Result.ANSWERED)
    assert (sighting.duration_ms, sighting.turns, sighting.as_of) == (22000, UNSET, UNSET)
    assert sighting.vendor_fields == {"message_count": 5, "call_summary_title": "Nothing"}


@pytest.mark.claim("elevenlabs:hook.answer")
def test_a_request_for_initiation_data_is_refused() -> None:
    asked = {"caller_id": "+12025550111", "agent_id": "a", "called_number": "+12025550122", "call_sid": "CA1"}
    with pytest.raises(AnswerExpected):
        DOOR.parse_delivery(asked)


@pytest.mark.parametrize("document", [[], "x", {}, {"type": "post_call_audio"}, {"type": "x", "data": {}}])
def test_what_holds_no_conversation_is_unreadable(document: Any) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)
