"""A list read in parts holds what the page holds, in the same order, however small the parts are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.conftest import MAX_WAIT_SECONDS, World
from tests.vendors.conftest import NUMBERS, START, some_calls
from trunkline.model.call import Call, Turn
from trunkline.model.encoded_call import Chunk
from trunkline.model.query import After, CallFilter, Order, Position, Rows, SortField, Span, Wording
from trunkline.model.sighting import sighting_of
from trunkline.model.words import Role
from trunkline.service.received import Received
from trunkline.store.calls import chunked_reader as module
from trunkline.store.calls.chunked_reader import ENDLESS, ChunkedReader
from trunkline.store.calls.reads import CallStore
from trunkline.vendors import dialects

FILTERS = [
    CallFilter(),
    CallFilter(status=Wording(frozenset({"completed", "failed", "voicemail"}))),
    CallFilter(status=dialects()["contactship"].vocabularies[0].wording_for("contactship", "voice_mail")),
    CallFilter(any_number=NUMBERS[0]),
    CallFilter(phone=NUMBERS[1], created_at=Span(START, START + timedelta(hours=12))),
    CallFilter(campaign_id=frozenset({"batch-0", "batch-1"})),
    CallFilter(transcript_text="a"),
    CallFilter(vendor=frozenset({"nobody"})),
]


@pytest.fixture(scope="module")
def mixed(new_world: Callable[..., World]) -> World:
    """About 250 calls of every vendor, many of them of the same instant."""
    world = new_world()
    for vendor in dialects():
        world.take(some_calls(vendor, 50))
    return world


def read(
    world: World, call_filter: CallFilter, order: Order, window: Rows | After, **options: bool
) -> list[Chunk]:
    store = ChunkedReader(world.joined.pool)
    asked = {"with_total": True, "with_transcript": True, **options}

    async def all_of_them() -> list[Chunk]:
        async with aclosing(store.chunks(world.org.id, call_filter, order, window, **asked)) as parts:
            return [part async for part in parts]

    return world.run(all_of_them())


def whole(world: World, call_filter: CallFilter, order: Order, window: Rows | After) -> Any:
    store = CallStore(world.joined.pool)
    return world.run(
        store.page(world.org.id, call_filter, order, window, with_total=True, with_transcript=True)
    )


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_parts_of_a_page_are_the_page(
    mixed: World, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    for name, sizes in {
        "MAX_BYTES": [1, 5_000, 50_000],
        "MAX_CALLS": [1, 2, 7, 100],
        "FIRST_CALLS": [1, 3, 50],
    }.items():
        monkeypatch.setattr(module, name, data.draw(st.sampled_from(sizes), label=name))
    call_filter = data.draw(st.sampled_from(FILTERS), label="filter")
    order = Order(data.draw(st.sampled_from(SortField)), data.draw(st.booleans()))
    limit = data.draw(st.sampled_from([1, 2, 60, 261, 1000]) | st.integers(1, 300), label="limit")
    window: Rows | After = Rows(limit, data.draw(st.sampled_from([0, 1, 100, 250, 5000]), label="offset"))
    if data.draw(st.booleans(), label="by place"):
        before = whole(mixed, call_filter, order, Rows(data.draw(st.integers(1, 300), label="place"))).calls
        last = before[-1].call() if before else None
        window = After(limit, last and Position(getattr(last, order.by.value), last.id))

    parts = read(mixed, call_filter, order, window)
    page = whole(mixed, call_filter, order, window)
    assert [call for part in parts for call in part.calls] == page.calls
    assert {part.total for part in parts} == {page.total}
    assert [part.has_more for part in parts] == [True] * (len(parts) - 1) + [page.has_more]
    assert len(parts) == 1 or all(part.calls for part in parts)


def test_a_part_is_as_big_as_its_bytes_allow_and_one_call_at_least(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take([long_call(number, 40_000 if number % 3 == 0 else 10) for number in range(60)])
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    sizes = []
    for part in read(world, CallFilter(), Order(), ENDLESS):
        stored = [len(pieces.summary) + len(pieces.transcript or b"") for pieces in part.calls]
        assert sum(stored[:-1]) < 100_000
        sizes.append(len(stored))
    assert sum(sizes) == 60
    assert len(sizes) > 3

    monkeypatch.setattr(module, "MAX_BYTES", 1)
    assert [len(part.calls) for part in read(world, CallFilter(), Order(), ENDLESS)] == [1] * 60


def long_call(number: int, length: int) -> Call:
    """A call with a transcript that does not compress well."""
    call = some_calls("trunkline", 1, seed=number)[0]
    said = "".join(chr(0x4E00 + (number * 7919 + place * place * 31) % 20000) for place in range(length // 3))
    return structs.replace(call, turns=[Turn(Role.USER, said)])


def test_without_transcripts_none_is_fetched(mixed: World) -> None:
    parts = read(mixed, CallFilter(), Order(), ENDLESS, with_transcript=False)
    assert all(pieces.transcript is None for part in parts for pieces in part.calls)


def test_what_is_written_meanwhile_is_not_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take(some_calls("trunkline", 40))
    monkeypatch.setattr(module, "FIRST_CALLS", 5)
    store = ChunkedReader(world.joined.pool)
    ids: list[str] = []
    more = [Received(sighting_of(call)) for call in some_calls("trunkline", 20, seed=1)]
    asked = {"with_total": True, "with_transcript": True}

    async def read_while_writing() -> int | None:
        total = None
        async with aclosing(store.chunks(world.org.id, CallFilter(), Order(), ENDLESS, **asked)) as parts:
            async for part in parts:
                ids.extend(pieces.call().id for pieces in part.calls)
                total = part.total
                if len(ids) == len(part.calls):
                    await change()
        return total

    async def change() -> None:
        deleted = await world.joined.writer.delete(world.org.id, before[-1])
        assert deleted
        await world.joined.intake.ingest(world.org, more, "test")

    before = [one.call().id for one in whole(world, CallFilter(), Order(), Rows(1000)).calls]
    assert world.run(read_while_writing()) == 40
    assert ids == before
    after = {one.call().id for one in whole(world, CallFilter(), Order(), Rows(1000)).calls}
    assert len(after) == 59
    assert before[-1] not in after


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_reader_that_stops_gives_its_connection_back(
    mixed: World, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(module, "FIRST_CALLS", 2)
    monkeypatch.setattr(module, "MAX_CALLS", 2)
    pool = mixed.joined.pool
    asked = {"with_total": False, "with_transcript": True}

    async def stop() -> None:
        parts = ChunkedReader(pool).chunks(mixed.org.id, CallFilter(), Order(), ENDLESS, **asked)
        async with aclosing(parts):
            for _ in range(taken):
                await anext(parts)
            waiting = asyncio.create_task(_drain(parts))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
        assert pool.get_idle_size() == pool.get_size()
        # Only this pool's connections: a server works in the background on others of the same name.
        async with AsyncExitStack() as stack, asyncio.timeout(MAX_WAIT_SECONDS):
            size = pool.get_max_size()
            everyone = [await stack.enter_async_context(pool.acquire()) for _ in range(size)]
            assert not any(connection.is_in_transaction() for connection in everyone)
            pids = [connection.get_server_pid() for connection in everyone[1:]]
            states = "SELECT state FROM pg_stat_activity WHERE pid = ANY($1)"
            assert {row["state"] for row in await everyone[0].fetch(states, pids)} == {"idle"}

    mixed.run(stop())


async def _drain(parts: Any) -> None:
    async for _ in parts:
        pass
