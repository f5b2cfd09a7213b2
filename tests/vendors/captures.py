"""The captured deliveries of every vendor: what arrived, and how its door should read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from trunkline.kit.door import AnswerExpected, Door, ParsedDelivery, document_of
from trunkline.kit.payload import Unreadable
from trunkline.model.call import Call
from trunkline.model.merge import first_call, merged
from trunkline.model.sighting import Sighting
from trunkline.vendors import doors

FOLDERS = [Path(__file__).parent]
"""Where vendors have what the tests read, each in a folder of its name; `--more-vendors` adds one."""

JSON = "application/json"
MEMBERS = {"source", "headers", "document", "body", "read_by", "parsed"}
EVERYTHING_ELSE = "*"
"""The value of `_unset` where a sighting states nothing but the expected fields."""

CALL_ID = "00000000-0000-4000-8000-000000000001"
SEEN_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)

_plain = msgspec.json.Encoder(decimal_format="number").encode


class BadCapture(ValueError):
    """A capture does not have the common form; the text is a sentence that says why."""


class Capture(NamedTuple):
    """One file of a vendor's `captures/hooks`."""

    name: str
    """The vendor and the file, as `callem/call_ended`."""
    source: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    read_by: str
    """`read` for a delivery, `from_wire` for a call that the list or get prints."""
    expected: dict[str, Any]

    def document(self) -> Any:
        """The delivery as a door gets it."""
        return document_of(self.body, self.headers.get("content-type", JSON))

    def parse(self, door: Door) -> ParsedDelivery:
        """What the door makes of it."""
        if self.read_by == "from_wire":
            return ParsedDelivery(event="", sightings=[door.from_wire(self.document())])
        return door.parse_delivery(self.document())

    def problem(self, door: Door) -> str | None:
        """The difference between how the door reads the delivery and this file, if any."""
        try:
            parsed = self.parse(door)
        except AnswerExpected as error:
            return differing("raised", {"raises": "AnswerExpected", "event": error.event}, self.expected)
        except Unreadable as error:
            return differing("raised", {"raises": "Unreadable", "path": error.path}, self.expected)
        if "raises" in self.expected:
            return f"read {parsed.event!r} of {len(parsed.sightings)} calls, not {self.expected}"
        found = {"event": parsed.event, "note": parsed.note, "unknown": parsed.unknown}
        expected = {"event": "", "note": "", "unknown": [], **self.expected}
        calls = expected.pop("calls")
        if found != expected:
            return f"read {found}, not {expected}"
        if len(parsed.sightings) != len(calls):
            return f"read {len(parsed.sightings)} calls, not {len(calls)}"
        pairs = zip(parsed.sightings, calls, strict=True)
        return next((problem for pair in pairs if (problem := _otherwise(*pair))), None)

    def sightings(self, door: Door) -> list[Sighting]:
        """The expected calls; none if the delivery should be refused."""
        return [] if "raises" in self.expected else self.parse(door).sightings


def _otherwise(sighting: Sighting, expected: dict[str, Any]) -> str | None:
    name = expected.get("vendor_call_id", "call")
    stated, unset = values_of(sighting), expected.get("_unset", [])
    wanted = {member: value for member, value in expected.items() if member != "_unset"}
    if unset == EVERYTHING_ELSE:
        more = sorted(stated.keys() - wanted.keys())
        if more:
            return f"{name}: {', '.join(more)} should not be mentioned"
        inside = None if stated == wanted else f"{name}: a part of it says more than is written down"
        return differing(name, stated, wanted) or inside
    mentioned = [member for member in unset if getattr(sighting, member) is not UNSET]
    if mentioned:
        return f"{name}: {', '.join(mentioned)} should not be mentioned"
    return differing(name, stated, wanted)


