"""Every captured delivery is read as its capture expects, and a door declares what it accepts."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from tests.vendors.captures import BadCapture, Capture, capture_of, folder, lives, paths, sound
from trunkline.kit.door import AnswerExpected, Door
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import SecretAddress
from trunkline.vendors import dialects, doors

EVERY = list(doors().values())
FILES = [path for door in EVERY for path in paths(door.name)]
CAPTURES = [(door, capture) for door in EVERY for capture in sound(door.name)]

every_door = pytest.mark.parametrize("door", EVERY, ids=[door.name for door in EVERY])
every_file = pytest.mark.parametrize(
    "path", FILES, ids=[f"{path.parents[2].name}-{path.stem}" for path in FILES]
)
every_capture = pytest.mark.parametrize(
    ("door", "capture"), CAPTURES, ids=[capture.name.replace("/", "-") for _, capture in CAPTURES]
)

# -- what a door declares -------------------------------------------------


@every_door
def test_a_door_names_its_sources_its_events_and_its_choices(door: Door) -> None:
    about = door.about.strip()
    assert re.fullmatch(rf"{door.title}: .+\.", about.partition("\n")[0]), "begin with `Title: ….`"
    for heading in ("Sources:", "Events:", "Not carried:", "Our choice:"):
        assert f"\n\n{heading}" in about, f"{door.name}: the module's docstring lacks a paragraph `{heading}`"


@every_door
def test_a_secret_is_described_exactly_if_there_is_one_to_give(door: Door) -> None:
    assert (door.signature.secret_is == "") == isinstance(door.signature, SecretAddress)


@every_door
def test_a_door_beside_a_dialect_has_its_title(door: Door) -> None:
    beside = dialects().get(door.name)
    assert beside is None or beside.title == door.title


# -- the captures ---------------------------------------------------------


@every_door
def test_there_are_captures_of_a_whole_call_and_of_what_nobody_knows(door: Door) -> None:
    found = sound(door.name)
    assert found, f"write what {door.title} sends into {folder(door.name)}/captures/hooks/*.json"
    assert lives(door.name), f"no call of {door.title} is spoken of in two captures"
    assert any(capture.expected.get("unknown") for capture in found), (
        f"no capture of {door.title} has a word or field that nobody knows"
    )


@every_file
def test_a_capture_has_the_form_that_all_of_them_have(path: Path) -> None:
    try:
        capture_of(path)
    except BadCapture as error:
        pytest.fail(str(error))


@every_capture
def test_a_capture_is_read_as_it_expects(door: Door, capture: Capture) -> None:
    assert capture.problem(door) is None


@every_capture
def test_a_capture_names_the_vendors_calls_and_instants_in_utc(door: Door, capture: Capture) -> None:
    beside = dialects().get(door.name)
    own_form = beside is not None and beside.is_lossless
    for sighting in capture.sightings(door):
        assert own_form or sighting.vendor == door.name
        for name in ("as_of", "created_at", "updated_at", "started_at", "ended_at", "scheduled_at"):
            at = getattr(sighting, name)
            assert at is UNSET or at is None or at.utcoffset() == timedelta(0), f"{name} is not in UTC"


@every_capture
def test_reading_a_capture_leaves_the_document_as_it_was(door: Door, capture: Capture) -> None:
    document = capture.document()
    before = msgspec.json.encode(document)
    try:
        door.from_wire(document) if capture.read_by == "from_wire" else door.parse_delivery(document)
    except (Unreadable, AnswerExpected):
        assert "raises" in capture.expected
    assert msgspec.json.encode(document) == before
