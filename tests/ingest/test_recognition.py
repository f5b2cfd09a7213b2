"""Files tell their vendor: what is saved of one vendor's API is imported as that vendor's or refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vendors import captures
from trunkline.ingest.file_reader import Reader, Rejected
from trunkline.ingest.payload_reader import file_forms
from trunkline.kit.recognition import SavedAnswers, matches
from trunkline.service.received import Received
from trunkline.vendors import dialects, doors, saved_answers

VENDORS = sorted(saved_answers())

RETELL: dict[str, Any] = {
    "call_id": "call_1",
    "call_type": "phone_call",
    "agent_id": "agent_x",
    "call_status": "ended",
    "direction": "inbound",
    "from_number": "+12025550111",
    "to_number": "+12025550122",
    "start_timestamp": 1767225600000,
    "end_timestamp": 1767225660000,
    "duration_ms": 60000,
    "disconnection_reason": "user_hangup",
    "transcript": "Agent: hi",
    "call_cost": {"combined_cost": 12},
}
VAPI: dict[str, Any] = {
    "id": "8f2b1c9e-3a4d-4c5b-9e6f-7a8b9c0d1e2f",
    "orgId": "o",
    "type": "inboundPhoneCall",
    "status": "ended",
    "endedReason": "customer-ended-call",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:01:00.000Z",
    "startedAt": "2026-01-01T00:00:01.000Z",
    "endedAt": "2026-01-01T00:01:00.000Z",
    "assistantId": "a",
    "transcript": "AI: hi",
    "cost": 0.12,
    "messages": [],
}
ELEVENLABS: dict[str, Any] = {
    "agent_id": "agent_1",
    "conversation_id": "conv_1",
    "start_time_unix_secs": 1767225600,
    "call_duration_secs": 60,
    "message_count": 4,
    "status": "done",
    "call_successful": "success",
}
CONVERSATION: dict[str, Any] = {
    "agent_id": "agent_1",
    "conversation_id": "conv_1",
    "status": "done",
    "transcript": [],
    "metadata": {"start_time_unix_secs": 1767225600, "call_duration_secs": 60},
}
TWILIO: dict[str, Any] = {
    "sid": "CA" + "1" * 32,
    "account_sid": "AC" + "1" * 32,
    "from": "+12025550111",
    "to": "+12025550122",
    "status": "completed",
    "direction": "inbound",
    "duration": "60",
    "price": "-0.03",
    "price_unit": "USD",
    "date_created": "Thu, 01 Jan 2026 00:00:00 +0000",
    "start_time": "Thu, 01 Jan 2026 00:00:00 +0000",
    "end_time": "Thu, 01 Jan 2026 00:01:00 +0000",
    "api_version": "2010-04-01",
}
RECORDING: dict[str, Any] = {
    "sid": "RE" + "1" * 32,
    "account_sid": "AC" + "1" * 32,
    "call_sid": "CA" + "1" * 32,
    "conference_sid": None,
    "status": "completed",
    "duration": "60",
    "channels": 1,
    "source": "OutboundAPI",
    "date_created": "Thu, 01 Jan 2026 00:00:00 +0000",
}
BLAND: dict[str, Any] = {
    "call_id": "c9d8e7f6-5a4b-3c2d-1e0f-a9b8c7d6e5f4",
    "created_at": "2026-01-01T00:00:00.000Z",
    "to": "+12025550111",
    "from": "+12025550122",
    "call_length": 1.0,
    "inbound": False,
    "completed": True,
    "queue_status": "complete",
    "answered_by": "human",
    "batch_id": None,
}
ULTRAVOX: dict[str, Any] = {
    "callId": "7a6b5c4d-3e2f-1a0b-9c8d-7e6f5a4b3c2d",
    "clientVersion": None,
    "created": "2026-01-01T00:00:00Z",
    "joined": "2026-01-01T00:00:01Z",
    "ended": "2026-01-01T00:01:00Z",
    "endReason": "hangup",
    "billedDuration": "60s",
    "systemPrompt": "be kind",
    "recordingEnabled": False,
    "metadata": {},
}

SAVED: dict[str, tuple[str, Any]] = {
    "retell, one call": ("retell", RETELL),
    "retell, a bare list": ("retell", [RETELL, {**RETELL, "call_id": "call_2"}]),
    "retell, a list": ("retell", {"items": [RETELL], "pagination_key": None, "has_more": False}),
    "retell, a list where one call has little": (
        "retell",
        [RETELL, {"call_id": "call_2", "call_status": "error", "call_type": "web_call"}],
    ),
    "vapi, one call": ("vapi", VAPI),
    "vapi, a list": ("vapi", [VAPI]),
    "vapi, a page": ("vapi", {"results": [VAPI], "metadata": {"totalItems": 1}}),
    "elevenlabs, a list": ("elevenlabs", {"conversations": [ELEVENLABS], "has_more": False}),
    "elevenlabs, one conversation": ("elevenlabs", CONVERSATION),
    "twilio, one call": ("twilio", TWILIO),
    "twilio, a list": ("twilio", {"calls": [TWILIO], "uri": "/c", "page": 0, "first_page_uri": "/c"}),
    "twilio, recordings": ("twilio", {"recordings": [RECORDING], "first_page_uri": "/r"}),
    "bland, one call": ("bland", {**BLAND, "transcripts": [], "concatenated_transcript": ""}),
    "bland, a list": ("bland", {"count": 1, "calls": [BLAND]}),
    "ultravox, one call": ("ultravox", ULTRAVOX),
    "ultravox, a list": ("ultravox", {"next": None, "previous": None, "total": 1, "results": [ULTRAVOX]}),
}


def read(document: Any, vendor: str | None = None) -> tuple[list[Received], list[Rejected]]:
    found = list(Reader(file_forms(), vendor).read_text(json.dumps(document).encode()))
    return [one for one in found if isinstance(one, Received)], [
        one for one in found if isinstance(one, Rejected)
    ]


def vendors(received: list[Received]) -> set[str]:
    """The vendors in whose form calls were read."""
    return {one.provenance.vendor for one in received}


# -- what each vendor's folder says ---------------------------------------


def test_every_vendor_says_how_its_saved_answers_are_recognised() -> None:
    assert set(saved_answers()) == {*dialects(), *doors()}


def test_a_vendor_whose_distinctive_fields_are_not_among_its_fields_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        SavedAnswers(ids=frozenset("a"), fields=frozenset("a"), distinctive=frozenset("b"))


@st.composite
def parts_of_calls(draw: st.DrawFn) -> tuple[str, set[str]]:
    vendor = draw(st.sampled_from(VENDORS))
    return vendor, draw(st.sets(st.sampled_from(sorted(saved_answers()[vendor].fields)), min_size=1))


@given(parts_of_calls())
def test_whatever_part_of_a_call_there_is_it_is_never_clearly_another_vendors(
    part: tuple[str, set[str]],
) -> None:
    vendor, names = part
    found = [match.name for match in matches(saved_answers(), dict.fromkeys(names))]
    assert found == [] or vendor in found


# -- saved answers --------------------------------------------------------


@pytest.mark.parametrize(("vendor", "document"), SAVED.values(), ids=SAVED)
def test_a_saved_answer_is_imported_as_its_vendors(vendor: str, document: Any) -> None:
    received, rejected = read(document)
    assert rejected == []
    assert received
    assert {one.sighting.vendor for one in received if one.sighting is not None} == {vendor}
    assert [one.sighting for one in read(document, vendor)[0]] == [one.sighting for one in received]


@pytest.mark.parametrize(("vendor", "document"), SAVED.values(), ids=SAVED)
def test_a_saved_answer_that_is_forced_into_another_form_says_which_would_fit(
    vendor: str, document: Any
) -> None:
    title = doors()[vendor].title
    other = "callem" if vendor != "callem" else "zudu"
    received, rejected = read(document, other)
    assert all(one.sighting is not None and one.sighting.vendor == other for one in received)
    if not received:
        assert all(f"looks like {title} (--vendor {vendor})" in one.reason for one in rejected)


def test_what_fits_two_vendors_is_refused_with_both_names_and_can_be_forced() -> None:
    alike = {name: RETELL[name] for name in ("call_id", "call_status", "call_type", "direction", "agent_id")}
    received, (rejected,) = read(alike)
    assert received == []
    assert rejected.reason == "may be Retell or Zudu: choose with --vendor"
    for vendor in ("retell", "zudu"):
        assert vendors(read(alike, vendor)[0]) == {vendor}


def test_what_says_too_little_names_the_vendors_that_it_may_be_of() -> None:
    received, (rejected,) = read({"call_id": "a", "call_status": "ended"})
    assert received == []
    assert rejected.reason == (
        "has too few known fields to tell whose call it is: if it is of Retell or Zudu, choose with --vendor"
    )


def test_a_call_of_another_vendor_in_a_list_is_refused_and_the_others_are_read() -> None:
    received, (rejected,) = read([RETELL, VAPI, {**RETELL, "call_id": "call_2"}])
    assert vendors(received) == {"retell"}
    assert len(received) == 2
    assert (rejected.item, rejected.reason) == (1, "a call of Vapi in a list of Retell")


def test_new_fields_of_a_vendor_do_not_make_it_another_one() -> None:
    received, rejected = read({**RETELL, **{f"news_{n}": n for n in range(8)}})
    assert (vendors(received), rejected) == ({"retell"}, [])


NOT_CALLS: dict[str, Any] = {
    "a Retell chat": {"chat_id": "chat_1", "agent_id": "a", "chat_status": "ended", "transcript": ""},
    "a Vapi chat": {"id": "x", "orgId": "o", "assistantId": "a", "input": [], "output": [], "createdAt": ""},
    "a Twilio message": {**TWILIO, "sid": "SM1", "body": "hi", "num_segments": "1"},
    "an OpenAI answer": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "choices": []},
}


@pytest.mark.parametrize("document", NOT_CALLS.values(), ids=NOT_CALLS)
def test_other_things_of_a_vendor_are_no_calls(document: Any) -> None:
    received, rejected = read(document)
    assert received == []
    assert len(rejected) == 1


# -- what vendors send, saved to a file -----------------------------------

CAPTURES = [(vendor, one) for vendor in VENDORS for one in captures.sound(vendor)]


@pytest.mark.parametrize(("vendor", "capture"), CAPTURES, ids=[one.name for _, one in CAPTURES])
def test_a_capture_is_imported_as_its_vendors_or_refused(vendor: str, capture: captures.Capture) -> None:
    received, rejected = read(capture.document())
    assert vendors(received) <= {vendor}
    assert received or rejected


def payloads(shared: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(shared / "data" / "vendor_payloads_sample.jsonl.gz") as lines:
        yield from map(json.loads, lines)


def test_what_vendors_publish_is_imported_as_theirs_or_refused(shared: Path) -> None:
    read_of: dict[str, int] = {}
    for one in payloads(shared):
        received, rejected = read(one["payload"])
        assert vendors(received) <= {one["vendor"]}, one["kind"]
        read_of[one["vendor"]] = read_of.get(one["vendor"], 0) + len(received)
        assert received or rejected or "Empty" in one["kind"], one["kind"]
    assert read_of["twilio"] >= 8
    assert read_of["retell"] == 1
