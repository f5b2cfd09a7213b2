"""Small calls for Callem's tests, and how it prints them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.words import Status

AT = datetime(2025, 12, 15, 14, 30, tzinfo=UTC)

PAYLOAD: dict[str, Any] = {
    "id": "6789abcdef0123456789abcd",
    "status": "completed",
    "duration": 145,
    "summary": "The caller asked about appointment availability next Tuesday.",
    "evaluation": "success",
    "endedReason": "user_hangup",
    "callerNumber": "+33612345678",
    "calledNumber": "+33198765432",
    "isEngaged": True,
    "callAnalysis": {"sentiment": "positive", "leadQuality": "hot", "appointmentBooked": True},
    "transcript": [
        {
            "role": "assistant",
            "content": "Hello, thank you for calling Acme Clinic. How can I help you today?",
        },
        {"role": "user", "content": "Hi, I'd like to book an appointment for next Tuesday."},
    ],
    "createdAt": "2025-12-15T14:30:00.000Z",
    "updatedAt": "2025-12-15T14:32:25.000Z",
}
"""The vendor's own example, with a shortened transcript."""

NOT_FOUND = {"statusCode": 404, "message": "Call not found"}


def hex_id(number: int) -> str:
    return f"{number:024x}"


def made(number: int, **changes: Any) -> Call:
    """A call of the vendor's own, created so many seconds after the first."""
    fields: dict[str, Any] = {"status": Status.COMPLETED, "created_at": AT + timedelta(seconds=number)}
    own: dict[str, Any] = {"vendor": "callem", "vendor_call_id": hex_id(number)}
    return Call(id=call_id("callem", hex_id(number)), **own, **(fields | changes))


def elsewhere(number: int, **changes: Any) -> Call:
    """A call of another vendor."""
    call = made(number, **changes)
    call.vendor, call.vendor_call_id = "elsewhere", f"call-{number}"
    call.id = f"00000000-0000-4000-8000-{number:012d}"
    return call


def numbers(answer: httpx2.Response) -> list[int]:
    """Which of the vendor's own calls above a list holds, in its order."""
    assert answer.status_code == 200, answer.text
    return [int(row["id"], 16) for row in answer.json()["data"]]


def page(total: int, limit: int, offset: int) -> dict[str, int]:
    return {"total": total, "limit": limit, "offset": offset}
