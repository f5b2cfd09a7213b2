"""The quick way to read a line of a file: what it accepts, the long way accepts too, with the same result."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec import structs

from tests.vendors.trunkline.test_reading import calls
from trunkline.model.call import Call
from trunkline.model.sighting import Sighting
from trunkline.vendors.trunkline import DIALECT
from trunkline.vendors.trunkline.parse import DAY_MS, from_line

ID = "f1e2d3c4-b5a6-7890-1234-567890abcdef"
LINE = {
    "id": ID,
    "vendor": "elsewhere",
    "vendor_call_id": "c-1",
    "status": "completed",
    "created_at": "2026-03-01T12:00:00.5Z",
    "started_at": None,
    "cost": {"amount": "0.50", "unit": "USD"},
    "turns": [{"role": "user", "text": "Grüße"}],
}
NOT_OF_A_CALL = sorted(set(Sighting.__struct_fields__) - set(Call.__struct_fields__))


def fields(sighting: Sighting) -> dict[str, tuple[type, Any]]:
    """Each field with its type, so that equal values of different types are distinguished."""
    said = {name: getattr(sighting, name) for name in Sighting.__struct_fields__}
    amount = getattr(said["cost"], "amount", None)
    return {name: (type(value), value) for name, value in said.items()} | {"digits": (str, str(amount))}


def same(line: bytes) -> bool:
    """Whether the quick way accepts a line; if so, the result has to be that of the long way."""
    quick = from_line(line)
    if quick is None:
        return False
    assert fields(quick) == fields(DIALECT.from_wire(msgspec.json.decode(line)))
    return True


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(calls)
def test_a_call_that_we_print_is_read_quickly_and_alike(call: Call) -> None:
    usual = (call.duration_ms or 0) <= DAY_MS
    assert same(msgspec.json.encode(call)) or not usual
    assert same(msgspec.json.Encoder(decimal_format="number").encode(call)) or not usual


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cost": None},
        {"cost": {"amount": 12}},
        {"cost": {"amount": 0.1}},
        {"cost": {"amount": None, "items": [{"part": "voice"}]}},
        {"created_at": "2026-03-01T14:00:00+02:00"},
        {"created_at": "2026-03-01 12:00"},
        {"ended_at": "2026-03-01T12:00:00.123456789Z"},
        {"duration_ms": 0, "turn_count": 0},
        {"recording": {"url": "https://calls.example/recordings/x", "stored": True, "original_url": "y"}},
        {"colour": {"of": ["a", "member", "that", "nobody", "knows"]}},
    ],
)
def test_what_is_well_formed_is_read_quickly(changes: dict[str, Any]) -> None:
    assert same(msgspec.json.encode(LINE | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ID.upper()},
        {"id": None},
        {"id": "c-1"},
        {"vendor": None},
        {"vendor": " "},
        {"vendor_call_id": "x" * 201},
        {"vendor_call_id": 5},
        {"created_at": None},
        {"created_at": ""},
        {"created_at": "2026-02-30"},
        {"started_at": 1770000000},
        {"duration_ms": -1},
        {"duration_ms": 10**12},
        {"turn_count": 2**31},
        {"turn_count": "3"},
        {"turns": None},
        {"cost": {"amount": "much"}},
        {"status": "ended"},
    ],
)
def test_what_has_to_be_put_right_or_refused_is_left_to_the_long_way(changes: dict[str, Any]) -> None:
    assert not same(msgspec.json.encode(LINE | changes))


@pytest.mark.parametrize("name", NOT_OF_A_CALL)
def test_a_line_does_not_say_how_old_it_is(name: str) -> None:
    for value in ("2026-03-01T12:00:00Z", {}, {"status": 1}, None):
        same(msgspec.json.encode(LINE | {name: value}))


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{", b'{"vendor_call_id": "c-1"}', b"\xff"])
def test_what_is_no_whole_call_is_left_to_the_long_way(line: bytes) -> None:
    assert from_line(line) is None


def test_a_line_that_is_not_utf_8_is_refused_even_where_nothing_reads_it() -> None:
    line = msgspec.json.encode(LINE | {"colour": "?"})
    assert from_line(line) is not None
    assert from_line(line.replace(b"?", b"\xff")) is None


def test_the_quick_way_gives_records_that_can_be_changed_like_any_other() -> None:
    quick = from_line(msgspec.json.encode(LINE))
    assert quick is not None
    assert structs.replace(quick, vendor="another").vendor == "another"
