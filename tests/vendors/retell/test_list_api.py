"""Requests to Retell's list API: ranges, pages in both versions, and one call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trunkline.kit.list_api import Request
from trunkline.kit.payload import Unreadable
from trunkline.vendors.retell import DOOR

assert DOOR.list_api is not None
API = DOOR.list_api
LOW, HIGH = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC)
LOW_MS, HIGH_MS = 1714521600000, 1714608000000
FIRST = API.first(None, None)


@pytest.mark.claim("retell:list.v3")
@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        (LOW, HIGH, {"type": "range", "op": "bt", "value": [LOW_MS, HIGH_MS]}),
        (LOW, None, {"type": "number", "op": "ge", "value": LOW_MS}),
        (None, HIGH, {"type": "number", "op": "le", "value": HIGH_MS}),
    ],
)
def test_a_range_is_requested_by_start(
    low: datetime | None, high: datetime | None, bounds: dict[str, Any]
) -> None:
    request = API.first(low, high)
    assert (request.method, request.path) == ("POST", "/v3/list-calls")
    assert request.body == {**(FIRST.body or {}), "filter_criteria": {"start_timestamp": bounds}}


@pytest.mark.claim("retell:list.v3")
def test_a_page_leads_to_the_next_one_until_there_is_none() -> None:
    answer = {"items": [{"call_id": "c1"}], "has_more": True, "pagination_key": "k1", "total": 7}
    page = API.read(answer, FIRST)
    assert (page.items, page.total) == ([{"call_id": "c1"}], 7)
    assert page.next_request == Request(
        method="POST", path="/v3/list-calls", body={**(FIRST.body or {}), "pagination_key": "k1"}
    )
    assert (
        API.read({"items": [], "has_more": False, "pagination_key": "k2"}, page.next_request).next_request
        is None
    )
    assert API.read(answer, page.next_request).next_request is None  # it points at itself


@pytest.mark.claim("retell:list.v2")
def test_the_older_bare_list_goes_on_after_its_last_call_while_it_is_full() -> None:
    full = [{"call_id": f"c{n}"} for n in range(100)]
    page = API.read(full, FIRST)
    assert page.next_request is not None
    assert page.next_request.body == {**(FIRST.body or {}), "pagination_key": "c99"}
    assert API.read(full[:99], FIRST).next_request is None
    assert API.read([], FIRST).next_request is None


@pytest.mark.claim("retell:list.get")
def test_one_call_is_requested_by_its_id() -> None:
    assert API.one is not None
    assert API.read_one is not None
    assert API.one("call/1 é") == Request(path="/v2/get-call/call%2F1%20%C3%A9")
    assert API.read_one({"call_id": "c1"}) == {"call_id": "c1"}
    assert API.headers({"api_key": "key_1"}) == {"authorization": "Bearer key_1"}


@pytest.mark.claim("retell:list.v3")
def test_a_call_of_the_list_says_nothing_of_the_conversation() -> None:
    sighting = DOOR.from_wire({"call_id": "c1", "call_type": "phone_call", "call_status": "ongoing"})
    assert not any((sighting.turns, sighting.tool_calls, sighting.transcript_text, sighting.as_of))


@pytest.mark.parametrize("answer", [{}, {"items": None}, "no", 5])
def test_an_answer_without_a_list_is_unreadable(answer: Any) -> None:
    with pytest.raises(Unreadable):
        API.read(answer, FIRST)
