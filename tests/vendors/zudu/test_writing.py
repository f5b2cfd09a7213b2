from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.vendors.zudu.samples import SEEN_AT, foreign, plain, printed
from trunkline.kit.losses import full_call
from trunkline.model.call import Call, Cost, Telephony, Turn
from trunkline.model.intents import OneCall
from trunkline.model.words import Role, Status
from trunkline.vendors.zudu.api import DIALECT, GET
from trunkline.vendors.zudu.wire import CallFound, WireCall


def test_a_full_foreign_call_fits_the_vendors_record() -> None:
    call = full_call()
    encoded = msgspec.json.encode(DIALECT.to_wire(call))
    wire = msgspec.json.decode(encoded, type=WireCall)
    assert msgspec.json.encode(wire) == encoded
    assert (wire.id, wire.call_id) == (call.id, DIALECT.ids.printed(call))
    assert wire.metadata == {
        "patient": "P-88",
        "priority": 2,
        "campaign": "March reminders",
        "batch_call_id": "5e2f9a80-1d3b-4c6f-8a72-90b1c2d3e4f5",
        "is_scheduled": True,
        "scheduled_timestamp": 1772378999.25,
    }
    assert [entry.role for entry in wire.transcript_with_tool_calls] == [
        *("assistant", "user", "tool_call_invocation", "tool_call_result"),
        *("assistant", "user", "tool_call_invocation", "tool_call_result"),
    ]
    assert wire.transcript is not None
    assert wire.transcript.splitlines() == [
        "Agent: Good morning, this is the clinic.",
        "User: Could we move my appointment?",
        "Agent: Thursday at ten is free.",
        "User: Perfect, thank you.",
    ]


def test_an_empty_foreign_call_has_empty_lists_and_nulls() -> None:
    call = Call(
        id="9c2f8a5e-6f0b-4d0e-8f57-2f6c1f4f9a10",
        vendor="elsewhere",
        vendor_call_id="1",
        status=Status.QUEUED,
        created_at=SEEN_AT,
    )
    answer = GET.answer_of(OneCall("acme", call), GET.query())
    assert isinstance(msgspec.json.decode(msgspec.json.encode(answer), type=CallFound), CallFound)
    back = plain(answer)["data"]
    assert back["organization_id"] == "acme"
    assert (back["metadata"], back["events"], back["transcript_object"]) == ({}, [], [])
    empty = [
        *("agent_id", "direction", "from_number", "to_number", "start_timestamp", "end_timestamp"),
        *("call_duration", "disconnection_reason", "recording_url", "public_log_url", "transcript"),
        *("latency", "call_analysis", "call_cost", "telephony_identifier"),
    ]
    assert {name: back[name] for name in empty} == dict.fromkeys(empty)
    assert (back["call_type"], back["opt_out_sensitive_data_storage"]) == ("PHONE_CALL", False)


def test_a_foreign_turn_without_words_or_time_prints_both_fields() -> None:
    call = foreign(turns=[Turn(Role.USER, "Hello?")], tool_calls=[])
    said: dict[str, Any] = {"role": "user", "content": "Hello?", "timestamp": None, "words": []}
    assert printed(call)["transcript_object"] == [said]
    assert printed(call)["transcript_with_tool_calls"] == [said]


def test_a_foreign_call_without_a_start_counts_from_its_creation() -> None:
    call = foreign(started_at=None, turns=[Turn(Role.USER, "Hello?", 500)])
    created_ms = round(call.created_at.timestamp() * 1000)
    assert printed(call)["transcript_object"][0]["timestamp"] == created_ms + 500


@pytest.mark.parametrize(
    ("cost", "wire"),
    [
        (Cost(amount=Decimal("3.50"), unit="USD"), {"combined_cost": 3.5}),
        (Cost(amount=Decimal("3.50"), unit="EUR"), None),
        (Cost(amount=Decimal(12), unit="credits"), None),
        (Cost(unit="USD"), None),
        (None, None),
    ],
)
def test_a_cost_is_printed_in_dollars_only(cost: Cost | None, wire: Any) -> None:
    assert printed(foreign(cost=cost))["call_cost"] == wire


def test_telephony_without_the_carriers_ids_is_null() -> None:
    assert printed(foreign(telephony=Telephony(transport="sip")))["telephony_identifier"] is None


def test_a_foreign_text_replaces_turns_that_were_not_reported() -> None:
    assert printed(foreign(turns=UNSET, tool_calls=UNSET))["transcript"] == full_call().transcript_text
    assert printed(foreign(turns=[], tool_calls=[], transcript_text=None))["transcript"] is None
