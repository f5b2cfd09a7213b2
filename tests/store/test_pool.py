"""Connections are given back on the spot when they are clean, and mended when they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from tests.conftest import Background
from trunkline.store.pool import open_pool

WithOne = Callable[[Callable[[asyncpg.Pool], Awaitable[None]]], None]

PID = "SELECT pg_backend_pid()"
SLEEP = "SELECT pg_sleep(30)"


@pytest.fixture
def with_one(
    background: Background, embedded_url: str
) -> Callable[[Callable[[asyncpg.Pool], Awaitable[None]]], None]:
    """Runs a test with a pool of a single connection."""

    def run(test: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with asyncio.timeout(20), await open_pool(embedded_url, 1) as pool:
                await test(pool)

        background.run(opened())

    return run


def test_one_connection_serves_many_statements_at_a_time(with_one: WithOne) -> None:
    async def test(pool: asyncpg.Pool) -> None:
        assert len(set(await asyncio.gather(*(pool.fetchval(PID) for _ in range(50))))) == 1
        assert pool.get_idle_size() == 1

    with_one(test)


def test_a_connection_is_of_no_use_to_who_gave_it_back(with_one: WithOne) -> None:
    async def test(pool: asyncpg.Pool) -> None:
        connection = await pool.acquire()
        await pool.release(connection)
        await pool.release(connection)
        with pytest.raises(asyncpg.InterfaceError):
            await connection.fetchval(PID)
        assert pool.get_idle_size() == 1

    with_one(test)


def test_a_transaction_that_was_left_open_is_rolled_back(with_one: WithOne) -> None:
    async def test(pool: asyncpg.Pool) -> None:
        loop = asyncio.get_running_loop()
        told: list[str] = []
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        async with pool.acquire() as connection:
            before = await connection.fetchval(PID)
            await connection.execute("BEGIN")
        loop.set_exception_handler(None)
        assert "active transaction" in told[0]
        async with pool.acquire() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval(PID) == before

    with_one(test)


def test_a_statement_that_was_abandoned_leaves_a_connection_that_works(with_one: WithOne) -> None:
    async def test(pool: asyncpg.Pool) -> None:
        for wait in (
            pool.fetchval("SELECT pg_sleep(30)", timeout=0.05),
            pool.fetchval("SELECT pg_sleep(30)"),
        ):
            asked = asyncio.ensure_future(wait)
            await asyncio.wait({asked}, timeout=0.2)
            asked.cancel()
            with pytest.raises((TimeoutError, asyncio.CancelledError)):
                await asked
            assert await pool.fetchval("SELECT 1") == 1

    with_one(test)


def test_a_connection_that_the_database_ended_is_replaced(with_one: WithOne) -> None:
    async def test(pool: asyncpg.Pool) -> None:
        with pytest.raises(asyncpg.PostgresError):
            await pool.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await pool.fetchval("SELECT 1") == 1

    with_one(test)
