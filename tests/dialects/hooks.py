"""The captured deliveries of every vendor: what came in, and what a door should have heard."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, Heard, document_of
from trunkline.kit.payload import Unreadable
from trunkline.model.sighting import Sighting

TESTS = Path(__file__).parent
JSON = "application/json"


class Capture(NamedTuple):
    """One file of a vendor's `captures/hooks`."""

    name: str
    """The vendor and the file, as `callem/call_ended`."""
    source: str
    headers: dict[str, str]
    body: bytes
    read_by: str
    """`read` for a delivery, `from_wire` for a call that the list or get prints."""
    heard: dict[str, Any]

    def document(self) -> Any:
        """The delivery as a door gets it."""
        return document_of(self.body, self.headers.get("content-type", JSON))

    def hear(self, door: Door) -> Heard:
        """What the door makes of it."""
        if self.read_by == "from_wire":
            return Heard(event="", sightings=[door.from_wire(self.document())])
        return door.read(self.document())

    def problem(self, door: Door) -> str | None:
        """What the door hears otherwise than this file says, if anything."""
        try:
            heard = self.hear(door)
        except AnswerExpected as error:
            return differing("raised", {"raises": "AnswerExpected", "event": error.event}, self.heard)
        except Unreadable as error:
            return differing("raised", {"raises": "Unreadable", "path": error.path}, self.heard)
        said = {"event": heard.event, "note": heard.note, "unknown": sorted(heard.unknown)}
        expected = {
            "event": self.heard.get("event", ""),
            "note": self.heard.get("note", ""),
            "unknown": sorted(self.heard.get("unknown", [])),
        }
        if "raises" in self.heard or said != expected:
            return f"heard {said}, not {self.heard if 'raises' in self.heard else expected}"
        calls = self.heard["calls"]
        if len(heard.sightings) != len(calls):
            return f"heard of {len(heard.sightings)} calls, not of {len(calls)}"
        pairs = zip(heard.sightings, calls, strict=True)
        return next((problem for pair in pairs if (problem := _otherwise(*pair))), None)

    def sightings(self, door: Door) -> list[Sighting]:
        """What it says of calls; nothing where it should not be heard at all."""
        return [] if "raises" in self.heard else self.hear(door).sightings


def _otherwise(sighting: Sighting, expected: dict[str, Any]) -> str | None:
    mentioned = [name for name in expected.get("_unset", []) if getattr(sighting, name) is not UNSET]
    if mentioned:
        return f"{', '.join(mentioned)} should not be mentioned"
    said = msgspec.json.decode(msgspec.json.encode(sighting))
    subset = {name: value for name, value in expected.items() if name != "_unset"}
    return differing(expected.get("vendor_call_id", "call"), said, subset)


def differing(path: str, said: Any, expected: Any) -> str | None:
    """Where a value is not what was expected; of objects only the expected members are looked at."""
    if isinstance(expected, dict) and isinstance(said, dict):
        members = ((f"{path}.{name}", said.get(name), value) for name, value in expected.items())
        return next((problem for member in members if (problem := differing(*member))), None)
    if isinstance(expected, list) and isinstance(said, list) and len(said) == len(expected):
        items = ((f"{path}[{at}]", *pair) for at, pair in enumerate(zip(said, expected, strict=True)))
        return next((problem for item in items if (problem := differing(*item))), None)
    return None if said == expected else f"{path} is {said!r}, not {expected!r}"


def captures(vendor: str) -> list[Capture]:
    """Every captured delivery of a vendor."""
    return [_capture(vendor, path) for path in sorted(TESTS.glob(f"{vendor}/captures/hooks/*.json"))]


def _capture(vendor: str, path: Path) -> Capture:
    raw = json.loads(path.read_text("utf-8"))
    known = {"source", "headers", "document", "body", "read_by", "heard"}
    if not raw.keys() <= known or ("document" in raw) == ("body" in raw):
        raise ValueError(f"{path}: a capture has {', '.join(sorted(known))}, and either document or body")
    body = raw["body"].encode() if "body" in raw else msgspec.json.encode(raw["document"])
    read_by = raw.get("read_by", "read")
    name = f"{vendor}/{path.stem}"
    return Capture(name, raw["source"], raw.get("headers", {}), body, read_by, raw["heard"])


def kept_documents(door: Door) -> list[tuple[str, Any]]:
    """Everything that is kept of a vendor's deliveries, in whichever form, and what reads it."""
    folder = Path(__file__).parent / door.name / "captures" / "hooks"
    found = []
    for path in sorted(folder.glob("*.json")):
        raw = msgspec.json.decode(path.read_bytes())
        types = {name.lower(): value for name, value in raw.get("headers", {}).items()}
        content_type = types.get("content-type", "application/json")
        document = raw["document"] if "document" in raw else document_of(raw["body"].encode(), content_type)
        found.append((raw.get("read_by", "read"), document))
    return found


def lives(door: Door) -> list[list[Sighting]]:
    """The sightings of each call that more than one delivery speaks of."""
    told: dict[str, list[Sighting]] = {}
    for read_by, document in kept_documents(door):
        try:
            found = [door.from_wire(document)] if read_by == "from_wire" else door.read(document).sightings
        except (Unreadable, AnswerExpected):
            continue
        for sighting in found:
            told.setdefault(sighting.vendor_call_id, []).append(sighting)
    return [life for life in told.values() if len(life) > 1]


def signs(vendor: str) -> ModuleType:
    """A vendor's own way to sign, written by hand for the tests."""
    return importlib.import_module(f"tests.dialects.{vendor}.signs")
