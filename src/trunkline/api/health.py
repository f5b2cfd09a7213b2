"""Whether the process is alive, and whether it can serve."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from trunkline.service.database_errors import DATABASE_DOWN
from trunkline.service.work import WorkReport

_MAX_SECONDS = 2.0


def health_routes(
    database_problem: Callable[[], Awaitable[str | None]], work: Callable[[], WorkReport | None]
) -> list[Route]:
    """`GET /healthz` and `GET /readyz`; the latter says why the database cannot be used."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        if (problem := await database_problem()) is None:
            return JSONResponse({"status": "ok", **await _stuck(work())})
        return JSONResponse(
            {"status": "unavailable", "detail": problem},
            status_code=503,
            headers={"Retry-After": "1"},
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _stuck(work: WorkReport | None) -> dict[str, Any]:
    """What is stuck in the background, if anything; one org's problem does not make the server unready."""
    if work is None:
        return {}
    try:
        async with asyncio.timeout(_MAX_SECONDS):
            found = await work.stuck()
    except (*DATABASE_DOWN, asyncpg.PostgresError, TimeoutError):
        return {"stuck": "unknown"}
    return {"stuck": msgspec.to_builtins(found)} if found else {}
