"""Callem: `Authorization: Bearer ck_live_…`, `/v1/calls`, limit and offset, ISO 8601 times with milliseconds.

Sources: the vendor's page for list calls (the seed), docs.callem.ai.

Not carried: direction, agent, campaign, contact, recording, cost, start and end, word times, tool calls.

Our choice: the newest call comes first, and ties follow the id; a limit above 1000 counts as 1000 and is
printed so; a limit below 1, a negative offset and a value that is not an integer are refused with 400. A call
that has not ended prints as `live` with duration 0, and a duration of 0 of a live call is read as not known.
A call of another vendor is engaged if its user said anything. An id that is not of this vendor's form is
printed as 24 hex digits derived from it. The vendor has no result, start or end: the result follows from the
reason and from who spoke, the start is the creation, the end is the start plus the duration, and all three
are marked as derived. A call may be deleted while it is live; afterwards it is 404.
"""

from __future__ import annotations

from trunkline.kit.auth import Bearer
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.faults import Fault, FaultClass, Refused
from trunkline.model.intents import GetCall, ListCalls, OneCall
from trunkline.model.query import CallFilter, Rows
from trunkline.model.writes import CallDeleted, DeleteCall
from trunkline.vendors.callem.parse import from_wire
from trunkline.vendors.callem.render import IDS, in_list, to_wire
from trunkline.vendors.callem.wire import (
    CallList,
    Deleted,
    ErrorBody,
    GetQuery,
    ListQuery,
    Pagination,
    WireCall,
)
from trunkline.vendors.callem.words import END_REASON, NAME, STATUS

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    return ListCalls(filter=CallFilter(), window=Rows(query.limit, query.offset), with_transcript=True)


def list_envelope(page: PageSummary, query: ListQuery) -> CallList:
    """The answer around the calls of a list."""
    return CallList([], Pagination(total=page.total or 0, limit=query.limit, offset=query.offset))


def read_get(_: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question in our words."""
    return GetCall(printed_id=printed_id, with_transcript=True)


def write_get(found: OneCall, _: GetQuery) -> WireCall:
    """From a call to the vendor's answer."""
    return to_wire(found.call)


def read_delete(_: GetQuery, printed_id: str) -> DeleteCall:
    """From the path to the call to delete."""
    return DeleteCall(printed_id)


def write_deleted(gone: CallDeleted, _: GetQuery) -> Deleted:
    """From the deleted call to the vendor's answer."""
    return Deleted(IDS.printed(gone.call), deleted=True)


LIST = Operation(
    name="list_calls",
    example="limit=50&offset=0",
    summary="List calls",
    path="/v1/calls",
    query=ListQuery,
    answer=CallList,
    to_intent=read_list,
    rows=RowFormat(row=in_list, path="data", envelope=list_envelope),
    faults=(Fault.BAD_REQUEST,),
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/v1/calls/{id}",
    query=GetQuery,
    answer=WireCall,
    to_intent=read_get,
    to_answer=write_get,
    faults=(Fault.CALL_NOT_FOUND,),
)
DELETE = Operation(
    name="delete_call",
    summary="Delete a call",
    path="/v1/calls/{id}",
    method="DELETE",
    scope="write",
    query=GetQuery,
    answer=Deleted,
    to_intent=read_delete,
    to_answer=write_deleted,
    faults=(Fault.CALL_NOT_FOUND,),
)

# -- the dialect ----------------------------------------------------------


def error_body(status: int, text: str, _: Refused) -> ErrorBody:
    """The vendor's error body."""
    return ErrorBody(status, text)


DIALECT = Dialect(
    name=NAME,
    title="Callem",
    about=__doc__ or "",
    ids=IDS,
    auth=Bearer(prefix="ck_live_", form="[A-Za-z0-9_]+"),
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        texts={
            FaultClass.BAD_REQUEST: "Invalid request: {detail}",
            FaultClass.CREDENTIAL: "Invalid API key",
            Fault.NO_CREDENTIAL: "Missing or invalid Authorization header",
            Fault.MALFORMED_CREDENTIAL: "Invalid API key format",
            Fault.EXPIRED_CREDENTIAL: "API key has expired",
            Fault.ADDRESS_NOT_ALLOWED: "IP address not allowed",
            FaultClass.NOT_FOUND: "Call not found",
            Fault.NO_SUCH_ROUTE: "Cannot find this path",
        },
        statuses={Fault.CALL_DELETED: 404},  # 410 is not documented
    ),
    operations=(LIST, GET, DELETE),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    vocabularies=(STATUS, END_REASON),
    drops=frozenset(
        {
            "agent",
            "analysis.evaluations",
            "analysis.sentiment",
            "analysis.voicemail",
            "billing_status",
            "campaign",
            "channel",
            "contact",
            "cost",
            "direction",
            "end_reason_raw",
            "ended_at",
            "errors",
            "events",
            "latency",
            "log_url",
            "metadata",
            "privacy",
            "recording",
            "result",
            "scheduled_at",
            "started_at",
            "telephony",
            "tool_calls",
            "trace_id",
            "transcript_text",
            "turn_count",
            "turns.end_ms",
            "turns.start_ms",
            "turns.words",
            "usage",
            "vendor_type",
        }
    ),
)
