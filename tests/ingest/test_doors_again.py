"""A stored payload is read by the door that it came through, whatever vendor's call it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import World
from tests.ingest.vendors import Puller, SmallVendor, call, small_vendor
from tests.vendors import captures
from trunkline.compose import reprocessor
from trunkline.ingest.file_reader import Reader
from trunkline.ingest.files import Source
from trunkline.ingest.payload_reader import file_forms
from trunkline.ingest.reprocess import ReprocessSummary
from trunkline.ingest.webhooks import parse_delivery
from trunkline.kit.door import AnswerExpected, Door
from trunkline.kit.payload import Unreadable
from trunkline.service.received import HOOK, PRINTED, Provenance, Received, encoded
from trunkline.vendors import doors

OF_OTHERS = ["our-agent", *sorted(doors())]
"""Vendors whose calls may be reported in our own form: one that is nobody's, and each that there is."""

COLUMNS = "vendor, vendor_call_id, body, versions"


def stored(world: World) -> list[tuple[Any, ...]]:
    """Every call as its row has it."""
    rows = world.run(
        world.joined.pool.fetch(
            f"SELECT {COLUMNS} FROM calls WHERE org_id = $1 ORDER BY vendor, vendor_call_id", world.org.id
        )
    )
    return [tuple(row) for row in rows]


def again(world: World) -> ReprocessSummary:
    return world.run(reprocessor(world.joined).run(world.org))


def assert_derived_again(world: World, calls: int) -> None:
    before = stored(world)
    assert again(world) == ReprocessSummary(calls=calls)
    assert stored(world) == before


def own(vendor: str, **more: Any) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    return {"vendor": vendor, "vendor_call_id": "rp1", "status": "completed", "created_at": at, **more}


# -- the door of our own form ---------------------------------------------


@pytest.mark.parametrize("vendor", OF_OTHERS)
def test_a_delivery_in_our_own_form_is_one_whatever_vendor_it_names(vendor: str, world: World) -> None:
    source = world.run(world.joined.sources.add(world.name, "trunkline"))
    headers = {"content-type": "application/json"}
    answer = world.request("POST", f"/hooks/{source.address}", content=encoded(own(vendor)), headers=headers)
    assert answer.json() == {"received": True, "calls": 1}
    assert_derived_again(world, 1)


@pytest.mark.parametrize("vendor", OF_OTHERS)
def test_a_call_that_was_written_by_our_own_api_is_read_in_our_own_form(vendor: str, world: World) -> None:
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    made = world.request("POST", "/trunkline/v1/calls", content=encoded(own(vendor)), headers=headers)
    path = f"/trunkline/v1/calls/{made.json()['id']}"
    turn = {"type": "turn", "role": "user", "text": "Hello?", "at": "2026-01-01T00:00:09Z"}
    assert world.request("POST", f"{path}/events", content=encoded(turn), headers=headers).status_code == 200
    change = encoded({"analysis": {"summary": "short"}})
    assert world.request("PATCH", path, content=change, headers=headers).status_code == 200
    assert_derived_again(world, 1)


def test_calls_of_every_vendor_that_another_log_lists_are_read_in_our_own_form(
    new_world: Callable[..., World],
) -> None:
    with small_vendor() as vendor:
        puller = _puller(new_world(), vendor)
        vendor.calls = [
            call(f"{place}", minutes_ago=place, vendor=name) for place, name in enumerate(OF_OTHERS)
        ]
        assert puller.pull().new == len(OF_OTHERS)
        assert_derived_again(puller.world, len(OF_OTHERS))


def _puller(world: World, vendor: SmallVendor) -> Puller:
    return Puller(world, "trunkline", vendor.url, {"api_key": "k"})


