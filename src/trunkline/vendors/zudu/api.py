"""Zudu: `X-API-KEY` with `X-API-SECRET`, `/api/calls`, pages from zero, times in epoch milliseconds.

Sources: the vendor's page for list calls (the seed), docs.zudu.ai.

Not carried: the contact, the explicit result, the agent's name, usage, errors, evaluations, the billing
status, money that is not US dollars.

Our choice: a list is requested with the names that the vendor documents for its batches (`page`, `limit`,
`sort_by`, `sort_order`); a malformed value is refused with 400; the path accepts both `call_id` and `id`;
calls without a time come last in either direction; words print in upper case and are read in any; costs
are US dollars; tool entries have the shape that the vendor's relatives use. An unanswered, busy or
canceled call of another vendor prints as `ENDED` with that reason, and its campaign and
schedule are in `metadata`, where the vendor has them. A declined call counts as unanswered; a lost line
and a failed agent print as `ERROR_CONNECTION` and `ERROR_AGENT`. A call of another vendor that has no
start counts its words from its creation. An unknown channel prints as `PHONE_CALL`. Update accepts
the documented fields and refuses any other; a status that a call prints already changes nothing. Only a
call that is scheduled has a schedule to move or cancel, and one that is cancelled is `REGISTERED`;
deleting any other call deletes it from the log. The list by POST joins keys by "and", the values of a key
by "or", and echoes the criteria; numbers and flags have one value, a reason is searched by its meaning, an
unknown key is 400.
"""

from __future__ import annotations

from trunkline.kit.auth import KeyPair
from trunkline.kit.dialect import Body, Dialect, Operation
from trunkline.kit.errors import USUAL_TEXTS, ErrorEnvelope, worded
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.faults import Fault, FaultClass, Refused
from trunkline.model.intents import GetCall, ListCalls, OneCall
from trunkline.model.query import CallFilter, Order, Rows, SortField
from trunkline.vendors.zudu.filters import parse_search
from trunkline.vendors.zudu.parse import from_wire
from trunkline.vendors.zudu.render import IDS, organization, to_wire, write_call
from trunkline.vendors.zudu.wire import (
    CallFound,
    CallList,
    ErrorBody,
    GetQuery,
    ListData,
    ListQuery,
    Pagination,
    Search,
    SearchBody,
    WireCall,
)
from trunkline.vendors.zudu.words import CHANNEL, DIRECTION, END_REASON, NAME, SENTIMENT, STATUS
from trunkline.vendors.zudu.writes import WRITES

SORT_FIELDS = {
    "start_timestamp": SortField.STARTED_AT,
    "end_timestamp": SortField.ENDED_AT,
    "call_duration": SortField.DURATION_MS,
    "created_at": SortField.CREATED_AT,
}

MAX_OFFSET = 2**62
"""An offset beyond every list that still is a number to a database."""

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    return ListCalls(
        filter=query.filter if isinstance(query, Search) else CallFilter(),
        order=Order(SORT_FIELDS[query.sort_by], newest_first=query.sort_order == "descending"),
        window=Rows(query.limit, min(query.page * query.limit, MAX_OFFSET)),
        with_transcript=True,
    )


