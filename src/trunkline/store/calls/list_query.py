"""List queries: one statement for a page at any offset, in either order, with its exact total.

A list is merged from index scans in the same order: one for each requested status, for example, or one for
each column that may have a phone number. A large offset is found by the running totals: from years down to
the hour or day that contains it, and only within that are rows skipped one by one.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from trunkline.model.query import After, CallFilter, Order, Position, Rows, SortField, Span
from trunkline.store.calls import filters
from trunkline.store.calls.filters import Statement
from trunkline.store.calls.index_scans import RANGES, IndexScan, index_scans_of, ordered_scans
from trunkline.store.calls.rows import folded
from trunkline.store.queries import queries
from trunkline.store.search import transcript_search
from trunkline.store.totals.totals import (
    BY_VALUE,
    EVERYTHING,
    Seek,
    TotalsKey,
    before_range,
    seek,
    seek_without_value,
    sum_of,
    total_of,
    totals_key_of,
    totals_key_of_number,
)

SHALLOW = 60
"""Up to this offset rows are skipped one by one; beyond it the totals show where to begin."""

MAX_OFFSET = 2**62
"""An offset past the end of every list that still fits the database's integers."""

_COLUMNS = {field: f"c.{field.value}" for field in SortField}


class ListQuery(Struct):
    """A statement and its parameter values."""

    sql: str
    values: list[Any]


# The same pages, mostly first ones, are requested again and again; the request decides the statement.
@lru_cache(maxsize=1024)
def list_query(
    org_id: int,
    call_filter: CallFilter,
    order: Order,
    window: Rows | After,
    *,
    with_total: bool,
    with_transcript: bool,
    max_bytes: int | None = None,
) -> ListQuery:
    """Build the statement for one page, or for the calls of it that begin within so many bytes."""
    dry = Statement(org_id, dry=True)
    dry.shape += (order.by, order.newest_first, type(window), with_total, with_transcript)
    compose = partial(
        _compose,
        call_filter=call_filter,
        order=order,
        window=window,
        with_total=with_total,
        with_transcript=with_transcript,
        max_bytes=max_bytes,
    )
    compose(dry)
    shape = tuple(dry.shape)
    sql = _TEXTS.get(shape)
    if sql is None:
        sql = compose(Statement(org_id))
        if len(_TEXTS) < _MAX_TEXTS:
            _TEXTS[shape] = sql
    return ListQuery(sql, dry.values)


_TEXTS: dict[tuple[object, ...], str] = {}
_MAX_TEXTS = 4096


def _compose(
    statement: Statement,
    call_filter: CallFilter,
    order: Order,
    window: Rows | After,
    *,
    with_total: bool,
    with_transcript: bool,
    max_bytes: int | None,
) -> str:
    page = not (isinstance(window, Rows) and window.limit == 0)
    ctes: list[str] = []
    text = call_filter.transcript_text
    if text is not None:
        ctes.append(transcript_search.calls_that_hold(statement, folded(text)))
    unordered = text is not None or call_filter.duration_ms is not None
    gated = page and order.by is SortField.CREATED_AT and unordered
    if gated:
        ctes.append(_matches(statement, call_filter))
    total = _total(statement, call_filter, gated=gated) if with_total else ""
    if not page:
        statement.shape.append("total")
        return queries("calls")["total"].format(ctes=_with(ctes), total=total or "NULL::bigint")
    if order.by is SortField.CREATED_AT:
        inner = _by_creation(statement, call_filter, order, window, ctes)
    else:
        inner = _by_value(statement, call_filter, order, window, ctes)
    room = "" if max_bytes is None else statement.add("list_query.room", max_bytes)
    if statement.dry:
        return ""
    parts = queries("list_query")
    name = "order_by_creation" if order.by is SortField.CREATED_AT else "order_by_value"
    form = "part" if room else "page_with_total" if with_total else "page"
    return queries("calls")[form].format(
        ctes=_with(ctes),
        total=total,
        streams=inner,
        order=_direction(statement, name, order),
        transcript=parts["transcript"] if with_transcript else "",
        join=filters.TRANSCRIPT_JOIN if with_transcript else "",
        chosen=parts["transcript_chosen"] if with_transcript else "",
        size=parts["size_with_transcript" if with_transcript else "size"],
        room=room,
    )


