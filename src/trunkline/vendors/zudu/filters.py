"""The vendor's list by POST: its `filter_criteria` in our words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from trunkline.kit.request_body import RequestBody
from trunkline.kit.vocabulary import Vocabulary
from trunkline.kit.wire import instant_of_ms, parse_phone
from trunkline.model.faults import Fault, Refused
from trunkline.model.query import CallFilter, Span, Wording
from trunkline.vendors.zudu.wire import Criteria, Search, SearchBody, Thresholds
from trunkline.vendors.zudu.words import CHANNEL, DIRECTION, END_REASON, NAME, SENTIMENT, STATUS

V = TypeVar("V")
_MAX_OFFSET = 2**62


def parse_search(request_body: RequestBody) -> Search:
    """Read the body; raises `Refused` for a key that there is not, and for a value that cannot be."""
    raw = request_body.object()
    try:
        body = msgspec.convert(raw, SearchBody)
    except msgspec.ValidationError as error:
        raise Refused(Fault.BAD_REQUEST, str(error)) from None
    criteria = Criteria() if body.filter_criteria is None else body.filter_criteria
    return Search(
        page=body.page,
        limit=body.limit,
        sort_by=body.sort_by,
        sort_order=body.sort_order,
        filter=filter_of(criteria),
        applied=raw.get("filter_criteria") or {},
    )


def filter_of(criteria: Criteria) -> CallFilter:
    """Keys are joined by "and", the values of one key by "or"."""
    return CallFilter(
        status=_wording(STATUS, criteria.call_status),
        channel=_wording(CHANNEL, criteria.call_type),
        direction=_wording(DIRECTION, criteria.direction),
        sentiment=_wording(SENTIMENT, criteria.user_sentiment),
        end_reason=_reasons(criteria.disconnection_reason),
        agent_id=_set(criteria.agent_id),
        campaign_id=_set(criteria.batch_call_id),
        from_number=_number("from_number", criteria.from_number),
        to_number=_number("to_number", criteria.to_number),
        success=_only("call_successful", criteria.call_successful),
        voicemail=_only("in_voicemail", criteria.in_voicemail),
        duration_ms=_span(criteria.duration_ms),
        started_at=_time(criteria.start_timestamp),
        transcript_text=None if criteria.transcript_search is UNSET else criteria.transcript_search,
    )


def _all(requested: V | list[V] | msgspec.UnsetType) -> list[V] | None:
    if requested is UNSET:
        return None
    return requested if isinstance(requested, list) else [requested]


def _wording(vocabulary: Vocabulary[Any], requested: str | list[str] | msgspec.UnsetType) -> Wording | None:
    words = _all(requested)
    if words is None:
        return None
    found = [vocabulary.wording_for(NAME, word) for word in words]
    return Wording(
        values=frozenset(value for one in found for value in one.values),
        vendor=NAME,
        words=frozenset(word for one in found for word in one.words),
    )


def _reasons(requested: str | list[str] | msgspec.UnsetType) -> Wording | None:
    words = _all(requested)
    if words is None:
        return None
    known = {word for word in words if word.upper() in END_REASON.words}
    # Several of their words mean one of ours, and a reason is searched by its meaning.
    return Wording(
        values=frozenset(ours.value for word in known if (ours := END_REASON.read(word)) is not None)
    )


def _set(requested: str | list[str] | msgspec.UnsetType) -> frozenset[str] | None:
    values = _all(requested)
    return None if values is None else frozenset(values)


def _only(name: str, requested: V | list[V] | msgspec.UnsetType) -> V | None:
    values = _all(requested)
    if values is None:
        return None
    return _single(name, values)


def _single(name: str, values: Iterable[V]) -> V:
    distinct = list(dict.fromkeys(values))
    if len(distinct) != 1:
        raise Refused(Fault.BAD_REQUEST, f"{name} takes one value here", name)
    return distinct[0]


def _number(name: str, requested: str | list[str] | msgspec.UnsetType) -> str | None:
    text = _only(name, requested)
    if text is None:
        return None
    number = parse_phone(text)
    if number is None:
        raise Refused(Fault.BAD_REQUEST, f"{name} must be a phone number in E.164 form", name)
    return number


def _span(requested: Thresholds | msgspec.UnsetType) -> Span | None:
    if requested is UNSET or (requested.lower_threshold is None and requested.upper_threshold is None):
        return None
    return Span(_bounded(requested.lower_threshold), _bounded(requested.upper_threshold))


def _bounded(number: int | None) -> int | None:
    return None if number is None else max(-_MAX_OFFSET, min(number, _MAX_OFFSET))


def _time(requested: Thresholds | msgspec.UnsetType) -> Span | None:
    span = _span(requested)
    return None if span is None else Span(_instant(span.low), _instant(span.high))


def _instant(number: int | None) -> datetime | None:
    try:
        return None if number is None else instant_of_ms(number)
    except ValueError as error:
        raise Refused(Fault.BAD_REQUEST, f"start_timestamp: {error}", "start_timestamp") from None
