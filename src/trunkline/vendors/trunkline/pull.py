"""The list of another Trunkline as its client sees it: a range of creation, newest first, by page tokens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import CursorPaging
from trunkline.kit.payload import Payload, or_none
from trunkline.vendors.trunkline.wire import INCLUDABLE

EVERYTHING = ("include", ",".join(INCLUDABLE))
COUNTED = ("include_total", "true")


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"Authorization": f"Bearer {credential['api_key']}"}


def request(since: datetime | None, until: datetime | None) -> Request:
    """The newest calls of a range of creation, both ends included."""
    span = {"created_from": since, "created_to": until}
    query = tuple((name, at.isoformat()) for name, at in span.items() if at is not None)
    return Request(path="/v1/calls", query=(EVERYTHING, ("order", "desc"), *query, COUNTED))


def page(answer: Any) -> Page:
    """Read a page: `{"calls", "next_page_token", "total_size"}`."""
    wire = Payload.of(answer)
    return Page(
        items=or_none(wire.items("calls")) or [],
        total=or_none(wire.count("total_size")),
        cursor=or_none(wire.text("next_page_token")),
    )


LIST_API = ListApi(
    base_url="http://127.0.0.1:8080/trunkline",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=CursorPaging(
        size=200,  # each call comes with its conversation
        size_name="page_size",
        cursor_name="page_token",
        first_page_only=(COUNTED[0],),  # the total is counted once
    ),
    requests_per_minute=600,
)
