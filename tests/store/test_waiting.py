"""A writer that hangs makes nobody wait for long: it is ended, or whoever waits is told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import asyncpg
import pytest

from tests.conftest import Background, World
from trunkline.compose import Services, services
from trunkline.model.query import After, CallFilter, Order
from trunkline.model.sighting import Sighting
from trunkline.service.intake import TooManyWriters
from trunkline.service.received import Received, State
from trunkline.store import pool
from trunkline.store.calls.chunked_reader import ChunkedReader

HOLD = "SELECT n FROM change_sequences WHERE org_id = $1 FOR UPDATE"

WithServices = Callable[[Callable[[Services], Awaitable[None]]], None]


@pytest.fixture
def with_services(background: Background, embedded_url: str, monkeypatch: pytest.MonkeyPatch) -> WithServices:
    """Runs a test with services of its own, whose connections wait for much less."""

    def run(test: Callable[[Services], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with asyncio.timeout(60), services(embedded_url, pool_size=4) as joined:
                await test(joined)

        background.run(opened())

    return run


def seen(name: str) -> Received:
    return Received(Sighting(vendor="elsewhere", vendor_call_id=name), name.encode())


def test_a_writer_that_waits_too_long_is_told_to_come_again(
    with_services: WithServices, world: World, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "LOCK_SECONDS", 0.1)
    world.see([Sighting(vendor="elsewhere", vendor_call_id="first")])

    async def test(joined: Services) -> None:
        other = await asyncpg.connect(embedded_url)
        try:
            async with other.transaction():
                await other.fetchval(HOLD, world.org.id)
                with pytest.raises(TooManyWriters, match="another writer has held the calls of your org"):
                    await joined.group_commit.ingest(world.org, [seen("second")])
            (result,) = await joined.group_commit.ingest(world.org, [seen("second")])
            assert result.state is State.NEW
        finally:
            await other.close()

    with_services(test)


def test_a_writer_that_hangs_is_ended_and_the_next_one_goes_on(
    with_services: WithServices, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.2)
    world.see([Sighting(vendor="elsewhere", vendor_call_id="first")])

    async def test(joined: Services) -> None:
        holds, over = asyncio.Event(), asyncio.Event()

        async def hang() -> None:
            async with joined.writer.transaction(world.org.id, 1):
                holds.set()
                await over.wait()

        hanging = asyncio.create_task(hang())
        await holds.wait()
        (result,) = await joined.group_commit.ingest(world.org, [seen("second")])
        assert result.state is State.NEW
        over.set()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await hanging
        assert (await joined.group_commit.ingest(world.org, [seen("third")]))[0].state is State.NEW

    with_services(test)


async def until_one_is_ended(joined: Services) -> None:
    """Wait until the database has ended a transaction that stood still for as long as is usual."""
    async with joined.pool.acquire() as connection:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        await connection.execute("BEGIN")
        await ended.wait()


def test_a_reader_of_a_long_list_may_take_its_time(
    with_services: WithServices, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.1)
    world.see([Sighting(vendor="elsewhere", vendor_call_id=f"call-{number}") for number in range(120)])

    async def test(joined: Services) -> None:
        parts = ChunkedReader(joined.pool).chunks(
            world.org.id, CallFilter(), Order(), After(limit=200), with_total=False, with_transcript=False
        )
        count = 0
        async with aclosing(parts):
            async for part in parts:
                count += len(part.calls)
                await until_one_is_ended(joined)
        assert count == 120

    with_services(test)
