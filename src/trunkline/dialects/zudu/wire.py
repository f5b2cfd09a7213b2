"""Zudu's records: what it prints, and what it may be asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class WireWord(Struct):
    """A word; start and end are epoch milliseconds."""

    word: str
    start: int | None
    end: int | None


class WireTurn(Struct):
    """An entry of the transcript; its time is in epoch milliseconds."""

    role: str
    content: str
    timestamp: int | UnsetType | None = UNSET
    words: list[WireWord] | UnsetType = UNSET


class WireEntry(Struct):
    """An entry of the transcript with tools: an utterance, an invocation or a result."""

    role: str
    tool_call_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    arguments: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    timestamp: int | UnsetType | None = UNSET
    words: list[WireWord] | UnsetType = UNSET


class WireCost(Struct):
    """What the call cost, in US dollars."""

    combined_cost: float | int | None
    product_costs: list[dict[str, Any]] | UnsetType = UNSET


class WireTelephony(Struct):
    """The carrier's own ids."""

    call_sid: str | None
    conference_sid: str | None


class WireCall(Struct, kw_only=True):
    """A call as Zudu prints it. Field order is their key order."""

    id: str
    call_id: str
    agent_id: str | None
    organization_id: str
    call_status: str
    call_type: str
    direction: str | None
    from_number: str | None
    to_number: str | None
    start_timestamp: int | None
    end_timestamp: int | None
    call_duration: int | None
    disconnection_reason: str | None
    recording_url: str | None
    public_log_url: str | None
    opt_out_sensitive_data_storage: bool
    metadata: dict[str, Any]
    events: list[dict[str, Any]]
    transcript: str | None
    transcript_object: list[WireTurn]
    transcript_with_tool_calls: list[WireEntry]
    latency: dict[str, Any] | None
    call_analysis: dict[str, Any] | None
    call_cost: WireCost | None
    telephony_identifier: WireTelephony | None


class Pagination(Struct):
    """Where a page stands; pages count from zero."""

    page: int
    limit: int
    total_count: int
    total_pages: int
    has_next_page: bool
    has_previous_page: bool


class ListData(Struct):
    """What a list carries inside the envelope."""

    organization_id: str
    calls: list[WireCall]
    pagination: Pagination
    returned_count: int
    sort_order: str
    sort_by: str
    applied_filters: dict[str, Any]


class CallList(Struct):
    """The answer of list calls."""

    message: str
    status: str
    error: str | None
    data: ListData


class CallFound(Struct):
    """The answer of get call."""

    message: str
    status: str
    error: str | None
    data: WireCall


class ErrorBody(Struct):
    """The body of every refusal."""

    message: str
    status: str
    error: str


class GetQuery(Struct, kw_only=True):
    """Nothing may be asked of get call."""


class ListQuery(Struct, kw_only=True):
    """What may be asked of list calls."""

    page: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    sort_by: Literal["start_timestamp", "end_timestamp", "call_duration", "created_at"] = "start_timestamp"
    sort_order: Literal["ascending", "descending"] = "descending"
