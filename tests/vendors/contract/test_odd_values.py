"""An odd value never costs a call: every value of every capture is replaced by odd ones, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec

from tests.vendors.captures import JSON, Capture, sound, values_of
from tests.vendors.contract.test_deliveries import _is_document, changed, every_door, paths_of
from trunkline.kit.door import AnswerExpected, Door, document_of
from trunkline.kit.payload import Unreadable
from trunkline.kit.storable import pruned, storable
from trunkline.model.field_problems import FieldProblems
from trunkline.model.sighting import Sighting

DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]

ODD_VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "below zero": -1,
    "huge": 10**40,
    "a fraction": 0.5,
    "the largest number": 1e308,
    "seconds": 1772443804,
    "milliseconds": 1772443804000,
    "microseconds": 1772443804000000,
    "an empty text": "",
    "blanks": "   ",
    "a word": "no-such-word",
    "digits": "12",
    "NaN": "NaN",
    "an instant": "2026-03-02T09:30:04Z",
    "an instant without a zone": "2026-03-02 09:30:04.5",
    "a day that is none": "2026-02-30T09:30:04Z",
    "NUL": "a\x00b",
    "half a pair": "a\ufffdb",
    "a long text": "x" * 5000,
    "JSON of an object": '{"a": 1}',
    "JSON of a list": '[{"a": 1}]',
    "an empty list": [],
    "a list": [1, "two", None, [], {}],
    "an empty object": {},
    "an object": {"a": {"b": [1]}, "a\x00": "NUL in a name"},
    "something deep": DEEP,
}

ODD = "no such thing"

ODD_NAMES = ("a\x00b", "", "x" * 3000, "a.b", "[0]")

FREE = frozenset({"vendor_fields", "metadata", "verbatim", "events", "problems"})
"""What holds values as they came, so that an odd one may be seen there."""


def sightings_of(door: Door, capture: Capture, document: Any) -> list[Sighting]:
    """What is read of a document, checked to be storable."""
    document = pruned(document, {})
    if capture.read_by == "from_wire":
        return [storable(door.from_wire(document))]
    return [storable(sighting) for sighting in door.parse_delivery(document).sightings]


def facts(sighting: Sighting) -> dict[str, Any]:
    """What a sighting states, without values that are held as they came."""
    return {name: value for name, value in values_of(sighting).items() if name not in FREE}


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The names of the facts that differ."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def sound_captures(door: Door) -> Iterator[tuple[Capture, Any, list[Sighting]]]:
    """The captures that speak of calls, with their documents."""
    for capture in sound(door.name):
        if _is_document(capture) and "raises" not in capture.expected:
            document = capture.document()
            if found := sightings_of(door, capture, document):
                yield capture, document, found


def few(document: Any) -> list[tuple[Any, ...]]:
    """The paths in a document, of the items of each list the first two."""
    return [path for path in paths_of(document) if all(step < 2 for step in path if isinstance(step, int))]


def value_at(document: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a path."""
    for step in path:
        document = document[step]
    return document


def read_or_no_call(door: Door, capture: Capture, document: Any) -> list[Sighting] | None:
    """What is read; `None` if it is not known which call it is, or the vendor wants an answer."""
    try:
        return sightings_of(door, capture, document)
    except (Unreadable, AnswerExpected):
        return None


@every_door
def test_no_odd_value_costs_a_call_or_anything_else_of_it(door: Door) -> None:
    tried = 0
    for capture, document, whole in sound_captures(door):
        names = {sighting.vendor_call_id for sighting in whole}
        for path in few(document):
            if value_at(document, path) in [*names, *(one.vendor for one in whole)]:
                continue  # what says which call it is: with another value it is another call
            without = read_or_no_call(door, capture, changed(document, path, msgspec.UNSET))
            if without is None or {one.vendor_call_id for one in without} != names:
                continue  # what the id stands in, or what says whether there is a call at all
            # What depends on the value, in the capture and without it.
            pairs = zip(whole, without, strict=False)
            follows = {name for one, other in pairs for name in differing(facts(one), facts(other))}
            for name, odd in ODD_VALUES.items():
                where = f"{capture.name}: {'.'.join(map(str, path))} = {name}"
                found = read_or_no_call(door, capture, changed(document, path, odd))
                assert found is not None, f"{where}: the call is lost"
                if len(found) != len(without):
                    assert {one.vendor_call_id for one in found} <= names, where
                    continue  # an event's name decides of how many sightings it speaks
                for one, other in zip(found, without, strict=True):
                    more = differing(facts(one), facts(other)) - follows
                    assert not more or _is_read(one, path, odd), f"{where}: {sorted(more)} differ"
                tried += 1
    assert tried > len(ODD_VALUES), f"no value of {door.title}'s captures was replaced"


def _is_read(sighting: Sighting, path: tuple[Any, ...], odd: Any) -> bool:
    """Whether a value is a right one of its field, from which more follows than from the capture's."""
    name = str(path[-1])
    problems = sighting.problems or {}
    return not any(where.endswith(name) and not problem.read_as for where, problem in problems.items())


@every_door
def test_a_value_of_another_type_is_named(door: Door) -> None:
    """A text where an object is documented is left out, and the sighting says so."""
    silent = []
    for capture, document, whole in sound_captures(door):
        for path in few(document):
            value = value_at(document, path)
            if not isinstance(value, dict | list) or not value:
                continue
            found = read_or_no_call(door, capture, changed(document, path, ODD))
            if not found or any(sighting.problems for sighting in found):
                continue
            differ = sorted(differing(facts(found[0]), facts(whole[0])))
            # What is held as it came, such as a vendor's own latencies, may be anything.
            if differ and not any(ODD in json.dumps(facts(one)) for one in found):
                silent.append(f"{capture.name}: {'.'.join(map(str, path))}: {differ}")
    assert not silent


@every_door
def test_no_name_of_a_field_costs_a_call(door: Door) -> None:
    for capture, document, whole in sound_captures(door):
        for path, name in product([(), *few(document)], ODD_NAMES):
            copy = json.loads(json.dumps(document))
            place = value_at(copy, path)
            if not isinstance(place, dict):
                continue
            place[name] = {name: [1, name]}
            found = sightings_of(door, capture, copy)
            assert [one.vendor_call_id for one in found] == [one.vendor_call_id for one in whole], (
                f"{capture.name}: {'.'.join(map(str, path))}"
            )


@every_door
def test_json_in_a_text_where_json_is_meant_costs_no_call(door: Door) -> None:
    """Also of what says which call it is, and of the whole delivery."""
    for capture, document, whole in sound_captures(door):
        names = [one.vendor_call_id for one in whole]
        for path in few(document):
            value = value_at(document, path)
            if isinstance(value, dict | list) and value:
                found = read_or_no_call(door, capture, changed(document, path, json.dumps(value)))
                where = f"{capture.name}: {'.'.join(map(str, path))}"
                assert found is not None, where
                assert [one.vendor_call_id for one in found] == names, where
        problems: FieldProblems = {}
        assert document_of(json.dumps(json.dumps(document)).encode(), JSON, problems) == document
        assert list(problems) == ["payload (text)"]