def _with(ctes: list[str]) -> str:
    return queries("list_query")["ctes"].format(parts=", ".join(ctes)) + "\n" if ctes else ""


def _total(statement: Statement, call_filter: CallFilter, *, gated: bool) -> str:
    if call_filter.transcript_text is not None:
        if call_filter == CallFilter(transcript_text=call_filter.transcript_text):
            return statement.add("search.count")
        return statement.add("totals.counted", where=_and(transcript_search.among(statement, call_filter)))
    cell = totals_key_of(call_filter)
    if cell is None:
        # Of two ranges the one of instants is likely the narrower.
        instants = (call_filter.created_at, call_filter.started_at, call_filter.ended_at)
        passing = frozenset({"duration_ms"}) if any(instants) else frozenset[str]()
        conditions = filters.where(statement, call_filter, without_index=passing)
        counted = statement.add("totals.counted", where=_and(conditions))
        summed = totals_key_of_number(call_filter)
        if summed is None:
            return counted
        number, cell = summed
        total = total_of(statement, cell, call_filter)
        return statement.add("totals.of_number", number, summed=total, counted=counted)
    if gated:
        return statement.add("totals.of_matches")
    return total_of(statement, cell, call_filter)


def _matches(statement: Statement, call_filter: CallFilter) -> str:
    """How many calls match, which decides whether to sort them or to scan all calls in order."""
    if call_filter.transcript_text is not None:
        total = statement.add("search.count")
    else:
        durations = CallFilter(duration_ms=call_filter.duration_ms)
        total = total_of(statement, BY_VALUE[SortField.DURATION_MS], durations)
    return statement.add(
        "totals.matches",
        total=total,
        everything=sum_of(statement, EVERYTHING, None, CallFilter()),
    )


# -- by creation ----------------------------------------------------------


def _by_creation(
    statement: Statement, call_filter: CallFilter, order: Order, window: Rows | After, ctes: list[str]
) -> str:
    sorting = _direction(statement, "order_by_creation", order)
    if isinstance(window, After):
        streams = ordered_scans(statement, call_filter, window.limit + 1)
        if window.position:
            after = _after(statement, order, window.position)
            streams = [IndexScan([*stream.conditions, after], stream.sorted) for stream in streams]
        return _merged(statement, streams, sorting, window.limit + 1, 0)
    offset = min(window.offset, MAX_OFFSET)
    cell = totals_key_of(call_filter) if offset > SHALLOW else None
    if cell is None or cell.field != "created_at":
        streams = ordered_scans(statement, call_filter, window.limit + offset)
        return _merged(statement, streams, sorting, window.limit, offset)
    found = _seek(statement, call_filter, cell, order, offset)
    ctes += found.ctes
    streams = index_scans_of(statement, _from_the_front(call_filter, order))
    names = {"period": found.period, "skipped": found.skipped}
    if len(streams) == 1:
        limit = statement.add("list_query.take_from_period", window.limit, **names)
        return _stream(statement, [*streams[0].conditions, found.bound], sorting, limit)
    parts = [
        _stream(
            statement,
            [*stream.conditions, found.bound],
            sorting,
            statement.add("list_query.take_up_to_place", window.limit, **names),
        )
        for stream in streams
    ]
    return statement.add(
        "list_query.merged",
        streams=" UNION ALL ".join(parts),
        order=sorting,
        window=statement.add("list_query.take_from_period", window.limit, **names),
    )


def _seek(statement: Statement, call_filter: CallFilter, cell: TotalsKey, order: Order, offset: int) -> Seek:
    cut_off = before_range(call_filter.created_at, newest_first=order.newest_first)
    before = "0::bigint"
    if cut_off is not None:
        before = sum_of(statement, cell, cut_off, call_filter)
    return seek(statement, cell, skip=offset, before_range=before, newest_first=order.newest_first)


def _from_the_front(call_filter: CallFilter, order: Order) -> CallFilter:
    """A filter whose range is open where the list begins: calls there were added to the offset."""
    span = call_filter.created_at
    if span is None:
        return call_filter
    rest = Span(low=span.low) if order.newest_first else Span(high=span.high)
    return structs.replace(call_filter, created_at=rest)


