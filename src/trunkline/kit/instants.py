"""Instants in whatever form they come: ISO 8601, RFC 2822, and numbers since 1970 in any unit.

A vendor documents one form; a proxy, an SDK or another version of its API sends another. Forms cannot be
confused, since a call happened in this century: a number is taken in the unit in which it lies there.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, NamedTuple

from trunkline.kit.wire import instant_of_iso


class InstantForm(Enum):
    """How an instant is written."""

    ISO = "an ISO 8601 date-time"
    RFC_2822 = "an RFC 2822 date"
    SECONDS = "epoch seconds"
    MILLISECONDS = "epoch milliseconds"
    MICROSECONDS = "epoch microseconds"
    NANOSECONDS = "epoch nanoseconds"


class FoundInstant(NamedTuple):
    """An instant, and the form in which it was written; `None` where the value says that it is not known."""

    at: datetime | None
    form: InstantForm


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()

_PER_SECOND = {
    InstantForm.SECONDS: 1,
    InstantForm.MILLISECONDS: 10**3,
    InstantForm.MICROSECONDS: 10**6,
    InstantForm.NANOSECONDS: 10**9,
}

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9]{1,2})?")


def read_instant(value: Any, documented: InstantForm) -> FoundInstant:
    """Read an instant in any form; raises `ValueError` with a reason for what is none.

    Zero where numbers are documented, and an empty text where the form of mail is, which comes in forms that
    have no null, say that the instant is not known.

    >>> read_instant(1767225600, InstantForm.MILLISECONDS).form
    <InstantForm.SECONDS: 'epoch seconds'>
    """
    if isinstance(value, str):
        text = value.strip()
        if not text and documented is InstantForm.RFC_2822:
            return FoundInstant(None, documented)
        if _NUMBER.fullmatch(text):
            return _of_number(Decimal(text), documented)
        return _of_text(text)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"expected {documented.value}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected {documented.value}")
    try:
        return _of_number(Decimal(value), documented)
    except InvalidOperation:
        raise ValueError(f"expected {documented.value}") from None


def _of_number(number: Decimal, documented: InstantForm) -> FoundInstant:
    if number == 0 and documented in _PER_SECOND:
        return FoundInstant(None, documented)
    for form, per_second in _PER_SECOND.items():
        if _FIRST <= number / per_second < _LAST:
            microseconds = number * 10**6 / per_second
            return FoundInstant(_EPOCH + timedelta(microseconds=round(microseconds)), form)
    raise ValueError("in no unit a time of this century")


def _of_text(text: str) -> FoundInstant:
    try:
        return FoundInstant(instant_of_iso(text), InstantForm.ISO)
    except ValueError as error:
        reason = str(error)
    if not text[:1].isalnum() or len(text) > 60:
        raise ValueError(reason)
    try:
        read = parsedate_to_datetime(text)
        at = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        raise ValueError(reason) from None
    return FoundInstant(at, InstantForm.RFC_2822)