@pytest.mark.parametrize("vendor", OF_OTHERS)
def test_a_call_in_our_own_form_from_a_file_is_read_in_it_if_its_payload_is_stored(
    vendor: str, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(encoded(own(vendor, duration_ms="odd")))  # so that the payload is stored
    _imported(world, path)
    assert_derived_again(world, 1)


# -- every vendor's own doors ---------------------------------------------


def _imported(world: World, path: Path, vendor: str | None = None) -> None:
    reader = Reader(file_forms(), vendor)
    with Source(path) as source:
        found = [one for entry in source.entries() for one in reader.read(path.name, entry)]
    received = [one for one in found if isinstance(one, Received)]
    assert received
    world.run(world.joined.intake.ingest(world.org, received, "file"))


@pytest.mark.parametrize("vendor", sorted(doors()))
def test_what_every_vendor_delivers_and_prints_is_read_again_by_its_door(vendor: str, world: World) -> None:
    door = doors()[vendor]
    received = [one for capture in captures.sound(vendor) for one in _received(door, capture)]
    named = {one.sighting.vendor_call_id for one in received if one.sighting is not None}
    assert named
    world.run(world.joined.intake.ingest(world.org, received, "test"))
    before = stored(world)
    derived = again(world)
    assert (derived.calls, derived.changed, derived.found) == (len(before), 0, 0)
    assert derived.unreadable == []
    assert stored(world) == before


def _received(door: Door, capture: captures.Capture) -> list[Received]:
    content_type = capture.headers.get("content-type", captures.JSON)
    kind = HOOK if capture.read_by == "read" else PRINTED.kind
    origin = Provenance(vendor=door.name, kind=kind, content_type=content_type, source="test")
    try:
        if kind == HOOK:
            sightings = parse_delivery(door, capture.body, content_type).sightings
        else:
            sightings = [door.from_wire(capture.document())]
    except (Unreadable, AnswerExpected) as error:
        problem = msgspec.structs.replace(origin, problem=str(error))
        return [Received(None, capture.body, problem)]
    return [Received(one, capture.body, origin) for one in sightings]


SAVED: dict[str, Any] = {
    "retell": [{"call_id": "a", "call_type": "phone_call", "agent_id": "b", "agent_version": 1}],
    "vapi": [{"id": "a", "orgId": "o", "type": "inboundPhoneCall", "status": "ended"}],
    "elevenlabs": {"conversations": [{"conversation_id": "a", "agent_id": "b", "status": "done"}]},
    "twilio": {"calls": [{"sid": "a", "account_sid": "b", "status": "completed"}]},
    "bland": {"calls": [{"call_id": "a", "call_length": 1, "completed": True}]},
    "ultravox": {"results": [{"callId": "a", "created": "2026-01-01T00:00:00Z"}]},
}


@pytest.mark.parametrize("vendor", SAVED)
def test_a_saved_answer_of_a_vendor_without_a_dialect_is_read_again_by_its_door(
    vendor: str, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(SAVED[vendor]))
    _imported(world, path)
    assert [row[0] for row in stored(world)] == [vendor]
    assert_derived_again(world, 1)


# -- payloads that were stored before their form was ----------------------


@pytest.mark.parametrize("vendor", OF_OTHERS)
def test_a_payload_of_which_no_form_is_noted_is_read_in_its_vendors_form_or_in_ours(
    vendor: str, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(encoded(own(vendor, duration_ms="odd")))
    _imported(world, path)
    world.run(world.joined.pool.execute("UPDATE sightings SET form = NULL WHERE org_id = $1", world.org.id))
    derived = again(world)
    assert (derived.calls, derived.unreadable) == (1, [])


def test_one_call_of_a_vendor_that_is_gone_is_named_and_the_others_are_derived_again(world: World) -> None:
    source = world.run(world.joined.sources.add(world.name, "trunkline"))
    origin = Provenance(vendor="gone", kind=HOOK)
    door = doors()["trunkline"]
    good = door.from_wire(own("our-agent"))
    bad = door.from_wire(own("our-agent", vendor_call_id="rp2"))
    printed = Provenance(vendor="trunkline", kind=HOOK, source_id=source.id)
    seen = [Received(good, encoded(own("our-agent")), printed), Received(bad, b"{}", origin)]
    world.run(world.joined.intake.ingest(world.org, seen, "test"))
    derived = again(world)
    assert derived.calls == 2
    assert derived.unreadable == ["our-agent rp2: payload: there is no vendor 'gone'"]


def test_a_call_whose_row_is_corrupt_is_named_and_the_others_are_derived_again(world: World) -> None:
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    many = encoded([own("our-agent", vendor_call_id=name) for name in ("a", "b", "c")])
    assert world.request("POST", "/trunkline/v1/calls", content=many, headers=headers).status_code == 200
    corrupt = "UPDATE calls SET body = '{' WHERE org_id = $1 AND vendor_call_id = 'b'"
    world.run(world.joined.pool.execute(corrupt, world.org.id))
    derived = again(world)
    assert (derived.calls, derived.changed) == (3, 0)
    assert [one.partition(": ")[0] for one in derived.unreadable] == ["our-agent b"]
