"""What a file of calls shows, and what every writer of one does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Protocol

from msgspec import Struct

from trunkline.model.encoded_call import EncodedCall


class Shape(Struct, frozen=True, kw_only=True):
    """What a file shows of each call, and in which time zone."""

    absent: frozenset[str] = frozenset()
    """The transcript fields that are left out."""
    words: bool = True
    """Whether the words of turns are shown with their times."""
    bom: bool = False
    """Whether a table begins with a byte order mark, as Excel wants it."""
    zone: tzinfo | None = None
    """The zone that instants are written in; `None` leaves them as get prints them, which is UTC."""


class Writer(Protocol):
    """Writes one file, from its first byte to its last."""

    def begin(self) -> bytes:
        """What comes before the first call."""

    def rows(self, calls: Sequence[EncodedCall]) -> bytes:
        """The next calls."""

    def end(self) -> bytes:
        """What comes after the last call."""


def in_zone(instant: datetime, zone: tzinfo | None) -> datetime:
    """The instant by a zone's clocks.

    It stays in UTC where a clock was off by seconds, as before there were zones, since an offset has none,
    and where the calendar ends.
    """
    if zone is None:
        return instant
    try:
        local = instant.astimezone(zone)
    except (OverflowError, ValueError):
        return instant
    offset = local.utcoffset()
    return instant if offset is None or offset.seconds % 60 else local
