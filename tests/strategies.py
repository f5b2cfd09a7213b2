"""Hypothesis strategies for calls and for what payloads state about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET

from trunkline.model.call import (
    Agent,
    Analysis,
    Call,
    Campaign,
    Contact,
    Cost,
    Privacy,
    Recording,
    Telephony,
    ToolCall,
    Turn,
    Word,
)
from trunkline.model.ids import call_id
from trunkline.model.sighting import Sighting
from trunkline.model.words import Channel, Direction, EndReason, Result, Role, Sentiment, Status

START = datetime(2026, 3, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["alpha", "beta", "gamma", "délta"])
# Few instants and numbers, so that ties are common.
instants = st.integers(0, 40).map(lambda hours: START + timedelta(hours=hours)) | st.integers(0, 10**9).map(
    lambda ms: START + timedelta(milliseconds=ms)
)
phones = st.sampled_from(["+12025550100", "+12025550101", "+33199000001", "+447700900001"])
small_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(names, small_json, max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


milliseconds = st.integers(0, 600_000)
words = st.builds(Word, word=texts, start_ms=maybe(milliseconds), end_ms=maybe(milliseconds))
turns = st.builds(
    Turn,
    role=st.sampled_from(Role),
    text=texts,
    start_ms=maybe(milliseconds),
    end_ms=maybe(milliseconds),
    words=st.just(UNSET) | st.lists(words, max_size=2),
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Turn], list[ToolCall]]:
    """Turns and tool calls whose positions make one sequence."""
    said, tools, position = [], [], 0
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            tool = ToolCall(name=draw(names), id=f"tc_{position}", arguments=draw(objects), position=position)
            position += 1
            if draw(st.booleans()):
                tool.result, tool.result_position = draw(objects), position
                position += 1
            tools.append(tool)
        else:
            said.append(draw(turns))
            position += 1
    return said, tools


statements: dict[str, st.SearchStrategy[Any]] = {
    "trace_id": maybe(names),
    "direction": st.sampled_from(Direction),
    "channel": st.sampled_from(Channel),
    "vendor_type": maybe(names),
    "from_number": maybe(phones),
    "to_number": maybe(phones),
    "status": st.sampled_from(Status),
    "result": maybe(st.sampled_from(Result)),
    "end_reason": maybe(st.sampled_from(EndReason)),
    "end_reason_raw": maybe(names),
    "created_at": instants,
    "updated_at": maybe(instants),
    "scheduled_at": maybe(instants),
    "started_at": maybe(instants),
    "ended_at": maybe(instants),
    "duration_ms": maybe(milliseconds),
    "agent": maybe(st.builds(Agent, id=maybe(names), name=maybe(names), config=maybe(objects))),
    "campaign": maybe(st.builds(Campaign, id=maybe(names), name=maybe(names))),
    "contact": maybe(st.builds(Contact, id=maybe(names), full_name=maybe(texts), phone_number=maybe(phones))),
    "turns": st.lists(turns, max_size=2),
    "transcript_text": maybe(texts),
    "analysis": maybe(
        st.builds(
            Analysis,
            summary=maybe(texts),
            sentiment=maybe(st.sampled_from(Sentiment)),
            success=maybe(st.booleans()),
            voicemail=maybe(st.booleans()),
            engaged=maybe(st.booleans()),
            custom=maybe(objects),
        )
    ),
    "cost": maybe(
        st.builds(
            Cost,
            amount=maybe(st.decimals(0, 10, places=2)),
            unit=maybe(st.sampled_from(["USD", "credits"])),
            items=maybe(st.lists(objects, max_size=2)),
        )
    ),
    "billing_status": maybe(names),
    "latency": maybe(objects),
    "usage": maybe(objects),
    "errors": maybe(objects),
    "turn_count": maybe(st.integers(0, 9)),
    "recording": maybe(st.builds(Recording, enabled=maybe(st.booleans()), url=maybe(names))),
    "log_url": maybe(names),
    "privacy": maybe(st.builds(Privacy, opt_out=maybe(st.booleans()))),
    "telephony": maybe(st.builds(Telephony, sid=maybe(names), transport=maybe(names))),
    "metadata": maybe(objects),
    "events": maybe(st.lists(objects, max_size=2)),
}


def sightings(vendor: str = "elsewhere", vendor_call_id: str = "call-1") -> st.SearchStrategy[Sighting]:
    """What a payload may state about one call: any of its fields, or none."""
    said = st.fixed_dictionaries({}, optional={**statements, "as_of": instants})
    return said.map(lambda fields: Sighting(vendor=vendor, vendor_call_id=vendor_call_id, **fields))


@st.composite
def calls(draw: st.DrawFn, vendors: tuple[str, ...] = ("elsewhere",), number: int = 0) -> Call:
    """A whole call, with a transcript."""
    vendor = draw(st.sampled_from(vendors))
    fields = draw(st.fixed_dictionaries(statements))
    fields["turns"], fields["tool_calls"] = draw(conversations())
    vendor_call_id = f"{vendor}-{number}"
    return Call(id=call_id(vendor, vendor_call_id), vendor=vendor, vendor_call_id=vendor_call_id, **fields)
