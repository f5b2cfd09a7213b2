"""Butter's list of calls as its client sees it: summaries by a cursor, and each call by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import CursorPaging
from trunkline.kit.payload import Payload, or_none


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"X-API-Key": credential["api_key"]}


def request(_: datetime | None, __: datetime | None) -> Request:
    """All calls: the list has no filters."""
    return Request(path="/api/calls")


def page(answer: Any) -> Page:
    """Read a page: `{"data", "pagination": {"next_cursor", "has_more"}}`."""
    wire = Payload.of(answer)
    found = Page(items=or_none(wire.items("data")) or [])
    pagination = wire.object("pagination")
    if isinstance(pagination, Payload):
        found.total = or_none(pagination.count("total_count"))
        found.cursor = or_none(pagination.text("next_cursor"))
        found.has_more = or_none(pagination.flag("has_more"))
    return found


def one(call_sid: str) -> Request:
    """The whole of a call, of which a list has the summary."""
    return Request(path=f"/api/calls/{quote(call_sid, safe='')}")


def the_one(answer: Any) -> Any:
    """The call in the answer to that, in the envelope or without."""
    data = Payload.of(answer).raw.get("data")
    return data if isinstance(data, dict) else answer


LIST_API = ListApi(
    base_url="https://api.getbutter.ai",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=CursorPaging(size=100),  # the most there may be
    one=one,
    read_one=the_one,
    newest_first=False,
    requests_per_minute=600,
)
