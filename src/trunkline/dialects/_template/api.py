"""Examplia: `x-examplia-key`, `/v2/calls`, limit and offset, ISO 8601 times.

Sources: say here which public pages the facts below come from.

Not carried: campaign, contact, cost, word times, tool calls; what this vendor cannot say.

Our choice: what the vendor does not document and we had to decide. A limit above 200 is refused; ties
follow the id; a call without a known end has a length of 0 seconds.
"""

# How to use this file: copy it to `<vendor>.py`, or make a package of it once it nears 400 lines (then its
# parts are words.py, wire.py, reading.py and writing.py). The docstring above becomes the vendor's docs
# page. Put the vendor's example bodies into tests/dialects/<vendor>/captures/ and what it promises into
# tests/dialects/<vendor>/claims.toml, then run the tests: they say in sentences what is missing. Nothing
# else is edited. Mark each fact that is not obvious: [seed], [docs] or "our choice". Delete this comment.

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, field

from trunkline.kit.auth import HeaderKey
from trunkline.kit.call_ids import uuids
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.payload import Payload, told
from trunkline.kit.query import DayOrInstant
from trunkline.kit.transcript import turns_of
from trunkline.kit.verbatim import as_said, difference
from trunkline.kit.vocabulary import Vocabulary
from trunkline.kit.wire import seconds_of_ms
from trunkline.model.call import Agent, Analysis, Call, Turn
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id
from trunkline.model.intents import CallPage, GetCall, ListCalls, OneCall
from trunkline.model.merge import first_call
from trunkline.model.query import CallFilter, Order, Rows, Span
from trunkline.model.sighting import Sighting
from trunkline.model.words import Direction, EndReason, Role, Status

NAME = "examplia"  # the name in addresses and in the database: lower case, for ever

# The form of the vendor's call ids; see kit/call_ids.py for the others. A call of another vendor prints an
# id derived in this form, and is found by it.
IDS = uuids(NAME)

# -- words ----------------------------------------------------------------

# One vocabulary for each of our closed lists that the vendor has a field for. `read` takes every word the
# vendor documents, `write` needs a word for every one of ours, or it will not build. `otherwise` is what an
# undocumented word is taken for: such a call is kept, and prints its own word again.

STATUS = Vocabulary(
    "status",
    Status,
    read={
        "planned": Status.SCHEDULED,
        "active": Status.IN_PROGRESS,
        "done": Status.COMPLETED,
        "unanswered": Status.NO_ANSWER,
        "error": Status.FAILED,
    },
    write={
        Status.SCHEDULED: "planned",
        Status.QUEUED: "planned",
        Status.RINGING: "active",  # they do not tell ringing from talking
        Status.IN_PROGRESS: "active",
        Status.COMPLETED: "done",
        Status.NO_ANSWER: "unanswered",
        Status.BUSY: "unanswered",  # our choice
        Status.VOICEMAIL: "done",
        Status.FAILED: "error",
        Status.CANCELED: "error",  # our choice
        Status.INCOMPLETE: "done",
    },
    otherwise=Status.INCOMPLETE,
)

DIRECTION = Vocabulary(
    "direction",
    Direction,
    read={"in": Direction.INBOUND, "out": Direction.OUTBOUND},
    write={
        Direction.INBOUND: "in",
        Direction.OUTBOUND: "out",
        Direction.UNKNOWN: "in",  # our choice: they know no third word
    },
    otherwise=Direction.UNKNOWN,
)

END_REASON = Vocabulary(
    "end_reason",
    EndReason,
    read={"caller_left": EndReason.USER_HANGUP, "agent_left": EndReason.AGENT_HANGUP},
    write={
        **{reason: reason.value for reason in EndReason},  # our choice, for reasons they do not document
        EndReason.USER_HANGUP: "caller_left",
        EndReason.AGENT_HANGUP: "agent_left",
        EndReason.OTHER: None,  # the raw word is printed
    },
    otherwise=EndReason.OTHER,
)

ROLES = {"bot": Role.AGENT, "caller": Role.USER}
SPOKEN_BY = {Role.AGENT: "bot", Role.USER: "caller"}

# -- wire -----------------------------------------------------------------

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
    """What may be asked of get call: nothing."""


