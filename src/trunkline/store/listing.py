"""Listings: one statement for a page at any depth, in either order, with its exact total.

A list is merged from streams that an index yields in order: one for each status asked for, say, or one for
each place where a number may stand. A place deep in a list is found by the running totals: from years down to
the hour or day that holds it, and only within that are rows skipped one by one.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from trunkline.model.ids import uuid_of
from trunkline.model.query import After, CallFilter, Order, Place, Rows, SortField, Span, Wording
from trunkline.store import clauses
from trunkline.store.clauses import Statement
from trunkline.store.queries import queries
from trunkline.store.totals import STARTS, Cell, Descent, beyond, cell_of, descend, sum_of

SHALLOW = 60
"""Rows that are skipped one by one sooner than the totals are asked where to begin."""

FAR_BEYOND = 2**62
"""An offset that is past the end of every list and still fits the database's integers."""

_COLUMNS = {field: f"c.{field.value}" for field in SortField}
_ONE_INDEX = frozenset({"agent_ref", "campaign_ref", "vendor_call_id", "from_number", "to_number"})
"""Filters that an index of their own serves, so that no other has to be chosen."""


class Listing(Struct):
    """A statement and the values it takes."""

    sql: str
    values: list[Any]


# The same pages are asked for over and over, most of all first ones; what is asked decides the statement.
@lru_cache(maxsize=1024)
def listing(
    org_id: int,
    call_filter: CallFilter,
    order: Order,
    window: Rows | After,
    *,
    with_total: bool,
    with_transcript: bool,
    most_bytes: int | None = None,
) -> Listing:
    """Put together the statement for one page, or for as much of it as begins within so many bytes."""
    dry = Statement(org_id, dry=True)
    dry.shape += (order.by, order.newest_first, type(window), with_total, with_transcript)
    asked = partial(
        _compose,
        call_filter=call_filter,
        order=order,
        window=window,
        with_total=with_total,
        with_transcript=with_transcript,
        most_bytes=most_bytes,
    )
    asked(dry)
    shape = tuple(dry.shape)
    sql = _TEXTS.get(shape)
    if sql is None:
        sql = asked(Statement(org_id))
        if len(_TEXTS) < _MOST_TEXTS:
            _TEXTS[shape] = sql
    return Listing(sql, dry.values)


_TEXTS: dict[tuple[object, ...], str] = {}
_MOST_TEXTS = 4096


def _compose(
    statement: Statement,
    call_filter: CallFilter,
    order: Order,
    window: Rows | After,
    *,
    with_total: bool,
    with_transcript: bool,
    most_bytes: int | None,
) -> str:
    total = _total(statement, call_filter) if with_total else ""
    if isinstance(window, Rows) and window.limit == 0:
        statement.shape.append("total")
        return queries("calls")["total"].format(total=total or "NULL::bigint")
    ctes: list[str] = []
    if order.by is SortField.CREATED_AT:
        inner = _by_creation(statement, call_filter, order, window, ctes)
    else:
        inner = _by_value(statement, call_filter, order, window, ctes)
    room = "" if most_bytes is None else statement.add("listing.room", most_bytes)
    if statement.dry:
        return ""
    parts = queries("listing")
    name = "order_by_creation" if order.by is SortField.CREATED_AT else "order_by_value"
    form = "part" if room else "page_with_total" if with_total else "page"
    return queries("calls")[form].format(
        ctes=parts["ctes"].format(parts=", ".join(ctes)) + "\n" if ctes else "",
        total=total,
        streams=inner,
        order=_direction(statement, name, order),
        transcript=parts["transcript"] if with_transcript else "",
        join="\n" + parts["join"] if with_transcript else "",
        chosen=parts["transcript_chosen"] if with_transcript else "",
        size=parts["size_with_transcript" if with_transcript else "size"],
        room=room,
    )


def _total(statement: Statement, call_filter: CallFilter) -> str:
    cell = cell_of(call_filter)
    if cell is None:
        return statement.add("totals.counted", where=_and(clauses.where(statement, call_filter)))
    return sum_of(statement, cell, call_filter.created_at, call_filter)


# -- by creation ----------------------------------------------------------


