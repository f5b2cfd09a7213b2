"""The completeness ledger's records: what a vendor lists, what we hold, and calls by name."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class LedgerHour(Struct, kw_only=True):
    """One hour of creation: how many calls the vendor listed and how many we hold."""

    hour: datetime
    told: int
    held: int
    missing: int
    repaired: int
    checked_at: datetime


class LedgerCall(Struct, kw_only=True):
    """A call that is missing, was repaired or came late."""

    vendor_call_id: str
    hour: datetime | None
    state: str
    """`missing`, `repaired` or `late`."""
    reason: str
    noticed_at: datetime


class SourceLedger(Struct, kw_only=True):
    """The ledger of one source."""

    source: str
    vendor: str
    label: str
    pulled_at: datetime | None
    """When its list was last read to the end."""
    told: int
    held: int
    hours: list[LedgerHour]
    calls: list[LedgerCall]
    more: bool
    """Whether there are more calls than are named."""


class LedgerFound(Struct, frozen=True):
    """The ledgers of an org's sources."""

    sources: list[SourceLedger]
