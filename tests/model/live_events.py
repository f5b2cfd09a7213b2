"""Events of all kinds and with all the names that they may share, as they are stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from trunkline.model.live import Event, encoded_event
from trunkline.model.words import EndReason, Result, Role, Status

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

instants = st.integers(0, 12).map(lambda n: (BEGIN + timedelta(milliseconds=250 * n)).isoformat())
texts = st.sampled_from(["", "Yes.", "Good morning.", "A longer sentence than the others.", "é\u2028\x00"])
turn_names = st.sampled_from([1, 2, 3, "1", "greeting"])
maybe_ms = st.none() | st.integers(0, 5000)
maybe_ids = st.none() | st.none() | st.sampled_from(["a", "b", "c"])


def of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), "at": instants, **fields})


said = {"role": st.sampled_from([role.value for role in Role]), "text": texts, "start_ms": maybe_ms}
tool_ids = st.none() | st.sampled_from(["t1", "t2"])
values = st.sampled_from([None, 1, {"a": [1]}])
raw_events = st.one_of(
    of("status", id=maybe_ids, status=st.sampled_from([status.value for status in Status])),
    of("turn", id=maybe_ids, turn=st.none() | turn_names, **said),
    of("partial_turn", id=maybe_ids, turn=turn_names, **said),
    of("tool_call", id=tool_ids, name=st.sampled_from([None, "find", "book"]), start_ms=maybe_ms),
    of("tool_call", id=tool_ids, arguments=values),
    of("tool_call", id=tool_ids, result=values),
    of("latency", id=maybe_ids, latency=st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))),
    of(
        "recording",
        id=maybe_ids,
        url=st.sampled_from([None, "https://r/1", "https://r/22"]),
        enabled=st.none() | st.booleans(),
    ),
    of(
        "end",
        id=maybe_ids,
        result=st.sampled_from([None, *(r.value for r in Result)]),
        end_reason=st.sampled_from([None, *(r.value for r in EndReason)]),
        duration_ms=maybe_ms,
        ended_at=st.none() | instants,
        status=st.sampled_from([Status.COMPLETED.value, Status.BUSY.value, Status.RINGING.value]),
    ),
)


def stored_event(raw: dict[str, Any]) -> bytes:
    event: Event = msgspec.convert(raw, Event)
    return encoded_event(event, BEGIN)


events = raw_events.map(stored_event)
