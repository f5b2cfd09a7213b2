"""Zudu's captured calls, and ways to read and print a call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, structs

from trunkline.dialects.zudu import DIALECT
from trunkline.kit.losses import full_call
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call

SEEN_AT = datetime(2026, 6, 1, tzinfo=UTC)
CAPTURES = Path(__file__).parent / "captures"
START_MS = 1767600000000


def body_of(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((CAPTURES / name).read_text())["body"]
    return body


def a_call(name: str = "get.json", **changes: Any) -> dict[str, Any]:
    raw = (DIALECT.calls_in(body_of(name)) or [])[0]
    return {key: value for key, value in {**raw, **changes}.items() if value is not UNSET}


def read(raw: dict[str, Any]) -> Call:
    sighting = DIALECT.from_wire(raw)
    wanted = sighting.id if sighting.id is not UNSET else call_id("zudu", sighting.vendor_call_id)
    return first_call(sighting, wanted, SEEN_AT)[0]


def plain(record: Any) -> Any:
    return json.loads(msgspec.json.encode(record))


def printed(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = plain(DIALECT.to_wire(call))
    return found


def foreign(**changes: Any) -> Call:
    return structs.replace(full_call(), **changes)
