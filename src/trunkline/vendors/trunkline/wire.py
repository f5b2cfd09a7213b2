"""Our own API's records: its query parameters, and its answers besides calls."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_type_hints

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, structs

from trunkline.kit.export import COMPRESSIONS, FORMATS
from trunkline.kit.query import DayOrInstant, Phone, TimeZone, Uuid, Words
from trunkline.model.call import Call
from trunkline.model.field_problems import FieldProblems
from trunkline.model.inbox import InboxCount, InboxEntry
from trunkline.model.live import Event
from trunkline.model.words import Channel, Direction, EndReason, Result, Sentiment, Status

INCLUDABLE = ("turns", "words", "tools")

CLOSED: dict[str, type[StrEnum]] = {
    "status": Status,
    "result": Result,
    "direction": Direction,
    "channel": Channel,
    "end_reason": EndReason,
    "sentiment": Sentiment,
}
"""The filters whose values are our own words, and which words those are."""


class CallList(Struct):
    """The answer of list calls."""

    calls: list[Call]
    next_page_token: str | None
    """Null on the last page."""
    total_size: int | UnsetType = UNSET
    """How many calls match in all, exactly; only with `include_total=true`."""


class CallChange(Struct, omit_defaults=True):
    """The last change of one call."""

    sequence: int
    id: str
    call: Call | UnsetType = UNSET
    """As it is now; absent if it was deleted."""


class ChangeList(Struct):
    """The answer of list changes."""

    changes: list[CallChange]
    next_after: int
    """What to send as `after` next."""
    has_more: bool
    """Whether there may be more at once."""


class OneAnswer(Struct):
    """The result of one reported call."""

    id: str
    state: str
    """`new`, `changed` or `unchanged`."""
    link: str


class ResultOfOne(Struct):
    """The result of one of many reported calls."""

    index: int
    status: int
    """201 for a new call, 200 for an existing one, 400 for one that cannot be read, 410 for a deleted one."""
    state: str
    id: str | UnsetType = UNSET
    link: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    problems: FieldProblems | UnsetType = UNSET
    """Values that could not be read and were left out, by their paths."""


class ManyAnswer(Struct):
    """The results of many reported calls, in their order."""

    results: list[ResultOfOne]


class EventRefused(Struct):
    """An event that was refused."""

    index: int
    error: str


class EventsAnswer(Struct):
    """The result of reported events."""

    id: str
    status: Status
    """The status of the call as it is now."""
    accepted: int
    refused: list[EventRefused]
    link: str


class WriteQuery(Struct, kw_only=True):
    """Writes have no query parameters."""


def _fields(name: str, about: str, *left_out: str) -> type[Struct]:
    """A record of fields of a call, every one of them optional."""
    fields = [(f.name, f.type, UNSET) for f in structs.fields(Call) if f.name not in left_out]
    return defstruct(name, fields, kw_only=True, namespace={"__doc__": about})


CallFields: Any = _fields("CallFields", "A call; `vendor` and `vendor_call_id` name it.", "derived")
ChangeFields: Any = _fields(
    "ChangeFields", "New values of a call; null is refused.", "derived", "id", "vendor", "vendor_call_id"
)


class ManyCalls(Struct):
    """Many calls, as they are reported."""

    calls: list[CallFields]


class ManyEvents(Struct):
    """Many events of one call."""

    events: list[Event]


class ParameterProblem(Struct):
    """One parameter at fault."""

    parameter: str
    detail: str


class Problem(Struct):
    """The body of every refusal, after RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ParameterProblem] | UnsetType = UNSET


def words_of(name: str) -> Meta:
    """The description of a filter whose values are our own words."""
    return Meta(description=f"one or more of {', '.join(CLOSED[name])}; separated by commas")


