"""ContactShip's records: what it prints, and its query parameters."""

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
    """The status poll has no query parameters."""


class WireStatus(Struct):
    """The state of a call."""

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


TRANSCRIPT = Meta(description="whether to print the conversation")
RESULT = Meta(description="the result as ContactShip spells it")


class GetQuery(Struct, kw_only=True):
    """The query parameters of get call."""

    include_transcript: Annotated[bool, TRANSCRIPT] = True
    include_words: Annotated[bool, Meta(description="whether to print the times of words")] = False
    include_tools: Annotated[bool, Meta(description="whether to print tool calls among the turns")] = False
    transcript_format: Annotated[Literal["json", "toon"], Meta(description="how transcripts are printed")] = (
        "json"
    )


class ListQuery(GetQuery, kw_only=True):
    """The query parameters of list calls."""

    include_transcript: Annotated[bool, TRANSCRIPT] = False
    limit: Annotated[int, Meta(ge=0, le=1000, description="calls on a page")] = 20
    offset: Annotated[int, Meta(ge=0, description="calls that are passed over")] = 0
    order: Annotated[Literal["asc", "desc"], Meta(description="`desc` has the latest calls first")] = "desc"
    date_from: DayOrInstant | None = None
    date_to: DayOrInstant | None = None
    call_status: (
        Annotated[
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
            ],
            Meta(description="the status as ContactShip spells it"),
        ]
        | None
    ) = None
    call_result: Annotated[Literal["answered", "voicemail", "no_answer", "busy", "failed"], RESULT] | None = (
        None
    )
    agent_id: Annotated[Uuid, Meta(description="the agent that spoke")] | None = None
    campaign_id: Annotated[Uuid, Meta(description="the campaign that called")] | None = None
    phone: Annotated[Phone, Meta(description="the calling number or the contact's")] | None = field(
        name="phoneNumber", default=None
    )