def list_envelope(page: PageSummary, query: ListQuery) -> CallList:
    """The answer around the calls of a list, which names the organization if all calls are of the same."""
    orgs = page.facts
    total = page.total or 0
    pages = -(-total // query.limit)
    data = ListData(
        organization_id=orgs[0] if orgs and all(org == orgs[0] for org in orgs) else page.org,
        calls=[],
        pagination=Pagination(
            page=query.page,
            limit=query.limit,
            total_count=total,
            total_pages=pages,
            has_next_page=query.page + 1 < pages,
            has_previous_page=query.page > 0,
        ),
        returned_count=page.count,
        sort_order=query.sort_order,
        sort_by=query.sort_by,
        applied_filters=query.applied if isinstance(query, Search) else {},
    )
    return CallList("Calls retrieved successfully", "success", None, data)


def read_get(_: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question in our words."""
    return GetCall(printed_id=printed_id)


def write_get(found: OneCall, _: GetQuery) -> CallFound:
    """From a call to the vendor's answer."""
    return CallFound("Call retrieved successfully", "success", None, write_call(found.call, found.org))


ROWS = RowFormat(row=write_call, fact=organization, path="data.calls", envelope=list_envelope)

LIST = Operation(
    name="list_calls",
    summary="List calls",
    path="/api/calls",
    query=ListQuery,
    answer=CallList,
    to_intent=read_list,
    rows=ROWS,
    faults=(Fault.BAD_REQUEST,),
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/api/calls/{id}",
    query=GetQuery,
    answer=CallFound,
    to_intent=read_get,
    to_answer=write_get,
    faults=(Fault.CALL_NOT_FOUND,),
)
SEARCH = Operation(
    name="search_calls",
    summary="List calls that match",
    path="/api/calls",
    method="POST",
    query=GetQuery,
    parse_body=parse_search,
    body=Body(
        shape=SearchBody,
        example=b'{"page": 0, "limit": 20, "filter_criteria": {"duration_ms": {"lower_threshold": 1000}}}',
    ),
    answer=CallList,
    to_intent=read_list,
    rows=ROWS,
)

# -- the dialect ----------------------------------------------------------

TITLES = worded(
    {
        FaultClass.BAD_REQUEST: "Validation error",
        FaultClass.CREDENTIAL: "Unauthorized",
        FaultClass.FORBIDDEN: "Forbidden",
        FaultClass.NOT_FOUND: "Call not found",
        FaultClass.TRANSFER: "Validation error",
        FaultClass.CONFLICT: "Conflict",
        Fault.UNPROCESSABLE: "Validation error",
        FaultClass.UNSUPPORTED: "Not implemented",
    },
    USUAL_TEXTS,
    what="`TITLES`",
)
"""The `message` of every refusal; `error` says exactly what is wrong."""


def error_body(_: int, text: str, refused: Refused) -> ErrorBody:
    """The vendor's error body."""
    return ErrorBody(TITLES[refused.fault], "error", text)


DIALECT = Dialect(
    name=NAME,
    title="Zudu",
    about=__doc__ or "",
    ids=IDS,
    auth=KeyPair(header="X-API-KEY", prefix="sk_", secret_header="X-API-SECRET", secret_prefix="s3cr3t_"),  # noqa: S106
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        texts={
            FaultClass.BAD_REQUEST: "{detail}",
            FaultClass.CREDENTIAL: "Missing or invalid API key/secret",
            FaultClass.NOT_FOUND: "Call with ID '{detail}' does not exist",
            Fault.NO_SUCH_ROUTE: "There is nothing at this path",
            Fault.METHOD_NOT_ALLOWED: "This path does not have this method",
            Fault.NOT_ACCEPTABLE: "The answer is JSON",
            Fault.UNSUPPORTED_BODY: "The body cannot be accepted: {detail}",
            Fault.INTERNAL: "An unexpected error occurred",
            Fault.UNAVAILABLE: "Try again in a moment",
        },
        statuses={
            Fault.ADDRESS_NOT_ALLOWED: 401,
            Fault.CALL_DELETED: 404,
        },  # our choice: no 403 for credentials
    ),
    operations=(LIST, GET, SEARCH, *WRITES),
    unsupported=(
        ("POST", "/api/calls/create-phone-call"),
        ("POST", "/batch-call"),
        ("POST", "/batch-call/{id}/execute"),
    ),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    vocabularies=(STATUS, DIRECTION, CHANNEL, END_REASON, SENTIMENT),
    drops=frozenset(
        {
            "agent.config",
            "agent.name",
            "analysis.engaged",
            "analysis.evaluations",
            "billing_status",
            "contact",
            "created_at",
            "end_reason_raw",
            "errors",
            "recording.enabled",
            "result",
            "telephony.transport",
            "tool_calls.start_ms",
            "trace_id",
            "transcript_text",
            "turn_count",
            "turns.end_ms",
            "turns.words.confidence",
            "updated_at",
            "usage",
            "vendor_type",
        }
    ),
    notes=(
        "The result is not printed: it, and how an `ENDED` call ended, follow from reason and voicemail.",
        "Without a time of creation or an event, a call counts as created when it started.",
        "Without a start, the times of turns and words count from the first of them.",
        "A test call prints as `WEB_CALL`, a call over an unknown channel as `PHONE_CALL`.",
        "A call of another vendor without a start prints the times of its words from its creation on.",
        "The text of another vendor's call is assembled from its turns.",
        "Costs in another unit than US dollars print as null.",
    ),
    cost_unit="USD",
)
