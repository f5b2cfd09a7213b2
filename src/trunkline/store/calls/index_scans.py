"""Index scans: calls in order of creation, each scan from one index, or few enough calls to sort."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from trunkline.model.ids import uuid_of
from trunkline.model.query import CallFilter, Span, Wording
from trunkline.store.calls import filters
from trunkline.store.calls.filters import Statement
from trunkline.store.columns import NUMBER_FILTERS
from trunkline.store.search import transcript_search
from trunkline.store.totals.periods import BEGINNING, END
from trunkline.store.totals.totals import BY_VALUE

_REFS = (
    ("agent_id", "c.agent_ref"),
    ("agent_ref", "c.agent_ref"),
    ("campaign_id", "c.campaign_ref"),
    ("campaign_ref", "c.campaign_ref"),
)
_ONE_INDEX = frozenset(
    {"vendor_call_id", *(name for name, columns in NUMBER_FILTERS.items() if len(columns) == 1)}
)
"""Filters with an index of their own, so that no other is needed."""
RANGES = frozenset(field.value for field in BY_VALUE)
"""Ranges that are only checked row by row where another index gives the order."""


class IndexScan(Struct):
    """Calls in order from an index, or `sorted` if there are few."""

    conditions: list[str]
    sorted: bool = False


def ordered_scans(statement: Statement, call_filter: CallFilter, wanted: int) -> list[IndexScan]:
    """The index scans of a filter, whatever ranges it has.

    Calls in a range of durations, or with a text, are scanned in order if there are many and sorted if there
    are few. A range of starts or ends becomes a range of creations an hour wider at each end; calls that
    started or ended further from their creation are scanned separately.
    """
    streams = index_scans_of(statement, call_filter)
    field = next((name for name in _NEAR_CREATION if getattr(call_filter, name) is not None), None)
    if field is not None:
        near = _near(statement, field, getattr(call_filter, field))
        far = statement.add("far", column=f"c.{field}")
        streams = [IndexScan([*stream.conditions, *near]) for stream in streams]
        streams.append(
            IndexScan(
                [far, *filters.where(statement, call_filter, without_index=RANGES - {field})], sorted=True
            )
        )
    if call_filter.transcript_text is None and call_filter.duration_ms is None:
        return streams
    many = statement.add("many_match", wanted)
    few = statement.add("few_match", wanted)
    if call_filter.transcript_text is not None:
        conditions = transcript_search.among(statement, call_filter, RANGES)
    else:
        conditions = filters.where(statement, call_filter, without_index=RANGES - {"duration_ms"})
    streams = [IndexScan([*stream.conditions, many], stream.sorted) for stream in streams]
    return [*streams, IndexScan([few, *conditions], sorted=True)]


_NEAR_CREATION = ("started_at", "ended_at")
_HOUR = timedelta(hours=1)


def _near(statement: Statement, field: str, span: Span) -> list[str]:
    conditions = [statement.add("near", column=f"c.{field}")]
    if span.low is not None and span.low > BEGINNING + _HOUR:
        conditions.append(statement.add("low", span.low - _HOUR, column="c.created_at"))
    if span.high is not None and span.high < END - _HOUR:
        conditions.append(statement.add("high", span.high + _HOUR, column="c.created_at"))
    return conditions


def index_scans_of(statement: Statement, call_filter: CallFilter) -> list[IndexScan]:
    """The conditions of each scan; together they are the filter's, and no call is in two scans."""
    for name, columns in NUMBER_FILTERS.items():
        if len(columns) > 1 and getattr(call_filter, name) is not None:
            return _number_streams(statement, call_filter, name, tuple(f"c.{one}" for one in columns))
    for name, column in _REFS:
        value: frozenset[str] | str | None = getattr(call_filter, name)
        if value is not None:
            return _ref_streams(statement, call_filter, name, column, value)
    if all(getattr(call_filter, name) is None for name in _ONE_INDEX):
        for name in ("status", "result"):
            wording: Wording | None = getattr(call_filter, name)
            if wording is not None:
                return _word_streams(statement, call_filter, name, wording)
    return [IndexScan(filters.where(statement, call_filter, without_index=RANGES))]


def _ref_streams(
    statement: Statement, call_filter: CallFilter, name: str, column: str, requested: frozenset[str] | str
) -> list[IndexScan]:
    """The calls of agents or campaigns, which have indexes with and without the status."""
    ids = [requested] if isinstance(requested, str) else requested
    refs = sorted({UUID(uuid_of(one)) for one in ids})
    apart = frozenset({name})
    if call_filter.status is not None:
        rest = _word_streams(statement, call_filter, "status", call_filter.status, apart)
    else:
        rest = [IndexScan(filters.where(statement, call_filter, apart, RANGES))]
    return [
        IndexScan([statement.add("value", ref, column=column), *stream.conditions])
        for ref in refs
        for stream in rest
    ]


def _word_streams(
    statement: Statement,
    call_filter: CallFilter,
    name: str,
    wording: Wording,
    apart: frozenset[str] = frozenset(),
) -> list[IndexScan]:
    column, rest = f"c.{name}", apart | {name}
    streams = []
    for value in sorted(wording.values):
        conditions = [statement.add("value", value, column=column)]
        if wording.vendor is not None:
            conditions.append(statement.add("no_vendor_word", wording.vendor, column=column))
        streams.append(IndexScan([*conditions, *filters.where(statement, call_filter, rest, RANGES)]))
    for word in sorted(wording.words):
        conditions = [
            statement.add("value", wording.vendor, column="c.vendor"),
            statement.add("value", word, column=f"{column}_word"),
        ]
        streams.append(IndexScan([*conditions, *filters.where(statement, call_filter, rest, RANGES)]))
    return streams


def _number_streams(
    statement: Statement, call_filter: CallFilter, name: str, columns: tuple[str, ...]
) -> list[IndexScan]:
    number, streams = getattr(call_filter, name), []
    for index, column in enumerate(columns):
        conditions = [statement.add("value", number, column=column)]
        conditions += [statement.add("other_number", number, column=other) for other in columns[:index]]
        rest = filters.where(statement, call_filter, frozenset({name}), RANGES)
        streams.append(IndexScan([*conditions, *rest]))
    return streams
