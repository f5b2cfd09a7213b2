"""Our calls written as Butter prints them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from trunkline.dialects.butter.wire import WireCall, WireEvent, WireLine, WireSummary, WireTurn
from trunkline.dialects.butter.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    PREVIEW,
    SPEAKERS_WRITTEN,
    SPEECH,
    STATUS,
    TOOL_CALL,
)
from trunkline.kit.call_ids import prefixed_letters
from trunkline.kit.transcript import Invocation, Returned, interleaved, turns_of
from trunkline.kit.verbatim import as_said
from trunkline.kit.wire import number, seconds_of_ms
from trunkline.model.call import Agent, Call, Cost, Recording, Telephony, ToolCall, Turn
from trunkline.model.words import Channel, EndReason

IDS = prefixed_letters(NAME, "call_")

CREDITS = "credits"

STATISTICS = ("interruptions", "avg_turn_duration", "total_tokens", "total_characters")
"""The numbers in a detail's `summary`, which is not a summary in words."""


class Shared(Struct, frozen=True, kw_only=True):
    """What list and get print alike."""

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
    billing_status: str | None
