"""ContactShip: `x-api-key`, `/v1/calls`, limit and offset, ISO 8601 times.

Sources: the vendor's pages for list calls and get call (the seed), docs.contactship.ai.

Not carried: the called number, agent name, cost, latency, events, carrier ids, usage, metadata.

Our choice: a malformed value is refused with 400; `date_to` without a time means that whole UTC day; a
limit above 1000 is refused; ties follow the id; words count seconds from the start of the call; tool
entries have the shape that the vendor's relatives use; TOON is Token-Oriented Object Notation. An id
that is not a UUID is printed as one that is derived from it. An unknown direction prints as
`inbound`, since the vendor has no third word. The status poll prints a busy call as `failed` and an
incomplete one as `ended`, since it has no words for them.
"""

from __future__ import annotations

from trunkline.kit.auth import HeaderKey
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.faults import Fault, FaultClass, Refused
from trunkline.model.ids import is_uuid
from trunkline.model.intents import GetCall, ListCalls, OneCall
from trunkline.model.query import CallFilter, Order, Rows, Span
from trunkline.vendors.contactship.parse import from_wire
from trunkline.vendors.contactship.render import IDS, conversation_of, in_get, in_list, status_of, to_wire
from trunkline.vendors.contactship.wire import (
    CallList,
    ErrorBody,
    GetQuery,
    ListQuery,
    StatusFound,
    StatusQuery,
    WireCall,
)
from trunkline.vendors.contactship.words import (
    CHANNEL,
    DIRECTION,
    END_REASON,
    NAME,
    RESULT,
    SENTIMENT,
    STATUS,
)

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    created = Span(
        query.date_from.first if query.date_from else None,
        query.date_to.last if query.date_to else None,
    )
    return ListCalls(
        filter=CallFilter(
            created_at=created if query.date_from or query.date_to else None,
            status=STATUS.wording_for(NAME, query.call_status) if query.call_status else None,
            result=RESULT.wording_for(NAME, query.call_result) if query.call_result else None,
            agent_ref=query.agent_id.text if query.agent_id else None,
            campaign_ref=query.campaign_id.text if query.campaign_id else None,
            phone=query.phone.number if query.phone else None,
        ),
        order=Order(newest_first=query.order == "desc"),
        window=Rows(query.limit, query.offset),
        with_transcript=query.include_transcript or query.include_tools,
    )


def list_envelope(page: PageSummary, _: ListQuery) -> CallList:
    """The answer around the calls of a list."""
    return CallList([], page.total or 0)


def read_get(query: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question in our words."""
    return GetCall(printed_id=printed_id, with_transcript=query.include_transcript or query.include_tools)


def write_get(found: OneCall, query: GetQuery) -> WireCall:
    """From a call to the vendor's answer."""
    return in_get(found.call, conversation_of(query))


def read_status(_: StatusQuery, printed_id: str) -> GetCall:
    """From the path to a question; the vendor documents 400 for an id that is not a UUID."""
    if not is_uuid(printed_id):
        raise Refused(Fault.BAD_REQUEST, "callId must be a UUID")
    return GetCall(printed_id=printed_id, with_transcript=False)


def write_status(found: OneCall, _: StatusQuery) -> StatusFound:
    """From a call to the vendor's answer."""
    return StatusFound(200, status_of(found.call))


LIST = Operation(
    name="list_calls",
    summary="List calls",
    example="limit=20&offset=0",
    path="/v1/calls",
    query=ListQuery,
    answer=CallList,
    to_intent=read_list,
    rows=RowFormat(row=in_list, options=conversation_of, path="data", envelope=list_envelope),
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
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND),
)
STATUS_POLL = Operation(
    name="get_call_status",
    summary="Get the status of a call",
    path="/v1/calls/{id}/status",
    query=StatusQuery,
    answer=StatusFound,
    to_intent=read_status,
    to_answer=write_status,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND),
)

# -- the dialect ----------------------------------------------------------


def error_body(status: int, text: str, _: Refused) -> ErrorBody:
    """The vendor's error body."""
    return ErrorBody(status, text)


DIALECT = Dialect(
    name=NAME,
    title="ContactShip",
    about=__doc__ or "",
    ids=IDS,
    auth=HeaderKey(header="x-api-key", prefix="cs_"),
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        texts={
            FaultClass.BAD_REQUEST: "Invalid query parameters: {detail}",
            FaultClass.CREDENTIAL: "Invalid or missing API key",
            FaultClass.NOT_FOUND: "Call not found or does not belong to your organization",
            Fault.CALL_DELETED: "Call not found",
            Fault.NO_SUCH_ROUTE: "Cannot find this path",
        },
        statuses={
            Fault.ADDRESS_NOT_ALLOWED: 401,
            Fault.CALL_DELETED: 404,
        },  # there is no documented 403 on the calls endpoints
    ),
    operations=(LIST, GET, STATUS_POLL),
    unsupported=(
        ("POST", "/v1/calls/single-phone-call"),
        ("POST", "/v1/calls/single-contact-call"),
        ("POST", "/v1/calls/single-phone-call/{id}/stop"),
    ),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    vocabularies=(STATUS, RESULT, DIRECTION, CHANNEL, END_REASON, SENTIMENT),
    drops=frozenset(
        {
            "agent.config",
            "agent.name",
            "analysis.engaged",
            "billing_status",
            "campaign.name",
            "channel",
            "cost",
            "end_reason_raw",
            "errors",
            "events",
            "latency",
            "log_url",
            "metadata",
            "privacy",
            "recording.enabled",
            "scheduled_at",
            "telephony",
            "to_number",
            "tool_calls.start_ms",
            "trace_id",
            "transcript_text",
            "turn_count",
            "turns.end_ms",
            "turns.start_ms",
            "turns.words.confidence",
            "updated_at",
            "usage",
            "vendor_type",
        }
    ),
)
