"""Our calls written as Callem prints them."""

from __future__ import annotations

from trunkline.kit.call_ids import hex_digits
from trunkline.kit.transcript import is_engaged, turns_of
from trunkline.kit.verbatim import restore_verbatim
from trunkline.kit.wire import iso_with_ms, seconds_of_ms
from trunkline.model.call import Analysis, Call
from trunkline.model.words import EndReason
from trunkline.vendors.callem.wire import WireCall, WireTurn
from trunkline.vendors.callem.words import END_REASON, EVALUATED, NAME, SPOKEN_BY, STATUS

IDS = hex_digits(NAME, 24)


def in_list(call: Call, _: str) -> WireCall:
    """Write a call as a list prints it, without the org."""
    return to_wire(call)


def to_wire(call: Call) -> WireCall:
    """Write a call; list and get print the same, transcript included."""
    own = call.vendor == NAME
    analysis = call.analysis or Analysis()
    wire = WireCall(
        id=IDS.printed(call),
        status=STATUS.word_for(call.status, call.vendor_words if own else None) or "completed",
        duration=seconds_of_ms(call.duration_ms or 0),
        summary=analysis.summary,
        evaluation=None if analysis.success is None else EVALUATED[analysis.success],
        ended_reason=_reason(call, own),
        caller_number=call.from_number,
        called_number=call.to_number,
        is_engaged=is_engaged(call),
        call_analysis=analysis.custom,
        transcript=[WireTurn(SPOKEN_BY[turn.role], turn.text) for turn in turns_of(call)],
        created_at=iso_with_ms(call.created_at),
        updated_at=iso_with_ms(call.updated_at or call.ended_at or call.started_at or call.created_at),
    )
    if own:
        restore_verbatim(wire, call)
    return wire


def _reason(call: Call, own: bool) -> str | None:
    if own or call.end_reason is EndReason.OTHER:
        return call.end_reason_raw or END_REASON.write(call.end_reason)
    return END_REASON.write(call.end_reason)
