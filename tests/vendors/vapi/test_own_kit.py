"""Vapi's own Python kit: the words that it knows, and calls that it writes and reads."""

from __future__ import annotations

import json
import typing
from datetime import UTC, datetime
from typing import Any

import pytest
from vapi import types as kit

from tests.vendors.captures import captures
from trunkline.kit.door import AnswerExpected
from trunkline.vendors.vapi import DOOR
from trunkline.vendors.vapi.words import STATUS, TYPE, end_reason

STARTED = datetime(2026, 3, 2, 9, 15, 2, tzinfo=UTC)
CAPTURED = [
    pytest.param(document["message"]["call"], id=name)
    for name, capture in captures("vapi").items()
    if "id" in (document := capture.document()).get("message", {}).get("call", {})
]


def words(annotation: Any) -> tuple[str, ...]:
    """The literal words of one of the kit's enumerations, which it writes as `Literal[…] | Any`."""
    literal: tuple[str, ...] = typing.get_args(typing.get_args(annotation)[0])
    return literal


def message_types() -> set[str]:
    """The type of every message that the kit can read."""
    names = [name for name in dir(kit) if name.startswith("ServerMessage") and name.endswith("Type")]
    found = {word for name in names for word in words(getattr(kit, name))}
    return found - {"partial", "final"}  # those are types of a transcript


def test_every_reason_for_an_end_that_the_kit_knows_is_one_of_ours() -> None:
    reasons = words(kit.CallEndedReason)
    assert len(reasons) > 500
    assert [word for word in reasons if end_reason(word) is None] == []


def test_every_status_and_type_that_the_kit_knows_is_known() -> None:
    assert [word for word in words(kit.CallStatus) if not STATUS.knows(word)] == []
    assert [word for word in words(kit.CallType) if not TYPE.knows(word)] == []


@pytest.mark.parametrize("event", sorted(message_types()))
def test_every_message_that_the_kit_knows_is_known(event: str) -> None:
    message = {"type": event, "call": {"id": "c-1", "createdAt": "2026-03-02T09:15:00.000Z"}}
    try:
        heard = DOOR.parse_delivery({"message": message})
    except AnswerExpected:
        return
    assert heard.unknown == []


@pytest.mark.parametrize("call", CAPTURED)
def test_what_we_take_for_a_call_is_one_to_the_kit(call: dict[str, Any]) -> None:
    read = kit.Call.model_validate({"orgId": "o", "updatedAt": call["createdAt"], **call})
    told = DOOR.from_wire(call)
    assert read.id == told.vendor_call_id
    assert read.created_at == told.created_at


def test_a_call_that_the_kit_writes_is_read_whole() -> None:
    written = kit.Call.model_validate(
        {
            "id": "73a6da0f-c455-4bb6-bf4a-5f0634871430",
            "orgId": "o",
            "type": "outboundPhoneCall",
            "status": "ended",
            "endedReason": "silence-timed-out",
            "createdAt": "2026-03-02T09:15:00.000Z",
            "updatedAt": "2026-03-02T09:16:00.000Z",
            "startedAt": STARTED.isoformat(),
            "endedAt": "2026-03-02T09:15:42.000Z",
            "cost": 0.07,
            "artifact": {
                "recordingUrl": "https://vapi.example/a.wav",
                "messages": [
                    {"role": "bot", "message": "Hello.", "time": 0, "endTime": 900, "secondsFromStart": 0.5},
                    {"role": "user", "message": "Hi.", "time": 0, "endTime": 900, "secondsFromStart": 2},
                ],
            },
            "analysis": {"summary": "They greeted."},
        }
    )
    call = DOOR.from_wire(json.loads(written.json()))
    assert (call.status, call.end_reason, call.started_at) == ("completed", "inactivity", STARTED)
    assert isinstance(call.turns, list)
    assert [turn.text for turn in call.turns] == ["Hello.", "Hi."]
    assert call.recording is not None
    assert getattr(call.recording, "url", None) == "https://vapi.example/a.wav"
    assert getattr(call.analysis, "summary", None) == "They greeted."