INCLUDE = Meta(
    description=f"what to print besides the call itself, of {', '.join(INCLUDABLE)}, separated by commas; "
    "words are part of turns and include them"
)
FORMAT = Meta(description="without it the header `Accept` decides; it is JSON unless that requests text/toon")
ZONE = Meta(
    description="the time zone in which instants are written; UTC by default. "
    "A date in a filter still means a UTC day"
)
COMPRESSION = Meta(description="how the file itself is compressed, independent of the connection")
ANY_OF = Meta(description="one or several, separated by commas")
TOKEN = Meta(
    min_length=1,
    description="the `next_page_token` of the page before; the filter and the order must be the same",
)
INBOX_TOKEN = Meta(
    min_length=1,
    description="the `next_page_token` of the page before; the other parameters must be the same",
)
ORDER_BY = Meta(description="calls without a value come last, in either order")
AFTER = Meta(
    ge=0,
    description="the sequence of the last change received, unless the header `Last-Event-ID` has it. "
    "Without either the stream begins now; 0 begins with the oldest change",
)
MIN_DURATION = Meta(ge=0, description="the shortest duration of a call, in milliseconds")
MAX_DURATION = Meta(ge=0, description="the longest duration of a call, in milliseconds")
TRANSCRIPT_SEARCH = Meta(
    min_length=1,
    description="a piece of the conversation, also in the middle of a word; upper and lower case are alike",
)
ENGAGED = Meta(
    description="whether it was a meaningful conversation: as `analysis.engaged` says, or if that is null, "
    "whether the user said anything"
)
ORDER = Meta(description="`desc` has the latest calls first")


class GetQuery(Struct, kw_only=True):
    """The query parameters of get call."""

    include: Annotated[Words, INCLUDE] | None = None
    """Everything, unless the query says what."""
    format: Annotated[Literal["json", "toon"], FORMAT] | None = None


class FilterQuery(Struct, kw_only=True):
    """Which calls, for all operations that answer with more than one."""

    status: Annotated[Words, words_of("status")] | None = None
    result: Annotated[Words, words_of("result")] | None = None
    direction: Annotated[Words, words_of("direction")] | None = None
    channel: Annotated[Words, words_of("channel")] | None = None
    end_reason: Annotated[Words, words_of("end_reason")] | None = None
    sentiment: Annotated[Words, words_of("sentiment")] | None = None
    success: Annotated[bool, Meta(description="whether the call reached its goal")] | None = None
    voicemail: Annotated[bool, Meta(description="whether a machine answered")] | None = None
    engaged: Annotated[bool, ENGAGED] | None = None
    vendor: Annotated[Words, ANY_OF] | None = None
    vendor_call_id: Annotated[Words, ANY_OF] | None = None
    agent_id: Annotated[Words, ANY_OF] | None = None
    campaign_id: Annotated[Words, ANY_OF] | None = None
    phone: Annotated[Phone, Meta(description="the calling, the called or the contact's number")] | None = None
    from_number: Annotated[Phone, Meta(description="the calling number")] | None = None
    to_number: Annotated[Phone, Meta(description="the called number")] | None = None
    created_from: DayOrInstant | None = None
    created_to: DayOrInstant | None = None
    started_from: DayOrInstant | None = None
    started_to: DayOrInstant | None = None
    ended_from: DayOrInstant | None = None
    ended_to: DayOrInstant | None = None
    duration_ms_min: Annotated[int, MIN_DURATION] | None = None
    duration_ms_max: Annotated[int, MAX_DURATION] | None = None
    transcript_search: Annotated[str, TRANSCRIPT_SEARCH] | None = None


class CallQuery(FilterQuery, kw_only=True):
    """Which calls, and which of them come first."""

    order: Annotated[Literal["asc", "desc"], ORDER] = "desc"


class ChangesQuery(FilterQuery, kw_only=True):
    """The query parameters of list changes."""

    include: Annotated[Words, INCLUDE] | None = None
    """Nothing, unless the query says what."""
    format: Annotated[Literal["json", "toon"], FORMAT] | None = None
    after: Annotated[int, Meta(ge=0, description="the sequence of the last change received")] = 0


