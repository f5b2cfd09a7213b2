"""Our own API's query parameters as parts of an intent: filters, included fields, page tokens."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import structs

from trunkline.kit.cursors import content_of, cursor_of
from trunkline.kit.query import DayOrInstant, Phone, Words
from trunkline.kit.rows import PageSummary
from trunkline.kit.wire import instant_of_iso
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import is_uuid
from trunkline.model.inbox import InboxPage, InboxPosition, InboxState, ListInbox
from trunkline.model.intents import ReadLedger
from trunkline.model.query import After, CallFilter, Position, Span, Wording
from trunkline.vendors.trunkline.wire import (
    CLOSED,
    INCLUDABLE,
    ChangesQuery,
    ExportQuery,
    FilterQuery,
    GetQuery,
    InboxQuery,
    LedgerQuery,
    ListQuery,
    StreamQuery,
)

Include = frozenset[str]

EVERYTHING: Include = frozenset(INCLUDABLE)


def filter_of(query: FilterQuery) -> CallFilter:
    """The filter of a query."""
    return CallFilter(
        **{name: _condition(name, value) for name in _ALIKE if (value := getattr(query, name)) is not None},
        created_at=_time(query.created_from, query.created_to),
        started_at=_time(query.started_from, query.started_to),
        ended_at=_time(query.ended_from, query.ended_to),
        duration_ms=_span(query.duration_ms_min, query.duration_ms_max),
        any_number=_condition("phone", query.phone),
        transcript_text=query.transcript_search,
    )


_ALIKE = sorted({*FilterQuery.__struct_fields__} & {*CallFilter.__struct_fields__} - {"phone"})
"""The parameters with the name of a filter's field; `phone` means any number here."""


def _condition(name: str, value: Words | Phone | bool | None) -> Any:
    """The filter of a parameter with one value; our own words must exist."""
    if isinstance(value, Phone):
        return value.number
    if not isinstance(value, Words):
        return value
    return Wording(values=_among(name, value, tuple(CLOSED[name]))) if name in CLOSED else value.words


def ledger_of(query: LedgerQuery, _: str) -> ReadLedger:
    """The part of the ledger that a query selects."""
    return ReadLedger(
        source_id=None if query.source_id is None else query.source_id.text,
        since=None if query.since is None else query.since.first,
        until=None if query.until is None else query.until.last,
    )


def included_in_list(query: ListQuery | ChangesQuery | StreamQuery) -> Include:
    """What a list prints besides the calls themselves: nothing, unless included."""
    return _included(query.include, frozenset())


def included_in_get(query: GetQuery | ExportQuery) -> Include:
    """What get and export print besides the call itself: everything, unless the query selects parts."""
    return _included(query.include, EVERYTHING)


def _included(requested: Words | None, default: Include) -> Include:
    if requested is None:
        return default
    included = _among("include", requested, INCLUDABLE)
    return included | {"turns"} if "words" in included else included


def _among(name: str, requested: Words, allowed: tuple[str, ...]) -> frozenset[str]:
    if not requested.words <= set(allowed):
        raise Refused(Fault.BAD_REQUEST, f"{name} must be one or more of {', '.join(allowed)}", name)
    return requested.words


def _time(first: DayOrInstant | None, last: DayOrInstant | None) -> Span | None:
    return _span(None if first is None else first.first, None if last is None else last.last)


def _span(low: object, high: object) -> Span | None:
    return None if low is None and high is None else Span(low, high)


# -- page tokens: the position of the last call that was printed, bound to the query and the org ---

FREE = frozenset({"page_token", "page_size", "include_total", "include", "format"})
"""Parameters that may change from page to page, since they do not change which call comes next."""


_MAX_MS = 2**63

_encode = msgspec.json.Encoder(order="deterministic").encode


def token_after(page: PageSummary, query: ListQuery) -> str | None:
    """The token of the page that follows, if one does."""
    if not page.has_more or page.last is None:
        return None
    last = page.last.call_without_transcript()
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
    """The window of a query; raises `Refused` for a token that is not one of this query."""
    if query.page_token is None:
        return After(query.page_size)
    try:
        content = content_of(query.page_token)
    except Refused as refused:
        raise _bad_token("page_token cannot be read") from refused
    if content.get("q") != fingerprint(query):
        raise _bad_token("page_token belongs to another filter or order")
    org = content.get("o")
    if not isinstance(org, str):
        raise _bad_token("page_token cannot be read")
    return After(query.page_size, _position_in(content, query), org)


def fingerprint(query: ListQuery | InboxQuery) -> str:
    """A short digest of everything that decides which rows come in which order."""
    # Defaults are left out, so that a parameter added in a later release does not spoil tokens in use.
    deciding = {
        field.encode_name: value
        for field in _deciding(type(query))
        if (value := getattr(query, field.name)) != field.default
    }
    return hashlib.sha256(_encode(deciding)).hexdigest()[:16]


@cache
def _deciding(kind: type[ListQuery | InboxQuery]) -> list[structs.FieldInfo]:
    """The parameters of a query that decide; to look them up takes longer than to read a page."""
    return [field for field in structs.fields(kind) if field.name not in FREE]


def _position_in(content: dict[str, Any], query: ListQuery) -> Position:
    value, call_id = content.get("v"), content.get("i")
    if not isinstance(call_id, str) or not is_uuid(call_id):
        raise _bad_token("page_token cannot be read")
    sort_value = _sort_value(value, query.order_by)
    created_at = _instant_in(content.get("c")) if sort_value is None else None
    return Position(sort_value, call_id.lower(), created_at)


def _sort_value(value: Any, order_by: str) -> datetime | int | None:
    if value is None and order_by != "created_at":
        return None
    if order_by == "duration_ms":
        if type(value) is int and 0 <= value < _MAX_MS:
            return value
        raise _bad_token("page_token cannot be read")
    return _instant_in(value)


def _instant_in(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return instant_of_iso(value)
        except ValueError:
            pass
    raise _bad_token("page_token cannot be read")


# -- the inbox ------------------------------------------------------------


def inbox_of(query: InboxQuery, _: str) -> ListInbox:
    """The part of the inbox that a query selects; raises `Refused` for a token that is not of this query."""
    after, org = None, None
    if query.page_token is not None:
        after, org = _inbox_position(query)
    return ListInbox(
        limit=query.page_size,
        after=after,
        org=org,
        source_id=None if query.source_id is None else query.source_id.text,
        vendor=query.vendor,
        state=None if query.state is None else InboxState(query.state),
        with_total=query.include_total,
    )


def inbox_token_after(page: InboxPage, query: InboxQuery) -> str | None:
    """The token of the page that follows, if one does."""
    if not page.has_more or not page.entries:
        return None
    last = page.entries[-1]
    position = {"v": last.received_at.isoformat(), "i": last.id}
    return cursor_of({**position, "o": page.org, "q": fingerprint(query)})


def _inbox_position(query: InboxQuery) -> tuple[InboxPosition, str]:
    try:
        content = content_of(query.page_token or "")
    except Refused as refused:
        raise _bad_token("page_token cannot be read") from refused
    if content.get("q") != fingerprint(query):
        raise _bad_token("page_token belongs to another selection")
    org, entry_id = content.get("o"), content.get("i")
    if not isinstance(org, str) or not isinstance(entry_id, str) or not is_uuid(entry_id):
        raise _bad_token("page_token cannot be read")
    return InboxPosition(_instant_in(content.get("v")), entry_id), org


def _bad_token(detail: str) -> Refused:
    return Refused(Fault.BAD_CURSOR, detail, "page_token")
