"""Vapi's list of calls, as its client sees it: a window of creation, newest first, at most 1000 at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from trunkline.kit.listing_api import ListApi, Listed, Request
from trunkline.kit.payload import Payload, Unreadable, told
from trunkline.kit.wire import iso_with_ms

LIMIT = 1000
FROM, UNTIL = "createdAtGe", "createdAtLe"


def _headers(credential: Mapping[str, str]) -> dict[str, str]:
    return {"authorization": f"Bearer {credential['api_key']}"}


def _first(since: datetime | None, until: datetime | None) -> Request:
    bounds = ((FROM, since), (UNTIL, until))
    window = tuple((name, iso_with_ms(at)) for name, at in bounds if at is not None)
    return Request(path="/call", query=(("limit", str(LIMIT)), *window))


def _read(answer: Any, request: Request) -> Listed:
    """The list has no cursor: the next page ends where this one's oldest call was created.

    That bound is inclusive, so that calls of one instant are not lost between two pages; the oldest call
    comes again. A page that holds one instant only is followed by the millisecond before it.
    """
    if not isinstance(answer, list):
        raise Unreadable("payload", "expected a list")
    if len(answer) < LIMIT:
        return Listed(items=answer)
    created = [at for item in answer if (at := _created_at(item)) is not None]
    if not created:
        return Listed(items=answer)
    oldest, newest = min(created), max(created)
    bound = iso_with_ms(oldest)
    if bound == iso_with_ms(newest):
        bound = iso_with_ms(oldest - timedelta(milliseconds=1))
    kept = tuple(pair for pair in request.query if pair[0] != UNTIL)
    return Listed(items=answer, following=Request(path=request.path, query=(*kept, (UNTIL, bound))))


def _created_at(item: Any) -> datetime | None:
    try:
        return told(Payload.of(item).instant("createdAt"))
    except Unreadable:
        return None


LIST_API = ListApi(
    base_url="https://api.vapi.ai",
    credential=("api_key",),
    headers=_headers,
    first=_first,
    read=_read,
    one=lambda call_id: Request(path=f"/call/{quote(call_id, safe='')}"),
    read_one=lambda answer: answer,
    requests_per_minute=60,  # our guess: no limit is documented
)
