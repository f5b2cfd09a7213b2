"""Examples of answers and refusals, made by the dialects themselves from one full call."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.losses import full_call
from trunkline.kit.query import parameters, read_query
from trunkline.kit.request_body import RequestBody, header_to_send
from trunkline.model.call import TRANSCRIPT_FIELDS, Call
from trunkline.model.changes import Change, ChangeBatch
from trunkline.model.faults import Fault, Refused
from trunkline.model.inbox import (
    DropInbox,
    GetInboxPayload,
    InboxContent,
    InboxDropped,
    InboxRetried,
    ListInbox,
    RetryInbox,
    example_entry,
    example_inbox,
)
from trunkline.model.intents import (
    CallPage,
    GetCall,
    Intent,
    ListCalls,
    ListChanges,
    OneCall,
    Outcome,
    ReadLedger,
)
from trunkline.model.ledger import example_ledger
from trunkline.model.writes import (
    AppendEvents,
    CallChanged,
    CallDeleted,
    CallsUpserted,
    ChangeCall,
    DeleteCall,
    EventsAppended,
    UpsertCalls,
    UpsertResult,
    Write,
    WriteOutcome,
)


def usual_refusal(dialect: Dialect, operation: Operation, fault: Fault) -> Refused:
    """A fault with the detail that it usually has."""
    if fault is Fault.BAD_REQUEST:
        for parameter in parameters(operation.query).values():
            try:
                parameter.read("?")
            except ValueError as error:
                return Refused(fault, f"{parameter.name} {error}", parameter.name)
    if fault in (Fault.CALL_NOT_FOUND, Fault.FOREIGN_CALL):
        return Refused(fault, dialect.ids.printed(full_call()))
    if fault is Fault.UNSUPPORTED_BODY and operation.body is not None:
        return Refused(fault, header_to_send("text/plain", or_lines=operation.body.may_be_lines))
    return Refused(fault, _DETAILS.get(fault, ""))


_DETAILS = {
    Fault.BAD_CURSOR: "the cursor names no call",
    Fault.SCOPE_MISSING: "read",
    Fault.METHOD_NOT_ALLOWED: "GET",
}


def in_words(fault: Fault) -> str:
    """A fault as a few words."""
    return fault.name.lower().replace("_", " ")


def example_answer(dialect: Dialect, operation: Operation) -> Any:
    """The answer of an operation to the vendor's own example query, from a log with one full call.

    `None` for an operation that does not answer with calls.
    """
    call = full_call()
    query: Any
    query, _ = read_query(operation.example.encode(), operation.query)
    if operation.parse_body is not None and operation.body is not None:
        query = operation.parse_body(RequestBody(operation.body.example))
    intent = operation.to_intent(query, dialect.ids.printed(call))
    if isinstance(intent, ReadLedger):
        return operation.answer_of(example_ledger(), query)
    if (inbox := _of_inbox(intent)) is not None:
        return operation.answer_of(inbox, query)
    if isinstance(intent, Write):
        return operation.answer_of(_written(intent, call), query)
    if not isinstance(intent, ListCalls | GetCall | ListChanges):
        return None
    if not intent.with_transcript:
        for name in TRANSCRIPT_FIELDS:
            setattr(call, name, UNSET)
    if isinstance(intent, GetCall):
        return operation.answer_of(OneCall("acme", call), query)
    if isinstance(intent, ListChanges):
        return operation.answer_of(ChangeBatch([Change(42, call.id, call)], 42, has_more=False), query)
    return operation.answer_of(CallPage.of("acme", [call], total=1), query)


def _of_inbox(intent: Intent) -> Outcome | None:
    match intent:
        case ListInbox():
            return example_inbox()
        case GetInboxPayload():
            return InboxContent(example_entry(), b'{"event":"call_ended"}')
        case RetryInbox():
            return InboxRetried(read=1, calls=1, unread=[])
        case DropInbox():
            return InboxDropped(1)
        case _:
            return None


def _written(intent: Write, call: Call) -> WriteOutcome:
    match intent:
        case UpsertCalls():
            return CallsUpserted("acme", [UpsertResult("new", call.id) for _ in intent.upserts])
        case AppendEvents():
            return EventsAppended("acme", call, len(intent.events), [])
        case ChangeCall():
            return CallChanged("acme", call, call)
        case DeleteCall():
            return CallDeleted("acme", call)