def differing(path: str, stated: Any, expected: Any) -> str | None:
    """Where a value is not what was expected; of objects only the expected members are compared."""
    if isinstance(expected, dict) and isinstance(stated, dict):
        members = ((f"{path}.{name}", stated.get(name), value) for name, value in expected.items())
        return next((problem for member in members if (problem := differing(*member))), None)
    if isinstance(expected, list) and isinstance(stated, list) and len(stated) == len(expected):
        items = ((f"{path}[{at}]", *pair) for at, pair in enumerate(zip(stated, expected, strict=True)))
        return next((problem for item in items if (problem := differing(*item))), None)
    return None if stated == expected else f"{path} is {stated!r}, not {expected!r}"


def values_of(sighting: Sighting) -> dict[str, Any]:
    """Everything that a sighting states, as plain JSON; nothing that it leaves open."""
    stated: dict[str, Any] = json.loads(_plain(sighting))
    if not stated.get("problems"):
        stated.pop("problems", None)
    return stated


# -- the files ------------------------------------------------------------


def folder(vendor: str) -> Path:
    """Where a vendor's captures and signatures lie; of a vendor that has none, where they should."""
    return next((found for each in FOLDERS if (found := each / vendor).is_dir()), FOLDERS[0] / vendor)


def paths(vendor: str) -> list[Path]:
    """The files of a vendor's captured deliveries, in the order of their names."""
    return sorted(folder(vendor).glob("captures/hooks/*.json"))


def capture_of(path: Path) -> Capture:
    """Read one file; raises `BadCapture`."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadCapture(f"{path} is not JSON: {error}") from None
    if not isinstance(raw, dict) or not raw.keys() <= MEMBERS or ("document" in raw) == ("body" in raw):
        raise BadCapture(f"{path}: a capture has {', '.join(sorted(MEMBERS))}, and either document or body")
    parsed = raw.get("parsed")
    if not isinstance(parsed, dict) or ("raises" in parsed) == ("calls" in parsed):
        raise BadCapture(f"{path}: `parsed` has the expected `calls`, or what the door `raises`")
    if not raw.get("source"):
        raise BadCapture(f"{path}: `source` says where the capture comes from")
    headers = {name.lower(): value for name, value in raw.get("headers", {}).items()}
    body = raw["body"].encode() if "body" in raw else msgspec.json.encode(raw["document"])
    name = f"{path.parents[2].name}/{path.stem}"
    return Capture(name, raw["source"], headers, body, raw.get("read_by", "read"), parsed)


def captures(vendor: str) -> dict[str, Capture]:
    """Every captured delivery of a vendor by the name of its file; raises `BadCapture`."""
    return {path.stem: capture_of(path) for path in paths(vendor)}


def sound(vendor: str) -> list[Capture]:
    """The captures of a vendor without those that are in no right form, each of which fails by itself."""
    found = []
    for path in paths(vendor):
        with suppress(BadCapture):
            found.append(capture_of(path))
    return found


# -- one call from many deliveries ----------------------------------------


def life(vendor: str, vendor_call_id: str) -> list[Sighting]:
    """All of a vendor's captures of one call, in the order of their names."""
    door = doors()[vendor]
    found = [sighting for capture in captures(vendor).values() for sighting in capture.sightings(door)]
    return [sighting for sighting in found if sighting.vendor_call_id == vendor_call_id]


def lives(vendor: str) -> list[list[Sighting]]:
    """The sightings of each call that more than one capture speaks of.

    What is in no right form or cannot be read is left out: it fails by itself.
    """
    found: dict[str, list[Sighting]] = {}
    for capture in sound(vendor):
        with suppress(Exception):
            for sighting in capture.sightings(doors()[vendor]):
                found.setdefault(sighting.vendor_call_id, []).append(sighting)
    return [each for each in found.values() if len(each) > 1]


def call_of(sightings: Iterable[Sighting], received_at: datetime = SEEN_AT) -> Call:
    """The call that sightings make when they arrive in this order, an hour apart."""
    first, *others = sightings
    call, versions = first_call(first, CALL_ID, received_at)
    for hours, sighting in enumerate(others, 1):
        call, versions = merged(call, versions, sighting, received_at + timedelta(hours=hours))
    return call
