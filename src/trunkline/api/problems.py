"""Problem bodies (RFC 9457), for refusals outside of any vendor's API."""

from __future__ import annotations

import msgspec

MEDIA_TYPE = "application/problem+json"


def problem_body(status: int, title: str, detail: str = "") -> bytes:
    """A problem as JSON, with its detail if there is one."""
    problem: dict[str, str | int] = {"title": title, "status": status}
    if detail:
        problem["detail"] = detail
    return msgspec.json.encode(problem)
