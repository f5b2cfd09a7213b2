"""Zudu's records: what it prints, and its query parameters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trunkline.model.query import CallFilter


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
    """The position of a page; pages count from zero."""

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
    """Get call has no query parameters."""


class ListQuery(Struct, kw_only=True):
    """The query parameters of list calls."""

    page: Annotated[int, Meta(ge=0, description="the number of the page, from 0")] = 0
    limit: Annotated[int, Meta(ge=1, le=100, description="calls on a page")] = 20
    sort_by: Annotated[
        Literal["start_timestamp", "end_timestamp", "call_duration", "created_at"],
        Meta(description="calls without it come last, in either order"),
    ] = "start_timestamp"
    sort_order: Annotated[
        Literal["ascending", "descending"], Meta(description="which end of the order comes first")
    ] = "descending"


class Thresholds(Struct, forbid_unknown_fields=True):
    """A range with both ends included."""

    lower_threshold: int | None = None
    upper_threshold: int | None = None


Texts = str | list[str] | UnsetType
Flags = bool | list[bool] | UnsetType


class Criteria(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which calls: keys are joined by "and", the values of one key by "or"."""

    call_status: Texts = UNSET
    agent_id: Texts = UNSET
    call_type: Texts = UNSET
    duration_ms: Thresholds | UnsetType = UNSET
    transcript_search: Annotated[str, Meta(min_length=1, max_length=4096)] | UnsetType = UNSET
    start_timestamp: Thresholds | UnsetType = UNSET
    direction: Texts = UNSET
    disconnection_reason: Texts = UNSET
    user_sentiment: Texts = UNSET
    from_number: Texts = UNSET
    to_number: Texts = UNSET
    batch_call_id: Texts = UNSET
    call_successful: Flags = UNSET
    in_voicemail: Flags = UNSET


class SearchBody(ListQuery, kw_only=True, forbid_unknown_fields=True):
    """The body of list calls by POST."""

    filter_criteria: Criteria | None = None


class Search(ListQuery, kw_only=True):
    """A list requested by POST."""

    filter: CallFilter
    applied: dict[str, Any]


class UpdateBody(Struct, kw_only=True):
    """The fields that update accepts; metadata is merged."""

    call_status: str | UnsetType = UNSET
    direction: str | UnsetType = UNSET
    from_number: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class Updated(Struct):
    """What the answer of update call carries."""

    operation: str
    organization_id: str
    call: WireCall


class CallUpdated(Struct):
    """The answer of update call."""

    message: str
    status: str
    error: str | None
    data: Updated


class ScheduleBody(Struct):
    """When a scheduled call is to be placed, in Unix seconds."""

    scheduled_timestamp: int


class Moved(Struct):
    """What the answer of moving a schedule carries; timestamps are Unix seconds."""

    operation: str
    organization_id: str
    call_id: str
    previous_scheduled_timestamp: int | None
    new_scheduled_timestamp: int
    scheduled_for_human: str
    call: WireCall


class ScheduleMoved(Struct):
    """The answer of moving a schedule."""

    message: str
    status: str
    error: str | None
    data: Moved


class CancelledCall(Struct):
    """A call whose schedule was cancelled."""

    call_id: str
    metadata: dict[str, Any]
    events: list[dict[str, Any]]


class Cancelled(Struct):
    """What the answer of cancelling a schedule carries; the timestamp is in Unix seconds."""

    operation: str
    organization_id: str
    call_id: str
    cancelled_scheduled_timestamp: int | None
    call: CancelledCall


class ScheduleCancelled(Struct):
    """The answer of cancelling a schedule."""

    message: str
    status: str
    error: str | None
    data: Cancelled


class Removed(Struct):
    """What the answer of delete call carries."""

    operation: str
    organization_id: str
    call_id: str


class CallRemoved(Struct):
    """The answer of delete call."""

    message: str
    status: str
    error: str | None
    data: Removed
