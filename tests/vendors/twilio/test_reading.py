"""Twilio's callbacks and REST answers, read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import UNSET

from tests.vendors.captures import call_of, life
from tests.vendors.published import payloads
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Cost, Recording
from trunkline.model.words import EndReason, Result, Status
from trunkline.vendors.twilio import DOOR
from trunkline.vendors.twilio.words import READ_IN_CALL, STORED_OF_CALL

CALL = "CA0123456789abcdef0123456789abcdef"


@pytest.mark.claim("twilio:status", "twilio:times")
def test_the_callbacks_of_a_call_make_one_call() -> None:
    call = call_of(reversed(life("twilio", CALL)))
    assert (call.status, call.result, call.duration_ms) == (Status.COMPLETED, Result.ANSWERED, 42_000)
    assert call.created_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert call.started_at == datetime(2026, 3, 2, 9, 15, 6, tzinfo=UTC)
    assert call.ended_at == datetime(2026, 3, 2, 9, 15, 48, tzinfo=UTC)
    assert call.derived == ["created_at", "ended_at", "result", "started_at"]
    assert call.recording is not None
    assert call.recording.enabled
    assert call.telephony is not None
    assert call.telephony.sid == CALL


@pytest.mark.claim("twilio:order")
def test_callbacks_of_one_second_keep_the_order_of_their_numbers() -> None:
    at = {"CallSid": "CA1", "Timestamp": "Mon, 02 Mar 2026 09:15:00 +0000"}
    early = DOOR.parse_delivery({**at, "CallStatus": "busy", "SequenceNumber": "1"}).sightings[0]
    late = DOOR.parse_delivery({**at, "CallStatus": "completed", "SequenceNumber": "2"}).sightings[0]
    assert call_of([late, early]).status is call_of([early, late]).status is Status.COMPLETED


@pytest.mark.claim("twilio:status")
@pytest.mark.parametrize(
    ("word", "status", "result", "reason"),
    [
        ("busy", Status.BUSY, Result.BUSY, EndReason.BUSY),
        ("no-answer", Status.NO_ANSWER, Result.NO_ANSWER, EndReason.NO_ANSWER),
        ("failed", Status.FAILED, Result.FAILED, EndReason.ERROR),
        ("completed", Status.COMPLETED, Result.ANSWERED, None),
    ],
)
def test_a_final_status_states_result_and_reason(
    word: str, status: Status, result: Result, reason: EndReason | None
) -> None:
    call = call_of(DOOR.parse_delivery({"CallSid": "CA1", "CallStatus": word}).sightings)
    assert (call.status, call.result, call.end_reason) == (status, result, reason)


@pytest.mark.claim("twilio:recording")
def test_a_recording_that_is_absent_has_no_address() -> None:
    absent = DOOR.parse_delivery({"CallSid": "CA1", "RecordingStatus": "absent"}).sightings[0]
    assert absent.recording == Recording(enabled=False, url=None)


@pytest.mark.claim("twilio:empty")
def test_an_empty_field_says_nothing() -> None:
    told = DOOR.parse_delivery(
        {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "", "AnsweredBy": ""}
    )
    assert told.sightings[0].duration_ms is UNSET
    assert told.sightings[0].analysis is UNSET


@pytest.mark.claim("twilio:conference")
def test_a_recording_of_a_conference_is_noted() -> None:
    heard = DOOR.parse_delivery({"ConferenceSid": "CF1", "RecordingStatus": "completed"})
    assert heard.sightings == []
    assert heard.note


@pytest.mark.claim("twilio:rest.price")
def test_a_price_below_zero_is_a_cost() -> None:
    call = DOOR.from_wire({"sid": "CA1", "status": "completed", "price": "-0.03000", "price_unit": "USD"})
    assert call.cost == Cost(amount=Decimal("0.03000"), unit="USD")


@pytest.mark.parametrize(("name", "value"), [("Timestamp", "yesterday"), ("CallDuration", "long")])
def test_what_cannot_be_read_is_left_out_and_named(name: str, value: str) -> None:
    (sighting,) = DOOR.parse_delivery({"CallSid": "CA1", "CallStatus": "busy", name: value}).sightings
    assert list(sighting.problems or ()) == [name]
    assert sighting.status is Status.BUSY


@pytest.mark.parametrize("document", [[], "text"])
def test_what_is_no_form_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)


@pytest.mark.claim("twilio:rest")
def test_every_published_call_and_recording_is_read() -> None:
    calls = recordings = 0
    for published in payloads("twilio"):
        items = [
            published.get("sid") and published,
            *published.get("calls", ()),
            *published.get("recordings", ()),
        ]
        for item in items:
            if not item or not ("call_sid" in item or "start_time" in item):
                continue
            told = DOOR.from_wire(item)
            if "call_sid" in item:
                recordings += 1
                assert told.recording is not None
                assert told.vendor_call_id == item["call_sid"]
                continue
            calls += 1
            assert told.status is Status(item["status"].replace("-", "_"))
            assert told.duration_ms == int(item["duration"]) * 1000
            assert item.keys() - {*READ_IN_CALL, *STORED_OF_CALL} == set()
    assert (calls, recordings) == (7, 7)


def test_a_call_at_the_end_of_the_calendar_is_read() -> None:
    document = {
        "CallSid": "c",
        "RecordingStatus": "completed",
        "RecordingStartTime": "Fri, 31 Dec 9999 23:59:59 +0000",
        "RecordingDuration": "9",
    }
    assert call_of(DOOR.parse_delivery(document).sightings).vendor_call_id == "c"
