"""Problem bodies (RFC 9457), for refusals outside of any vendor's API."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


def problem_body(status: int, title: str, detail: str = "") -> bytes:
    """A problem as JSON, with its detail if there is one."""
    problem: dict[str, str | int] = {"title": title, "status": status}
    if detail:
        problem["detail"] = detail
    return msgspec.json.encode(problem)


async def refusal_of_path(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request for what nothing serves."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    titles = {404: "Nothing is served at this path", 405: "This method is not served at this path"}
    body = {"title": titles.get(status, "The request is refused"), "status": status}
    headers = getattr(error, "headers", None)
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)
