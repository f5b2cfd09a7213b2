"""Deliveries as vendors send them: how they are kept, read, merged in any order, and damaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, structs

from trunkline.dialects import doors
from trunkline.kit.door import Heard
from trunkline.kit.signatures import Delivery, NotGenuine, Signing
from trunkline.model.call import Call
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting

FOLDER = Path(__file__).parent

_encode = msgspec.json.Encoder(decimal_format="number").encode


def captures(vendor: str) -> dict[str, dict[str, Any]]:
    """A vendor's kept deliveries by name: `source`, `headers`, `document` and what is `heard` in it."""
    paths = sorted((FOLDER / vendor / "captures" / "hooks").glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths}


def life(vendor: str) -> list[Sighting]:
    """What the deliveries about one call say, in the order in which they were sent."""
    kept = [capture for name, capture in captures(vendor).items() if name.startswith("life_")]
    return [seen for capture in kept for seen in doors()[vendor].read(capture["document"]).sightings]


def summary(heard: Heard) -> dict[str, Any]:
    """What was heard, as JSON, with only the fields that were said."""
    told = [
        {name: value for name, value in structs.asdict(seen).items() if value is not UNSET}
        for seen in heard.sightings
    ]
    plain = {"event": heard.event, "unknown": heard.unknown, "note": heard.note, "sightings": told}
    shown: dict[str, Any] = json.loads(_encode(plain))
    return shown


def together(seen: Iterable[Sighting], seen_at: datetime) -> Call:
    """The call that some sightings make, each seen a minute after the one before."""
    first, *rest = seen
    call, stamps = first_call(first, "00000000-0000-4000-8000-000000000001", seen_at)
    for sighting in rest:
        seen_at += timedelta(minutes=1)
        call, stamps = merged(call, stamps, sighting, seen_at)
    return call


def mutations(data: bytes) -> Iterator[bytes]:
    """Every text that differs in one byte."""
    for place in range(len(data)):
        for other in range(256):
            if other != data[place]:
                yield data[:place] + bytes([other]) + data[place + 1 :]


def refuses(signing: Signing, delivery: Delivery, secrets: Sequence[str], now: datetime) -> bool:
    """Whether a delivery is refused."""
    try:
        signing.check(delivery, secrets, now)
    except NotGenuine:
        return True
    return False
