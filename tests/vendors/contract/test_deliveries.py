"""What must be true of whatever comes in by a door: any order, any number, and anything in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.vendors.captures import Capture, call_of, lives, sound
from trunkline.kit.door import AnswerExpected, Door
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Call
from trunkline.model.sighting import Sighting
from trunkline.vendors import doors

INTERLEAVINGS = int(os.environ.get("INTERLEAVINGS", "200"))

EVERY = list(doors().values())
LIVES = [(door, life) for door in EVERY for life in lives(door.name)]

every_door = pytest.mark.parametrize("door", EVERY, ids=[door.name for door in EVERY])
every_life = pytest.mark.parametrize(
    ("door", "life"), LIVES, ids=[f"{door.name}-{life[0].vendor_call_id}" for door, life in LIVES]
)

# -- one call from many deliveries ----------------------------------------


@st.composite
def arrivals(draw: st.DrawFn, life: Sequence[Sighting]) -> list[Sighting]:
    """The deliveries of a call in any order, some of them more than once."""
    repeated = draw(st.lists(st.sampled_from(life), max_size=3))
    return draw(st.permutations([*life, *repeated]))


@every_life
@given(data=st.data())
@settings(max_examples=INTERLEAVINGS, deadline=None)
def test_deliveries_in_any_order_and_number_make_one_and_the_same_call(
    door: Door, life: list[Sighting], data: st.DataObject
) -> None:
    expected = call_of(life)
    call = call_of(data.draw(arrivals(life)))
    for name in Call.__struct_fields__:
        assert getattr(call, name) == getattr(expected, name), name


@every_life
def test_a_call_whose_end_was_reported_has_ended(door: Door, life: list[Sighting]) -> None:
    told = [sighting.status for sighting in life if sighting.status is not UNSET]
    assert call_of(life).status.is_final == any(status.is_final for status in told)


@every_life
def test_any_two_deliveries_make_the_same_call_either_way(door: Door, life: list[Sighting]) -> None:
    for first, second in permutations(life, 2):
        assert call_of([first, second]) == call_of([second, first])


# -- whatever comes in ----------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
edges = st.sampled_from(
    ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "Fri, 31 Dec 9999 23:59:59 +0000", 1e308]
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts | edges
)
documents: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def is_read_or_refused(read: Callable[[Any], Any], document: Any) -> Any:
    """What a door reads; nothing for what it may refuse. Anything else that it raises is a failure."""
    try:
        return read(document)
    except (Unreadable, AnswerExpected):
        return None


@every_door
@given(document=documents)
@settings(max_examples=100, deadline=None)
def test_any_document_is_read_or_refused(door: Door, document: Any) -> None:
    is_read_or_refused(door.parse_delivery, document)
    is_read_or_refused(door.from_wire, document)
    if door.list_api is not None:
        asked = door.list_api.first(None, None)
        is_read_or_refused(lambda answer: door.list_api and door.list_api.read(answer, asked), document)


def paths_of(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, value in members:
        yield (*path, name)
        yield from paths_of(value, (*path, name))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a path, or without the value there."""
    copy = msgspec.json.decode(msgspec.json.encode(document))
    place = copy
    for name in path[:-1]:
        place = place[name]
    if value is UNSET:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


@every_door
@given(data=st.data())
@settings(max_examples=max(300, INTERLEAVINGS), deadline=None)
def test_a_capture_with_some_values_changed_is_read_or_refused(door: Door, data: st.DataObject) -> None:
    kept = [(capture.read_by, capture.document()) for capture in sound(door.name) if _is_document(capture)]
    assert kept, f"no capture of {door.title} holds a document"
    read_by, document = data.draw(st.sampled_from(kept))
    for _ in range(data.draw(st.integers(1, 3))):
        inside = list(paths_of(document))
        if inside:
            path = data.draw(st.sampled_from(inside))
            document = changed(document, path, data.draw(st.just(UNSET) | documents))
    if read_by == "from_wire":
        sighting = is_read_or_refused(door.from_wire, document)
        sightings = [] if sighting is None else [sighting]
    else:
        heard = is_read_or_refused(door.parse_delivery, document)
        sightings = [] if heard is None else heard.sightings
    for sighting in sightings:
        call = msgspec.json.decode(msgspec.json.encode(call_of([sighting, sighting])), type=Call)
        assert call.vendor == sighting.vendor


def _is_document(capture: Capture) -> bool:
    with suppress(Unreadable):  # a capture may be of what is no document at all
        return isinstance(capture.document(), dict | list)
    return False


# -- a delivery of several calls ------------------------------------------


@every_door
def test_a_delivery_of_several_calls_is_split_into_one_of_each_which_is_read_alike(door: Door) -> None:
    """Each call's part is stored by itself, so that it goes when the call is deleted."""
    deliveries = [
        capture.document()
        for capture in sound(door.name)
        if capture.read_by != "from_wire" and _is_document(capture)
    ]
    assert deliveries, f"no capture of {door.title} is a delivery"
    for document in deliveries:
        together = is_read_or_refused(door.parse_delivery, document)
        if together is None:
            continue
        parts = [door.parse_delivery(part).sightings for part in door.split(document)]
        assert [one for part in parts for one in part] == together.sightings
        for part in parts:
            names = {(one.vendor, one.vendor_call_id) for one in part}
            assert len(names) <= 1, f"{door.title} says no split for a delivery of {sorted(names)}"


@every_door
@given(document=documents)
@settings(max_examples=50, deadline=None)
def test_any_document_is_split(door: Door, document: Any) -> None:
    assert len(door.split(document)) >= 1
