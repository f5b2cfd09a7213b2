"""Calls derived again from the payloads that are kept of them, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from tests.conftest import World
from trunkline.dialects import dialects, doors
from trunkline.ingest.reprocessing import Derived, Reprocessing
from trunkline.model.call import Recording
from trunkline.model.sighting import Sighting
from trunkline.service.intake import KEPT, Origin, Seen, encoded
from trunkline.store.totals import differences
from trunkline.store.writing import CallWriter

CAPTURE = Path(__file__).parents[1] / "dialects" / "contactship" / "captures" / "get.json"
RAW: dict[str, Any] = json.loads(CAPTURE.read_text())["body"]


@pytest.fixture
def read() -> Sighting:
    return dialects()["contactship"].from_wire(RAW)


def again(world: World) -> Derived:
    joined = world.joined
    run = Reprocessing(CallWriter(joined.pool), joined.intake, dialects(), doors()).run(world.org)
    return world.run(run)


def test_a_call_becomes_what_its_payload_says_now(world: World, read: Sighting) -> None:
    poor = structs.replace(read, from_number="+10000000000", turns=UNSET, transcript_text="misread")
    world.run(world.joined.intake.take(world.org, [Seen(poor, encoded(RAW))], "test"))
    assert again(world) == Derived(calls=1, changed=1)
    right = structs.replace(read)
    told = world.get("contactship", f"/v1/calls/{read.vendor_call_id}").json()
    assert told["from"] == RAW["from"] == right.from_number
    assert "misread" not in json.dumps(told)
    assert again(world) == Derived(calls=1)
    assert world.run(differences(world.joined.pool, world.org.id)) == []


def test_what_was_told_without_a_payload_stays(world: World, read: Sighting) -> None:
    poor = structs.replace(read, turns=UNSET, turn_count=UNSET)
    world.run(world.joined.intake.take(world.org, [Seen(poor, encoded(RAW))], "test"))
    mine = Sighting(vendor=read.vendor, vendor_call_id=read.vendor_call_id, metadata={"mine": 1})
    world.run(world.joined.intake.take(world.org, [Seen(mine)], "file"))
    assert again(world).changed == 1
    call = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    assert call["metadata"]["mine"] == 1
    assert len(call["turns"]) == len(read.turns or ())


def test_a_payload_that_cannot_be_read_any_more_is_named_and_its_call_left(
    world: World, read: Sighting
) -> None:
    world.run(world.joined.intake.take(world.org, [Seen(read, b'{"id": 5.5, "duration": {}}')], "test"))
    before = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    derived = again(world)
    assert derived.changed == 0
    assert [read.vendor_call_id in reason for reason in derived.unreadable] == [True]
    assert world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json() == before


def test_a_payload_that_named_no_call_is_found_once_it_can_be_read(world: World, read: Sighting) -> None:
    origin = Origin(vendor="contactship", problem="payload: could not be read then")
    world.run(world.joined.intake.take(world.org, [Seen(None, encoded(RAW), origin)], "test"))
    assert world.get("trunkline", "/v1/calls").json()["calls"] == []
    assert again(world).found == 1
    assert len(world.get("trunkline", "/v1/calls").json()["calls"]) == 1
    assert again(world) == Derived(calls=1)


def test_that_we_keep_a_recording_is_still_so(world: World, read: Sighting) -> None:
    kept = Sighting(vendor=read.vendor, vendor_call_id=read.vendor_call_id, recording=Recording(kept=True))
    seen = [Seen(read, encoded(RAW)), Seen(kept, msgspec.json.encode(kept), Origin(kind=KEPT))]
    world.run(world.joined.intake.take(world.org, seen, "test"))
    before = world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json()
    assert before["recording"]["kept"] is True
    assert again(world) == Derived(calls=1)
    assert world.get("trunkline", f"/v1/calls/{read.vendor_call_id}").json() == before
