"""The vendor's writes: a call changed, its schedule moved or cancelled, and a call deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, structs

from trunkline.kit.dialect import Body, Operation
from trunkline.kit.payload import Payload, Unreadable
from trunkline.kit.request_body import RequestBody, refuse_problems
from trunkline.kit.storable import read_call
from trunkline.kit.wire import iso_with_ms, ms_of_instant
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status
from trunkline.model.writes import CallChanged, CallDeleted, ChangeCall, DeleteCall
from trunkline.vendors.zudu.parse import from_wire
from trunkline.vendors.zudu.render import organization, write_call
from trunkline.vendors.zudu.wire import (
    CallRemoved,
    CallUpdated,
    Cancelled,
    CancelledCall,
    GetQuery,
    Moved,
    Removed,
    ScheduleBody,
    ScheduleCancelled,
    ScheduleMoved,
    UpdateBody,
    Updated,
)
from trunkline.vendors.zudu.words import DIRECTION, NAME, STATUS

NOT_SCHEDULED = "Call is not scheduled"

# -- update ---------------------------------------------------------------


class Update(Struct):
    """The values that a request states about a call."""

    fields: dict[str, Any]


def parse_update(body: RequestBody) -> Update:
    """Read the body; raises `Refused` for a field that the vendor does not accept, and for null."""
    fields = body.object()
    for name, value in fields.items():
        if name not in UpdateBody.__struct_fields__:
            raise Refused(Fault.BAD_REQUEST, f"{name[:60]} cannot be updated", name[:60])
        if value is None:
            raise Refused(Fault.BAD_REQUEST, f"{name} must not be null", name)
    for name, vocabulary in (("call_status", STATUS), ("direction", DIRECTION)):
        if name in fields and str(fields[name]).upper() not in vocabulary.words:
            raise Refused(Fault.BAD_REQUEST, f"{name} must be one of {', '.join(vocabulary.words)}", name)
    _sighting(fields)
    return Update(fields)


def _sighting(fields: dict[str, Any]) -> Sighting:
    try:
        sighting = read_call(from_wire, {"call_id": "to-be-read", **fields})
    except Unreadable as error:
        raise Refused(Fault.BAD_REQUEST, f"{error.path}: {error.reason}", error.path) from None
    refuse_problems(sighting)
    # A part of a call does not show how the whole one would print.
    return structs.replace(sighting, verbatim=UNSET)


def read_update(update: Update, printed_id: str) -> ChangeCall:
    """From the body to the change of the call."""

    def change(call: Call) -> Sighting:
        fields = dict(update.fields)
        words = call.vendor_words if call.vendor == NAME else None
        if "call_status" in fields and fields["call_status"].upper() == STATUS.word_for(call.status, words):
            del fields["call_status"]  # it prints so already: their word must not replace our more exact one
        return _sighting(fields)

    return ChangeCall(printed_id, change)


def write_update(changed: CallChanged, _: Update) -> CallUpdated:
    """From the merged call to the vendor's answer."""
    org = organization(changed.call, changed.org)
    data = Updated("update", org, write_call(changed.call, changed.org))
    return CallUpdated("Call updated successfully", "success", None, data)


# -- schedule -------------------------------------------------------------


class Schedule(Struct):
    """The instant that a request moves a call to."""

    at: datetime
    seconds: int


def parse_schedule(body: RequestBody) -> Schedule:
    """Read the body: Unix seconds."""
    fields = body.object()
    wire = Payload(fields)
    seconds = wire.count("scheduled_timestamp")
    if not isinstance(seconds, int):
        problem = wire.problems.get("scheduled_timestamp")
        reason = f"expected {problem.expected}, found {problem.found}" if problem else "is required"
        raise Refused(Fault.BAD_REQUEST, f"scheduled_timestamp: {reason}", "scheduled_timestamp")
    return Schedule(datetime.fromtimestamp(seconds, UTC), seconds)


def read_schedule(requested: Schedule, printed_id: str) -> ChangeCall:
    """From the body to the change of the call."""

    def change(call: Call) -> Sighting:
        _must_be_scheduled(call)
        stated = _stated(scheduled_at=requested.at)
        if call.vendor == NAME:  # which has its schedule in its metadata
            stated.metadata = {"is_scheduled": True, "scheduled_timestamp": requested.seconds}
        return stated

    return ChangeCall(printed_id, change)


