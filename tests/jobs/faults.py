"""A pool of real connections on which one chosen call fails."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


class Fault(enum.Enum):
    """How a call goes wrong."""

    CONNECTION = "the connection is lost before the statement"
    ANSWER = "the statement is done, and the connection is lost before its answer comes"
    STATEMENT = "the statement fails"
    CANCELLED = "the task is cancelled"


class Trouble:
    """Counts calls, and has one of them go wrong."""

    def __init__(self, fault: Fault, at: int) -> None:
        self.fault = fault
        self.at = at
        self.calls = 0

    @property
    def came(self) -> bool:
        return self.calls >= self.at

    async def call(self, connection: asyncpg.Connection, name: str, args: Any, named: Any) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return await getattr(connection, name)(*args, **named)
        if self.fault is Fault.STATEMENT:
            return await connection.execute("SELECT 1 / 0")
        if self.fault is Fault.CANCELLED:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        if self.fault is Fault.ANSWER:
            await getattr(connection, name)(*args, **named)
        connection.terminate()
        return await connection.execute("SELECT true")


class FaultyConnection:
    def __init__(self, connection: asyncpg.Connection, trouble: Trouble) -> None:
        self._connection = connection
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        if name not in ("execute", "fetch", "fetchrow", "fetchval", "copy_records_to_table"):
            return getattr(self._connection, name)

        async def call(*args: Any, **named: Any) -> Any:
            return await self._trouble.call(self._connection, name, args, named)

        return call


class FaultyPool:
    def __init__(self, pool: asyncpg.Pool, trouble: Trouble) -> None:
        self._pool = pool
        self._trouble = trouble

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[FaultyConnection]:
        async with self._pool.acquire() as connection:
            yield FaultyConnection(connection, self._trouble)

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **named: Any) -> Any:
            async with self.acquire() as connection:
                return await getattr(connection, name)(*args, **named)

        return call
