"""Examplia's list of calls as its client sees it: a range of creation, newest first, by limit and offset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trunkline.kit.list_api import ListApi, Page, Request
from trunkline.kit.paging import OffsetPaging
from trunkline.kit.payload import Payload, or_none


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """What a request carries."""
    return {"x-examplia-key": credential["api_key"]}


def request(since: datetime | None, until: datetime | None) -> Request:
    """The newest calls of a range of creation."""
    # The same for every page; the paging adds its own parameters.
    span = {"since": since, "until": until}
    query = tuple((name, at.isoformat()) for name, at in span.items() if at is not None)
    return Request(path="/v2/calls", query=query)


def page(answer: Any) -> Page:
    """Read a page: `{"calls", "total"}`."""
    # Also `has_more` and `cursor`, where the vendor says so.
    wire = Payload.of(answer)
    return Page(items=or_none(wire.items("calls")) or [], total=or_none(wire.count("total")))


LIST_API = ListApi(  # add `one` if the list does not have whole calls
    base_url="https://api.example.com",
    credential=("api_key",),
    headers=headers,
    request=request,
    page=page,
    paging=OffsetPaging(size=100),  # see kit/paging.py for the others
    requests_per_minute=60,
)
