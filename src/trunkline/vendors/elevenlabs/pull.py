"""ElevenLabs' list of conversations as its client sees it: by a cursor, and each in full by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import CursorPaging
from trunkline.kit.payload import Payload, Unreadable, or_none
from trunkline.kit.wire import ms_of_instant

PATH = "/v1/convai/conversations"


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """The API key in its own header."""
    return {"xi-api-key": credential["api_key"]}


def request(low: datetime | None, high: datetime | None) -> Request:
    """The conversations that started in a range, newest first."""
    query = [("summary_mode", "include"), ("sort_direction", "desc")]
    if low is not None:
        query.append(("call_start_after_unix", str(ms_of_instant(low) // 1000 - 1)))
    if high is not None:
        query.append(("call_start_before_unix", str(ms_of_instant(high) // 1000 + 2)))
    return Request(path=PATH, query=tuple(query))


def page(answer: Any) -> Page:
    """A page: `{"conversations", "has_more", "next_cursor"}`."""
    wire = Payload.of(answer)
    items = wire.items("conversations")
    if not isinstance(items, list):
        raise Unreadable("conversations", "a list of conversations is required")
    cursor, has_more = or_none(wire.text("next_cursor")), or_none(wire.flag("has_more"))
    return Page(items=items, cursor=cursor, has_more=has_more)


def one(vendor_call_id: str) -> Request:
    """One conversation with its transcript."""
    return Request(path=f"{PATH}/{quote(vendor_call_id, safe='')}")


LIST_API = ListApi(
    base_url="https://api.elevenlabs.io",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=CursorPaging(size=100, size_name="page_size", ends_in_itself=True),
    one=one,
    read_one=lambda answer: answer,
    requests_per_minute=120,  # our choice: their limits count requests at a time
)
