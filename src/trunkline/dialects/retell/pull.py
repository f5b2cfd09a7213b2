"""Retell: calls come in by webhook, and are asked for at `/v3/list-calls` and `/v2/get-call`.

Sources: docs.retellai.com on webhooks, list calls and get call; the types and the verifier of Retell's own
Python SDK. Documented are the events, the fields and their units, the reasons for a disconnection and the
signature `X-Retell-Signature: v=<ms>,d=<hex>`, which holds for five minutes either way.

Events: `call_started`, `call_ended`, `call_analyzed`, `transcript_updated` and the four of a transfer are
read; those of chats are noted.

Not carried: scrubbed transcripts beside the full one, the access token of a web call.

Our choice: a delivery has no time of its own, so it is as old as the last thing in it: the last word of a
call that goes on, the end or the transfer's end of one that is over, and a millisecond more once it is
analyzed. `ended` and `not_connected` become what the reason says; a call that is analyzed as voicemail is
one. The person to whom a call was transferred speaks as a user. Key presses, text messages and steps of a
flow become events. Costs come in cents and are kept in US dollars, their parts as they came. Dynamic
variables stand in the metadata under the vendor's names. Tool arguments stay the text they are.
`call_inbound` and custom functions expect an answer and are refused; chats are no calls. The list is asked
for a hundred calls at a time, and each call is then asked for by itself, since the list has no
conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from trunkline.dialects.retell.parse import from_wire, hear
from trunkline.dialects.retell.words import NAME
from trunkline.kit.door import Door
from trunkline.kit.listing_api import ListApi, Listed, Request
from trunkline.kit.payload import Payload, Unreadable, told
from trunkline.kit.signatures import HmacSigned, Window, epoch_milliseconds, pairs_in_header
from trunkline.kit.wire import ms_of_instant

PAGE = 100

SIGNING = HmacSigned(
    secret_is="the API key that has the webhook badge",  # noqa: S106 (its name, not itself)
    shown=pairs_in_header("x-retell-signature", "v", "d"),
    message=lambda body, stamp: body + stamp.encode(),
    instant=epoch_milliseconds,
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
)


def headers(credential: Mapping[str, str]) -> dict[str, str]:
    """The API key as a bearer token."""
    return {"authorization": f"Bearer {credential['api_key']}"}


def first(low: datetime | None, high: datetime | None) -> Request:
    """The first page of the calls that started in a range, newest first."""
    body: dict[str, Any] = {"limit": PAGE, "sort_order": "descending"}
    bounds = [ms_of_instant(at) if at else None for at in (low, high)]
    if None not in bounds:
        body["filter_criteria"] = {"start_timestamp": {"type": "range", "op": "bt", "value": bounds}}
    elif low or high:
        op = "ge" if low else "le"
        value = bounds[0] if low else bounds[1]
        body["filter_criteria"] = {"start_timestamp": {"type": "number", "op": op, "value": value}}
    return Request(method="POST", path="/v3/list-calls", body=body)


def read(answer: Any, request: Request) -> Listed:
    """A page: `{"items", "has_more", "pagination_key", "total"}`, or the bare list of the older version."""
    asked = request.body or {}
    if isinstance(answer, list):
        last = answer[-1] if answer and len(answer) >= int(asked.get("limit", PAGE)) else None
        key = last.get("call_id") if isinstance(last, dict) else None
        return Listed(items=answer, following=_after(request, key))
    page = Payload.of(answer)
    items = page.items("items", "calls")
    if not isinstance(items, list):
        raise Unreadable("items", "a list of calls is required")
    key = told(page.text("pagination_key")) if told(page.flag("has_more")) is not False else None
    return Listed(items=items, following=_after(request, key), total=told(page.count("total")))


def _after(request: Request, key: str | None) -> Request | None:
    body = request.body or {}
    if not key or key == body.get("pagination_key"):
        return None  # a page that points at itself would be read for ever
    return Request(method=request.method, path=request.path, body={**body, "pagination_key": key})


def one(vendor_call_id: str) -> Request:
    """One call with its conversation."""
    return Request(path=f"/v2/get-call/{quote(vendor_call_id, safe='')}")


DOOR = Door(
    name=NAME,
    title="Retell",
    about=__doc__ or "",
    signing=SIGNING,
    read=hear,
    from_wire=from_wire,
    list_api=ListApi(
        base_url="https://api.retellai.com",
        credential=("api_key",),
        headers=headers,
        first=first,
        read=read,
        one=one,
        read_one=lambda answer: answer,
        requests_per_minute=300,  # our choice: they document no rate
    ),
)
