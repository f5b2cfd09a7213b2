"""Zudu's list of calls as its client sees it: everything, the newest first, by numbered pages from zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import NumberPaging
from trunkline.kit.payload import Payload, Unreadable, or_none

ORDER = (("sort_by", "created_at"), ("sort_order", "descending"))


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"X-API-KEY": credential["api_key"], "X-API-SECRET": credential["api_secret"]}


def request(_: datetime | None, __: datetime | None) -> Request:
    """All calls, the newest first: no filter by creation is documented."""
    return Request(path="/api/calls", query=ORDER)


def page(answer: Any) -> Page:
    """Read a page: `{"data": {"calls", "pagination"}}`."""
    data = Payload.of(answer).object("data")
    if not isinstance(data, Payload):
        raise Unreadable("data", "expected an object")
    found = Page(items=or_none(data.items("calls")) or [])
    pagination = data.object("pagination")
    if isinstance(pagination, Payload):
        found.total = or_none(pagination.count("total_count", "total"))
        found.has_more = or_none(pagination.flag("has_next_page"))
    return found


LIST_API = ListApi(
    base_url="https://api.zudu.ai",
    credential=("api_key", "api_secret"),
    headers=headers,
    request=request,
    page=page,
    paging=NumberPaging(size=100),  # the most there may be
    newest_first=False,  # calls without a creation come last, whenever they were
    requests_per_minute=60,
)