def _by_creation(
    statement: Statement, call_filter: CallFilter, order: Order, window: Rows | After, ctes: list[str]
) -> str:
    sorting = _direction(statement, "order_by_creation", order)
    if isinstance(window, After):
        extra = [_after(statement, order, window.place)] if window.place else []
        streams = _streams(statement, call_filter)
        return _merged(statement, streams, extra, sorting, window.limit + 1, 0)
    offset = min(window.offset, FAR_BEYOND)
    cell = cell_of(call_filter) if offset > SHALLOW else None
    if cell is None:
        return _merged(statement, _streams(statement, call_filter), [], sorting, window.limit, offset)
    found = _descent(statement, call_filter, cell, order, offset)
    ctes += found.ctes
    streams = _streams(statement, _from_the_front(call_filter, order))
    if len(streams) == 1:
        limit = statement.add("listing.take_from_period", window.limit, period=found.period)
        return _stream(statement, [*streams[0], found.bound], sorting, limit)
    parts = [
        _stream(
            statement,
            [*stream, found.bound],
            sorting,
            statement.add("listing.take_up_to_place", window.limit, period=found.period),
        )
        for stream in streams
    ]
    return statement.add(
        "listing.merged",
        streams=" UNION ALL ".join(parts),
        order=sorting,
        window=statement.add("listing.take_from_period", window.limit, period=found.period),
    )


def _descent(statement: Statement, call_filter: CallFilter, cell: Cell, order: Order, offset: int) -> Descent:
    cut_off = beyond(call_filter.created_at, newest_first=order.newest_first)
    before = "0::bigint"
    if cut_off is not None:
        before = sum_of(statement, cell, cut_off, call_filter)
    return descend(statement, cell, skip=offset, beyond=before, newest_first=order.newest_first)


def _from_the_front(call_filter: CallFilter, order: Order) -> CallFilter:
    """A filter whose range is open where the list begins: what lies there was counted into the place."""
    span = call_filter.created_at
    if span is None:
        return call_filter
    rest = Span(low=span.low) if order.newest_first else Span(high=span.high)
    return structs.replace(call_filter, created_at=rest)


def _streams(statement: Statement, call_filter: CallFilter) -> list[list[str]]:
    """The conditions of each stream; together they are the filter's, and no call is in two streams."""
    if call_filter.phone is not None:
        return _number_streams(statement, call_filter, "phone", ("c.from_number", "c.contact_number"))
    if call_filter.any_number is not None:
        columns = ("c.from_number", "c.to_number", "c.contact_number")
        return _number_streams(statement, call_filter, "any_number", columns)
    for name, column in (("agent_id", "c.agent_ref"), ("campaign_id", "c.campaign_ref")):
        ids: frozenset[str] | None = getattr(call_filter, name)
        if ids is not None:
            return _id_streams(statement, call_filter, name, column, ids)
    if all(getattr(call_filter, name) is None for name in _ONE_INDEX):
        for name in ("status", "result"):
            wording: Wording | None = getattr(call_filter, name)
            if wording is not None:
                return _word_streams(statement, call_filter, name, wording)
    return [clauses.where(statement, call_filter)]


def _id_streams(
    statement: Statement, call_filter: CallFilter, name: str, column: str, ids: frozenset[str]
) -> list[list[str]]:
    return [
        [
            statement.add("value", ref, column=column),
            *clauses.where(statement, call_filter, frozenset({name})),
        ]
        for ref in sorted({UUID(uuid_of(one)) for one in ids})
    ]


def _word_streams(
    statement: Statement, call_filter: CallFilter, name: str, wording: Wording
) -> list[list[str]]:
    column, rest = f"c.{name}", frozenset({name})
    streams = []
    for value in sorted(wording.values):
        conditions = [statement.add("value", value, column=column)]
        if wording.vendor is not None:
            conditions.append(statement.add("no_kept_word", wording.vendor, column=column))
        streams.append([*conditions, *clauses.where(statement, call_filter, rest)])
    if wording.words:
        kept = statement.add("kept_word", wording.vendor, sorted(wording.words), column=column)
        streams.append([kept, *clauses.where(statement, call_filter, rest)])
    return streams


