"""Butter's captured calls, and ways to read and print a call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, structs

from trunkline.dialects.butter import DIALECT
from trunkline.dialects.butter.writing import in_list
from trunkline.kit.losses import full_call
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call

SEEN_AT = datetime(2026, 6, 1, tzinfo=UTC)
CAPTURES = Path(__file__).parent / "captures"


def body_of(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((CAPTURES / name).read_text())["body"]
    return body


def a_row(**changes: Any) -> dict[str, Any]:
    return changed(body_of("list.json")["data"][0], changes)


def a_detail(**changes: Any) -> dict[str, Any]:
    return changed(body_of("get.json")["data"], changes)


def changed(raw: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**raw, **changes}.items() if value is not UNSET}


def read(raw: dict[str, Any]) -> Call:
    sighting = DIALECT.from_wire(raw)
    return first_call(sighting, call_id("butter", sighting.vendor_call_id), SEEN_AT)[0]


def plain(record: Any) -> Any:
    return json.loads(msgspec.json.encode(record))


def row_of(call: Call, org: str = "") -> dict[str, Any]:
    found: dict[str, Any] = plain(in_list(call, org))
    return found


def detail_of(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = plain(DIALECT.to_wire(call))
    return found


def foreign(**changes: Any) -> Call:
    return structs.replace(full_call(), **changes)
