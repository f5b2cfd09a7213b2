"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def health_routes(database_answers: Callable[[], Awaitable[bool]]) -> list[Route]:
    """`GET /healthz` and `GET /readyz`."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        if await database_answers():
            return JSONResponse({"status": "ok"})
        return JSONResponse(
            {"status": "unavailable", "detail": "the database does not answer"},
            status_code=503,
            headers={"Retry-After": "1"},
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
