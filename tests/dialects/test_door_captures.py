"""Every captured delivery is heard as it is written down, alone and in any order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.deliveries import Capture, call_from, captures, life
from trunkline.model.sighting import Sighting

VENDORS = ("bland", "twilio", "ultravox", "vapi")

ALL = [capture for vendor in VENDORS for capture in captures(vendor)]

LIVES = {
    (vendor, sighting.vendor_call_id): life(vendor, sighting.vendor_call_id)
    for vendor in VENDORS
    for capture in captures(vendor)
    for sighting in capture.heard().sightings
}
LONG_LIVES = [pytest.param(told, id=vendor) for (vendor, _), told in LIVES.items() if len(told) > 1]


def _name(capture: Capture) -> str:
    return f"{capture.vendor}-{capture.name}"


@pytest.mark.parametrize("capture", ALL, ids=_name)
def test_a_captured_delivery_is_heard_as_it_is_written_down(capture: Capture) -> None:
    expected: dict[str, Any] = capture.raw["heard"]
    assert capture.summary() == expected


@pytest.mark.parametrize("capture", ALL, ids=_name)
def test_a_capture_says_where_it_comes_from(capture: Capture) -> None:
    assert capture.raw["source"].strip()
    assert capture.raw.keys() - {"source", "headers", "body", "document", "heard"} == set()


@pytest.mark.parametrize("told", LONG_LIVES)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_deliveries_in_any_order_and_told_twice_make_the_same_call(
    told: list[Sighting], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=3))
    order = data.draw(st.permutations([*told, *again]))
    assert call_from(order) == call_from(told)


@pytest.mark.parametrize("told", LONG_LIVES)
def test_any_two_deliveries_make_the_same_call_either_way(told: list[Sighting]) -> None:
    for one, other in permutations(told, 2):
        assert call_from([one, other]) == call_from([other, one])
