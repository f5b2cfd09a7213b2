"""Bland's post-call webhook, read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from tests.vendors.captures import call_of, life, values_of
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Cost
from trunkline.model.words import EndReason, Result, Status
from trunkline.vendors.bland import DOOR

CALL = "6b3e0a5a-3a6e-4f1c-8a3d-0c9a1f2b7d11"


def call_with(**fields: Any) -> dict[str, Any]:
    return values_of(DOOR.from_wire({"call_id": "c-1", **fields}))


@pytest.mark.claim("bland:call", "bland:end", "bland:actions", "bland:turns")
def test_a_webhook_makes_a_call() -> None:
    call = call_of(life("bland", CALL))
    assert (call.status, call.result, call.end_reason) == (
        Status.COMPLETED,
        Result.ANSWERED,
        EndReason.AGENT_HANGUP,
    )
    assert call.duration_ms == 45_000
    assert call.ended_at == datetime(2026, 3, 2, 9, 15, 50, tzinfo=UTC)
    assert "ended_at" in (call.derived or ())
    assert [(turn.role, turn.start_ms) for turn in call.turns or ()] == [("user", 3250), ("agent", 6500)]
    assert [(tool.name, tool.arguments) for tool in call.tool_calls or ()] == [("agent-action", "Ended call")]
    assert call.cost == Cost(amount=Decimal("0.068"), unit="USD")


@pytest.mark.claim("bland:duration")
def test_seconds_count_before_minutes() -> None:
    assert call_with(call_length=0.75)["duration_ms"] == 45_000
    assert call_with(call_length=0.75, corrected_duration="44")["duration_ms"] == 44_000
    assert "duration_ms" not in call_with()


@pytest.mark.claim("bland:status")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "completed"}, Status.COMPLETED),
        ({"status": "no-answer", "completed": True}, Status.NO_ANSWER),
        ({"queue_status": "started", "completed": True}, Status.COMPLETED),
        ({"queue_status": "started", "completed": False}, Status.IN_PROGRESS),
        ({"queue_status": "queued"}, Status.QUEUED),
        ({"queue_status": "complete_error"}, Status.FAILED),
    ],
)
def test_a_completed_call_is_over_whatever_its_position_in_the_queue(
    fields: dict[str, Any], status: Status
) -> None:
    assert call_with(**fields)["status"] == status


@pytest.mark.claim("bland:answered")
@pytest.mark.parametrize(
    ("answered_by", "result", "voicemail"),
    [("human", "answered", False), ("voicemail", "voicemail", True), ("parrot", None, None)],
)
def test_who_answered_decides_the_result(
    answered_by: str, result: str | None, voicemail: bool | None
) -> None:
    call = call_with(status="completed", answered_by=answered_by)
    assert call.get("result") == result
    assert call["analysis"]["voicemail"] is voicemail


@pytest.mark.claim("bland:variables")
def test_variables_of_the_system_are_not_metadata() -> None:
    assert call_with(variables={"now": "x", "rooms": 3})["metadata"] == {"variables": {"rooms": 3}}
    assert "metadata" not in call_with(variables={"now": "x"})
    assert call_with(metadata={})["metadata"] == {}


@pytest.mark.claim("bland:live")
def test_a_line_of_the_live_log_is_noted() -> None:
    heard = DOOR.parse_delivery(
        {"call_id": "c-1", "category": "latency", "message": "Time to first byte: 120 ms"}
    )
    assert (heard.event, heard.sightings) == ("latency", [])
    assert heard.note


@pytest.mark.parametrize("document", [None, {}, {"call_id": ""}])
def test_what_names_no_call_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        DOOR.parse_delivery(document)


@pytest.mark.parametrize(
    ("name", "value"), [("started_at", "soon"), ("call_length", 1e9), ("corrected_duration", "")]
)
def test_what_cannot_be_read_is_left_out_and_named(name: str, value: object) -> None:
    (sighting,) = DOOR.parse_delivery({"call_id": "c", "to": "+12025550143", name: value}).sightings
    assert list(sighting.problems or ()) == [name]
    assert (sighting.vendor_call_id, sighting.to_number) == ("c", "+12025550143")
    assert (sighting.started_at, sighting.duration_ms) == (UNSET, UNSET)


def test_a_call_at_the_end_of_the_calendar_is_read() -> None:
    document = {
        "call_id": "c",
        "status": "completed",
        "started_at": "9999-12-31T23:59:59.999Z",
        "corrected_duration": 5,
    }
    assert call_of(DOOR.parse_delivery(document).sightings).vendor_call_id == "c"
