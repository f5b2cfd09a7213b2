"""In any order and with any repeats live events give the same result, also beside other statements."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.live_events import BEGIN, events, stored_event
from trunkline.model.call import Call, Turn
from trunkline.model.live import read_event, sighting_of_events
from trunkline.model.live_record import combined
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.model.versions import Versions
from trunkline.model.words import Result, Role, Status

SEEN = BEGIN - timedelta(seconds=1)
KEY = ("ours", "c")
CALL_ID = "5f0c9c5e-2f5e-4a52-9d4b-111111111111"


@settings(max_examples=400, deadline=None)
@given(st.lists(events, min_size=1, max_size=10), st.data())
def test_any_order_and_repetition_says_the_same(every: list[bytes], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(every), max_size=5))
    mixed = data.draw(st.permutations([*every, *again]))
    assert sighting_of_events(*KEY, mixed) == sighting_of_events(*KEY, every)


moments = st.integers(-2, 14).map(lambda n: BEGIN + timedelta(milliseconds=250 * n))
turns = st.lists(st.builds(Turn, st.sampled_from(Role), st.sampled_from(["", "Yes.", "Good morning."])))
others = st.builds(
    Sighting,
    vendor=st.just(KEY[0]),
    vendor_call_id=st.just(KEY[1]),
    as_of=moments,
    created_at=st.just(SEEN),
    status=st.sampled_from(Status),
    result=st.sampled_from(Result),
    started_at=moments,
    ended_at=st.none() | moments,
    turns=turns,
    latency=st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)),
)


def beside(sightings: list[Sighting], every: list[bytes]) -> tuple[Call, Versions]:
    first, *rest = sightings
    call, versions = first_call(first, CALL_ID, SEEN)
    for sighting in rest:
        call, versions = merged(call, versions, sighting, SEEN)
    return combined(call, versions, sighting_of_events(*KEY, every))


@settings(max_examples=300, deadline=None)
@given(st.lists(others, min_size=1, max_size=3), st.lists(events, max_size=8), st.data())
def test_what_else_is_said_may_come_before_or_after_the_events(
    sightings: list[Sighting], every: list[bytes], data: st.DataObject
) -> None:
    made = {repr(beside(mixed, every)) for mixed in [sightings, data.draw(st.permutations(sightings))]}
    # As one sighting among the others, they may come at any position.
    told = sighting_of_events(*KEY, every)
    if every:
        first, *rest = sightings
        for place in range(len(sightings)):
            call, versions = first_call(first, CALL_ID, SEEN)
            for one in [*rest[:place], told, *rest[place:]]:
                call, versions = merged(call, versions, one, SEEN)
            made.add(repr((call, versions)))
    assert len(made) == 1


@given(st.lists(events.filter(lambda raw: b'"id"' not in raw), min_size=1, max_size=10))
def test_what_is_said_is_as_old_as_the_last_event(every: list[bytes]) -> None:
    assert sighting_of_events(*KEY, every).as_of == max(read_event(raw).at for raw in every)


def test_an_event_with_an_id_counts_once_as_it_was_first_true() -> None:
    def turn(second: int) -> bytes:
        at = (BEGIN + timedelta(seconds=second)).isoformat()
        return stored_event({"type": "turn", "id": "e-1", "role": "user", "text": "Hello?", "at": at})

    sighting = sighting_of_events("ours", "c", [turn(5), turn(1), turn(3)])
    assert isinstance(sighting.turns, list)
    assert len(sighting.turns) == 1
    assert sighting.as_of == BEGIN + timedelta(seconds=1)
