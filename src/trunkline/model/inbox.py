"""The inbox: payloads that could not be read or that name no call, and the intents about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType


class InboxState(StrEnum):
    """Why a payload is in the inbox."""

    UNREADABLE = "unreadable"
    """It is no payload of its vendor, or does not say which call it is of."""
    NO_CALL = "no_call"
    """It was read and is about something else than a call, such as a chat."""


class InboxEntry(Struct, kw_only=True):
    """A payload in the inbox, without its content."""

    id: str
    source: str
    """The source's label or vendor; `api` for our own API and `file` for an imported file."""
    source_id: str | None
    """Null for what came from no source."""
    vendor: str
    """The vendor whose form it was read in; empty if no vendor was recognised."""
    kind: str
    """`hook` for a delivery, `call` for a call as its vendor's API prints one, `change` for one reported to
    our own API, `line` for a line of a file that no vendor was recognised in."""
    state: InboxState
    reason: str
    """Why it could not be read, or why it names no call."""
    event: str
    place: str
    """Where in a file it is; empty for what came from none."""
    content_type: str
    size_bytes: int
    times: int
    """How often it arrived."""
    received_at: datetime
    last_received_at: datetime


class InboxContent(Struct, frozen=True):
    """A payload in the inbox, and its content as it arrived."""

    entry: InboxEntry
    body: bytes
    content_encoding: str = ""
    """The header with which it arrived."""


class InboxCount(Struct, kw_only=True):
    """What the inbox has of one source and vendor now, and what it had to drop."""

    source: str
    source_id: str | None
    vendor: str
    unreadable: int = 0
    no_call: int = 0
    size_bytes: int = 0
    dropped: int = 0
    """Payloads that were dropped, the oldest first, since the inbox was full."""
    last_dropped_at: datetime | None = None

    @property
    def unread(self) -> int:
        """All payloads of the source."""
        return self.unreadable + self.no_call


class InboxPosition(Struct, frozen=True):
    """The position of an entry in the inbox."""

    received_at: datetime
    id: str


class ListInbox(Struct, frozen=True, kw_only=True):
    """One page of an org's inbox, what arrived last first."""

    limit: int
    after: InboxPosition | None = None
    org: str | None = None
    """The org that `after` was made for; another one is refused."""
    source_id: str | None = None
    vendor: str | None = None
    state: InboxState | None = None
    with_total: bool = False


class GetInboxPayload(Struct, frozen=True):
    """One payload of the inbox with its content."""

    id: str


class CountInbox(Struct, frozen=True):
    """How many payloads of each source the inbox has, and how many were dropped."""


class RetryInbox(Struct, frozen=True, kw_only=True):
    """Read payloads again with the readers of today, and ingest those that can be read."""

    ids: Sequence[str] | None = None
    """`None` for all that match the other conditions."""
    source_id: str | None = None
    vendor: str | None = None


class DropInbox(Struct, frozen=True, kw_only=True):
    """Delete payloads for good."""

    ids: Sequence[str] | None = None
    """`None` for all that match the other conditions."""
    source_id: str | None = None
    vendor: str | None = None


class InboxPage(Struct, frozen=True, kw_only=True):
    """A page of the inbox."""

    org: str
    entries: Sequence[InboxEntry]
    counts: Sequence[InboxCount]
    """Of all sources of the org, whatever the page is of."""
    has_more: bool = False
    total: int | None = None


class InboxCounts(Struct, frozen=True):
    """The counts of every source that has or had something in the inbox."""

    counts: Sequence[InboxCount]


class StillUnread(Struct, frozen=True):
    """A payload that still cannot be read, and why."""

    id: str
    reason: str


class InboxRetried(Struct, kw_only=True):
    """The result of reading payloads again."""

    read: int = 0
    """Payloads that were read and are out of the inbox."""
    calls: int = 0
    """The calls in them."""
    unread: list[StillUnread]
    """Those that stay."""


class InboxDropped(Struct, frozen=True):
    """How many payloads were deleted."""

    count: int


class PrintedPayload(InboxEntry, kw_only=True, omit_defaults=True):
    """A payload in the inbox with its content: as text if it is UTF-8, else in Base64."""

    payload: str | UnsetType = UNSET
    payload_base64: str | UnsetType = UNSET


def example_entry() -> InboxEntry:
    """An example for the documentation: a delivery that says nothing of its call."""
    at = datetime(2026, 3, 2, 9, 30, 4, tzinfo=UTC)
    return InboxEntry(
        id="0c5c5e3e-5b1c-6f6d-0b4e-6a8b7a3f9d21",
        source="elsewhere",
        source_id="5b1f3c52-8d0e-4c5c-9d52-0d7a7c1b6a01",
        vendor="elsewhere",
        kind="hook",
        state=InboxState.UNREADABLE,
        reason="call: expected an object, found nothing",
        event="call_ended",
        place="",
        content_type="application/json",
        size_bytes=22,
        times=2,
        received_at=at,
        last_received_at=at,
    )


def example_inbox() -> InboxPage:
    """An example for the documentation: an inbox with one payload."""
    entry = example_entry()
    count = InboxCount(
        source=entry.source, source_id=entry.source_id, vendor=entry.vendor, unreadable=1, size_bytes=22
    )
    return InboxPage(org="acme", entries=[entry], counts=[count], total=1)
