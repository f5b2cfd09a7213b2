"""Small calls for the tests of our own API, and what its refusals look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tests.vendors.answers import says
from trunkline.model.call import Call
from trunkline.model.words import Status

AT = datetime(2026, 2, 3, 10, tzinfo=UTC)


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def made(number: int, **changes: Any) -> Call:
    """A call of some vendor, created so many minutes after the first."""
    fields: dict[str, Any] = {
        "vendor": "elsewhere",
        "vendor_call_id": f"call-{number}",
        "status": Status.COMPLETED,
        "created_at": AT + timedelta(minutes=number),
    }
    return Call(id=uuid(number), **(fields | changes))


def numbers(answer: httpx2.Response) -> list[int]:
    """Which of the calls above a list holds, in its order."""
    assert answer.status_code == 200, answer.text
    return [int(row["id"][-12:]) for row in answer.json()["calls"]]


def refuses(
    answer: httpx2.Response,
    status: int,
    slug: str,
    title: str,
    detail: str,
    parameter: str = "",
    why: str = "",
) -> None:
    """Check that an answer is exactly this problem; it names a parameter where one is at fault."""
    problem: dict[str, Any] = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if parameter:
        problem["errors"] = [{"parameter": parameter, "detail": why}]
    says(answer, problem, status, "application/problem+json")


def refuses_parameter(answer: httpx2.Response, name: str, reason: str) -> None:
    """Check that an answer is the problem of one malformed parameter."""
    text = f"{name} {reason}"
    refuses(answer, 400, "bad-request", "Bad request", f"The request cannot be read: {text}.", name, text)
