"""Page tokens: the place of the last call that was printed, bound to the query and the org it was told to."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from trunkline.dialects.trunkline.wire import ListQuery
from trunkline.kit.pages import content_of, cursor_of
from trunkline.kit.wire import instant_of_iso
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import is_uuid
from trunkline.model.intents import CallPage
from trunkline.model.query import After, Place

FREE = frozenset({"page_token", "page_size", "include_total", "include", "format"})
"""Parameters that may change from page to page, since they do not change which call comes next."""

DECIDING = tuple(field for field in structs.fields(ListQuery) if field.name not in FREE)

_MOST_MS = 2**63

_encode = msgspec.json.Encoder(order="deterministic").encode


def token_after(page: CallPage, query: ListQuery) -> str | None:
    """The token of the page that follows, if one does."""
    if not page.has_more or not page.calls:
        return None
    last = page.calls[-1]
    value = getattr(last, query.order_by)
    return cursor_of(
        {
            "v": value.isoformat() if isinstance(value, datetime) else value,
            **({"c": last.created_at.isoformat()} if value is None else {}),
            "i": last.id,
            "o": page.org,
            "q": fingerprint(query),
        }
    )


def window_of(query: ListQuery) -> After:
    """The window that a query asks for; raises `Refused` for a token that is not one of this query."""
    if query.page_token is None:
        return After(query.page_size)
    try:
        content = content_of(query.page_token)
    except Refused as refused:
        raise _refused("page_token cannot be read") from refused
    if content.get("q") != fingerprint(query):
        raise _refused("page_token belongs to another filter or order")
    org = content.get("o")
    if not isinstance(org, str):
        raise _refused("page_token cannot be read")
    return After(query.page_size, _place(content, query), org)


def fingerprint(query: ListQuery) -> str:
    """A short digest of everything that decides which calls come in which order."""
    # Defaults are left out, so that a parameter added in a later release does not spoil tokens in use.
    asked = {
        field.encode_name: value
        for field in DECIDING
        if (value := getattr(query, field.name)) != field.default
    }
    return hashlib.sha256(_encode(asked)).hexdigest()[:16]


def _place(content: dict[str, Any], query: ListQuery) -> Place:
    value, call_id = content.get("v"), content.get("i")
    if not isinstance(call_id, str) or not is_uuid(call_id):
        raise _refused("page_token cannot be read")
    known = _value(value, query.order_by)
    created_at = _instant(content.get("c")) if known is None else None
    return Place(known, call_id.lower(), created_at)


def _value(value: Any, order_by: str) -> datetime | int | None:
    if value is None and order_by != "created_at":
        return None
    if order_by == "duration_ms":
        if type(value) is int and 0 <= value < _MOST_MS:
            return value
        raise _refused("page_token cannot be read")
    return _instant(value)


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return instant_of_iso(value)
        except ValueError:
            pass
    raise _refused("page_token cannot be read")


def _refused(detail: str) -> Refused:
    return Refused(Fault.BAD_CURSOR, detail, "page_token")
