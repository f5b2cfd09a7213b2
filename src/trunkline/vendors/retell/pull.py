"""Retell's list of calls as its client sees it: by a key in the body, and each call in full by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import CursorPaging
from trunkline.kit.payload import Payload, Unreadable, or_none
from trunkline.kit.wire import ms_of_instant

SIZE = 100
"""Calls on a page."""


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """The API key as a bearer token."""
    return {"authorization": f"Bearer {credential['api_key']}"}


def request(low: datetime | None, high: datetime | None) -> Request:
    """The calls that started in a range, newest first."""
    body: dict[str, Any] = {"sort_order": "descending"}
    bounds = [ms_of_instant(at) if at else None for at in (low, high)]
    if None not in bounds:
        body["filter_criteria"] = {"start_timestamp": {"type": "range", "op": "bt", "value": bounds}}
    elif low or high:
        op = "ge" if low else "le"
        value = bounds[0] if low else bounds[1]
        body["filter_criteria"] = {"start_timestamp": {"type": "number", "op": op, "value": value}}
    return Request(method="POST", path="/v3/list-calls", body=body)


def page(answer: Any) -> Page:
    """A page: `{"items", "has_more", "pagination_key", "total"}`, or the bare list of the older version."""
    if isinstance(answer, list):
        last = answer[-1] if answer else None
        key = last.get("call_id") if isinstance(last, dict) else None
        return Page(items=answer, cursor=key, has_more=len(answer) >= SIZE)
    wire = Payload.of(answer)
    items = wire.items("items", "calls")
    if not isinstance(items, list):
        raise Unreadable("items", "a list of calls is required")
    return Page(
        items=items,
        total=or_none(wire.count("total")),
        cursor=or_none(wire.text("pagination_key")),
        has_more=or_none(wire.flag("has_more")),
    )


def one(vendor_call_id: str) -> Request:
    """One call with its conversation."""
    return Request(path=f"/v2/get-call/{quote(vendor_call_id, safe='')}")


LIST_API = ListApi(
    base_url="https://api.retellai.com",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=CursorPaging(size=SIZE, cursor_name="pagination_key", ends_in_itself=True),
    one=one,
    read_one=lambda answer: answer,
    requests_per_minute=300,  # our choice: they document no rate
)
