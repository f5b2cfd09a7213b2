"""Trunkline: our own API. `Authorization: Bearer tl_…`, `/v1/calls`, page tokens, RFC 3339 times in UTC.

Sources: this project. A call is printed whole and in our words; every filter of every vendor is here.

Not carried: nothing.

Our choice: parameters are joined by "and", words of one parameter, separated by commas, by "or". A list
prints no transcript unless requested (`include=turns,words,tools`); get prints all of it unless fewer parts
are requested. What is not included is absent. A page token is bound to the filter, the order and the org it
was made for; the page's size and what it includes may change. The exact total is counted when requested
(`include_total=true`). A date without a time means that whole UTC day. An unknown parameter is refused, so
that no filter seems to work that does not. Refusals are `application/problem+json` (RFC 9457). A call is read
from the same form that get prints: whatever is absent was not mentioned, an unknown key is ignored, and a
value that its field cannot hold is refused, or of many calls left out and named. An export accepts the
filters of the list and answers with a file of the calls at one moment: JSON Lines of what get prints, or a
table as CSV, in which no text begins like a formula. `tz` changes how instants are printed, not the days of a
filter. A stream sends each call that changed, once with its last state however often it changed since it was
last sent, and the id of each that was deleted; it sends nothing of a call that no longer matches. POST
accepts one call or up to 1,000, and answers for each. PATCH states something about a call now, which replaces
what was stated before; it refuses null and other empty values, since a log keeps what was stated. A deleted
call stays deleted. Events of a running call may arrive in any order. A write may have an `Idempotency-Key`,
as with Stripe. The ledger says, for each hour in which calls were created, how many a source's vendor listed
and how many are stored, and lists the calls that were late, missing or repaired. The inbox has the payloads
that could not be read or that name no call; one of them can be read again, or deleted for good.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from trunkline.kit.auth import Bearer
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.errors import ErrorEnvelope, Texts
from trunkline.kit.events import MEDIA_TYPE as EVENTS
from trunkline.kit.export import MEDIA_TYPES
from trunkline.kit.rows import PageSummary, RowFormat
from trunkline.model.call import Call
from trunkline.model.changes import ChangeBatch
from trunkline.model.faults import Fault, Refused
from trunkline.model.inbox import (
    DropInbox,
    GetInboxPayload,
    PrintedPayload,
    RetryInbox,
)
from trunkline.model.intents import ExportCalls, FollowCalls, GetCall, ListCalls, ListChanges, OneCall
from trunkline.model.ledger import LedgerPage
from trunkline.model.query import Order, SortField
from trunkline.vendors.trunkline.filters import (
    filter_of,
    inbox_of,
    included_in_get,
    included_in_list,
    ledger_of,
    token_after,
    window_of,
)
from trunkline.vendors.trunkline.parse import NAME, from_line, from_wire
from trunkline.vendors.trunkline.render import (
    IDS,
    in_list,
    shown,
    to_wire,
    write_file,
    write_inbox,
    write_inbox_payload,
    write_retried,
)
from trunkline.vendors.trunkline.wire import (
    CallChange,
    CallList,
    ChangeList,
    ChangesQuery,
    ExportQuery,
    GetQuery,
    InboxList,
    InboxPayloadQuery,
    InboxQuery,
    LedgerQuery,
    ListQuery,
    ParameterProblem,
    Problem,
    RetryAnswer,
    StreamQuery,
    WriteQuery,
)
from trunkline.vendors.trunkline.writes import WRITES

# -- operations -----------------------------------------------------------


def read_list(query: ListQuery, _: str) -> ListCalls:
    """From the query string to a question."""
    return ListCalls(
        filter=filter_of(query),
        order=Order(by=SortField(query.order_by), newest_first=query.order == "desc"),
        window=window_of(query),
        with_total=query.include_total,
        with_transcript=bool(included_in_list(query)),
    )


def list_envelope(page: PageSummary, query: ListQuery) -> CallList:
    """The answer around the calls of a list."""
    total = page.total if query.include_total else None
    return CallList(
        calls=[],
        next_page_token=token_after(page, query),
        total_size=UNSET if total is None else total,
    )


def read_get(query: GetQuery, printed_id: str) -> GetCall:
    """From the path to a question."""
    return GetCall(printed_id=printed_id, with_transcript=bool(included_in_get(query)))


def write_get(found: OneCall, query: GetQuery) -> Call:
    """From a call to the answer."""
    return shown(found.call, included_in_get(query))


def read_export(query: ExportQuery, _: str) -> ExportCalls:
    """From the query string to a question."""
    return ExportCalls(
        filter=filter_of(query),
        order=Order(newest_first=query.order == "desc"),
        with_transcript=bool(included_in_get(query)),
    )


def read_changes(query: ChangesQuery, _: str) -> ListChanges:
    """From the query string to a question."""
    include = included_in_list(query)
    return ListChanges(filter=filter_of(query), after=query.after, with_transcript=bool(include))


def write_changes(batch: ChangeBatch, query: ChangesQuery) -> ChangeList:
    """From some changes to the answer."""
    include = included_in_list(query)
    changes = [
        CallChange(change.sequence, change.id, UNSET if change.call is None else shown(change.call, include))
        for change in batch.changes
    ]
    return ChangeList(changes, batch.sequence, batch.has_more)


def read_stream(query: StreamQuery, _: str) -> FollowCalls:
    """From the query string to a question."""
    include = included_in_list(query)
    return FollowCalls(filter=filter_of(query), after=query.after, with_transcript=bool(include))


LIST = Operation(
    name="list_calls",
    summary="List calls",
    path="/v1/calls",
    query=ListQuery,
    answer=CallList,
    to_intent=read_list,
    rows=RowFormat(row=in_list, options=included_in_list, path="calls", envelope=list_envelope),
    faults=(Fault.BAD_REQUEST, Fault.BAD_CURSOR),
    offers_toon=True,
)
GET = Operation(
    name="get_call",
    summary="Get one call",
    path="/v1/calls/{id}",
    query=GetQuery,
    answer=Call,
    to_intent=read_get,
    to_answer=write_get,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND),
    offers_toon=True,
)
EXPORT = Operation(
    name="export_calls",
    summary="Export calls",
    path="/v1/calls:export",
    query=ExportQuery,
    answer=Call,
    to_intent=read_export,
    to_answer=write_file,
    faults=(Fault.BAD_REQUEST,),
    media_types=MEDIA_TYPES,
)
CHANGES = Operation(
    name="list_changes",
    summary="List changes",
    path="/v1/calls:changes",
    query=ChangesQuery,
    answer=ChangeList,
    to_intent=read_changes,
    to_answer=write_changes,
    faults=(Fault.BAD_REQUEST,),
    offers_toon=True,
)
STREAM = Operation(
    name="follow_calls",
    summary="Follow calls",
    path="/v1/calls:stream",
    query=StreamQuery,
    answer=Call,
    to_intent=read_stream,
    rows=RowFormat(row=in_list, options=included_in_list),
    faults=(Fault.BAD_REQUEST,),
    media_types=(EVENTS,),
)


LEDGER = Operation(
    name="read_ledger",
    summary="Read the ledger",
    path="/v1/ledger",
    query=LedgerQuery,
    answer=LedgerPage,
    to_intent=ledger_of,
    to_answer=lambda page, _: page,
    faults=(Fault.BAD_REQUEST,),
    offers_toon=True,
)
LIST_INBOX = Operation(
    name="list_inbox",
    summary="List the inbox",
    path="/v1/inbox",
    query=InboxQuery,
    answer=InboxList,
    to_intent=inbox_of,
    to_answer=write_inbox,
    faults=(Fault.BAD_REQUEST, Fault.BAD_CURSOR),
    offers_toon=True,
)
GET_INBOX_PAYLOAD = Operation(
    name="get_inbox_payload",
    summary="Get one payload of the inbox",
    path="/v1/inbox/{id}",
    query=InboxPayloadQuery,
    answer=PrintedPayload,
    to_intent=lambda _, entry_id: GetInboxPayload(entry_id),
    to_answer=write_inbox_payload,
    faults=(Fault.BAD_REQUEST, Fault.PAYLOAD_NOT_FOUND),
    offers_toon=True,
)
RETRY_INBOX_PAYLOAD = Operation(
    name="retry_inbox_payload",
    summary="Read a payload of the inbox again",
    path="/v1/inbox/{id}/retry",
    method="POST",
    scope="write",
    query=WriteQuery,
    answer=RetryAnswer,
    to_intent=lambda _, entry_id: RetryInbox(ids=(entry_id,)),
    to_answer=write_retried,
    faults=(Fault.PAYLOAD_NOT_FOUND,),
)
DROP_INBOX_PAYLOAD = Operation(
    name="drop_inbox_payload",
    summary="Delete a payload of the inbox for good",
    path="/v1/inbox/{id}",
    method="DELETE",
    scope="write",
    query=WriteQuery,
    answer=None,
    to_intent=lambda _, entry_id: DropInbox(ids=(entry_id,)),
    to_answer=lambda _, __: None,
    statuses=(204,),
    faults=(Fault.PAYLOAD_NOT_FOUND,),
)
INBOX = (LIST_INBOX, GET_INBOX_PAYLOAD, RETRY_INBOX_PAYLOAD, DROP_INBOX_PAYLOAD)

# -- refusals, as problem details after RFC 9457 --------------------------


class Kind(NamedTuple):
    """One kind of problem: the end of its `type`, its title, and the text of its detail."""

    slug: str
    title: str
    detail: str


_NOT_FOUND = Kind("call-not-found", "Call not found", "There is no call with this id.")

KINDS = {
    Fault.BAD_REQUEST: Kind("bad-request", "Bad request", "The request cannot be read: {detail}."),
    Fault.BAD_CURSOR: Kind(
        "bad-page-token",
        "Bad page token",
        "Send next_page_token back with the filter and order it came from.",
    ),
    Fault.NO_CREDENTIAL: Kind("no-credential", "No credential", "Send an Authorization: Bearer header."),
    Fault.MALFORMED_CREDENTIAL: Kind(
        "malformed-credential", "Malformed credential", "A key begins with tl_ and has letters and digits."
    ),
    Fault.UNKNOWN_CREDENTIAL: Kind("unknown-credential", "Unknown credential", "This key is not known."),
    Fault.EXPIRED_CREDENTIAL: Kind("expired-credential", "Expired credential", "This key has expired."),
    Fault.REVOKED_CREDENTIAL: Kind("revoked-credential", "Revoked credential", "This key was revoked."),
    Fault.ADDRESS_NOT_ALLOWED: Kind(
        "address-not-allowed", "Address not allowed", "This key may not be used from this address."
    ),
    Fault.SCOPE_MISSING: Kind("scope-missing", "Scope missing", "This key may not do that."),
    Fault.OTHER_ORG: Kind("other-org", "Other org", "This key belongs to another org."),
    Fault.FOREIGN_CALL: _NOT_FOUND,  # whether another org has this call must not be revealed
    Fault.CALL_NOT_FOUND: _NOT_FOUND,
    Fault.PAYLOAD_NOT_FOUND: Kind(
        "payload-not-found", "Payload not found", "The inbox has no payload with this id."
    ),
    Fault.NO_SUCH_ROUTE: Kind("no-such-route", "No such route", "There is nothing at this path."),
    Fault.METHOD_NOT_ALLOWED: Kind(
        "method-not-allowed", "Method not allowed", "This path does not support this method."
    ),
    Fault.NOT_ACCEPTABLE: Kind(
        "not-acceptable", "Not acceptable", "The answer is not available in any of the requested forms."
    ),
    Fault.TOO_LARGE: Kind("too-large", "Request body too large", "The request is too large: {detail}."),
    Fault.ADDRESS_TOO_LONG: Kind(
        "address-too-long", "Request address too long", "The request address is too long."
    ),
    Fault.HEADERS_TOO_LARGE: Kind(
        "headers-too-large", "Request headers too large", "The headers are too large: {detail}."
    ),
    Fault.TOO_SLOW: Kind("too-slow", "Request body too slow", "The request body arrived too slowly."),
    Fault.CONFLICT: Kind("conflict", "Request still running", "A request with this key is still running."),
    Fault.CALL_DELETED: Kind("call-deleted", "Call deleted", "The call was deleted and stays deleted."),
    Fault.UNSUPPORTED_BODY: Kind(
        "unsupported-body", "Unsupported content type", "The body cannot be read: {detail}."
    ),
    Fault.UNPROCESSABLE: Kind(
        "unprocessable", "Request cannot be done", "The request cannot be done: {detail}."
    ),
    Fault.UNSUPPORTED: Kind("unsupported", "Unsupported", "Trunkline records calls; it does not steer them."),
    Fault.INTERNAL: Kind("internal", "Internal error", "Something went wrong on our side; try again."),
    Fault.UNAVAILABLE: Kind("unavailable", "Unavailable", "The call log is unavailable; try again soon."),
}


def texts() -> Texts:
    """The detail of every fault."""
    return {fault: kind.detail for fault, kind in KINDS.items()}


def problem(status: int, text: str, refused: Refused) -> Problem:
    """The body of a refusal; it names the parameter at fault where there is one."""
    kind = KINDS[refused.fault]
    # The code that finds a token to be wrong does not know the name of its parameter.
    parameter = refused.parameter or ("page_token" if refused.fault is Fault.BAD_CURSOR else "")
    if refused.fault is Fault.UNAVAILABLE and refused.detail:
        text = f"{refused.detail[0].upper()}{refused.detail[1:]}."  # what to do about it depends on why
    errors = [ParameterProblem(parameter, refused.detail or text)] if parameter else UNSET
    return Problem(f"/problems/{kind.slug}", kind.title, status, text, errors)


# -- the dialect ----------------------------------------------------------


DIALECT = Dialect(
    name=NAME,
    title="Trunkline",
    about=__doc__ or "",
    ids=IDS,
    auth=Bearer(prefix="tl_", form="[0-9A-Za-z_-]+"),
    errors=ErrorEnvelope(
        shape=Problem,
        body=problem,
        texts=texts(),
        media_type="application/problem+json",
    ),
    operations=(LIST, GET, EXPORT, CHANGES, STREAM, LEDGER, *INBOX, *WRITES),
    wire=Call,
    from_wire=from_wire,
    to_wire=to_wire,
    at_root=False,
    refuse_unknown=True,
    cost_unit="USD",
    is_lossless=True,
    from_line=from_line,
)
