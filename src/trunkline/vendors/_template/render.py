"""Our calls written as Examplia prints them."""

from __future__ import annotations

from trunkline.kit.call_ids import uuids
from trunkline.kit.transcript import turns_of
from trunkline.kit.verbatim import restore_verbatim
from trunkline.kit.wire import seconds_of_ms
from trunkline.model.call import Call
from trunkline.model.words import EndReason
from trunkline.vendors._template.wire import WireCall, WireTurn
from trunkline.vendors._template.words import DIRECTION, END_REASON, NAME, SPOKEN_BY, STATUS

# The form of the vendor's call ids; see kit/call_ids.py for the others. A call of another vendor prints an
# id derived in this form, and is found by it.
IDS = uuids(NAME)


def in_list(call: Call, _: str) -> WireCall:
    """Write a call as a list prints it; a vendor that prints organizations uses the org's name."""
    return to_wire(call)


def to_wire(call: Call) -> WireCall:
    """Write a call as list and get print it."""
    # Exact: print one form, the documented one. `own` is a call of this vendor, which has its own words.
    own = call.vendor == NAME
    words = call.vendor_words if own else None
    raw_reason = call.end_reason_raw if own or call.end_reason is EndReason.OTHER else None
    wire = WireCall(
        id=IDS.printed(call),
        direction=DIRECTION.word_for(call.direction, words) or "in",
        from_=call.from_number,
        to=call.to_number,
        state=STATUS.word_for(call.status, words) or "done",
        ended_by=raw_reason or END_REASON.write(call.end_reason),
        created_at=call.created_at,
        started_at=call.started_at,
        seconds=seconds_of_ms(call.duration_ms or 0),
        agent_id=call.agent.id if call.agent else None,
        summary=call.analysis.summary if call.analysis else None,
        transcript=[WireTurn(SPOKEN_BY[turn.role], turn.text) for turn in turns_of(call)],
    )
    if own:
        restore_verbatim(wire, call)
    return wire
