from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import UNSET

from tests.vendors.captures import call_of, captures, lives
from trunkline.kit.door import FORM, document_of
from trunkline.kit.list_api import Request
from trunkline.kit.signatures import SecretAddress
from trunkline.model.call import Telephony
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status
from trunkline.vendors.butter import DOOR

CAPTURED = captures("butter")
SID = "CA0123456789abcdef0123456789abcdef"


def sighting_of(document: Any) -> Sighting:
    (sighting,) = DOOR.parse_delivery(document).sightings
    return sighting


@pytest.mark.claim("butter:hook.unsigned")
def test_the_address_is_the_secret() -> None:
    assert isinstance(DOOR.signature, SecretAddress)


@pytest.mark.claim("butter:hook.forms")
@pytest.mark.parametrize(
    "said",
    [
        {"call_sid": "c-1", "status": "busy", "to_number": "+1202", "from_number": "+1203"},
        {"CallSid": "c-1", "CallStatus": "busy", "To": "+1202", "From": "+1203"},
    ],
)
def test_a_callback_is_json_or_a_form_in_either_ones_names(said: dict[str, str]) -> None:
    for document in (said, document_of(urlencode(said).encode(), FORM)):
        sighting = sighting_of(document)
        assert (sighting.vendor_call_id, sighting.status) == ("c-1", Status.BUSY)
        assert (sighting.to_number, sighting.from_number) == ("+1202", "+1203")


@pytest.mark.claim("butter:hook.statuses")
@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("initiated", Status.QUEUED),
        ("ringing", Status.RINGING),
        ("in-progress", Status.IN_PROGRESS),
        ("completed", Status.COMPLETED),
        ("failed", Status.FAILED),
        ("busy", Status.BUSY),
        ("no-answer", Status.NO_ANSWER),
    ],
)
def test_every_status_of_a_callback_is_known(word: str, status: Status) -> None:
    found = DOOR.parse_delivery({"CallSid": "c-1", "CallStatus": word})
    assert found.event == word
    assert found.unknown == []
    assert [sighting.status for sighting in found.sightings] == [status]


@pytest.mark.claim("butter:hook.detail")
def test_the_call_that_get_prints_is_accepted_bare_and_in_data() -> None:
    call = CAPTURED["fetched"].document()
    bare, wrapped = sighting_of(call), sighting_of({"success": True, "data": call})
    assert bare == wrapped
    assert len(bare.turns or ()) == 2


@pytest.mark.claim("butter:hook.ids")
def test_the_carriers_id_names_a_call_only_where_it_is_alone() -> None:
    both, alone = {"call_sid": "call_1", "CallSid": SID}, {"CallSid": SID}
    assert sighting_of(both).vendor_call_id == "call_1"
    assert sighting_of(alone).vendor_call_id == SID
    assert [sighting_of(each).telephony for each in (both, alone)] == [Telephony(sid=SID)] * 2
    assert sighting_of({"CallSid": "call_1"}).telephony is UNSET


@pytest.mark.claim("butter:hook.time")
@pytest.mark.parametrize(
    "written", ["Mon, 02 Mar 2026 09:00:02 +0000", "Mon, 02 Mar 2026 10:00:02 +0100", "2026-03-02T09:00:02Z"]
)
def test_a_callback_states_when_it_was_true(written: str) -> None:
    as_of = sighting_of({"CallSid": "c-1", "CallStatus": "ringing", "Timestamp": written}).as_of
    assert as_of == datetime(2026, 3, 2, 9, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize("written", ["soon", "2026-03-32", "Mon, 99 Mar 2026 09:00:02 +0000", "9" * 400, ","])
def test_a_time_that_cannot_be_read_is_left_out_and_named(written: str) -> None:
    sighting = sighting_of({"CallSid": "c-1", "Timestamp": written})
    assert sighting.as_of is UNSET
    assert list(sighting.problems or ()) == ["Timestamp"]


def test_a_late_callback_does_not_bring_a_call_back_to_life() -> None:
    (life,) = lives("butter")
    call = call_of(life)
    assert call.status is Status.COMPLETED
    assert call.duration_ms == 38600
    assert call.telephony == Telephony(sid=SID, transport="twilio")


@pytest.mark.claim("butter:pull.get")
def test_each_call_of_a_list_is_requested_by_itself() -> None:
    api = DOOR.list_api
    assert api is not None
    assert api.one is not None
    assert api.read_one is not None
    assert api.one("call_1") == Request(path="/api/calls/call_1")
    assert api.read_one({"success": True, "data": {"call_sid": "call_1"}}) == {"call_sid": "call_1"}
    assert api.read_one({"call_sid": "call_1"}) == {"call_sid": "call_1"}


@pytest.mark.parametrize(
    ("pagination", "cursor"),
    [
        ({"next_cursor": "abc", "has_more": True}, "abc"),
        ({"next_cursor": None, "has_more": False}, None),
        ({"next_cursor": "abc", "has_more": False}, None),
        (None, None),
    ],
)
def test_a_cursor_is_followed_as_far_as_there_is_more(pagination: Any, cursor: str | None) -> None:
    api = DOOR.list_api
    assert api is not None
    listed = api.read({"success": True, "data": [], "pagination": pagination}, api.first(None, None))
    following = None if listed.next_request is None else dict(listed.next_request.query)["cursor"]
    assert following == cursor
