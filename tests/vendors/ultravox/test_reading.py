"""Ultravox's webhooks, read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.vendors.captures import call_of, captures, life, values_of
from trunkline.kit.payload import Unreadable
from trunkline.model.words import Channel, Direction, EndReason, Result, Status
from trunkline.vendors.ultravox import DOOR

CALL = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.claim("ultravox:status", "ultravox:billing", "ultravox:events")
def test_the_webhooks_of_a_call_make_one_call() -> None:
    call = call_of(reversed(life("ultravox", CALL)))
    assert (call.status, call.result) == (Status.COMPLETED, Result.ANSWERED)
    assert (call.end_reason, call.end_reason_raw) == (EndReason.USER_HANGUP, "hangup")
    assert call.billing_status == "BILLING_STATUS_BILLED"
    assert call.usage == {"billedDuration": "108s", "billedSideInputTokens": 0, "billedSideOutputTokens": 12}
    assert call.duration_ms is None
    assert call.ended_at == datetime(2026, 3, 2, 9, 16, 50, 750_000, tzinfo=UTC)


@pytest.mark.claim("ultravox:status")
@pytest.mark.parametrize(
    ("reason", "status", "ours"),
    [
        ("hangup", Status.COMPLETED, EndReason.USER_HANGUP),
        ("agent_hangup", Status.COMPLETED, EndReason.AGENT_HANGUP),
        ("timeout", Status.COMPLETED, EndReason.MAX_DURATION),
        ("unjoined", Status.FAILED, EndReason.NOT_CONNECTED),
        ("connection_error", Status.FAILED, EndReason.CONNECTION_LOST),
        ("system_error", Status.FAILED, EndReason.AGENT_ERROR),
    ],
)
def test_a_status_follows_from_why_a_call_ended(reason: str, status: Status, ours: EndReason) -> None:
    times = {
        "created": "2026-03-02T09:15:00Z",
        "joined": "2026-03-02T09:15:01Z",
        "ended": "2026-03-02T09:16:00Z",
    }
    told = DOOR.from_wire({"callId": CALL, **times, "endReason": reason})
    assert (told.status, told.end_reason) == (status, ours)


def test_a_call_that_was_only_created_is_queued_and_one_that_was_joined_is_in_progress() -> None:
    created = {"callId": CALL, "created": "2026-03-02T09:15:00Z", "joined": None, "ended": None}
    assert DOOR.from_wire(created).status is Status.QUEUED
    assert DOOR.from_wire({**created, "joined": "2026-03-02T09:15:01Z"}).status is Status.IN_PROGRESS


@pytest.mark.claim("ultravox:medium")
@pytest.mark.parametrize(
    ("medium", "channel", "direction"),
    [
        ({"webRtc": {}}, Channel.WEB, None),
        ({"twilio": {}}, Channel.PHONE, None),
        ({"twilio": {"outgoing": {"from": "+1", "to": "+2"}}}, Channel.PHONE, Direction.OUTBOUND),
        ({"sip": {"incoming": {"from": "+1", "to": "+2"}}}, Channel.PHONE, Direction.INBOUND),
    ],
)
def test_a_medium_states_channel_direction_and_numbers(
    medium: dict[str, object], channel: Channel, direction: Direction | None
) -> None:
    told = values_of(DOOR.from_wire({"callId": CALL, "medium": medium}))
    assert told["channel"] == channel
    assert told.get("direction") == direction
    assert ("from_number" in told) is (direction is not None)


@pytest.mark.claim("ultravox:secrets")
def test_what_opens_a_call_is_left_out() -> None:
    for capture in captures("ultravox").values():
        for sighting in capture.sightings(DOOR):
            text = str(values_of(sighting))
            assert "secret" not in text
            assert "joinUrl" not in text
            assert "password" not in text


@pytest.mark.parametrize("document", [[], {"event": "call.ended", "call": {}}])
def test_what_names_no_call_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)


def test_a_call_at_the_end_of_the_calendar_is_read() -> None:
    document = {
        "call": {"callId": "c", "ended": "9999-12-31T23:59:59.999Z", "billingStatus": "BILLING_STATUS_BILLED"}
    }
    assert call_of(DOOR.parse_delivery(document).sightings).vendor_call_id == "c"
