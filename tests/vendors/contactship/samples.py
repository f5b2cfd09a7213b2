"""Small calls for ContactShip's tests, and how it prints them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from trunkline.model.call import Call
from trunkline.model.words import Status

AT = datetime(2026, 3, 15, 14, 30, tzinfo=UTC)
AGENT = "f1e2d3c4-b5a6-7890-1234-567890abcdef"
CAMPAIGN = "b1e2d3c4-b5a6-7890-1234-567890abcdef"

CONTACT = {
    "id": "c1d2e3f4-a5b6-7890-cdef-123456789012",
    "full_name": "Jane Smith",
    "phone_number": "+14155552678",
    "email": "jane.smith@example.com",
    "country": "US",
}
PAYLOAD: dict[str, Any] = {
    "id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "direction": "outbound",
    "from": "+12025551234",
    "call_record": "https://api.contactship.ai/recordings/a1b2c3d4.mp3",
    "call_status": "completed",
    "call_result": "answered",
    "disconnection_reason": "agent_hangup",
    "finished_at": "2026-03-15T14:35:22Z",
    "start_at": "2026-03-15T14:30:05Z",
    "duration": 317,
    "call_analysis": {
        "summary": "Customer expressed interest in the premium plan and requested a demo.",
        "sentiment": "positive",
    },
    "type": "ai_call",
    "created_at": "2026-03-15T14:30:00Z",
    "agent_id": AGENT,
    "campaign_id": None,
    "contact": CONTACT,
}
"""The vendor's own example of a call in a list."""

CHAT = [
    {
        "role": "agent",
        "content": "Hello, this is an AI assistant calling from ContactShip. Am I speaking with Jane?",
    },
    {"role": "user", "content": "Yes, this is Jane."},
    {
        "role": "agent",
        "content": "Great! I'm reaching out about our premium plan. Do you have a moment to chat?",
    },
]
"""The transcript of that example."""

NOT_FOUND = {"statusCode": 404, "message": "Call not found or does not belong to your organization"}


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def made(number: int, **changes: Any) -> Call:
    """A call of the vendor's own, created so many minutes after the first."""
    fields: dict[str, Any] = {"status": Status.COMPLETED, "created_at": AT + timedelta(minutes=number)}
    return Call(id=uuid(number), vendor="contactship", vendor_call_id=uuid(number), **(fields | changes))


def elsewhere(number: int, **changes: Any) -> Call:
    """A call of another vendor."""
    call = made(number, **changes)
    call.vendor, call.vendor_call_id = "elsewhere", f"call-{number}"
    return call


def numbers(answer: httpx2.Response) -> list[int]:
    """Which of the calls above a list holds, in its order."""
    assert answer.status_code == 200, answer.text
    return [int(row["id"][-12:]) for row in answer.json()["data"]]
