"""The canonical call and its parts: one neutral record that every dialect reads into and writes from.

Times are aware UTC instants, durations and offsets whole milliseconds (offsets count from the start
of the call), money a decimal with its unit. `None` means that the value is unknown.

Records that a call can have very many of are left out of garbage collection (`gc=False`): nothing in them can
lead back to them, and traversing all of them would hold up everything else.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status


class Word(Struct, omit_defaults=True, gc=False):
    """One spoken word with its times in the call."""

    word: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None


class Turn(Struct, gc=False):
    """What one side said without being interrupted."""

    role: Role
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    words: list[Word] | UnsetType = UNSET
    """Absent when the source gives no word times; an empty list when it gave an empty one."""


class ToolCall(Struct, gc=False):
    """A function the agent ran during the call, and what came back.

    Turns, invocations and results form one sequence. `position` and `result_position` are positions in
    that whole sequence; the turns fill the positions left over. Without positions the tool calls follow
    the last turn.
    """

    name: str | None = None
    id: str | None = None
    arguments: Any = None
    result: Any = None
    position: int | None = None
    result_position: int | None = None
    """`None` while nothing has come back."""
    start_ms: int | None = None


class Agent(Struct):
    """The voice agent that held the call."""

    id: str | None = None
    name: str | None = None
    config: dict[str, Any] | None = None


class Campaign(Struct):
    """The batch of calls this one belongs to."""

    id: str | None = None
    name: str | None = None


class Contact(Struct):
    """The person on the other side, as the vendor's contact book knows them."""

    id: str | None = None
    full_name: str | None = None
    phone_number: str | None = None
    email: str | None = None
    country: str | None = None


class Analysis(Struct):
    """What was found out about the call after it ended."""

    summary: str | None = None
    sentiment: Sentiment | None = None
    success: bool | None = None
    """Whether the agent reached its goal; not the same as an answered call."""
    voicemail: bool | None = None
    engaged: bool | None = None
    """Whether this was a meaningful conversation."""
    custom: dict[str, Any] | None = None
    """The fields a team defined for itself, under their own names."""
    evaluations: list[dict[str, Any]] | None = None


class Cost(Struct):
    """What the call cost, in the vendor's unit: a currency code or `credits`."""

    amount: Decimal | None = None
    unit: str | None = None
    items: list[dict[str, Any]] | None = None
    """The parts of the amount, in the vendor's own shape."""


class Recording(Struct):
    """Whether the call was recorded, and the link to the recording."""

    enabled: bool | None = None
    url: str | None = None
    stored: bool | UnsetType = UNSET
    """Whether we store it ourselves; then the printed link is ours."""
    original_url: str | UnsetType | None = UNSET
    """The vendor's address, if the link is ours; set when the call is printed and never stored."""


class Privacy(Struct):
    """What the vendor was asked not to store."""

    opt_out: bool | None = None


class Telephony(Struct):
    """The carrier's own ids of the call."""

    sid: str | None = None
    conference_sid: str | None = None
    transport: str | None = None


class Verbatim(Struct):
    """A wire value that our words do not bring back: the vendor's own, where we would print another."""

    printed: str
    """A fingerprint of what we would print; once that changes, the vendor's old word is no longer valid."""
    value: Any = field(name="said")
    """Stored and printed as `said`: stored transcripts are compressed, and stay as they are."""
    apart: bool = False
    """Whether it belongs to the transcript, which is read separately from the rest of the call."""


class Call(Struct, kw_only=True):
    """One call, merged from everything that was reported about it. Field order is our API's key order."""

    id: str
    """A UUID in lower case. The vendor's own id where that is one, else derived from it."""
    vendor: str
    vendor_call_id: str
    trace_id: str | None = None
    direction: Direction = Direction.UNKNOWN
    channel: Channel = Channel.UNKNOWN
    vendor_type: str | None = None
    """The vendor's own word for the kind of call."""
    from_number: str | None = None
    to_number: str | None = None
    status: Status
    result: Result | None = None
    end_reason: EndReason | None = None
    end_reason_raw: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    """What the vendor stated; never computed from two instants."""
    agent: Agent | None = None
    campaign: Campaign | None = None
    contact: Contact | None = None
    turns: list[Turn] | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    transcript_text: str | UnsetType | None = UNSET
    """The vendor's plain text of the conversation, if it gave one."""
    analysis: Analysis | None = None
    cost: Cost | None = None
    billing_status: str | None = None
    latency: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    errors: dict[str, Any] | None = None
    turn_count: int | None = None
    recording: Recording | None = None
    log_url: str | None = None
    privacy: Privacy | None = None
    telephony: Telephony | None = None
    metadata: dict[str, Any] | None = None
    events: list[dict[str, Any]] | UnsetType | None = UNSET
    vendor_words: dict[str, str] | None = None
    """The vendor's own word for a field, where ours alone would not bring it back."""
    vendor_fields: dict[str, Any] | None = None
    """Wire fields without a home here, given back only in the call's own dialect."""
    verbatim: dict[str, Verbatim] | None = None
    """Wire values by wire field, given back in the call's own dialect as long as they are valid."""
    derived: list[str] | None = None
    """The names of fields that were not stated and follow from others."""


TRANSCRIPT_FIELDS = ("turns", "tool_calls", "transcript_text", "events")
"""Fields that grow with the conversation; they are stored, and read, separately from the rest."""
