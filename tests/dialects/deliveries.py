"""Deliveries for the tests of doors: captures, how they are read, altered, and merged in any order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from trunkline.dialects import doors
from trunkline.kit.door import Heard, document_of
from trunkline.kit.signatures import Delivery, NotGenuine
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting

SEEN_AT = datetime(2030, 1, 1, tzinfo=UTC)

_plain = msgspec.json.Encoder(decimal_format="number").encode


class Capture:
    """One delivery of a file, with what is heard in it."""

    def __init__(self, path: Path) -> None:
        self.vendor, self.name = path.parents[2].name, path.stem
        self.raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
        self.headers: dict[str, str] = {name.lower(): value for name, value in self.raw["headers"].items()}

    @property
    def body(self) -> bytes:
        """The bytes of the delivery."""
        if "body" in self.raw:
            return str(self.raw["body"]).encode()
        return json.dumps(self.raw["document"], ensure_ascii=False, separators=(",", ":")).encode()

    def heard(self) -> Heard:
        """What the vendor's door hears."""
        document = document_of(self.body, self.headers.get("content-type", "application/json"))
        return doors()[self.vendor].read(document)

    def summary(self) -> dict[str, Any]:
        """What is heard, as the capture writes it down."""
        heard = self.heard()
        return {
            "event": heard.event,
            "unknown": heard.unknown,
            "note": heard.note,
            "says": [said(one) for one in heard.sightings],
        }


def captures(vendor: str) -> list[Capture]:
    """A vendor's deliveries, in the order of their names."""
    folder = Path(__file__).parent / vendor / "captures" / "hooks"
    return [Capture(path) for path in sorted(folder.glob("*.json"))]


def said(sighting: Sighting) -> dict[str, Any]:
    """Everything that a sighting states, as plain JSON; nothing that it leaves open."""
    stated: dict[str, Any] = json.loads(_plain(sighting))
    return stated


def life(vendor: str, vendor_call_id: str) -> list[Sighting]:
    """Everything that the captures say of one call, in the order in which it happened."""
    told = [sighting for capture in captures(vendor) for sighting in capture.heard().sightings]
    return [sighting for sighting in told if sighting.vendor_call_id == vendor_call_id]


def call_from(sightings: Iterable[Sighting]) -> Call:
    """The call that sightings make when they arrive in this order, each a second after the other."""
    first, *rest = sightings
    call, stamps = first_call(structs.replace(first), call_id(first.vendor, first.vendor_call_id), SEEN_AT)
    for index, sighting in enumerate(rest):
        call, stamps = merged(call, stamps, sighting, SEEN_AT + timedelta(seconds=index))
    return call


def is_taken(
    vendor: str, body: bytes, headers: dict[str, str], now: datetime, *, secret: str, url: str = ""
) -> bool:
    """Whether a vendor's door takes a delivery for genuine."""
    delivery = Delivery(body=body, headers=headers, url=url)
    try:
        doors()[vendor].signing.check(delivery, ["another secret", secret], now)
    except NotGenuine:
        return False
    return True


def with_one_byte_changed(body: bytes) -> Iterator[bytes]:
    """Every body that differs in a single byte, by its lowest bit."""
    for index, byte in enumerate(body):
        yield body[:index] + bytes([byte ^ 1]) + body[index + 1 :]


def with_one_character_changed(text: str) -> Iterator[str]:
    """Every text that differs in a single character."""
    for index, character in enumerate(text):
        yield text[:index] + ("0" if character != "0" else "1") + text[index + 1 :]
