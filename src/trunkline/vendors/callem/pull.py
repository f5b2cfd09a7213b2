"""Callem's list of calls as its client sees it: everything, by limit and offset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import OffsetPaging
from trunkline.kit.payload import Payload, or_none


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"Authorization": f"Bearer {credential['api_key']}"}


def request(_: datetime | None, __: datetime | None) -> Request:
    """All calls: the list has no filters."""
    return Request(path="/v1/calls")


def page(answer: Any) -> Page:
    """Read a page, `{"data", "pagination": {"total", "limit", "offset"}}`."""
    wire = Payload.of(answer)
    pagination = wire.object("pagination")
    total = or_none(pagination.count("total")) if isinstance(pagination, Payload) else None
    return Page(items=or_none(wire.items("data")) or [], total=total)


LIST_API = ListApi(
    base_url="https://api.callem.ai",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=OffsetPaging(size=200),  # each call comes with its conversation
    newest_first=False,
    requests_per_minute=120,
)
