"""Examplia's records: what it prints, and its query parameters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from trunkline.kit.query import DayOrInstant

# The records are what the vendor prints, field by field and in its order. A field that may be missing has
# the default UNSET; `None` prints as null. Where a name is no Python name, use `field(name=…)`; where all of
# them are in camel case, `class WireCall(Struct, rename="camel")`.


class WireTurn(Struct):
    """An entry of the transcript."""

    speaker: str
    text: str


class WireCall(Struct, kw_only=True):
    """A call as Examplia prints it. Field order is their key order."""

    id: str
    direction: str
    from_: str | None = field(name="from")
    to: str | None
    state: str
    ended_by: str | None
    created_at: datetime
    started_at: datetime | None
    seconds: float | int
    agent_id: str | None
    summary: str | None
    transcript: list[WireTurn]


class CallList(Struct):
    """The answer of list calls."""

    calls: list[WireCall]
    total: int


class ErrorBody(Struct):
    """The body of every refusal."""

    error: str


class GetQuery(Struct):
    """Get call has no query parameters."""


STATE = Meta(description="the state of the call")


class ListQuery(Struct, kw_only=True):
    """The query parameters of list calls."""

    # Every parameter has a default. Ranges and choices are read from the annotations, refused with
    # Fault.BAD_REQUEST otherwise, and shown in OpenAPI.
    limit: Annotated[int, Meta(ge=1, le=200, description="calls on a page")] = 25
    offset: Annotated[int, Meta(ge=0, description="calls that are passed over")] = 0
    order: Annotated[Literal["asc", "desc"], Meta(description="which end comes first")] = "desc"
    since: DayOrInstant | None = None
    until: DayOrInstant | None = None
    state: Annotated[Literal["planned", "active", "done", "unanswered", "error"], STATE] | None = None
