"""Vapi's list of calls, requested as a client does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trunkline.kit.list_api import Request
from trunkline.kit.payload import Unreadable
from trunkline.kit.wire import instant_of_iso, iso_with_ms
from trunkline.vendors.vapi import DOOR
from trunkline.vendors.vapi.pull import SIZE

START = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
API = DOOR.list_api
assert API is not None


def vendor(count: int, per_instant: int) -> list[dict[str, Any]]:
    created = [iso_with_ms(START + timedelta(seconds=index // per_instant)) for index in range(count)]
    return [{"id": f"call-{index}", "createdAt": at} for index, at in enumerate(created)]


def answered(calls: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """As the vendor answers: inclusive bounds, newest first, so many at the most."""
    asked = dict(request.query)
    since = instant_of_iso(asked.get("createdAtGe", "0001-01-01"))
    until = instant_of_iso(asked.get("createdAtLe", "9999-01-01"))
    found = [call for call in calls if since <= instant_of_iso(call["createdAt"]) <= until]
    return sorted(found, key=lambda call: str(call["createdAt"]), reverse=True)[: int(asked["limit"])]


@pytest.mark.claim("vapi:list")
@pytest.mark.parametrize("per_instant", [1, 3, 999])
def test_every_call_of_a_window_is_listed(per_instant: int) -> None:
    assert API is not None
    calls = vendor(2 * SIZE + 500, per_instant)
    request: Request | None = API.first(START, START + timedelta(days=1))
    seen: set[str] = set()
    pages = 0
    while request is not None:
        listed = API.read(answered(calls, request), request)
        seen |= {call["id"] for call in listed.items}
        request, pages = listed.next_request, pages + 1
        assert pages < 10
    assert seen == {call["id"] for call in calls}


@pytest.mark.claim("vapi:list")
def test_a_page_of_one_instant_does_not_stop_the_paging() -> None:
    assert API is not None
    request = API.first(None, None)
    page = [{"id": str(index), "createdAt": iso_with_ms(START)} for index in range(SIZE)]
    following = API.read(page, request).next_request
    assert following is not None
    assert dict(following.query) == {
        "limit": str(SIZE),
        "createdAtLe": iso_with_ms(START - timedelta(milliseconds=1)),
    }


@pytest.mark.claim("vapi:list.auth")
def test_requests_carry_the_private_key() -> None:
    assert API is not None
    assert API.headers({"api_key": "k"}) == {"authorization": "Bearer k"}
    assert API.one is not None
    assert API.one("abc") == Request(path="/call/abc")
    assert API.first(None, None) == Request(path="/call", query=(("limit", str(SIZE)),))


def test_an_answer_that_is_no_list_is_unreadable() -> None:
    assert API is not None
    with pytest.raises(Unreadable):
        API.read({"message": "Unauthorized"}, API.first(None, None))


def test_a_call_of_the_list_is_read_as_of_its_update() -> None:
    told = DOOR.from_wire(
        {
            "id": "call-1",
            "type": "webCall",
            "status": "ended",
            "endedReason": "customer-ended-call",
            "createdAt": "2026-03-02T09:15:00.000Z",
            "updatedAt": "2026-03-02T09:20:00.000Z",
            "cost": 0.5,
        }
    )
    assert told.as_of == datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
    assert (told.status, told.result, told.end_reason) == ("completed", "answered", "user_hangup")
