"""The sighting: what one payload states about one call, and when.

Absent, null and empty differ. A field left `UNSET` was not mentioned and never erases a known one; `None`
was stated to be empty and gives way to any value; an empty list or object is a value like another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from trunkline.model.call import (
    Agent,
    Analysis,
    Call,
    Campaign,
    Contact,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Verbatim,
)
from trunkline.model.field_problems import FieldProblems
from trunkline.model.words import Channel, Direction, EndReason, Result, Status


class Sighting(Struct, kw_only=True):
    """What one payload states about one call; the fields are those of `Call`, each of them optional."""

    vendor: str
    vendor_call_id: str
    id: str | UnsetType = UNSET
    """The id that the call gets if it is new; a stored call keeps the id it has."""
    trace_id: str | UnsetType | None = UNSET
    direction: Direction | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    vendor_type: str | UnsetType | None = UNSET
    from_number: str | UnsetType | None = UNSET
    to_number: str | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    result: Result | UnsetType | None = UNSET
    end_reason: EndReason | UnsetType | None = UNSET
    end_reason_raw: str | UnsetType | None = UNSET
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType | None = UNSET
    scheduled_at: datetime | UnsetType | None = UNSET
    started_at: datetime | UnsetType | None = UNSET
    ended_at: datetime | UnsetType | None = UNSET
    duration_ms: int | UnsetType | None = UNSET
    agent: Agent | UnsetType | None = UNSET
    campaign: Campaign | UnsetType | None = UNSET
    contact: Contact | UnsetType | None = UNSET
    turns: list[Turn] | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET
    transcript_text: str | UnsetType | None = UNSET
    analysis: Analysis | UnsetType | None = UNSET
    cost: Cost | UnsetType | None = UNSET
    billing_status: str | UnsetType | None = UNSET
    latency: dict[str, Any] | UnsetType | None = UNSET
    usage: dict[str, Any] | UnsetType | None = UNSET
    errors: dict[str, Any] | UnsetType | None = UNSET
    turn_count: int | UnsetType | None = UNSET
    recording: Recording | UnsetType | None = UNSET
    log_url: str | UnsetType | None = UNSET
    privacy: Privacy | UnsetType | None = UNSET
    telephony: Telephony | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    events: list[dict[str, Any]] | UnsetType | None = UNSET
    vendor_words: dict[str, str] | UnsetType | None = UNSET
    vendor_fields: dict[str, Any] | UnsetType | None = UNSET
    verbatim: dict[str, Verbatim] | UnsetType | None = UNSET
    derived: list[str] | UnsetType | None = UNSET
    """Fields set here that the payload does not state and that follow from others."""

    as_of: datetime | UnsetType = UNSET
    """When the payload's facts were true, from the payload itself where it has a time."""
    as_of_by_path: dict[str, datetime] | UnsetType = UNSET
    """When single fields were true, by their paths (`recording/url`), where that is another time."""
    problems: FieldProblems | UnsetType = UNSET
    """Values of the payload that could not be read as documented, by their paths in it."""


IDENTITY = frozenset({"vendor", "vendor_call_id", "id", "derived", "as_of", "as_of_by_path", "problems"})
"""Fields that name the call or speak about the sighting; everything else is a statement."""

STATEMENTS = tuple(f.name for f in structs.fields(Sighting) if f.name not in IDENTITY)
"""The names of the fields a sighting can state, in order."""

if {f.name for f in structs.fields(Call)} - {"id", "vendor", "vendor_call_id", "derived"} != set(STATEMENTS):
    raise TypeError("Call and Sighting must state the same fields")


def sighting_of(call: Call) -> Sighting:
    """A complete call as a sighting."""
    stated = {name: value for name in STATEMENTS if (value := getattr(call, name)) is not None}
    return Sighting(
        id=call.id, vendor=call.vendor, vendor_call_id=call.vendor_call_id, derived=call.derived, **stated
    )
