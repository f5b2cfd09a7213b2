"""Schedules of jobs: every so often, or at the times of a cron expression in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

_EVERY = re.compile(r"every ([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CRON_FIELDS = 5
MIN_EVERY, MAX_EVERY = timedelta(seconds=10), timedelta(days=31)


def every(text: str) -> str:
    """A schedule from the value of `--every`, such as `5m`; raises `ValueError`.

    >>> every("5m")
    'every 5m'
    >>> every("5")
    Traceback (most recent call last):
    ValueError: '5' is not a time like 30s, 5m, 2h or 1d
    """
    schedule = f"every {text}"
    if (match := _EVERY.fullmatch(schedule)) is None:
        raise ValueError(f"{text!r} is not a time like 30s, 5m, 2h or 1d")
    if not MIN_EVERY <= _span(match) <= MAX_EVERY:
        raise ValueError(f"{text!r} is not between 10s and 31d")
    return schedule


def cron(text: str) -> str:
    """A schedule from a cron expression of five fields, in UTC; raises `ValueError`.

    >>> cron("0 3 * * *")
    '0 3 * * *'
    """
    fields = text.split()
    if len(fields) != _CRON_FIELDS or not _croniter().is_valid(" ".join(fields)):
        raise ValueError(f"{text!r} is not a cron expression like '0 3 * * *'")
    return " ".join(fields)


def next_time(schedule: str, now: datetime) -> datetime:
    """The first time of a schedule after an instant.

    >>> from datetime import UTC
    >>> next_time("every 2h", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)).isoformat()
    '2026-03-01T11:30:00+00:00'
    >>> next_time("0 3 * * *", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)).isoformat()
    '2026-03-02T03:00:00+00:00'
    """
    if match := _EVERY.fullmatch(schedule):
        return now + _span(match)
    found: datetime = _croniter()(schedule, now).get_next(datetime)
    return found


def _croniter() -> Any:
    from croniter import croniter  # type: ignore[import-untyped]

    return croniter


def _span(match: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