def _merged(statement: Statement, streams: list[IndexScan], order_by: str, limit: int, offset: int) -> str:
    if len(streams) == 1:
        window = statement.add("list_query.take_and_skip", limit, offset)
        return _stream(statement, streams[0].conditions, order_by, window)
    parts = [
        _stream(
            statement,
            stream.conditions,
            order_by,
            statement.add("list_query.take", limit + offset),
            fragment="list_query.sorted" if stream.sorted else "list_query.stream",
        )
        for stream in streams
    ]
    return statement.add(
        "list_query.merged",
        streams=" UNION ALL ".join(parts),
        order=order_by,
        window=statement.add("list_query.take_and_skip", limit, offset),
    )


def _stream(
    statement: Statement,
    conditions: list[str],
    order_by: str,
    limit: str,
    fragment: str = "list_query.stream",
) -> str:
    return statement.add(fragment, where=_and(conditions), order=order_by, limit=limit)


# -- by another field -----------------------------------------------------


def _by_value(
    statement: Statement, call_filter: CallFilter, order: Order, window: Rows | After, ctes: list[str]
) -> str:
    """Calls with a value in its order, then those without one: two scans, the second after the first."""
    column = _COLUMNS[order.by]
    fragment = "list_query.stream"
    if call_filter.transcript_text is None:
        conditions = filters.where(statement, call_filter, without_index=RANGES - {order.by.value})
    else:
        conditions = transcript_search.among(statement, call_filter, RANGES)
        fragment = "list_query.sorted"
    filled = [*conditions, statement.add("has_value", column=column)]
    empty = [*conditions, statement.add("has_no_value", column=column)]
    sorting = _direction(statement, "order_of_index", order, column=column)
    among_empty = _direction(statement, "order_by_creation", order)
    overall = _direction(statement, "order_by_value", order)
    if isinstance(window, After):
        limit, offset = window.limit + 1, 0
        if window.position is not None:
            after = _after(statement, order, window.position)
            if window.position.value is None:
                take = statement.add("list_query.take", limit)
                return _stream(statement, [*empty, after], among_empty, take, fragment)
            filled = [*filled, after]
    else:
        limit, offset = window.limit, min(window.offset, MAX_OFFSET)
    if offset > SHALLOW and call_filter == CallFilter():
        cell = BY_VALUE[order.by]
        found = seek(statement, cell, skip=offset, before_range="0::bigint", newest_first=order.newest_first)
        rest = seek_without_value(
            statement,
            order.by,
            with_value=sum_of(statement, cell, None, call_filter),
            newest_first=order.newest_first,
        )
        ctes += [*found.ctes, *rest.ctes]
        parts = [
            _stream(
                statement,
                [*conditions, start.bound],
                its_order,
                statement.add(
                    "list_query.take_from_period", limit, period=start.period, skipped=start.skipped
                ),
                fragment="list_query.stream_by_id",
            )
            for conditions, its_order, start in ((filled, sorting, found), (empty, among_empty, rest))
        ]
        skip = 0
    else:
        parts = [
            _stream(
                statement, conditions, its_order, statement.add("list_query.take", limit + offset), fragment
            )
            for conditions, its_order in ((filled, sorting), (empty, among_empty))
        ]
        skip = offset
    return statement.add(
        "list_query.merged",
        streams=" UNION ALL ".join(parts),
        order=overall,
        window=statement.add("list_query.take_and_skip", limit, skip),
    )


def _after(statement: Statement, order: Order, position: Position) -> str:
    """The condition that a call follows a position within its scan."""
    beyond_sign = "<" if order.newest_first else ">"
    if order.by is SortField.CREATED_AT:
        return statement.add("after_creation", position.value, UUID(position.id), beyond=beyond_sign)
    column = _COLUMNS[order.by]
    if position.value is None:
        return statement.add("after_empty", position.created_at, UUID(position.id), beyond=beyond_sign)
    return statement.add("after_value", position.value, UUID(position.id), column=column, beyond=beyond_sign)


def _direction(statement: Statement, fragment: str, order: Order, **names: str) -> str:
    if statement.dry:
        return ""  # the order is part of the shape
    direction = "DESC" if order.newest_first else "ASC"
    column = {"column": _COLUMNS[order.by]} if fragment == "order_by_value" else {}
    return queries("list_query")[fragment].format(direction=direction, **column, **names)


def _and(conditions: list[str]) -> str:
    return "".join(f" AND {condition}" for condition in conditions)
