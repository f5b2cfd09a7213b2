"""Periods: a range of instants as whole years, months, days and hours, and two incomplete edges.

All periods are UTC. A level is the length of a period, from the hour up to the year.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """The length of a period; only durations have minutes."""

    MINUTE = 0
    HOUR = 1
    DAY = 2
    MONTH = 3
    YEAR = 4


class Segment(NamedTuple):
    """Whole periods of one level, from the first up to but not including the last."""

    level: Level
    first: datetime
    last: datetime


class Edge(NamedTuple):
    """A range that no whole period covers, from the first up to but not including the last instant."""

    first: datetime
    last: datetime


class Cover(NamedTuple):
    """A range as whole periods, whose counts are known, and edges, which have to be counted."""

    segments: list[Segment]
    edges: list[Edge]


BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar, used for an open end of a range."""
TICK = timedelta(microseconds=1)


def start_of(level: Level, instant: datetime) -> datetime:
    """The start of an instant's period."""
    minute = instant.replace(second=0, microsecond=0)
    if level is Level.MINUTE:
        return minute
    hour = minute.replace(minute=0)
    if level is Level.HOUR:
        return hour
    day = hour.replace(hour=0)
    if level is Level.DAY:
        return day
    return day.replace(day=1) if level is Level.MONTH else day.replace(day=1, month=1)


_LENGTHS = {
    Level.MINUTE: timedelta(minutes=1),
    Level.HOUR: timedelta(hours=1),
    Level.DAY: timedelta(days=1),
}


def start_of_next(level: Level, instant: datetime) -> datetime:
    """The start of the period after an instant's, or the end of the calendar."""
    start = start_of(level, instant)
    try:
        if level is Level.YEAR:
            return start.replace(year=start.year + 1)
        if level is Level.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        return start + _LENGTHS[level]
    except (OverflowError, ValueError):
        return END


def cover(low: datetime | None, high: datetime | None, finest: Level) -> Cover:
    """Cover the instants from `low` to `high`, both included; `None` leaves an end open.

    Never more than two edges, nor more segments than two for each level: coarse periods in the middle, finer
    ones towards the ends.
    """
    first = BEGINNING if low is None else low
    last = END if high is None or high > END - TICK else high + TICK
    segments: list[Segment] = []
    edges: list[Edge] = []
    # Inwards from both ends: at each level the part up to the next coarser period is set aside.
    finer: Level | None = None
    for level in (level for level in Level if level >= finest):
        if first >= last:
            break
        up = first if start_of(level, first) == first else min(start_of_next(level, first), last)
        _set_aside(finer, first, up, segments, edges)
        down = last if last == END else max(start_of(level, last), up)
        _set_aside(finer, down, last, segments, edges)
        first, last, finer = up, down, level
    if first < last:
        segments.append(Segment(Level.YEAR, first, last))
    return Cover(segments, edges)


def _set_aside(
    finer: Level | None, first: datetime, last: datetime, segments: list[Segment], edges: list[Edge]
) -> None:
    if first >= last:
        return
    if finer is None:
        edges.append(Edge(first, last))
    else:
        segments.append(Segment(finer, first, last))
