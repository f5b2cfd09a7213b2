"""Our own API's writes: calls told, changed and deleted, and events of calls that run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from trunkline.dialects.trunkline.parse import from_wire
from trunkline.dialects.trunkline.wire import (
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
from trunkline.kit.dialect import Body, Operation
from trunkline.kit.payload import Unreadable
from trunkline.kit.sent import Sent, read_json
from trunkline.kit.storable import checked
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.live import Event
from trunkline.model.merge import OBJECTS, SAYS_NOTHING
from trunkline.model.sighting import STATEMENTS, Sighting
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
    Telling,
)

MOST_CALLS = 1000
MOST_EVENTS = 1000
"""In one request."""

_STATUSES = {"new": 201, "changed": 200, "unchanged": 200, "deleted": 410, "refused": 400}
NAMES = ("id", "vendor", "vendor_call_id")
_UNSAID = "says nothing here: a log does not unsay; leave the field out, or say another value"
_GONE = "the call was taken out of the log and stays out"

# -- many at once ---------------------------------------------------------


def items_of(sent: Sent, name: str, most: int) -> tuple[list[msgspec.Raw], bool]:
    """What a body holds, each as it came, and whether there may be several; raises `Refused`.

    One object, a list, an object with a list under `name`, or JSON Lines.
    """
    if sent.is_lines:
        items = [msgspec.Raw(line) for line in sent.content.splitlines() if line.strip()]
        return _not_too_many(items, name, most), True
    sent.must_be_json(or_lines=True)
    try:
        if sent.content.lstrip()[:1] == b"[":
            return _not_too_many(msgspec.json.decode(sent.content, type=list[msgspec.Raw]), name, most), True
        members = msgspec.json.decode(sent.content, type=dict[str, msgspec.Raw])
        if name in members and "type" not in members and "vendor_call_id" not in members:
            return _not_too_many(msgspec.json.decode(members[name], type=list[msgspec.Raw]), name, most), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Fault.BAD_REQUEST, f"the body is not JSON as expected: {str(error)[:120]}") from None
    return [msgspec.Raw(sent.content)], False


def _not_too_many(items: list[msgspec.Raw], name: str, most: int) -> list[msgspec.Raw]:
    if len(items) > most:
        raise Refused(Fault.TOO_LARGE, f"a request has at most {most} {name}")
    return items


# -- calls ----------------------------------------------------------------


class Tellings(msgspec.Struct):
    """Calls as a request tells of them."""

    tellings: list[Telling]
    many: bool


def take_calls(sent: Sent) -> Tellings:
    """Read one call or many; in many, what cannot be read stands in its place."""
    items, many = items_of(sent, "calls", MOST_CALLS)
    tellings = [_telling(bytes(item)) for item in items]
    if not many and tellings[0].sighting is None:
        raise Refused(Fault.BAD_REQUEST, f"{tellings[0].path}: {tellings[0].problem}", tellings[0].path)
    return Tellings(tellings, many)


def _telling(raw: bytes) -> Telling:
    try:
        return Telling(raw, checked(from_wire(read_json(raw))))
    except Unreadable as error:
        return Telling(raw, path=error.path, problem=error.reason)
    except Refused as refused:
        return Telling(raw, path="payload", problem=refused.detail)


def read_tell(asked: Tellings, _: str) -> TellCalls:
    """From the body to what is to be written."""
    return TellCalls(asked.tellings)


def write_told(told: CallsTold, asked: Tellings) -> ManyAnswer | OneAnswer:
    """From what came of each call to the answer."""
    if asked.many:
        return ManyAnswer([_result(index, result) for index, result in enumerate(told.results)])
    (result,) = told.results
    if result.state == "deleted" or result.call_id is None:
        raise Refused(Fault.CALL_DELETED)
    return OneAnswer(result.call_id, result.state, _link(result.call_id))


def status_told(told: CallsTold) -> int:
    """201 for one call that is new, else 200."""
    return 201 if len(told.results) == 1 and told.results[0].state == "new" else 200


def _result(index: int, result: CallTold) -> ResultOfOne:
    problem = _GONE if result.state == "deleted" else result.problem
    return ResultOfOne(
        index=index,
        status=_STATUSES[result.state],
        state=result.state,
        id=UNSET if result.call_id is None else result.call_id,
        link=UNSET if result.call_id is None else _link(result.call_id),
        error=(f"{result.path}: {problem}" if result.path else problem) or UNSET,
    )


def _link(call_id: str) -> str:
    return f"/trunkline/v1/calls/{call_id}"


# -- one call -------------------------------------------------------------


class Change(msgspec.Struct):
    """What a request says of a call."""

    said: dict[str, Any]


def take_change(sent: Sent) -> Change:
    """Read what is said of a call; raises `Refused` for what says nothing, and for an unknown field."""
    said = sent.object()
    for name in said:
        if name not in STATEMENTS and name not in NAMES:
            raise Refused(Fault.BAD_REQUEST, f"{name[:60]}: is not a field of a call", name[:60])
    for path in _nulls(said, ()):
        raise Refused(Fault.BAD_REQUEST, f"{path}: null {_UNSAID}", path)
    for (name,), nothing in SAYS_NOTHING.items():
        if said.get(name) == nothing:
            value = msgspec.json.encode(nothing).decode()
            raise Refused(Fault.BAD_REQUEST, f"{name}: {value} {_UNSAID}", name)
    _sighting({"vendor_call_id": "to-be-read", **said})
    return Change(said)


def _nulls(said: dict[str, Any], parent: tuple[str, ...]) -> Iterator[str]:
    for name, value in said.items():
        path = (*parent, name)
        if value is None:
            yield ".".join(path)
        elif path in OBJECTS and isinstance(value, dict):
            yield from _nulls(value, path)


def _sighting(said: dict[str, Any]) -> Sighting:
    try:
        return checked(from_wire(said))
    except Unreadable as error:
        raise Refused(Fault.BAD_REQUEST, f"{error.path}: {error.reason}", error.path) from None


def read_change(asked: Change, printed_id: str) -> ChangeCall:
    """From the body to what is to be said of the call."""

    def change(call: Call) -> Sighting:
        named = {"vendor": call.vendor, "vendor_call_id": call.vendor_call_id, "id": call.id}
        for name, value in named.items():
            told = asked.said.get(name, value)
            if told != value and not (name == "id" and str(told).lower() == value):
                raise Refused(Fault.BAD_REQUEST, f"{name}: cannot be changed", name)
        return _sighting({**asked.said, **named})

    return ChangeCall(printed_id, change)


def write_changed(changed: CallChanged, _: Change) -> Call:
    """From the merged call to the answer."""
    return changed.call


def read_delete(_: WriteQuery, printed_id: str) -> DeleteCall:
    """From the path to what is to be taken out."""
    return DeleteCall(printed_id)


def write_deleted(_: CallDeleted, __: WriteQuery) -> None:
    """Nothing is left to say."""


# -- events ---------------------------------------------------------------


class Events(msgspec.Struct):
    """Events as a request tells them; a sentence in the place of each that cannot be read."""

    events: list[Event | str]
    many: bool


def take_events(sent: Sent) -> Events:
    """Read one event or many."""
    items, many = items_of(sent, "events", MOST_EVENTS)
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


def read_events(asked: Events, printed_id: str) -> TellEvents:
    """From the body to what is to be written."""
    return TellEvents(printed_id, asked.events)


def write_events(told: EventsTold, asked: Events) -> EventsAnswer:
    """From the call as it stands now to the answer."""
    if told.refused and not asked.many:
        raise Refused(Fault.BAD_REQUEST, told.refused[0][1])
    call = told.call
    return EventsAnswer(
        id=call.id,
        status=call.status,
        taken=told.taken,
        refused=[EventRefused(index, reason) for index, reason in told.refused],
        link=_link(call.id),
    )


# -- operations -----------------------------------------------------------

_EXAMPLE = b"""{"vendor": "our-agent", "vendor_call_id": "2026-0042", "status": "completed",
 "direction": "inbound", "from_number": "+12025550143", "started_at": "2026-03-02T09:30:04Z",
 "duration_ms": 47500, "turns": [{"role": "agent", "text": "Good morning."}]}"""

TELL = Operation(
    name="tell_calls",
    summary="Tell calls",
    path="/v1/calls",
    method="POST",
    scope="write",
    query=WriteQuery,
    takes=take_calls,
    body=Body(shape=(CallFields, list[CallFields], ManyCalls), example=_EXAMPLE, may_be_lines=True),
    answer=(OneAnswer, ManyAnswer),
    read=read_tell,
    write=write_told,
    statuses=(201, 200),
    status=status_told,
    repeatable=True,
    faults=(Fault.BAD_REQUEST, Fault.CALL_DELETED),
)
CHANGE = Operation(
    name="change_call",
    summary="Change a call",
    path="/v1/calls/{id}",
    method="PATCH",
    scope="write",
    query=WriteQuery,
    takes=take_change,
    body=Body(shape=ChangeFields, example=b'{"analysis": {"summary": "Moved to Thursday at ten."}}'),
    answer=Call,
    read=read_change,
    write=write_changed,
    repeatable=True,
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
    read=read_delete,
    write=write_deleted,
    statuses=(204,),
    repeatable=True,
    faults=(Fault.CALL_NOT_FOUND, Fault.CALL_DELETED),
)
EVENTS = Operation(
    name="tell_events",
    summary="Tell events of a running call",
    path="/v1/calls/{id}/events",
    method="POST",
    scope="write",
    query=WriteQuery,
    takes=take_events,
    body=Body(
        shape=(Event, list[Event], ManyEvents),
        example=b'{"type": "turn", "role": "user", "text": "Hello?", "at": "2026-03-02T09:30:09Z"}',
        may_be_lines=True,
    ),
    answer=EventsAnswer,
    read=read_events,
    write=write_events,
    repeatable=True,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND, Fault.CALL_DELETED),
)
WRITES = (TELL, CHANGE, DELETE, EVENTS)
