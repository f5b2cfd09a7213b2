"""Our own API's query read as a question: filters, and what to include."""

from __future__ import annotations

from trunkline.dialects.trunkline.wire import (
    CLOSED,
    INCLUDABLE,
    ChangesQuery,
    ExportQuery,
    FilterQuery,
    GetQuery,
    LedgerQuery,
    ListQuery,
    StreamQuery,
)
from trunkline.kit.query import DayOrInstant, Phone, Words
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import ReadLedger
from trunkline.model.query import CallFilter, Span, Wording

Include = frozenset[str]

EVERYTHING: Include = frozenset(INCLUDABLE)


def filter_of(query: FilterQuery) -> CallFilter:
    """Which calls a query asks for."""
    return CallFilter(
        created_at=_time(query.created_from, query.created_to),
        started_at=_time(query.started_from, query.started_to),
        ended_at=_time(query.ended_from, query.ended_to),
        duration_ms=_span(query.duration_ms_min, query.duration_ms_max),
        status=_wording("status", query.status),
        result=_wording("result", query.result),
        direction=_wording("direction", query.direction),
        channel=_wording("channel", query.channel),
        end_reason=_wording("end_reason", query.end_reason),
        sentiment=_wording("sentiment", query.sentiment),
        success=query.success,
        voicemail=query.voicemail,
        vendor=_any_of(query.vendor),
        vendor_call_id=_any_of(query.vendor_call_id),
        agent_id=_any_of(query.agent_id),
        campaign_id=_any_of(query.campaign_id),
        any_number=_number(query.phone),
        from_number=_number(query.from_number),
        to_number=_number(query.to_number),
        transcript_text=query.transcript_search,
    )


def ledger_of(query: LedgerQuery, _: str) -> ReadLedger:
    """Which part of the ledger a query asks for."""
    return ReadLedger(
        source_id=None if query.source_id is None else query.source_id.text,
        since=None if query.since is None else query.since.first,
        until=None if query.until is None else query.until.last,
    )


def included_in_list(query: ListQuery | ChangesQuery | StreamQuery) -> Include:
    """What a list prints besides the calls themselves: nothing, unless asked."""
    return _included(query.include, frozenset())


def included_in_get(query: GetQuery | ExportQuery) -> Include:
    """What get and export print besides the call itself: everything, unless asked for less."""
    return _included(query.include, EVERYTHING)


def _included(asked_for: Words | None, default: Include) -> Include:
    if asked_for is None:
        return default
    asked = _among("include", asked_for, INCLUDABLE)
    return asked | {"turns"} if "words" in asked else asked


def _wording(name: str, asked: Words | None) -> Wording | None:
    return None if asked is None else Wording(values=_among(name, asked, tuple(CLOSED[name])))


def _among(name: str, asked: Words, allowed: tuple[str, ...]) -> frozenset[str]:
    if not asked.words <= set(allowed):
        raise Refused(Fault.BAD_REQUEST, f"{name} must be one or more of {', '.join(allowed)}", name)
    return asked.words


def _any_of(asked: Words | None) -> frozenset[str] | None:
    return None if asked is None else asked.words


def _number(asked: Phone | None) -> str | None:
    return None if asked is None else asked.number


def _time(first: DayOrInstant | None, last: DayOrInstant | None) -> Span | None:
    return _span(None if first is None else first.first, None if last is None else last.last)


def _span(low: object, high: object) -> Span | None:
    return None if low is None and high is None else Span(low, high)
