"""ContactShip's records: what it prints, and what it may be asked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.kit.query import DayOrInstant, Phone, Uuid


class WireContact(Struct):
    """The person on the other side."""

    id: str | None
    full_name: str | None
    phone_number: str | None
    email: str | None
    country: str | None


class WireWord(Struct):
    """A word; start and end count seconds from the start of the call."""

    word: str
    start: float | int | None
    end: float | int | None


class WireTurn(Struct):
    """An entry of the transcript."""

    role: str
    content: str
    words: list[WireWord] | UnsetType = UNSET


class WireEntry(Struct):
    """An entry of the transcript with tools: an utterance, an invocation or a result."""

    role: str
    tool_call_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    arguments: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    words: list[WireWord] | UnsetType = UNSET


class WireCall(Struct, kw_only=True):
    """A call as ContactShip prints it. Field order is their key order."""

    id: str
    direction: str
    from_: str | None = field(name="from")
    call_record: str | None
    call_status: str
    call_result: str | None
    disconnection_reason: str | None
    finished_at: datetime | None
    start_at: datetime | None
    duration: float | int | None
    call_analysis: dict[str, Any] | None
    type: str
    created_at: datetime
    agent_id: str | None
    campaign_id: str | UnsetType | None = UNSET
    contact: WireContact | None
    chat_history: list[WireTurn] | str | UnsetType = UNSET
    chat_history_with_tools: list[WireEntry] | str | UnsetType = UNSET
    transcript_format: Literal["json", "toon"] | UnsetType = UNSET


class CallList(Struct):
    """The answer of list calls."""

    data: list[WireCall]
    count: int


class ErrorBody(Struct):
    """The body of every refusal."""

    statusCode: int  # noqa: N815 [docs] their spelling
    message: str


class StatusQuery(Struct, kw_only=True):
    """Nothing may be asked of the status poll."""


class WireStatus(Struct):
    """How a call stands."""

    call_id: str
    agent_id: str | None
    call_status: str
    finished: bool
    disconnection_reason: str | None
    started_at: datetime | None
    ended_at: datetime | None


class StatusFound(Struct):
    """The answer of the status poll."""

    statusCode: int  # noqa: N815 [docs] their spelling
    data: WireStatus


class GetQuery(Struct, kw_only=True):
    """What may be asked of get call."""

    include_transcript: bool = True
    include_words: bool = False
    include_tools: bool = False
    transcript_format: Literal["json", "toon"] = "json"


class ListQuery(GetQuery, kw_only=True):
    """What may be asked of list calls."""

    include_transcript: bool = False
    limit: Annotated[int, Meta(ge=0, le=1000)] = 20
    offset: Annotated[int, Meta(ge=0)] = 0
    order: Literal["asc", "desc"] = "desc"
    date_from: DayOrInstant | None = None
    date_to: DayOrInstant | None = None
    call_status: (
        Literal[
            "in-progress",
            "completed",
            "no-answer",
            "failed",
            "in-queue",
            "incomplete",
            "busy",
            "answering-machine",
            "scheduled",
            "voice_mail",
        ]
        | None
    ) = None
    call_result: Literal["answered", "voicemail", "no_answer", "busy", "failed"] | None = None
    agent_id: Uuid | None = None
    campaign_id: Uuid | None = None
    phone: Phone | None = field(name="phoneNumber", default=None)
