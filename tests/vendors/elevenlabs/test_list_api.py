"""Requests to ElevenLabs' list API: ranges, pages by cursor, and one conversation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trunkline.kit.list_api import Request
from trunkline.kit.payload import Unreadable
from trunkline.vendors.elevenlabs import DOOR

assert DOOR.list_api is not None
API = DOOR.list_api
FIRST = API.first(None, None)
LOW = datetime(2025, 2, 14, 12, 48, 17, 500000, tzinfo=UTC)
HIGH = datetime(2025, 2, 14, 12, 48, 18, 500000, tzinfo=UTC)


@pytest.mark.claim("elevenlabs:list.range")
def test_a_range_is_requested_with_a_second_more_at_either_end() -> None:
    assert dict(API.first(LOW, HIGH).query) == dict(FIRST.query) | {
        "call_start_after_unix": "1739537296",
        "call_start_before_unix": "1739537300",
    }
    assert dict(API.first(LOW, None).query).keys() - dict(FIRST.query).keys() == {"call_start_after_unix"}
    assert dict(API.first(None, HIGH).query).keys() - dict(FIRST.query).keys() == {"call_start_before_unix"}


@pytest.mark.claim("elevenlabs:list.pages")
def test_a_page_leads_to_the_next_one_until_there_is_none() -> None:
    answer = {"conversations": [{"conversation_id": "c1"}], "has_more": True, "next_cursor": "k1"}
    page = API.read(answer, FIRST)
    assert page.items == [{"conversation_id": "c1"}]
    assert page.next_request == Request(
        path="/v1/convai/conversations", query=(*FIRST.query, ("cursor", "k1"))
    )
    following = API.read(answer | {"next_cursor": "k2"}, page.next_request).next_request
    assert following is not None
    assert following.query == (*FIRST.query, ("cursor", "k2"))
    assert API.read(answer | {"has_more": False}, FIRST).next_request is None
    assert API.read(answer | {"next_cursor": None}, FIRST).next_request is None
    assert API.read(answer, page.next_request).next_request is None  # it points at itself


@pytest.mark.claim("elevenlabs:list.get")
def test_one_conversation_is_requested_by_its_id() -> None:
    assert API.one is not None
    assert API.read_one is not None
    assert API.one("conv/1") == Request(path="/v1/convai/conversations/conv%2F1")
    assert API.read_one({"conversation_id": "c1"}) == {"conversation_id": "c1"}
    assert API.headers({"api_key": "xi_1"}) == {"xi-api-key": "xi_1"}


@pytest.mark.parametrize("answer", [{}, {"conversations": None}, [], "no"])
def test_an_answer_without_a_list_is_unreadable(answer: Any) -> None:
    with pytest.raises(Unreadable):
        API.read(answer, FIRST)
