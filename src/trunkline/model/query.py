"""Queries for calls: filter, order and window, in our words."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Wording(Struct, frozen=True):
    """Calls for which a dialect prints one of these words.

    `values` are our words that print so. A call of the vendor itself may have a word that ours alone
    would not bring back (`Call.vendor_words`): such a call is found by `words` and by nothing else.
    """

    values: frozenset[str]
    vendor: str | None = None
    words: frozenset[str] = frozenset()


class Span(Struct, frozen=True):
    """A range of instants or numbers with both ends included; `None` leaves an end open."""

    low: Any = None
    high: Any = None


class CallFilter(Struct, frozen=True, kw_only=True):
    """Which calls; every field that is given narrows the answer, and empty means all."""

    created_at: Span | None = None
    started_at: Span | None = None
    ended_at: Span | None = None
    duration_ms: Span | None = None
    status: Wording | None = None
    result: Wording | None = None
    direction: Wording | None = None
    channel: Wording | None = None
    end_reason: Wording | None = None
    sentiment: Wording | None = None
    success: bool | None = None
    voicemail: bool | None = None
    engaged: bool | None = None
    """As the vendor states, else whether the user said anything."""
    vendor: frozenset[str] | None = None
    vendor_call_id: frozenset[str] | None = None
    agent_id: frozenset[str] | None = None
    campaign_id: frozenset[str] | None = None
    agent_ref: str | None = None
    """The UUID form of an agent's id, for a dialect that prints only UUIDs."""
    campaign_ref: str | None = None
    phone: str | None = None
    """Either the calling number or the contact's."""
    any_number: str | None = None
    """The calling number, the called number or the contact's."""
    from_number: str | None = None
    to_number: str | None = None
    transcript_text: str | None = None
    """A piece of the transcript, in upper or lower case."""


class SortField(StrEnum):
    """What a list may be ordered by; calls without a value come last either way."""

    CREATED_AT = "created_at"
    STARTED_AT = "started_at"
    ENDED_AT = "ended_at"
    DURATION_MS = "duration_ms"


class Order(Struct, frozen=True):
    """The order of a list; ties follow the call's id in the same direction.

    Calls without a value follow their creation among themselves, in the same direction too.
    """

    by: SortField = SortField.CREATED_AT
    newest_first: bool = True


class Rows(Struct, frozen=True):
    """A window by count: skip some, return some."""

    limit: int
    offset: int = 0


class Position(Struct, frozen=True):
    """A call's position in an ordered list: the value it is ordered by, and its id."""

    value: datetime | int | None
    id: str
    created_at: datetime | None = None
    """When the call was created; calls without a value follow that, and only they need it."""


class After(Struct, frozen=True):
    """A window by position: the calls after one call."""

    limit: int
    position: Position | None = None
    """`None` starts from the beginning."""
    org: str | None = None
    """The org that the position was printed for; another one may not use it."""


class AfterCall(Struct, frozen=True):
    """A window by creation that follows a call known by the id that a dialect printed."""

    limit: int
    printed_id: str


Window = Rows | After | AfterCall
