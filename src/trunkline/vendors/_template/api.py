"""Examplia: `x-examplia-key`, `/v2/calls`, limit and offset, ISO 8601 times.

Sources: name here the public pages that the facts below come from.

Not carried: campaign, contact, cost, word times, tool calls; what this vendor cannot express.

Our choice: what the vendor does not document and we had to decide. A limit above 200 is refused; ties
follow the id; a call without a known end has a length of 0 seconds.
"""

from __future__ import annotations

from trunkline.kit.auth import HeaderKey
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.faults import Fault, FaultClass, Refused
from trunkline.model.intents import GetCall, ListCalls, OneCall
from trunkline.model.query import CallFilter, Order, Rows, Span
from trunkline.vendors._template.parse import from_wire
from trunkline.vendors._template.render import IDS, in_list, to_wire
from trunkline.vendors._template.wire import CallList, ErrorBody, GetQuery, ListQuery, WireCall
from trunkline.vendors._template.words import DIRECTION, END_REASON, NAME, STATUS

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question in our words."""
    return ListCalls(
        filter=CallFilter(
            created_at=_created(query),
            # `matching` is the inverse of `write`, so that a filter finds exactly what prints.
            status=STATUS.wording_for(NAME, query.state) if query.state else None,
        ),
        order=Order(newest_first=query.order == "desc"),
        window=Rows(query.limit, query.offset),
        with_transcript=True,  # leave it out for a vendor whose list has no transcript
    )


def _created(query: ListQuery) -> Span | None:
    if query.since is None and query.until is None:
        return None
    return Span(query.since.first if query.since else None, query.until.last if query.until else None)


def list_envelope(page: PageSummary, _: ListQuery) -> CallList:
    """The answer around the calls of a list."""
    return CallList([], page.total or 0)


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
    to_intent=read_list,
    # Rows are cached, so a row must depend only on the call, the org and the format's options.
    rows=RowFormat(row=in_list, path="calls", envelope=list_envelope),
    faults=(Fault.BAD_REQUEST,),
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/v2/calls/{id}",
    query=GetQuery,
    answer=WireCall,
    to_intent=read_get,
    to_answer=write_get,
    faults=(Fault.CALL_NOT_FOUND,),
)

# -- the dialect ----------------------------------------------------------


def error_body(_: int, text: str, __: Refused) -> ErrorBody:
    """The vendor's error body."""
    return ErrorBody(text)


DIALECT = Dialect(
    name=NAME,
    title="Examplia",
    about=__doc__ or "",
    ids=IDS,
    auth=HeaderKey(header="x-examplia-key", prefix="ex_"),
    errors=ErrorEnvelope(
        shape=ErrorBody,
        body=error_body,
        # A text for each class of faults, and for what differs from its class. Faults of the server have
        # a usual one. It will not build while a fault is left without a text.
        texts={
            FaultClass.BAD_REQUEST: "Bad request: {detail}",
            FaultClass.CREDENTIAL: "Invalid API key",
            Fault.NO_CREDENTIAL: "Missing API key",
            Fault.ADDRESS_NOT_ALLOWED: "Address not allowed",
            FaultClass.NOT_FOUND: "Call not found",
        },
        statuses={Fault.CALL_DELETED: 404},  # where the vendor documents another one than is usual
    ),
    operations=(LIST, GET),
    wire=WireCall,
    from_wire=from_wire,
    to_wire=to_wire,
    vocabularies=(STATUS, DIRECTION, END_REASON),
    # Paths of our fields that are lost; a test fills a call completely and reports what belongs here.
    drops=frozenset(
        {
            "agent.config",
            "agent.name",
            "analysis.custom",
            "analysis.engaged",
            "analysis.evaluations",
            "analysis.sentiment",
            "analysis.success",
            "analysis.voicemail",
            "billing_status",
            "campaign",
            "channel",
            "contact",
            "cost",
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
            "telephony",
            "tool_calls",
            "trace_id",
            "transcript_text",
            "turn_count",
            "turns.end_ms",
            "turns.start_ms",
            "turns.words",
            "updated_at",
            "usage",
            "vendor_type",
        }
    ),
)
