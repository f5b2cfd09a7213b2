"""Examples of answers and refusals, made by the dialects themselves from one full call."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.losses import full_call
from trunkline.kit.query import parameters, read_query
from trunkline.kit.sent import Sent, header_to_send
from trunkline.model.call import HEAVY_FIELDS, Call
from trunkline.model.changes import Change, Look
from trunkline.model.faults import Fault, Refused
from trunkline.model.intents import CallPage, GetCall, ListCalls, ListChanges, OneCall, ReadLedger
from trunkline.model.ledger import example_ledger
from trunkline.model.writes import (
    CallChanged,
    CallDeleted,
    CallsTold,
    CallTold,
    ChangeCall,
    DeleteCall,
    EventsTold,
    TellCalls,
    TellEvents,
    Write,
    Written,
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
    """What an operation answers to the vendor's own example query when there is nothing but one full call.

    `None` for an operation that does not ask for calls.
    """
    call = full_call()
    query: Any
    query, _ = read_query(operation.example.encode(), operation.query)
    if operation.takes is not None and operation.body is not None:
        query = operation.takes(Sent(operation.body.example))
    intent = operation.read(query, dialect.ids.printed(call))
    if isinstance(intent, ReadLedger):
        return operation.write(example_ledger(), query)
    if isinstance(intent, Write):
        return operation.write(_written(intent, call), query)
    if not isinstance(intent, ListCalls | GetCall | ListChanges):
        return None
    if not intent.with_transcript:
        for name in HEAVY_FIELDS:
            setattr(call, name, UNSET)
    if isinstance(intent, GetCall):
        return operation.write(OneCall("acme", call), query)
    if isinstance(intent, ListChanges):
        return operation.write(Look([Change(42, call.id, call)], 42, has_more=False), query)
    return operation.write(CallPage(org="acme", calls=[call], total=1), query)


def _written(intent: Write, call: Call) -> Written:
    match intent:
        case TellCalls():
            return CallsTold("acme", [CallTold("new", call.id) for _ in intent.tellings])
        case TellEvents():
            return EventsTold("acme", call, len(intent.events), [])
        case ChangeCall():
            return CallChanged("acme", call, call)
        case DeleteCall():
            return CallDeleted("acme", call)
