"""Every captured delivery is heard as it is written down, alone and in any order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.deliveries import Capture, call_from, captures, life
from trunkline.dialects import doors
from trunkline.kit.door import AnswerExpected, document_of
from trunkline.kit.payload import Unreadable
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


# -- payloads that nobody would send --------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "Fri, 31 Dec 9999 23:59:59 +0000", 1e308]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _document(capture: Capture) -> Any:
    return document_of(capture.body, capture.headers["content-type"])


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members: Any = ()
    if isinstance(document, dict):
        members = document.items()
    elif isinstance(document, list):
        members = enumerate(document)
    return [path, *(place for key, inner in members for place in _places(inner, (*path, key)))]


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(document, dict):
        return {**document, path[0]: _with(document[path[0]], path[1:], value)}
    return [_with(item, path[1:], value) if index == path[0] else item for index, item in enumerate(document)]


LATE, END = "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000"
RECORDED = {"RecordingStatus": "completed", "RecordingStartTime": END, "RecordingDuration": "9"}


@pytest.mark.parametrize(
    ("vendor", "document"),
    [
        ("bland", {"call_id": "c", "status": "completed", "started_at": LATE, "corrected_duration": 5}),
        ("ultravox", {"call": {"callId": "c", "ended": LATE, "billingStatus": "BILLING_STATUS_BILLED"}}),
        ("twilio", {"CallSid": "c", **RECORDED}),
    ],
)
def test_a_call_at_the_end_of_the_calendar_is_read(vendor: str, document: dict[str, Any]) -> None:
    assert call_from(doors()[vendor].read(document).sightings).vendor_call_id == "c"


@given(capture=st.sampled_from(ALL), data=st.data())
@settings(max_examples=1500, deadline=None)
def test_a_payload_with_anything_anywhere_is_read_or_refused_by_name(
    capture: Capture, data: st.DataObject
) -> None:
    document = _document(capture)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(_places(document)))
        document = _with(document, place, data.draw(anything))
    try:
        heard = doors()[capture.vendor].read(document)
    except (Unreadable, AnswerExpected):
        return
    for sighting in heard.sightings:
        assert call_from([sighting]).vendor == capture.vendor
