"""Zudu's captured calls, and ways to read and print a call."""

from __future__ import annotations

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
from trunkline.vendors.zudu import DIALECT
from trunkline.vendors.zudu.recognition import SAVED

SEEN_AT = datetime(2026, 6, 1, tzinfo=UTC)
CAPTURES = Path(__file__).parent / "captures"
START_MS = 1767600000000


def body_of(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((CAPTURES / name).read_text())["body"]
    return body


def a_call(name: str = "get.json", **changes: Any) -> dict[str, Any]:
    raw = (SAVED.calls_in(body_of(name)) or [])[0]
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


# -- small calls for the tests over HTTP ----------------------------------

AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
AT_MS = START_MS

UNAUTHORIZED = {
    "message": "Unauthorized",
    "status": "error",
    "error": "Missing or invalid API key/secret",
}
NOTHING_HERE = {"message": "Not found", "status": "error", "error": "There is nothing at this path"}


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def made(number: int, **changes: Any) -> Call:
    """A call of the vendor's own, created so many minutes after the first."""
    fields: dict[str, Any] = {"status": Status.COMPLETED, "created_at": AT + timedelta(minutes=number)}
    return Call(id=uuid(number), vendor="zudu", vendor_call_id=f"call-{number}", **(fields | changes))


def elsewhere(number: int, **changes: Any) -> Call:
    """A call of another vendor."""
    call = made(number, **changes)
    call.vendor = "elsewhere"
    return call


def row(number: int, org: str, **changes: Any) -> dict[str, Any]:
    """What `made` prints: all 25 fields in their order, as little in them as there can be."""
    return {
        "id": uuid(number),
        "call_id": f"call-{number}",
        "agent_id": None,
        "organization_id": org,
        "call_status": "ENDED",
        "call_type": "PHONE_CALL",
        "direction": None,
        "from_number": None,
        "to_number": None,
        "start_timestamp": None,
        "end_timestamp": None,
        "call_duration": None,
        "disconnection_reason": None,
        "recording_url": None,
        "public_log_url": None,
        "opt_out_sensitive_data_storage": False,
        "metadata": {},
        "events": [],
        "transcript": None,
        "transcript_object": [],
        "transcript_with_tool_calls": [],
        "latency": None,
        "call_analysis": None,
        "call_cost": None,
        "telephony_identifier": None,
    } | changes


def got(data: Any) -> dict[str, Any]:
    """The envelope of get."""
    return {"message": "Call retrieved successfully", "status": "success", "error": None, "data": data}


def numbers(answer: httpx2.Response) -> list[int]:
    """Which of the calls above a list holds, in its order."""
    assert answer.status_code == 200, answer.text
    return [int(call["id"][-12:]) for call in answer.json()["data"]["calls"]]


def shown(world: World, call: Call) -> dict[str, Any]:
    """Take a call in: what get prints of it."""
    world.take([call])
    answer = world.get("zudu", f"/api/calls/{call.id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def back(world: World, raw: dict[str, Any]) -> dict[str, Any]:
    """Take in a payload of the vendor's own: what get prints of it."""
    world.see([DIALECT.from_wire(raw)])
    answer = world.get("zudu", f"/api/calls/{raw['call_id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def ours(world: World, call_id: str) -> dict[str, Any]:
    """The call in our own words."""
    found: dict[str, Any] = world.get("trunkline", f"/v1/calls/{call_id}").json()
    return found
