"""The ledger: what a source's vendor lists, hour by hour, compared with what the log stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from trunkline.model.inbox import InboxCount


class LedgerState(StrEnum):
    """What was wrong with how a call arrived."""

    LATE = "late"
    """Its first webhook came long after its end."""
    MISSING = "missing"
    """Its vendor lists it, and it cannot be read or fetched."""
    REPAIRED = "repaired"
    """It was not reported in time, and a pull brought it."""


class LedgerHour(Struct, kw_only=True):
    """One hour of creation of one source's calls."""

    hour: datetime
    source_id: str
    vendor: str
    listed: int | None
    """How many calls the vendor listed when a pull last covered the hour; null if none has."""
    stored: int
    """How many calls of the vendor the log stores now, whichever way they arrived."""
    deleted: int
    """How many were deleted."""
    missing: int
    late: int
    repaired: int
    checked_at: datetime | None


class LedgerCall(Struct, kw_only=True):
    """A call that was late, missing or repaired."""

    hour: datetime
    source_id: str
    vendor: str
    vendor_call_id: str
    """The vendor's id; `item …` with a digest if not even that could be read."""
    state: LedgerState
    noticed_at: datetime
    repaired_at: datetime | None
    reason: str | None
    """Why it could not be read or fetched."""


class LedgerPage(Struct, kw_only=True):
    """The ledger of a range of whole hours."""

    since: datetime
    until: datetime
    """The end of the last hour."""
    hours: list[LedgerHour]
    """Hours without calls are left out."""
    calls: list[LedgerCall]
    left_out: int = 0
    """How many calls there are beyond those listed."""
    unread: list[InboxCount] = []
    """What the inbox has of each source now, whenever it arrived, and what it had to drop."""


def example_ledger() -> LedgerPage:
    """An example for the documentation: an hour in which one call was missed and then pulled."""
    hour, source_id = datetime(2026, 3, 1, 9, tzinfo=UTC), "5b1f3c52-8d0e-4c5c-9d52-0d7a7c1b6a01"
    counted = LedgerHour(
        hour=hour,
        source_id=source_id,
        vendor="elsewhere",
        listed=42,
        stored=42,
        deleted=0,
        missing=0,
        late=0,
        repaired=1,
        checked_at=hour + timedelta(hours=2),
    )
    named = LedgerCall(
        hour=hour,
        source_id=source_id,
        vendor="elsewhere",
        vendor_call_id="call-17",
        state=LedgerState.REPAIRED,
        noticed_at=hour + timedelta(hours=2),
        repaired_at=hour + timedelta(hours=2),
        reason=None,
    )
    unread = InboxCount(
        source="elsewhere", source_id=source_id, vendor="elsewhere", unreadable=2, size_bytes=44
    )
    until = hour + timedelta(hours=1)
    return LedgerPage(since=hour, until=until, hours=[counted], calls=[named], unread=[unread])
