"""Answers of any length: memory stays small, clients that leave are noticed, what breaks off shows it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import zstandard
from msgspec import structs

from tests.api.files import EXPORT, exported
from tests.conftest import MAX_WAIT_SECONDS, Background, Server, World
from tests.vendors.conftest import START, some_calls
from trunkline.api.answers import StreamedAnswer
from trunkline.api.response import BrokenOff, send_streamed
from trunkline.kit.export import COMPRESSIONS, FORMATS, file_of
from trunkline.kit.export.shape import Shape
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id
from trunkline.model.intents import CallStream, ExportCalls
from trunkline.model.query import CallFilter
from trunkline.service.calls import Calls
from trunkline.service.export import chunks_of
from trunkline.service.limits import (
    CONTENDED_PATIENCE_SECONDS,
    MAX_LONG_WAITING,
    PATIENCE_SECONDS,
    OrgLimits,
)
from trunkline.service.run import Run
from trunkline.store.calls.chunked_reader import ChunkedReader
from trunkline.store.calls.reads import CallStore
from trunkline.vendors import dialects

MANY = 20_000


@pytest.fixture(scope="module")
def few(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.take(some_calls("trunkline", 100))
    return world


@pytest.fixture(scope="module")
def crowded(new_world: Callable[..., World]) -> World:
    """Enough calls that no buffer between server and client holds them all."""
    world = new_world()
    some = [call for vendor in dialects() for call in some_calls(vendor, 100)]
    for start in range(0, MANY, len(some)):
        world.take([copied(call, start + place) for place, call in enumerate(some)])
    return world


def copied(call: Call, number: int) -> Call:
    name = f"copy-{number}"
    return structs.replace(call, id=call_id("elsewhere", name), vendor="elsewhere", vendor_call_id=name)


@pytest.fixture(scope="module")
def database(embedded_url: str, background: Background) -> Iterator[asyncpg.Connection]:
    connection = background.run(asyncpg.connect(embedded_url))
    yield connection
    background.run(connection.close())


@contextmanager
def half_read(world: World, query: str = "") -> Iterator[Iterator[bytes]]:
    """An export of which the client has read the first bytes and then no more."""
    with httpx2.Client(base_url=str(world.request("GET", "/readyz").url.join("/")), timeout=30) as client:
        path = f"/trunkline{EXPORT}{query}"
        with client.stream("GET", path, headers=world.headers["trunkline"]) as answer:
            assert answer.status_code == 200
            chunks = answer.iter_raw()
            assert next(chunks)
            yield chunks


def in_transaction(world: World, database: asyncpg.Connection) -> list[int]:
    """The connections of servers that are in the middle of reading a list in parts.

    A server works in the background too, on the same connections; the statement tells the two apart.
    """
    sql = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = 'trunkline' AND xact_start IS NOT NULL AND query LIKE '%bytes_before%'"
    )
    return [row["pid"] for row in world.run(database.fetch(sql))]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("query", ["", "?format=csv&compression=gzip", "?tz=Europe/Paris&compression=zstd"])
def test_memory_does_not_grow_with_the_export(
    query: str, crowded: World, few: World, embedded_url: str, tmp_path: Path
) -> None:
    own = Server(embedded_url, tmp_path / "server.log")
    try:
        own.wait_until_ready()
        with httpx2.Client(base_url=f"{own.url}/trunkline", timeout=60) as client:
            assert client.get(EXPORT + query, headers=few.headers["trunkline"]).status_code == 200
            before = own.peak_kib()
            size = 0
            with client.stream("GET", EXPORT + query, headers=crowded.headers["trunkline"]) as answer:
                for chunk in answer.iter_raw():
                    size += len(chunk)
            assert size > 1024 * 1024
            assert own.peak_kib() - before < 40 * 1024
            assert own.peak_kib() < 200 * 1024
    finally:
        own.stop()


def test_memory_does_not_grow_with_the_page(crowded: World, embedded_url: str, tmp_path: Path) -> None:
    own = Server(embedded_url, tmp_path / "server.log")
    try:
        own.wait_until_ready()
        with httpx2.Client(base_url=own.url, timeout=60) as client:
            path, headers = "/callem/v1/calls", crowded.headers["callem"]
            assert len(client.get(f"{path}?limit=101", headers=headers).json()["data"]) == 101
            before = own.peak_kib()
            assert len(client.get(f"{path}?limit=1000&offset=5000", headers=headers).json()["data"]) == 1000
            assert own.peak_kib() - before < 20 * 1024
    finally:
        own.stop()


def test_all_of_them_arrive(crowded: World) -> None:
    lines = exported(crowded, compression="zstd").content
    text = zstandard.ZstdDecompressor().decompressobj().decompress(lines)
    ids = [json.loads(line)["id"] for line in text.splitlines()]
    assert len(ids) == len(set(ids)) == MANY


def test_an_export_is_one_moment_however_long_it_takes(world: World, crowded: World) -> None:
    some = [copied(call, number) for number, call in enumerate(some_calls("trunkline", 100) * 60)]
    world.take(some)
    before = {call.id for call in some}
    with half_read(world) as chunks:
        newest = world.get("trunkline", "/v1/calls?page_size=1").json()["calls"][0]
        oldest = world.get("trunkline", "/v1/calls?page_size=1&order=asc").json()["calls"][0]
        assert world.run(world.joined.writer.delete(world.org.id, oldest["id"]))
        late = structs.replace(
            some[0], id=call_id("elsewhere", "late"), vendor_call_id="late", created_at=START
        )
        world.take([late])
        rest = b"".join(chunks)
    # The first chunk was read already, and it had some whole lines and a piece of one.
    ids = {json.loads(line)["id"] for line in rest.splitlines()[1:]}
    assert oldest["id"] in ids
    assert late.id not in ids
    assert ids < before
    assert newest["id"] not in ids
    assert {json.loads(line)["id"] for line in exported(world).content.splitlines()} == (
        before - {oldest["id"]} | {late.id}
    )


@pytest.mark.parametrize("query", ["", "?format=csv", "?compression=gzip"])
def test_a_client_that_disconnects_ends_the_reading(
    query: str, crowded: World, database: asyncpg.Connection
) -> None:
    wait_until(lambda: not in_transaction(crowded, database))
    with half_read(crowded, query):
        # It waits for the client, with nothing but its snapshot, rather than reading everything at once.
        assert len(in_transaction(crowded, database)) == 1
    wait_until(lambda: not in_transaction(crowded, database))


def test_many_clients_that_disconnect_leave_every_connection_usable(
    crowded: World, database: asyncpg.Connection
) -> None:
    for _ in range(20):
        with half_read(crowded):
            pass
    wait_until(lambda: not in_transaction(crowded, database))
    assert exported(crowded, status="busy", format="csv").content


def test_an_export_that_breaks_off_cannot_be_mistaken_for_a_whole_one(
    crowded: World, database: asyncpg.Connection, server: Server
) -> None:
    with half_read(crowded) as chunks:
        (pid,) = in_transaction(crowded, database)
        assert crowded.run(database.fetchval("SELECT pg_terminate_backend($1, 10000)", pid))
        with pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"):
            for _ in chunks:
                pass
    assert crowded.get("trunkline", "/v1/calls?page_size=1").status_code == 200
    assert "database unavailable" in server.log.read_text()


def test_a_slow_client_holds_no_snapshot_and_gets_everything(
    crowded: World, database: asyncpg.Connection
) -> None:
    with half_read(crowded) as chunks:
        wait_until(lambda: not in_transaction(crowded, database))
        rest = b"".join(chunks)
    whole = exported(crowded).content
    assert whole.endswith(rest)
    assert len(rest) > 0.9 * len(whole)


def test_other_requests_are_answered_while_exports_wait(crowded: World) -> None:
    # Less than half of the connections are held by long answers of one org, whatever their clients do.
    with half_read(crowded), half_read(crowded), half_read(crowded):
        for name, dialect in dialects().items():
            assert crowded.get(name, dialect.operations[0].path).status_code == 200


# -- when it cannot go on -------------------------------------------------


def stream_of(world: World, run: Run) -> CallStream:
    return world.run(run(world.org, ExportCalls(filter=CallFilter())))


def test_one_long_answer_too_many_is_refused_for_now_with_the_reason(few: World) -> None:
    pool = few.joined.pool
    limits = OrgLimits.of(4)
    calls = Calls(CallStore(pool), ChunkedReader(pool), limits=limits)
    shares = limits.long_answers
    assert shares.share == 1

    async def ask_thrice() -> None:
        first, second, third, *others = streams
        async with aclosing(first.chunks):
            await anext(first.chunks)
            assert limits.patience_seconds == PATIENCE_SECONDS
            tasks = [asyncio.ensure_future(anext(stream.chunks)) for stream in others]
            for _ in others:
                await asyncio.sleep(0)
            assert shares.waiting == len(others)
            assert limits.patience_seconds == CONTENDED_PATIENCE_SECONDS
            with pytest.raises(Refused) as refused:
                await anext(second.chunks)
            assert refused.value.fault is Fault.UNAVAILABLE
            assert refused.value.detail.startswith("your org has 1 long answers under way and 32 waiting")
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        async with aclosing(third.chunks):
            assert (await anext(third.chunks)).calls

    asked, ids = ExportCalls(filter=CallFilter()), dialects()["trunkline"].ids
    streams = [few.run(calls.export(few.org, asked, ids)) for _ in range(3 + MAX_LONG_WAITING)]
    few.run(ask_thrice())
    assert (shares.usage.held, shares.usage.waiting) == (0, 0)


def test_another_org_reads_a_long_answer_while_one_holds_all_of_its_own(few: World) -> None:
    pool = few.joined.pool
    limits = OrgLimits.of(8)
    calls = Calls(CallStore(pool), ChunkedReader(pool), limits=limits)

    async def hold_and_ask() -> None:
        held = [limits.long_answers.of(few.org.id + 1) for _ in range(limits.long_answers.share)]
        for place in held:
            await place.__aenter__()
        with pytest.raises(Refused):
            limits.long_answers.take(few.org.id + 1)
        async with aclosing(stream.chunks):
            assert (await anext(stream.chunks)).calls
        for place in held:
            await place.__aexit__(None, None, None)

    asked, ids = ExportCalls(filter=CallFilter()), dialects()["trunkline"].ids
    stream = few.run(calls.export(few.org, asked, ids))
    few.run(hold_and_ask())


def test_a_client_that_reads_nothing_is_disconnected(crowded: World, database: asyncpg.Connection) -> None:
    clock = itertools.count().__next__
    told: list[Exception] = []

    def tell(error: Exception) -> Any:
        told.append(error)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def stall() -> None:
        stream = streams.pop()
        file = file_of(stream.chunks, FORMATS["jsonl"], COMPRESSIONS["none"], Shape(), name="calls")
        answer = StreamedAnswer([], chunks_of(file), tell, patience_seconds=lambda: PATIENCE_SECONDS)
        with pytest.raises(BrokenOff, match="the client read nothing"):
            await send_streamed(answer, receive, send, without_body=False, clock=clock, look_seconds=0)

    streams = [stream_of(crowded, crowded.joined.run)]
    crowded.run(stall())
    assert told == []  # it is no fault of the database, and must not be reported as one
    wait_until(lambda: not in_transaction(crowded, database))
