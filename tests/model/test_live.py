"""Whatever order, repeats and parts live events come in, they make the same call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.model.call import Call
from trunkline.model.live import Event, encoded_event, sighting_of_events
from trunkline.model.merge import Versions, first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.model.words import EndReason, Result, Role, Status

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SEEN = BEGIN - timedelta(seconds=1)

instants = st.integers(0, 12).map(lambda n: (BEGIN + timedelta(milliseconds=250 * n)).isoformat())
texts = st.sampled_from(["", "Yes.", "Good morning.", "A longer sentence than the others.", "é\u2028\x00"])
turns = st.sampled_from([1, 2, 3, "1", "greeting"])
maybe_ms = st.none() | st.integers(0, 5000)


def of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), "at": instants, **fields})


said = {"role": st.sampled_from([role.value for role in Role]), "text": texts, "start_ms": maybe_ms}
events = st.one_of(
    of("status", status=st.sampled_from([status.value for status in Status])),
    of("turn", turn=st.none() | turns, **said),
    of("partial_turn", turn=turns, **said),
    of("tool_call", id=st.sampled_from(["t1", "t2"]), name=st.sampled_from([None, "find", "book"])),
    of("tool_call", id=st.sampled_from(["t1", "t2"]), result=st.sampled_from([None, 1, {"a": [1]}])),
    of("latency", latency=st.dictionaries(st.sampled_from("ab"), st.integers(0, 9))),
    of("recording", url=st.sampled_from([None, "https://r/1", "https://r/22"]), enabled=st.booleans()),
    of(
        "end",
        result=st.sampled_from([None, *(r.value for r in Result)]),
        end_reason=st.sampled_from([None, *(r.value for r in EndReason)]),
        duration_ms=maybe_ms,
        ended_at=st.none() | instants,
    ),
)


def kept(raw: dict[str, Any]) -> bytes:
    event: Event = msgspec.convert(raw, Event)
    return encoded_event(event, BEGIN)


def folded(parts: list[list[bytes]]) -> tuple[Call, Versions]:
    """What stands after parts came in one after another; everything kept so far counts each time."""
    first = Sighting(vendor="ours", vendor_call_id="c", status=Status.QUEUED, created_at=SEEN, as_of=SEEN)
    call, stamps = first_call(first, "5f0c9c5e-2f5e-4a52-9d4b-111111111111", SEEN)
    so_far: list[bytes] = []
    for part in parts:
        so_far += part
        call, stamps = merged(call, stamps, sighting_of_events("ours", "c", so_far), SEEN, refolded=True)
    return call, stamps


@settings(max_examples=400, deadline=None)
@given(st.lists(events, min_size=1, max_size=10), st.data())
def test_any_order_repetition_and_partition_makes_the_same_call(
    raws: list[dict[str, Any]], data: st.DataObject
) -> None:
    every = [kept(raw) for raw in raws]
    again = data.draw(st.lists(st.sampled_from(every), max_size=5))
    mixed = data.draw(st.permutations([*every, *again]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)), max_size=4)))
    parts = [mixed[low:high] for low, high in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    assert folded([part for part in parts if part]) == folded([every])


@given(st.lists(events, min_size=1, max_size=10))
def test_what_is_said_is_as_old_as_the_last_event(raws: list[dict[str, Any]]) -> None:
    sighting = sighting_of_events("ours", "c", [kept(raw) for raw in raws])
    assert sighting.as_of == max(datetime.fromisoformat(raw["at"]) for raw in raws)


def test_an_event_with_an_id_counts_once_as_it_was_first_true() -> None:
    def turn(second: int) -> bytes:
        at = (BEGIN + timedelta(seconds=second)).isoformat()
        return kept({"type": "turn", "id": "e-1", "role": "user", "text": "Hello?", "at": at})

    sighting = sighting_of_events("ours", "c", [turn(5), turn(1), turn(3)])
    assert isinstance(sighting.turns, list)
    assert len(sighting.turns) == 1
    assert sighting.as_of == BEGIN + timedelta(seconds=1)
