"""Conversions between wire values and ours: instants, durations, numbers, phone numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

import phonenumbers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:[Zz]|[+\- ][0-9]{2}:?[0-9]{2})?)?"
)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DIALLED = re.compile(r"[ +]?[0-9(](?:[ ().\-]*[0-9]){4,16}[ ).]*")


def is_day(text: str) -> bool:
    """Whether a text is a date without a time."""
    return _DAY.fullmatch(text) is not None


def instant_of_iso(text: str) -> datetime:
    """Read an ISO 8601 date or date-time; without a zone it is UTC.

    A `+` of an offset may have arrived as a space. Raises `ValueError` for anything else, impossible
    dates included.

    >>> instant_of_iso("2026-03-15T14:35:22+02:00")
    datetime.datetime(2026, 3, 15, 12, 35, 22, tzinfo=datetime.timezone.utc)
    """
    if not _ISO.fullmatch(text):
        raise ValueError("not an ISO 8601 date or date-time")
    if len(text) > 19 and text[-6] == " " and text[-3] == ":":
        text = f"{text[:-6]}+{text[-5:]}"
    try:
        instant = datetime.fromisoformat(text.upper())
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("no such date or time") from None


def instant_of_ms(number: float) -> datetime:
    """Read epoch milliseconds; raises `ValueError` outside the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(milliseconds=number)
    except (OverflowError, ValueError):
        raise ValueError("outside the calendar") from None


def hour_of(instant: datetime) -> datetime:
    """The beginning of an instant's hour of UTC."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def ms_of_instant(instant: datetime) -> int:
    """Write an instant as whole epoch milliseconds, rounded down."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def later(instant: datetime, ms: int) -> datetime | None:
    """An instant so many milliseconds later; `None` past the end of the calendar.

    >>> later(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), 1000) is None
    True
    """
    try:
        return instant + timedelta(milliseconds=ms)
    except OverflowError:
        return None


def iso_with_ms(instant: datetime) -> str:
    """Write an instant with always three decimals and `Z`.

    >>> iso_with_ms(datetime(2025, 12, 15, 14, 30, tzinfo=UTC))
    '2025-12-15T14:30:00.000Z'
    """
    return f"{instant.strftime('%Y').zfill(4)}-{instant:%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def ms_of_seconds(seconds: float | Decimal) -> int:
    """Read decimal seconds as whole milliseconds, half to even.

    >>> ms_of_seconds(39.812), ms_of_seconds(0.0005), ms_of_seconds(0.0015)
    (39812, 0, 2)
    """
    return int((Decimal(str(seconds)) * 1000).to_integral_value(ROUND_HALF_EVEN))


def seconds_of_ms(ms: int) -> int | float:
    """Write milliseconds as seconds: an integer when whole, else up to three decimals.

    >>> seconds_of_ms(317000), seconds_of_ms(120500)
    (317, 120.5)
    """
    whole, rest = divmod(ms, 1000)
    return whole if rest == 0 else ms / 1000


def number(amount: Decimal) -> int | float:
    """Write a decimal as a JSON number, without a fraction when it has none."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def parse_phone(text: str) -> str | None:
    """Read a phone number in the form in which numbers are compared; `None` if it cannot be one.

    A `+` that arrived as a space, and one that is missing, are both put back.

    >>> parse_phone(" 12024567890"), parse_phone("+1 (202) 456-7890"), parse_phone("abc")
    ('+12024567890', '+12024567890', None)
    """
    if not _DIALLED.fullmatch(text):
        return None
    if text.startswith("+"):
        try:
            parsed = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is not None:
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return "+" + re.sub(r"[^0-9]", "", text)


@lru_cache(maxsize=65536)
def phone_key(text: str) -> str:
    """The form in which two writings of one phone number are equal: E.164, else the text itself.

    >>> phone_key("+1 202-456-7890"), phone_key("1 202 456 7890"), phone_key("sip:front-desk")
    ('+12024567890', '+12024567890', 'sip:front-desk')
    """
    return text if _E164.fullmatch(text) else parse_phone(text) or text
