"""Vapi's list of calls, as its client sees it: a window of creation, newest first, at most 1000 at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import CursorPaging
from trunkline.kit.payload import Payload, Unreadable, or_none
from trunkline.kit.wire import iso_with_ms, later

SIZE = 1000
FROM, UNTIL = "createdAtGe", "createdAtLe"


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """The private key as a bearer token."""
    return {"authorization": f"Bearer {credential['api_key']}"}


def request(since: datetime | None, until: datetime | None) -> Request:
    """The calls of a window of creation, both ends included."""
    bounds = ((FROM, since), (UNTIL, until))
    query = tuple((name, iso_with_ms(at)) for name, at in bounds if at is not None)
    return Request(path="/call", query=query)


def page(answer: Any) -> Page:
    """The list has no cursor: the next page ends where this one's oldest call was created.

    That bound is inclusive, so that calls of one instant are not lost between two pages; the oldest call
    comes again. A page that holds one instant only is followed by the millisecond before it.
    """
    if not isinstance(answer, list):
        raise Unreadable("payload", "expected a list")
    created = [at for item in answer if (at := _created_at(item)) is not None]
    if not created:
        return Page(items=answer)
    oldest, newest = min(created), max(created)
    bound = later(oldest, -1) if iso_with_ms(oldest) == iso_with_ms(newest) else oldest
    return Page(items=answer, cursor=None if bound is None else iso_with_ms(bound))


def _created_at(item: Any) -> datetime | None:
    try:
        return or_none(Payload.of(item).instant("createdAt"))
    except Unreadable:
        return None


LIST_API = ListApi(
    base_url="https://api.vapi.ai",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=CursorPaging(size=SIZE, cursor_name=UNTIL, while_full=True),
    one=lambda call_id: Request(path=f"/call/{quote(call_id, safe='')}"),
    read_one=lambda answer: answer,
    requests_per_minute=60,  # our guess: no limit is documented
)
