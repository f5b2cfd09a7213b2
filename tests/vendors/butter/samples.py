"""Butter's captured calls, and ways to read and print a call."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import UNSET, structs

from tests.conftest import World
from trunkline.kit.losses import full_call
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.merge import first_call
from trunkline.model.words import Status
from trunkline.vendors.butter import DIALECT
from trunkline.vendors.butter.render import in_list

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


# -- small calls for the tests over HTTP ----------------------------------

AT = datetime(2026, 3, 9, 10, tzinfo=UTC)

UNAUTHORIZED = {"success": False, "message": "Invalid or missing API key"}
NOT_FOUND = {"success": False, "message": "Call not found"}
FOREIGN = {"success": False, "message": "Call belongs to a different organization"}
INVALID_CURSOR = {"success": False, "message": "Invalid cursor"}


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def sid(number: int) -> str:
    return f"call_Row{number:09d}"


def made(number: int, **changes: Any) -> Call:
    """A call of the vendor's own, created so many minutes after the first."""
    fields: dict[str, Any] = {
        "id": uuid(number),
        "vendor": "butter",
        "vendor_call_id": sid(number),
        "status": Status.COMPLETED,
        "created_at": AT + timedelta(minutes=number),
    }
    return Call(**(fields | changes))


def elsewhere(number: int, **changes: Any) -> Call:
    """A call of another vendor."""
    return made(number, **{"vendor": "elsewhere", "vendor_call_id": f"their-{number}"} | changes)


def summary(number: int, org: str, **changes: Any) -> dict[str, Any]:
    """What a list prints of `made`: all 18 fields in their order, as little in them as there can be."""
    created_at = f"2026-03-09T10:{number:02d}:00Z"
    return {
        "call_sid": sid(number),
        "to_number": "",
        "from_number": None,
        "agent_id": "",
        "agent_name": None,
        "client_id": org,
        "call_type": "inbound",
        "status": "completed",
        "recording_enabled": False,
        "total_cost": None,
        "duration_seconds": None,
        "turn_count": 0,
        "created_at": created_at,
        "updated_at": created_at,
        "start_time": None,
        "end_time": None,
        "end_reason": None,
        "billing_status": None,
    } | changes


def detail(number: int, org: str, **changes: Any) -> dict[str, Any]:
    """What get prints of `made`."""
    created_at = f"2026-03-09T10:{number:02d}:00Z"
    return {
        "call_sid": sid(number),
        "trace_id": None,
        "to_number": "",
        "from_number": None,
        "agent_id": "",
        "agent_name": None,
        "client_id": org,
        "call_type": "inbound",
        "status": "completed",
        "agent_config": None,
        "transport": None,
        "recording_enabled": False,
        "recording_url": None,
        "duration_seconds": None,
        "turn_count": 0,
        "total_cost": None,
        "cost_breakdown": None,
        "usage": None,
        "summary": {
            "end_reason": None,
            "interruptions": None,
            "avg_turn_duration": None,
            "total_tokens": None,
            "total_characters": None,
        },
        "errors": None,
        "turns": [],
        "transcript": [],
        "created_at": created_at,
        "updated_at": created_at,
        "start_time": None,
        "end_time": None,
        "billing_status": None,
    } | changes


def listed(rows: list[dict[str, Any]], cursor: str | None = None) -> dict[str, Any]:
    """The envelope of a list."""
    pagination = {"next_cursor": cursor, "has_more": cursor is not None, "page_size": len(rows)}
    return {"success": True, "data": rows, "pagination": pagination}


def got(data: Any) -> dict[str, Any]:
    """The envelope of get."""
    return {"success": True, "data": data}


def cursor_after(call_sid: str) -> str:
    """The cursor that names a call, made here once more."""
    return base64.b64encode(json.dumps({"call_sid": call_sid}).encode()).decode()


def sids(answer: httpx2.Response) -> list[str]:
    """The calls of a list, in its order."""
    assert answer.status_code == 200, answer.text
    return [row["call_sid"] for row in answer.json()["data"]]


def shown(world: World, call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take a call in: what list and get print of it, the newest call of its org."""
    world.take([call])
    (in_list,) = world.get("butter", "/api/calls?limit=1").json()["data"]
    answer = world.get("butter", f"/api/calls/{in_list['call_sid']}")
    assert answer.status_code == 200, answer.text
    return in_list, answer.json()["data"]


def ours(world: World, call_sid: str, query: str = "") -> dict[str, Any]:
    """A call of the vendor's own in our own words."""
    found = world.get("trunkline", f"/v1/calls?vendor=butter&page_size=1000&{query}").json()["calls"]
    (call,) = (call for call in found if call["vendor_call_id"] == call_sid)
    return dict(call)
