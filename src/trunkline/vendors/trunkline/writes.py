"""Our own API's writes: calls reported, changed and deleted, and events of running calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from trunkline.kit import json_reader
from trunkline.kit.dialect import Body, Operation
from trunkline.kit.payload import Unreadable
from trunkline.kit.request_body import RequestBody, read_json, refuse_problems
from trunkline.kit.storable import read_call
from trunkline.model.call import Call
from trunkline.model.chunked_json import are_long
from trunkline.model.faults import Fault, Refused
from trunkline.model.field_problems import FieldProblems
from trunkline.model.live import Event
from trunkline.model.merge import EMPTY_VALUES, OBJECTS
from trunkline.model.sighting import STATEMENTS, Sighting
from trunkline.model.writes import (
    AppendEvents,
    CallChanged,
    CallDeleted,
    CallsUpserted,
    CallUpsert,
    ChangeCall,
    DeleteCall,
    EventsAppended,
    UpsertCalls,
    UpsertResult,
)
from trunkline.vendors.trunkline.parse import from_wire
from trunkline.vendors.trunkline.wire import (
    CallFields,
    ChangeFields,
    EventRefused,
    EventsAnswer,
    ManyAnswer,
    ManyCalls,
    ManyEvents,
    OneAnswer,
    ResultOfOne,
    WriteQuery,
)

MAX_CALLS = 1000
MAX_EVENTS = 1000
"""In one request."""

_STATUSES = {"new": 201, "changed": 200, "unchanged": 200, "deleted": 410, "refused": 400}
NAMES = ("id", "vendor", "vendor_call_id")
_EMPTY = "would only remove a value, which a log does not do; leave the field out, or send another value"
_GONE = "the call was deleted and stays deleted"

# -- many at once ---------------------------------------------------------


def items_of(
    body: RequestBody, name: str, limit: int, problems: FieldProblems | None = None
) -> tuple[list[msgspec.Raw], bool]:
    """The items of a body, each as raw JSON, and whether there may be several; raises `Refused`.

    One object, a list, an object with a list under `name`, or JSON Lines. What had to be put right in a list
    to take it apart is added to `problems`.
    """
    if body.is_lines:
        items = [msgspec.Raw(line) for line in body.content.splitlines() if line.strip()]
        return _not_too_many(items, name, limit), True
    body.must_be_json(or_lines=True)
    try:
        if body.content.lstrip()[:1] == b"[":
            return _not_too_many(msgspec.json.decode(body.content, type=list[msgspec.Raw]), name, limit), True
        members = msgspec.json.decode(body.content, type=dict[str, msgspec.Raw])
        if name in members and "type" not in members and "vendor_call_id" not in members:
            return _not_too_many(
                msgspec.json.decode(members[name], type=list[msgspec.Raw]), name, limit
            ), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if found := _items_put_right(body.content, name, {} if problems is None else problems):
            return _not_too_many(found, name, limit), True
        raise Refused(Fault.BAD_REQUEST, f"the body is not JSON as expected: {str(error)[:120]}") from None
    return [msgspec.Raw(body.content)], False


def _items_put_right(content: bytes, name: str, problems: FieldProblems) -> list[msgspec.Raw] | None:
    """The items of a list that is not quite JSON, as something in one of them; `None` if it is no list."""
    try:
        document = json_reader.read_json(content, problems)
    except Unreadable:
        return None
    items = document.get(name) if isinstance(document, dict) and "type" not in document else document
    return [msgspec.Raw(msgspec.json.encode(item)) for item in items] if isinstance(items, list) else None


def _not_too_many(items: list[msgspec.Raw], name: str, limit: int) -> list[msgspec.Raw]:
    if len(items) > limit:
        raise Refused(Fault.TOO_LARGE, f"a request has at most {limit} {name}")
    return items


# -- calls ----------------------------------------------------------------


class CallUpserts(msgspec.Struct):
    """The calls of a request."""

    upserts: list[CallUpsert]
    many: bool


def parse_calls(body: RequestBody) -> CallUpserts:
    """Read one call or many; of many, those that cannot be read are marked."""
    problems: FieldProblems = {}
    items, many = items_of(body, "calls", MAX_CALLS, problems)
    if many:
        return CallUpserts([_upsert(bytes(item), json_reader.read_json, problems) for item in items], many)
    upserts = [_upsert(bytes(item), _strictly, {}) for item in items]
    refuse_problems(upserts[0].sighting)
    if upserts[0].sighting is None:
        raise Refused(Fault.BAD_REQUEST, f"{upserts[0].path}: {upserts[0].problem}", upserts[0].path)
    return CallUpserts(upserts, many)


def _strictly(raw: bytes, _: FieldProblems) -> Any:
    return read_json(raw)


def _upsert(raw: bytes, read: Callable[[bytes, FieldProblems], Any], of_all: FieldProblems) -> CallUpsert:
    problems = json_reader.problems_of_part(raw, of_all)
    try:
        return CallUpsert(raw, read_call(from_wire, read(raw, problems), problems))
    except Unreadable as error:
        return CallUpsert(raw, path=error.path, problem=error.reason)
    except Refused as refused:
        return CallUpsert(raw, path="payload", problem=refused.detail)


def read_upsert(upserts: CallUpserts, _: str) -> UpsertCalls:
    """From the body to what is to be written."""
    return UpsertCalls(upserts.upserts)


def write_upserted(outcome: CallsUpserted, upserts: CallUpserts) -> ManyAnswer | OneAnswer:
    """From the result of each call to the answer."""
    if upserts.many:
        return ManyAnswer(
            [
                _result(index, result, upsert)
                for index, (result, upsert) in enumerate(zip(outcome.results, upserts.upserts, strict=True))
            ]
        )
    (result,) = outcome.results
    if result.state == "deleted" or result.call_id is None:
        raise Refused(Fault.CALL_DELETED)
    return OneAnswer(result.call_id, result.state, _link(result.call_id))


def status_upserted(outcome: CallsUpserted) -> int:
    """201 for one call that is new, else 200."""
    return 201 if len(outcome.results) == 1 and outcome.results[0].state == "new" else 200


def _result(index: int, result: UpsertResult, upsert: CallUpsert) -> ResultOfOne:
    problem = _GONE if result.state == "deleted" else result.problem
    return ResultOfOne(
        index=index,
        status=_STATUSES[result.state],
        state=result.state,
        id=UNSET if result.call_id is None else result.call_id,
        link=UNSET if result.call_id is None else _link(result.call_id),
        error=(f"{result.path}: {problem}" if result.path else problem) or UNSET,
        problems=UNSET if upsert.sighting is None else upsert.sighting.problems or UNSET,
    )


def _link(call_id: str) -> str:
    return f"/trunkline/v1/calls/{call_id}"


# -- one call -------------------------------------------------------------


class Change(msgspec.Struct):
    """The values that a request states about a call."""

    fields: dict[str, Any]


def parse_change(body: RequestBody) -> Change:
    """Read the new values of a call; raises `Refused` for an empty value and for an unknown field."""
    fields = body.object()
    for name in fields:
        if name not in STATEMENTS and name not in NAMES:
            raise Refused(Fault.BAD_REQUEST, f"{name[:60]}: is not a field of a call", name[:60])
    for path in _nulls(fields, ()):
        raise Refused(Fault.BAD_REQUEST, f"{path}: null {_EMPTY}", path)
    for (name,), empty in EMPTY_VALUES.items():
        if fields.get(name) == empty:
            value = msgspec.json.encode(empty).decode()
            raise Refused(Fault.BAD_REQUEST, f"{name}: {value} {_EMPTY}", name)
    _sighting({"vendor_call_id": "to-be-read", **fields})
    return Change(fields)


def _nulls(fields: dict[str, Any], parent: tuple[str, ...]) -> Iterator[str]:
    for name, value in fields.items():
        path = (*parent, name)
        if value is None:
            yield ".".join(path)
        elif path in OBJECTS and isinstance(value, dict):
            yield from _nulls(value, path)


def _sighting(fields: dict[str, Any]) -> Sighting:
    try:
        sighting = read_call(from_wire, fields)
    except Unreadable as error:
        raise Refused(Fault.BAD_REQUEST, f"{error.path}: {error.reason}", error.path) from None
    refuse_problems(sighting)
    return sighting


def read_change(change_request: Change, printed_id: str) -> ChangeCall:
    """From the body to the change of the call."""

    def change(call: Call) -> Sighting:
        named = {"vendor": call.vendor, "vendor_call_id": call.vendor_call_id, "id": call.id}
        for name, value in named.items():
            stated = change_request.fields.get(name, value)
            if stated != value and not (name == "id" and str(stated).lower() == value):
                raise Refused(Fault.BAD_REQUEST, f"{name}: cannot be changed", name)
        return _sighting({**change_request.fields, **named})

    return ChangeCall(printed_id, change, is_long=are_long(*change_request.fields.values()))


def write_changed(changed: CallChanged, _: Change) -> Call:
    """From the merged call to the answer."""
    return changed.call


def read_delete(_: WriteQuery, printed_id: str) -> DeleteCall:
    """From the path to the call to delete."""
    return DeleteCall(printed_id)


def write_deleted(_: CallDeleted, __: WriteQuery) -> None:
    """The answer has no body."""


# -- events ---------------------------------------------------------------


class Events(msgspec.Struct):
    """The events of a request; for each that cannot be read a sentence that says why."""

    events: list[Event | str]
    many: bool


def parse_events(body: RequestBody) -> Events:
    """Read one event or many."""
    items, many = items_of(body, "events", MAX_EVENTS)
    events = [_event(item) for item in items]
    if not many and isinstance(events[0], str):
        raise Refused(Fault.BAD_REQUEST, events[0])
    return Events(events, many)


def _event(raw: msgspec.Raw) -> Event | str:
    try:
        event: Event = msgspec.convert(read_json(raw), Event)
    except Refused as refused:
        return refused.detail
    except msgspec.ValidationError as error:
        return str(error)
    return event


def read_events(events: Events, printed_id: str) -> AppendEvents:
    """From the body to what is to be written."""
    return AppendEvents(printed_id, events.events)


def write_events(outcome: EventsAppended, events: Events) -> EventsAnswer:
    """From the call as it is now to the answer."""
    if outcome.refused and not events.many:
        raise Refused(Fault.BAD_REQUEST, outcome.refused[0][1])
    call = outcome.call
    return EventsAnswer(
        id=call.id,
        status=call.status,
        accepted=outcome.accepted,
        refused=[EventRefused(index, reason) for index, reason in outcome.refused],
        link=_link(call.id),
    )


# -- operations -----------------------------------------------------------

_EXAMPLE = b"""{"vendor": "our-agent", "vendor_call_id": "2026-0042", "status": "completed",
 "direction": "inbound", "from_number": "+12025550143", "started_at": "2026-03-02T09:30:04Z",
 "duration_ms": 47500, "turns": [{"role": "agent", "text": "Good morning."}]}"""

UPSERT = Operation(
    name="upsert_calls",
    summary="Upsert calls",
    path="/v1/calls",
    method="POST",
    scope="write",
    query=WriteQuery,
    parse_body=parse_calls,
    body=Body(shape=(CallFields, list[CallFields], ManyCalls), example=_EXAMPLE, may_be_lines=True),
    answer=(OneAnswer, ManyAnswer),
    to_intent=read_upsert,
    to_answer=write_upserted,
    statuses=(201, 200),
    status=status_upserted,
    idempotent=True,
    faults=(Fault.BAD_REQUEST, Fault.CALL_DELETED),
)
CHANGE = Operation(
    name="change_call",
    summary="Change a call",
    path="/v1/calls/{id}",
    method="PATCH",
    scope="write",
    query=WriteQuery,
    parse_body=parse_change,
    body=Body(shape=ChangeFields, example=b'{"analysis": {"summary": "Moved to Thursday at ten."}}'),
    answer=Call,
    to_intent=read_change,
    to_answer=write_changed,
    idempotent=True,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND, Fault.CALL_DELETED),
)
DELETE = Operation(
    name="delete_call",
    summary="Delete a call",
    path="/v1/calls/{id}",
    method="DELETE",
    scope="write",
    query=WriteQuery,
    answer=None,
    to_intent=read_delete,
    to_answer=write_deleted,
    statuses=(204,),
    idempotent=True,
    faults=(Fault.CALL_NOT_FOUND, Fault.CALL_DELETED),
)
EVENTS = Operation(
    name="append_events",
    summary="Append events to a running call",
    path="/v1/calls/{id}/events",
    method="POST",
    scope="write",
    query=WriteQuery,
    parse_body=parse_events,
    body=Body(
        shape=(Event, list[Event], ManyEvents),
        example=b'{"type": "turn", "role": "user", "text": "Hello?", "at": "2026-03-02T09:30:09Z"}',
        may_be_lines=True,
    ),
    answer=EventsAnswer,
    to_intent=read_events,
    to_answer=write_events,
    idempotent=True,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND, Fault.CALL_DELETED),
)
WRITES = (UPSERT, CHANGE, DELETE, EVENTS)