class ListQuery(Struct, kw_only=True):
    """What may be asked of list calls."""

    # Every parameter has a default. Ranges and choices are read from the annotations, refused with
    # Fault.BAD_REQUEST otherwise, and shown in OpenAPI.
    limit: Annotated[int, Meta(ge=1, le=200)] = 25
    offset: Annotated[int, Meta(ge=0)] = 0
    order: Literal["asc", "desc"] = "desc"
    since: DayOrInstant | None = None
    state: Literal["planned", "active", "done", "unanswered", "error"] | None = None


# -- theirs to ours -------------------------------------------------------


def from_wire(raw: Any) -> Sighting:
    """Read a call of a list or a get."""
    # Generous: accept every documented variant. Leave UNSET what the payload does not mention, and set None
    # where it says null, so that a poorer payload never erases what a richer one told.
    wire = Payload.of(raw)
    sighting = Sighting(
        vendor=NAME,
        vendor_call_id=wire.identifier("id"),
        from_number=wire.text("from"),
        to_number=wire.text("to"),
        end_reason_raw=wire.text("ended_by"),
        created_at=told(wire.instant("created_at")) or UNSET,
        started_at=wire.instant("started_at"),
        duration_ms=wire.seconds("seconds"),
    )
    words: dict[str, str] = {}
    state, direction = wire.text("state"), wire.text("direction")
    if isinstance(state, str):
        sighting.status = STATUS.read(state) or Status.INCOMPLETE
        words |= STATUS.kept(state, sighting.status)
    if isinstance(direction, str):
        sighting.direction = DIRECTION.read(direction) or Direction.UNKNOWN
        words |= DIRECTION.kept(direction, sighting.direction)
    if isinstance(sighting.end_reason_raw, str):
        sighting.end_reason = END_REASON.read(sighting.end_reason_raw)
    agent = wire.text("agent_id")
    if agent is not UNSET:
        sighting.agent = Agent(id=agent) if agent else None
    summary = wire.text("summary")
    if summary is not UNSET:
        sighting.analysis = Analysis(summary=summary)
    if isinstance(wire.items("transcript"), list):
        sighting.turns = [_turn_from(entry) for entry in wire.objects("transcript")]
    # A value that nobody told and that follows from others is named: sighting.derived = ["ended_at"].
    sighting.vendor_words = words or UNSET
    return _with_verbatim(sighting, wire.raw)


def _turn_from(entry: Payload) -> Turn:
    speaker = told(entry.text("speaker")) or ""
    return Turn(role=ROLES.get(speaker, Role.AGENT), text=told(entry.text("text")) or "")


def _with_verbatim(sighting: Sighting, raw: dict[str, Any]) -> Sighting:
    # Values that our words do not bring back are found by printing the call, and kept as they came.
    if sighting.created_at is not UNSET:
        call, _ = first_call(sighting, call_id(NAME, sighting.vendor_call_id), sighting.created_at)
        sighting.verbatim = difference(to_wire(call), raw, ("seconds", "ended_by", "agent_id")) or UNSET
    return sighting


# -- ours to theirs -------------------------------------------------------


def in_list(call: Call, _: str) -> WireCall:
    """Write a call as a list prints it; a vendor that prints whose a call is takes the org's name too."""
    return to_wire(call)


def to_wire(call: Call) -> WireCall:
    """Write a call as list and get print it."""
    # Exact: print one form, the documented one. `own` is a call of this vendor, which keeps its own words.
    own = call.vendor == NAME
    words = call.vendor_words if own else None
    raw_reason = call.end_reason_raw if own or call.end_reason is EndReason.OTHER else None
    wire = WireCall(
        id=IDS.printed(call),
        direction=DIRECTION.said(call.direction, words) or "in",
        from_=call.from_number,
        to=call.to_number,
        state=STATUS.said(call.status, words) or "done",
        ended_by=raw_reason or END_REASON.write(call.end_reason),
        created_at=call.created_at,
        started_at=call.started_at,
        seconds=seconds_of_ms(call.duration_ms or 0),
        agent_id=call.agent.id if call.agent else None,
        summary=call.analysis.summary if call.analysis else None,
        transcript=[WireTurn(SPOKEN_BY[turn.role], turn.text) for turn in turns_of(call)],
    )
    if own:
        as_said(wire, call)
    return wire


# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    return ListCalls(
        filter=CallFilter(
            created_at=Span(low=query.since.first) if query.since else None,
            # `matching` is the inverse of `write`, so that a filter finds exactly what prints.
            status=STATUS.matching(NAME, query.state) if query.state else None,
        ),
        order=Order(newest_first=query.order == "desc"),
        window=Rows(query.limit, query.offset),
        with_transcript=True,  # leave it out for a vendor whose list has no transcript
    )


def write_list(page: CallPage, _: ListQuery) -> CallList:
    """From a page of calls to the vendor's answer."""
    # Rows are kept, so a row must follow from the call, the org and what else is given here alone.
    return CallList(page.rows(in_list), page.total or 0)


def read_get(_: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question in our words."""
    return GetCall(printed_id=printed_id)


def write_get(found: OneCall, _: GetQuery) -> WireCall:
    """From a call to the vendor's answer."""
    return to_wire(found.call)


LIST = Operation(
    name="list_calls",
    summary="List calls",
    path="/v2/calls",
    query=ListQuery,
    answer=CallList,
    read=read_list,
    write=write_list,
    faults=(Fault.BAD_REQUEST,),
    rows="calls",  # leave it out if something that stands before the calls depends on them
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/v2/calls/{id}",
    query=GetQuery,
    answer=WireCall,
    read=read_get,
    write=write_get,
    faults=(Fault.CALL_NOT_FOUND,),
)

# -- the dialect ----------------------------------------------------------


def error_body(_: int, text: str, __: Refused) -> ErrorBody:
    """The vendor's error body."""
    return ErrorBody(text)


def recognise(raw: dict[str, Any]) -> bool:
    """Whether an object looks like one of this vendor's calls."""
    # Ask for keys that no other vendor prints together.
    return {"id", "state", "seconds"} <= raw.keys()


def calls_in(document: Any) -> list[Any] | None:
    """A list or a get."""
    if not isinstance(document, dict):
        return None
    if recognise(document):
        return [document]
    calls = document.get("calls")
    return calls if isinstance(calls, list) and "total" in document else None


DIALECT = Dialect(
    name=NAME,
    title="Examplia",
    about=__doc__ or "",
    ids=IDS,
    auth=HeaderKey(header="x-examplia-key", prefix="ex_"),
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        texts={  # a text for every fault, or it will not build
            Fault.BAD_REQUEST: "Bad request: {detail}",
            Fault.BAD_CURSOR: "Bad request: {detail}",
            Fault.NO_CREDENTIAL: "Missing API key",
            Fault.MALFORMED_CREDENTIAL: "Invalid API key",
            Fault.UNKNOWN_CREDENTIAL: "Invalid API key",
            Fault.EXPIRED_CREDENTIAL: "Invalid API key",
            Fault.REVOKED_CREDENTIAL: "Invalid API key",
            Fault.ADDRESS_NOT_ALLOWED: "Address not allowed",
            Fault.SCOPE_MISSING: "This API key may not do that",
            Fault.OTHER_ORG: "This API key belongs to a different organization",
            Fault.FOREIGN_CALL: "Call not found",
            Fault.CALL_NOT_FOUND: "Call not found",
            Fault.NO_SUCH_ROUTE: "Not found",
            Fault.METHOD_NOT_ALLOWED: "Method not allowed",
            Fault.NOT_ACCEPTABLE: "Not acceptable",
            Fault.TOO_LARGE: "Request body too large",
            Fault.ADDRESS_TOO_LONG: "Request address too long",
            Fault.TOO_SLOW: "Request body came too slowly",
            Fault.CONFLICT: "A request with this key is still running",
            Fault.CALL_DELETED: "Call not found",
            Fault.UNSUPPORTED_BODY: "Unsupported content type",
            Fault.UNPROCESSABLE: "{detail}",
            Fault.NOT_DONE_HERE: "{detail}",
            Fault.INTERNAL: "Internal server error",
            Fault.UNAVAILABLE: "Service unavailable",
        },
    ),
    operations=(LIST, GET),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    recognise=recognise,
    calls_in=calls_in,
    vocabularies=(STATUS, DIRECTION, END_REASON),
    # Paths of our fields that do not survive; a test fills a call completely and says what belongs here.
    drops=frozenset(),
)