def _number_streams(
    statement: Statement, call_filter: CallFilter, name: str, columns: tuple[str, ...]
) -> list[list[str]]:
    number, streams = getattr(call_filter, name), []
    for place, column in enumerate(columns):
        conditions = [statement.add("value", number, column=column)]
        conditions += [statement.add("other_number", number, column=other) for other in columns[:place]]
        streams.append([*conditions, *clauses.where(statement, call_filter, frozenset({name}))])
    return streams


def _merged(
    statement: Statement,
    streams: list[list[str]],
    extra: list[str],
    sorting: str,
    limit: int,
    offset: int,
) -> str:
    if len(streams) == 1:
        window = statement.add("listing.take_and_skip", limit, offset)
        return _stream(statement, streams[0] + extra, sorting, window)
    parts = [
        _stream(statement, stream + extra, sorting, statement.add("listing.take", limit + offset))
        for stream in streams
    ]
    return statement.add(
        "listing.merged",
        streams=" UNION ALL ".join(parts),
        order=sorting,
        window=statement.add("listing.take_and_skip", limit, offset),
    )


def _stream(statement: Statement, conditions: list[str], sorting: str, limit: str) -> str:
    return statement.add("listing.stream", where=_and(conditions), order=sorting, limit=limit)


# -- by another field -----------------------------------------------------


def _by_value(
    statement: Statement, call_filter: CallFilter, order: Order, window: Rows | After, ctes: list[str]
) -> str:
    """Calls with a value in its order, then those without one: two streams, the second after the first."""
    column = _COLUMNS[order.by]
    conditions = clauses.where(statement, call_filter)
    filled = [*conditions, statement.add("has_value", column=column)]
    empty = [*conditions, statement.add("has_no_value", column=column)]
    sorting = _direction(statement, "order_of_index", order, column=column)
    overall = _direction(statement, "order_by_value", order)
    if isinstance(window, After):
        limit, offset = window.limit + 1, 0
        if window.place is not None:
            after = _after(statement, order, window.place)
            if window.place.value is None:
                return _stream(statement, [*empty, after], sorting, statement.add("listing.take", limit))
            filled = [*filled, after]
    else:
        limit, offset = window.limit, min(window.offset, FAR_BEYOND)
    if offset > SHALLOW and order.by is SortField.STARTED_AT and call_filter == CallFilter():
        found = descend(
            statement, STARTS, skip=offset, beyond="0::bigint", newest_first=order.newest_first, column=column
        )
        ctes += found.ctes
        first = statement.add("listing.take_from_period", limit, period=found.period)
        second = statement.add(
            "listing.take_without_value", limit, with_value=sum_of(statement, STARTS, None, call_filter)
        )
        parts = [
            _stream(statement, [*filled, found.bound], sorting, first),
            _stream(statement, empty, sorting, second),
        ]
        skip = 0
    else:
        parts = [
            _stream(statement, filled, sorting, statement.add("listing.take", limit + offset)),
            _stream(statement, empty, sorting, statement.add("listing.take", limit + offset)),
        ]
        skip = offset
    return statement.add(
        "listing.merged",
        streams=" UNION ALL ".join(parts),
        order=overall,
        window=statement.add("listing.take_and_skip", limit, skip),
    )


def _after(statement: Statement, order: Order, place: Place) -> str:
    """The condition that a call follows a place within its stream."""
    beyond_sign = "<" if order.newest_first else ">"
    if order.by is SortField.CREATED_AT:
        return statement.add("after_creation", place.value, UUID(place.id), beyond=beyond_sign)
    column = _COLUMNS[order.by]
    if place.value is None:
        return statement.add("after_empty", UUID(place.id), beyond=beyond_sign)
    return statement.add("after_value", place.value, UUID(place.id), column=column, beyond=beyond_sign)


def _direction(statement: Statement, fragment: str, order: Order, **names: str) -> str:
    if statement.dry:
        return ""  # the order is part of the shape
    direction = "DESC" if order.newest_first else "ASC"
    column = {"column": _COLUMNS[order.by]} if fragment == "order_by_value" else {}
    return queries("listing")[fragment].format(direction=direction, **column, **names)


def _and(conditions: list[str]) -> str:
    return "".join(f" AND {condition}" for condition in conditions)
