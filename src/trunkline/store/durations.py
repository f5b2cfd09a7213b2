"""Durations in the totals: each second of a duration is represented as an hour after 1970.

So durations use the same periods, levels and statements as instants. Within its hour, the first minute
represents exactly the whole second, since many vendors report nothing finer, and each other minute the next
17 milliseconds. All negative durations are one period, and so are all that are longer than any real call.
Only this module and `durations.sql` know of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from trunkline.store.calls.filters import Statement
from trunkline.store.queries import queries
from trunkline.store.totals.periods import TICK, Level, Segment, cover

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MS_A_SECOND = 1000
_MS_A_MINUTE = 17
_PAST_ALL = 2**63 - 1
MAX_MS = 60_000_000_000
"""From this duration on, all are in one period."""


class CoverOfDurations(NamedTuple):
    """A range of durations as whole periods and edges, like a cover; edges are in milliseconds."""

    segments: list[Segment]
    edges: list[tuple[int, int]]


def cover_of_durations(low: int | None, high: int | None) -> CoverOfDurations:
    """Cover the durations from `low` to `high`, both included, in milliseconds; `None` leaves an end open.

    An end within a period of more than a few durations becomes an edge.
    """
    if low is not None and high is not None and low > high:
        return CoverOfDurations([], [])
    first, last = low, None if high is None else min(high, _PAST_ALL - 1) + 1
    edges: list[tuple[int, int]] = []
    if last is not None and last < 0:
        return CoverOfDurations([], [(-_PAST_ALL if first is None else first, last)])
    if first is not None and first > MAX_MS:
        return CoverOfDurations([], [(first, _PAST_ALL if last is None else last)])
    if first is not None and first < 0:
        edges.append((first, 0))
        first = 0
    if last is not None and last > MAX_MS:
        edges.append((MAX_MS, last))
        last = MAX_MS
    if first is not None and first == last:
        return CoverOfDurations([], edges)
    covered = cover(
        None if first is None else _as_instant(first),
        None if last is None else _as_instant(last) - TICK,
        Level.MINUTE,
    )
    edges += [(_as_duration(first), _as_duration(last)) for first, last in covered.edges]
    return CoverOfDurations(covered.segments, edges)


def _as_instant(duration_ms: int) -> datetime:
    seconds, rest = divmod(duration_ms, _MS_A_SECOND)
    minute, more = divmod(rest + _MS_A_MINUTE - 1, _MS_A_MINUTE) if rest else (0, 0)
    return _ZERO + timedelta(hours=seconds, minutes=minute, seconds=more)


def _as_duration(instant: datetime) -> int:
    seconds, rest = divmod(instant - _ZERO, timedelta(hours=1))
    minute, more = divmod(rest, timedelta(minutes=1))
    begun = (minute - 1) * _MS_A_MINUTE + 1 + more // timedelta(seconds=1) if minute else 0
    return seconds * _MS_A_SECOND + begun


_CONSTANTS = {
    "zero": f"timestamptz '{_ZERO:%Y-%m-%d %H:%MZ}'",
    "max_ms": str(MAX_MS),
    "last_hour": str(MAX_MS // _MS_A_SECOND),
    "second": str(_MS_A_SECOND),
    "minute": str(_MS_A_MINUTE),
}


def period_of(column: str) -> str:
    """SQL for the instant that represents a duration; its column must not be null."""
    return queries("durations")["period"].format(**_CONSTANTS, column=column)


def bound_of(statement: Statement, period: str, *, newest_first: bool) -> str:
    """SQL that leaves out the calls before a period in the order of a list."""
    fragment = "durations.before_end" if newest_first else "durations.from_start"
    return statement.add(fragment, period=period, **_CONSTANTS)
