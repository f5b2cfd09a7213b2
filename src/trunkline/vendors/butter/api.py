"""Butter: `X-API-Key`, `/api/calls`, a cursor, costs in credits; a list has summaries and get the detail.

Sources: the vendor's page for list calls (the seed), docs.getbutter.ai.

Not carried: the analysis, the contact, the campaign, the schedule, words, latency, events, metadata,
carrier ids, money that is not credits.

Our choice: newest first by creation, ties by the id; an invalid limit or cursor is refused
with 400, as is a cursor of another organization; `next_cursor` is null on the last page; `page_size` is
the number of calls on the page; a Bearer token is accepted in place of `X-API-Key`, and `X-Organization-Id`
must be the key's if it is sent. Times of turns count seconds from the start of the call; one turn is one
event, and a tool call is part of the turn before it. A test call prints as `preview`, an
unknown direction as `inbound`, an unknown called number or agent as an empty text.
"""

from __future__ import annotations

import re

from trunkline.kit.auth import HeaderKey
from trunkline.kit.cursors import content_of, cursor_of
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.faults import Fault, FaultClass, Refused
from trunkline.model.intents import GetCall, ListCalls, OneCall
from trunkline.model.query import After, AfterCall, CallFilter
from trunkline.vendors.butter.parse import from_wire
from trunkline.vendors.butter.render import IDS, in_get, in_list, to_wire
from trunkline.vendors.butter.wire import (
    CallFound,
    CallList,
    ErrorBody,
    GetQuery,
    ListQuery,
    Pagination,
    WireCall,
)
from trunkline.vendors.butter.words import CHANNEL, DIRECTION, END_REASON, NAME, STATUS

INVALID_CURSOR = "Invalid cursor"

_HALF_PAIR = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: JSON can spell it, and no id has it."""

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    return ListCalls(filter=CallFilter(), window=_window(query), with_total=False)


def _window(query: ListQuery) -> After | AfterCall:
    if query.cursor is None:
        return After(query.limit)
    call_sid = content_of(query.cursor).get("call_sid")
    if not isinstance(call_sid, str) or _HALF_PAIR.search(call_sid):
        raise Refused(Fault.BAD_CURSOR)
    return AfterCall(query.limit, call_sid)


def list_envelope(page: PageSummary, _: ListQuery) -> CallList:
    """The answer around the calls of a list."""
    cursor = None
    if page.has_more and page.last is not None:
        cursor = cursor_of({"call_sid": IDS.printed(page.last.call_without_transcript())})
    return CallList(success=True, data=[], pagination=Pagination(cursor, cursor is not None, page.count))


def read_get(_: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question in our words."""
    return GetCall(printed_id=printed_id, reveal_foreign=True)


def write_get(found: OneCall, _: GetQuery) -> CallFound:
    """From a call to the vendor's answer."""
    return CallFound(success=True, data=in_get(found.call, found.org))


LIST = Operation(
    name="list_calls",
    summary="List calls",
    path="/api/calls",
    query=ListQuery,
    answer=CallList,
    to_intent=read_list,
    rows=RowFormat(row=in_list, path="data", envelope=list_envelope),
    faults=(Fault.BAD_REQUEST, Fault.BAD_CURSOR),
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/api/calls/{id}",
    query=GetQuery,
    answer=CallFound,
    to_intent=read_get,
    to_answer=write_get,
    faults=(Fault.CALL_NOT_FOUND, Fault.FOREIGN_CALL),
)

# -- the dialect ----------------------------------------------------------


def error_body(_: int, text: str, refused: Refused) -> ErrorBody:
    """The vendor's error body; every problem with a cursor has the same words."""
    return ErrorBody(success=False, message=INVALID_CURSOR if refused.parameter == "cursor" else text)


DIALECT = Dialect(
    name=NAME,
    title="Butter",
    about=__doc__ or "",
    ids=IDS,
    auth=HeaderKey(header="X-API-Key", prefix="bk_live_", or_bearer=True, org_header="X-Organization-Id"),
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        texts={
            FaultClass.BAD_REQUEST: "{detail}",
            Fault.BAD_CURSOR: INVALID_CURSOR,
            FaultClass.CREDENTIAL: "Invalid or missing API key",
            Fault.ADDRESS_NOT_ALLOWED: "IP address not allowed",
            FaultClass.NOT_FOUND: "Call not found",
            Fault.FOREIGN_CALL: "Call belongs to a different organization",
        },
        statuses={Fault.FOREIGN_CALL: 403, Fault.CALL_DELETED: 404},
    ),
    operations=(LIST, GET),
    unsupported=(("POST", "/api/make-call"),),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    vocabularies=(STATUS, DIRECTION, CHANNEL, END_REASON),
    drops=frozenset(
        {
            "analysis",
            "campaign",
            "contact",
            "cost",
            "end_reason_raw",
            "events",
            "latency",
            "log_url",
            "metadata",
            "privacy",
            "scheduled_at",
            "result",
            "telephony.conference_sid",
            "telephony.sid",
            "transcript_text",
            "turns.words",
            "vendor_type",
        }
    ),
    notes=(
        "The result is not printed; on the way in it follows from status, end reason and number of turns.",
        "A list row has no transcript, recording, trace or configuration; get has them all.",
        "`updated_at` of a call that has none is its end, else its start, else its creation.",
        "`recording_enabled` is true where there is a recording, unless it was stated.",
        "`summary` has numbers; of another vendor's call it has only the end reason.",
        "Costs in another unit than credits print as null, and so do their parts.",
        "A test call prints as `preview` without its direction.",
        "A phone call whose carrier is unknown prints no transport.",
    ),
    cost_unit="credits",
)