class StreamQuery(FilterQuery, kw_only=True):
    """The query parameters of follow calls."""

    include: Annotated[Words, INCLUDE] | None = None
    """Nothing, unless the query says what."""
    after: Annotated[int, AFTER] | None = None


class ListQuery(CallQuery, kw_only=True):
    """The query parameters of list calls."""

    include: Annotated[Words, INCLUDE] | None = None
    """Nothing, unless the query says what."""
    format: Annotated[Literal["json", "toon"], FORMAT] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000, description="calls on a page")] = 50
    page_token: Annotated[str, TOKEN] | None = None
    include_total: Annotated[bool, Meta(description="whether to print how many calls match, exactly")] = False
    order_by: Annotated[Literal["created_at", "started_at", "ended_at", "duration_ms"], ORDER_BY] = (
        "created_at"
    )


class ExportQuery(CallQuery, kw_only=True):
    """The query parameters of export calls."""

    include: Annotated[Words, INCLUDE] | None = None
    """Everything, unless the query says what."""
    format: Annotated[Literal["jsonl", "csv"], Meta(description="one line or row for each call")] = "jsonl"
    bom: Annotated[bool, Meta(description="whether a table begins with a byte order mark, for Excel")] = False
    compression: Annotated[Literal["none", "gzip", "zstd"], COMPRESSION] = "none"
    tz: Annotated[TimeZone, ZONE] | None = None


class LedgerQuery(Struct, kw_only=True):
    """The query parameters of the ledger."""

    source_id: Annotated[Uuid, Meta(description="one source; by default all of the org")] | None = None
    """All sources of the org, unless the query names one."""
    since: Annotated[DayOrInstant, Meta(description="by default a day before `until`")] | None = None
    until: Annotated[DayOrInstant, Meta(description="by default now")] | None = None
    format: Annotated[Literal["json", "toon"], FORMAT] | None = None


class InboxQuery(Struct, kw_only=True):
    """The query parameters of list inbox."""

    source_id: Annotated[Uuid, Meta(description="one source; by default everything of the org")] | None = None
    vendor: (
        Annotated[str, Meta(min_length=1, description="the vendor whose form they were read in")] | None
    ) = None
    state: (
        Annotated[
            Literal["unreadable", "no_call"],
            Meta(description="`unreadable`, or `no_call` for what was read and is about something else"),
        ]
        | None
    ) = None
    page_size: Annotated[int, Meta(ge=1, le=1000, description="payloads on a page")] = 50
    page_token: Annotated[str, INBOX_TOKEN] | None = None
    include_total: Annotated[bool, Meta(description="whether to print how many payloads match")] = False
    format: Annotated[Literal["json", "toon"], FORMAT] | None = None


class InboxPayloadQuery(Struct, kw_only=True):
    """The query parameters of get inbox payload."""

    format: Annotated[Literal["json", "toon"], FORMAT] | None = None


class InboxList(Struct):
    """The answer of list inbox."""

    payloads: list[InboxEntry]
    next_page_token: str | None
    """Null on the last page."""
    sources: list[InboxCount]
    """How many payloads each source has in the inbox now, and how many were dropped since it was full."""
    total_size: int | UnsetType = UNSET
    """How many payloads match in all; only with `include_total=true`."""


class RetryAnswer(Struct):
    """The result of reading a payload again."""

    read: bool
    """Whether it could be read and is out of the inbox."""
    calls: int
    """How many calls it contained."""
    reason: str | None
    """Why it stays in the inbox; null if it does not."""


if [get_args(get_type_hints(ExportQuery)[name]) for name in ("format", "compression")] != [
    tuple(FORMATS),
    tuple(COMPRESSIONS),
]:
    raise TypeError("every form and compression of a file must be a value of its parameter")
