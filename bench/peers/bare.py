"""The limit of what Python can serve: a bare ASGI function that runs our statement and sends what it finds.

No key, no query string, no record: the texts of the rows are joined into one JSON array. `/pool` takes a
connection from a pool of ours, as our server does; `/held` keeps prepared statements on held connections.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from bench.limit import first_page
from trunkline.store.pool import open_pool

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

POOL_SIZE = int(os.environ.get("BENCH_POOL_SIZE", "8"))


class Application:
    """The ASGI function, with the two ways to a connection."""

    def __init__(self, url: str, org_id: int) -> None:
        self._url = url
        self._page = first_page(org_id)
        self._held: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        self._pool: asyncpg.Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        rows = await (self._from_held() if scope["path"] == "/held" else self._from_pool())
        body = b"[" + ",".join([row["body"] for row in rows]).encode() + b"]"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _from_pool(self) -> list[asyncpg.Record]:
        if self._pool is None:
            raise RuntimeError("the pool is not open")
        rows: list[asyncpg.Record] = await self._pool.fetch(self._page.sql, *self._page.values)
        return rows

    async def _from_held(self) -> list[asyncpg.Record]:
        statement = await self._held.get()
        try:
            rows: list[asyncpg.Record] = await statement.fetch(*self._page.values)
            return rows
        finally:
            self._held.put_nowait(statement)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            self._pool = await stack.enter_async_context(await open_pool(self._url, POOL_SIZE))
            holding = await stack.enter_async_context(await open_pool(self._url, POOL_SIZE))
            for _ in range(POOL_SIZE):
                connection = await stack.enter_async_context(holding.acquire())
                self._held.put_nowait(await connection.prepare(self._page.sql))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def application() -> Application:
    """The application of a worker, which reads the database and the org from its environment."""
    return Application(os.environ["BENCH_DATABASE_URL"], int(os.environ["BENCH_ORG_ID"]))
