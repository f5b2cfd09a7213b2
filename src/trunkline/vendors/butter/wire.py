"""Butter's records: what it prints, and its query parameters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType


class WireSummary(Struct, kw_only=True):
    """A call as a list prints it. Field order is their key order."""

    call_sid: str
    to_number: str
    from_number: str | None
    agent_id: str
    agent_name: str | None
    client_id: str
    call_type: str
    status: str
    recording_enabled: bool
    total_cost: float | int | None
    duration_seconds: float | int | None
    turn_count: int
    created_at: datetime
    updated_at: datetime
    start_time: datetime | None
    end_time: datetime | None
    end_reason: str | None
    billing_status: str | None


class WireEvent(Struct):
    """Something said or done within a turn; times are seconds from the start of the call."""

    type: str
    text: str | UnsetType = UNSET
    relative_time: float | int | UnsetType | None = UNSET
    tool_call_id: str | UnsetType | None = UNSET
    tool_name: str | UnsetType | None = UNSET
    arguments: Any = UNSET
    result: Any = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class WireTurn(Struct):
    """A turn; times are seconds from the start of the call."""

    turn_number: int
    relative_start_time: float | int | None
    relative_end_time: float | int | None
    duration_seconds: float | int | None
    events: list[WireEvent]


class WireLine(Struct):
    """An entry of the transcript."""

    speaker: str
    text: str


class WireCall(Struct, kw_only=True):
    """A call as get prints it. Field order is their key order."""

    call_sid: str
    trace_id: str | None
    to_number: str
    from_number: str | None
    agent_id: str
    agent_name: str | None
    client_id: str
    call_type: str
    status: str
    agent_config: dict[str, Any] | None
    transport: str | None
    recording_enabled: bool
    recording_url: str | None
    duration_seconds: float | int | None
    turn_count: int
    total_cost: float | int | None
    cost_breakdown: dict[str, Any] | None
    usage: dict[str, Any] | None
    summary: dict[str, Any]
    errors: dict[str, Any] | None
    turns: list[WireTurn]
    transcript: list[WireLine]
    created_at: datetime
    updated_at: datetime
    start_time: datetime | None
    end_time: datetime | None
    billing_status: str | None


class Pagination(Struct):
    """Where a page ends."""

    next_cursor: str | None
    has_more: bool
    page_size: int


class CallList(Struct):
    """The answer of list calls."""

    success: bool
    data: list[WireSummary]
    pagination: Pagination


class CallFound(Struct):
    """The answer of get call."""

    success: bool
    data: WireCall


class ErrorBody(Struct):
    """The body of every refusal."""

    success: bool
    message: str


class GetQuery(Struct, kw_only=True):
    """Get call has no query parameters."""


class ListQuery(Struct, kw_only=True):
    """The query parameters of list calls."""

    limit: Annotated[int, Meta(ge=1, le=100, description="calls on a page")] = 50
    cursor: Annotated[str, Meta(max_length=4096, description="the page before ended here")] | None = None