def write_schedule(changed: CallChanged, requested: Schedule) -> ScheduleMoved:
    """From the merged call to the vendor's answer."""
    call = write_call(changed.call, changed.org)
    data = Moved(
        operation="schedule_update",
        organization_id=call.organization_id,
        call_id=call.call_id,
        previous_scheduled_timestamp=_seconds(changed.before.scheduled_at),
        new_scheduled_timestamp=requested.seconds,
        scheduled_for_human=iso_with_ms(requested.at),
        call=call,
    )
    return ScheduleMoved("Scheduled call time updated successfully", "success", None, data)


def read_cancel(_: GetQuery, printed_id: str) -> ChangeCall:
    """From the path to the change of the call."""

    def change(call: Call) -> Sighting:
        _must_be_scheduled(call)
        return _cancelled()

    return ChangeCall(printed_id, change)


def write_cancel(changed: CallChanged, _: GetQuery) -> ScheduleCancelled:
    """From the merged call to the vendor's answer."""
    call = write_call(changed.call, changed.org)
    data = Cancelled(
        operation="schedule_cancelled",
        organization_id=call.organization_id,
        call_id=call.call_id,
        cancelled_scheduled_timestamp=_seconds(changed.before.scheduled_at),
        call=CancelledCall(call.call_id, call.metadata, call.events),
    )
    message = "Scheduled call cancelled successfully - converted to regular call"
    return ScheduleCancelled(message, "success", None, data)


def _must_be_scheduled(call: Call) -> None:
    if call.status is not Status.SCHEDULED:
        raise Refused(Fault.BAD_REQUEST, NOT_SCHEDULED)


def _cancelled() -> Sighting:
    return _stated(status=Status.QUEUED, metadata={"is_scheduled": False, "execution_status": "cancelled"})


def _stated(**fields: Any) -> Sighting:
    return Sighting(vendor=NAME, vendor_call_id="to-be-read", **fields)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else ms_of_instant(at) // 1000


# -- delete ---------------------------------------------------------------


def read_delete(_: GetQuery, printed_id: str) -> DeleteCall:
    """From the path to the call to delete, or to cancel if it is scheduled."""
    return DeleteCall(printed_id, lambda call: _cancelled() if call.status is Status.SCHEDULED else None)


def write_delete(outcome: CallDeleted | CallChanged, query: GetQuery) -> CallRemoved | ScheduleCancelled:
    """From the call to the vendor's answer."""
    if isinstance(outcome, CallChanged):
        return write_cancel(outcome, query)
    call = write_call(outcome.call, outcome.org)
    data = Removed("delete", call.organization_id, call.call_id)
    return CallRemoved("Call deleted successfully", "success", None, data)


# -- operations -----------------------------------------------------------

UPDATE = Operation(
    name="update_call",
    summary="Update a call",
    path="/api/calls/{id}",
    method="PUT",
    scope="write",
    query=GetQuery,
    parse_body=parse_update,
    body=Body(shape=UpdateBody, example=b'{"call_status": "ongoing", "metadata": {"priority": "high"}}'),
    answer=CallUpdated,
    to_intent=read_update,
    to_answer=write_update,
    faults=(Fault.CALL_NOT_FOUND,),
)
DELETE = Operation(
    name="delete_call",
    summary="Delete a call, or cancel its schedule",
    path="/api/calls/{id}",
    method="DELETE",
    scope="write",
    query=GetQuery,
    answer=(CallRemoved, ScheduleCancelled),
    to_intent=read_delete,
    to_answer=write_delete,
    faults=(Fault.CALL_NOT_FOUND,),
)
MOVE = Operation(
    name="move_schedule",
    summary="Move a scheduled call",
    path="/api/calls/{id}/schedule",
    method="PUT",
    scope="write",
    query=GetQuery,
    parse_body=parse_schedule,
    body=Body(shape=ScheduleBody, example=b'{"scheduled_timestamp": 1772444400}'),
    answer=ScheduleMoved,
    to_intent=read_schedule,
    to_answer=write_schedule,
    faults=(Fault.CALL_NOT_FOUND,),
)
CANCEL = Operation(
    name="cancel_schedule",
    summary="Cancel the schedule of a call",
    path="/api/calls/{id}/schedule",
    method="DELETE",
    scope="write",
    query=GetQuery,
    answer=ScheduleCancelled,
    to_intent=read_cancel,
    to_answer=write_cancel,
    faults=(Fault.BAD_REQUEST, Fault.CALL_NOT_FOUND),
)
WRITES = (UPDATE, DELETE, MOVE, CANCEL)
