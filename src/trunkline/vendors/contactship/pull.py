"""ContactShip's list of calls as its client sees it: a range of creation by limit and offset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import OffsetPaging
from trunkline.kit.payload import Payload, or_none

EVERYTHING = (("include_transcript", "true"), ("include_words", "true"), ("include_tools", "true"))


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"x-api-key": credential["api_key"]}


def request(since: datetime | None, until: datetime | None) -> Request:
    """The newest calls of a range of creation, both ends included."""
    span = {"date_from": since, "date_to": until}
    query = tuple((name, at.isoformat()) for name, at in span.items() if at is not None)
    return Request(path="/v1/calls", query=(*EVERYTHING, ("order", "desc"), *query))


def page(answer: Any) -> Page:
    """Read a page: `{"data", "count"}`, or the newer `{"data", "pagination": {"total_rows"}}`."""
    wire = Payload.of(answer)
    total = or_none(wire.count("count"))
    pagination = wire.object("pagination")
    if total is None and isinstance(pagination, Payload):
        total = or_none(pagination.count("total_rows"))
    return Page(items=or_none(wire.items("data")) or [], total=total)


LIST_API = ListApi(
    base_url="https://api.contactship.ai",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=OffsetPaging(size=100),  # each call comes with its conversation
    requests_per_minute=20,
)
