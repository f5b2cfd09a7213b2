from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET

from tests.vendors.captures import captures
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import SecretAddress
from trunkline.model.words import Channel, Direction, EndReason, Status
from trunkline.vendors.zudu import DOOR

CAPTURED = captures("zudu")
AT_MS = 1772442000000
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALL: dict[str, Any] = {"call_id": "call_1", "call_status": "ENDED"}


@pytest.mark.claim("zudu:hook.unsigned")
def test_the_address_is_the_secret() -> None:
    assert isinstance(DOOR.signature, SecretAddress)


@pytest.mark.claim("zudu:hook.wrappers")
@pytest.mark.parametrize("document", [CALL, {"data": CALL}, {"data": {"call": CALL}}])
def test_a_call_is_found_in_every_wrapper(document: Any) -> None:
    found = DOOR.parse_delivery(document)
    assert [sighting.vendor_call_id for sighting in found.sightings] == ["call_1"]
    assert (found.unknown, found.note) == ([], "")


@pytest.mark.claim("zudu:hook.case")
@pytest.mark.parametrize("spelled", [str.upper, str.lower, str.capitalize])
def test_words_are_read_in_any_case(spelled: Any) -> None:
    words = {"call_status": "ended", "call_type": "phone_call", "direction": "inbound"}
    words["disconnection_reason"] = "user_hangup"
    document = {"call_id": "call_1", **{name: spelled(word) for name, word in words.items()}}
    found = DOOR.parse_delivery(document)
    (sighting,) = found.sightings
    assert (sighting.status, sighting.channel) == (Status.COMPLETED, Channel.PHONE)
    assert (sighting.direction, sighting.end_reason) == (Direction.INBOUND, EndReason.USER_HANGUP)
    assert found.unknown == []


@pytest.mark.claim("zudu:hook.as_of")
@pytest.mark.parametrize(
    ("call", "seconds"),
    [
        ({"start_timestamp": AT_MS}, 0),
        ({"start_timestamp": AT_MS, "events": [{"timestamp": AT_MS + 2000}, {"timestamp": 1}, {}]}, 2),
        (
            {
                "start_timestamp": AT_MS,
                "events": [{"timestamp": AT_MS + 9000}],
                "end_timestamp": AT_MS + 8000,
            },
            8,
        ),
        ({"end_timestamp": AT_MS + 8000, "updated_at": AT_MS + 9000}, 9),
    ],
)
def test_what_a_delivery_says_was_true_at_the_best_time_it_states(call: Any, seconds: int) -> None:
    (sighting,) = DOOR.parse_delivery({**CALL, **call}).sightings
    assert sighting.as_of == AT.replace(second=seconds)


def test_a_delivery_without_any_time_leaves_it_open() -> None:
    (sighting,) = DOOR.parse_delivery({**CALL, "events": ["odd", {"timestamp": "soon"}]}).sightings
    assert sighting.as_of is UNSET


@pytest.mark.claim("zudu:hook.no_call")
@pytest.mark.parametrize("document", [{}, {"data": None}, {"event": "test", "data": {}}])
def test_a_delivery_without_a_call_is_noted(document: Any) -> None:
    found = DOOR.parse_delivery(document)
    assert (found.sightings, found.note) == ([], "it names no call")


@pytest.mark.claim("zudu:pull.pages")
def test_a_pull_requests_pages_from_zero_until_there_is_no_next() -> None:
    api = DOOR.list_api
    assert api is not None
    asked = api.first(None, None)
    assert dict(asked.query)["page"] == "0"
    more = {"data": {"calls": [CALL], "pagination": {"total_count": 2, "has_next_page": True}}}
    listed = api.read(more, asked)
    assert listed.next_request is not None
    assert dict(listed.next_request.query) == {**dict(asked.query), "page": "1"}
    assert listed.total == 2
    last = {"data": {"calls": [CALL], "pagination": {"total": 2, "has_next_page": False}}}
    listed = api.read(last, listed.next_request)
    assert (listed.next_request, listed.total) == (None, 2)
    assert api.read({"data": {"calls": [CALL] * 100}}, asked).next_request is not None
    with pytest.raises(Unreadable):
        api.read({"status": "error", "error": "Rate limit exceeded"}, asked)
