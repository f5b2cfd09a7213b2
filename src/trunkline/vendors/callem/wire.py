"""Callem's records: what it prints, and its query parameters."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct


class WireTurn(Struct):
    """An entry of the transcript."""

    role: str
    content: str


class WireCall(Struct, kw_only=True, rename="camel"):
    """A call as Callem prints it. Field order is their key order."""

    id: str
    status: str
    duration: float | int
    summary: str | None
    evaluation: str | None
    ended_reason: str | None
    caller_number: str | None
    called_number: str | None
    is_engaged: bool
    call_analysis: dict[str, Any] | None
    transcript: list[WireTurn]
    created_at: str
    """A text, because it always has three decimals."""
    updated_at: str


class Pagination(Struct):
    """The position of a page, with the limit and offset that were applied."""

    total: int
    limit: int
    offset: int


class CallList(Struct):
    """The answer of list calls."""

    data: list[WireCall]
    pagination: Pagination


class Deleted(Struct):
    """The answer of delete call."""

    id: str
    deleted: bool


class ErrorBody(Struct, rename="camel"):
    """The body of every refusal."""

    status_code: int
    message: str


class GetQuery(Struct):
    """Get call has no query parameters."""


class ListQuery(Struct, kw_only=True):
    """The query parameters of list calls."""

    limit: Annotated[int, Meta(ge=1, extra={"clamp": 1000})] = 100
    offset: Annotated[int, Meta(ge=0, description="calls that are passed over")] = 0
