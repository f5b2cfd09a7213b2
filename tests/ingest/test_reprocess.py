"""Calls derived again from their stored payloads, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from tests.conftest import World
from trunkline.compose import reprocessor
from trunkline.ingest.reprocess import ReprocessSummary
from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.service.received import HOOK, RECORDING, Provenance, Received, encoded
from trunkline.store.totals.totals import differences
from trunkline.vendors import dialects

CAPTURE = Path(__file__).parents[1] / "vendors" / "contactship" / "captures" / "get.json"
RAW: dict[str, Any] = json.loads(CAPTURE.read_text())["body"]


@pytest.fixture
def read() -> Sighting:
    return dialects()["contactship"].from_wire(RAW)


def again(world: World) -> ReprocessSummary:
    joined = world.joined
    run = reprocessor(joined).run(world.org)
    return world.run(run)


def test_a_call_becomes_what_its_payload_says_now(world: World, read: Sighting) -> None:
    poor = structs.replace(read, from_number="+10000000000", turns=UNSET, transcript_text="misread")
    world.run(world.joined.intake.ingest(world.org, [Received(poor, encoded(RAW))], "test"))
    assert again(world) == ReprocessSummary(calls=1, changed=1)
    right = structs.replace(read)
    told = world.get("contactship", f"/v1/calls/{read.vendor_call_id}").json()
    assert told["from"] == RAW["from"] == right.from_number
    assert "misread" not in json.dumps(told)
    assert again(world) == ReprocessSummary(calls=1)
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_what_was_reported_without_a_payload_stays(world: World, read: Sighting) -> None:
    poor = structs.replace(read, turns=UNSET, turn_count=UNSET)
    world.run(world.joined.intake.ingest(world.org, [Received(poor, encoded(RAW))], "test"))
    mine = Sighting(vendor=read.vendor, vendor_call_id=read.vendor_call_id, metadata={"mine": 1})
    world.run(world.joined.intake.ingest(world.org, [Received(mine)], "file"))
    assert again(world).changed == 1
    call = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    assert call["metadata"]["mine"] == 1
    assert len(call["turns"]) == len(read.turns or ())


def test_a_payload_that_cannot_be_read_any_more_is_named_and_its_call_left(
    world: World, read: Sighting
) -> None:
    world.run(world.joined.intake.ingest(world.org, [Received(read, b'{"duration": {}}')], "test"))
    before = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    derived = again(world)
    assert derived.changed == 0
    assert derived.unreadable == [f"contactship {read.vendor_call_id}: id: an id is required"]
    assert world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json() == before


def test_one_payload_that_fails_in_any_way_does_not_end_the_run(world: World, read: Sighting) -> None:
    stray = Sighting(vendor="nobodys", vendor_call_id="stray")
    poor = structs.replace(read, from_number="+10000000000")
    seen = [
        Received(stray, b"{}", Provenance(vendor="nobodys", kind=HOOK)),
        Received(None, b'{"lost": 1}', Provenance(vendor="nobodys", kind=HOOK, problem="of no door")),
        Received(poor, encoded(RAW)),
    ]
    world.run(world.joined.intake.ingest(world.org, seen, "test"))
    derived = again(world)
    assert (derived.calls, derived.changed) == (2, 1)
    assert derived.unreadable == ["nobodys stray: payload: there is no vendor 'nobodys'"]


def test_a_payload_that_named_no_call_is_found_once_it_can_be_read(world: World, read: Sighting) -> None:
    origin = Provenance(vendor="contactship", problem="payload: could not be read then")
    world.run(world.joined.intake.ingest(world.org, [Received(None, encoded(RAW), origin)], "test"))
    assert world.get("trunkline", "/v1/calls").json()["calls"] == []
    assert again(world).found == 1
    assert len(world.get("trunkline", "/v1/calls").json()["calls"]) == 1
    assert again(world) == ReprocessSummary(calls=1)


def test_that_we_store_a_recording_is_still_so(world: World, read: Sighting) -> None:
    kept = Sighting(vendor=read.vendor, vendor_call_id=read.vendor_call_id, recording=Recording(stored=True))
    seen = [
        Received(read, encoded(RAW)),
        Received(kept, msgspec.json.encode(kept), Provenance(kind=RECORDING)),
    ]
    world.run(world.joined.intake.ingest(world.org, seen, "test"))
    before = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    assert before["recording"]["stored"] is True
    assert again(world) == ReprocessSummary(calls=1)
    assert world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json() == before
