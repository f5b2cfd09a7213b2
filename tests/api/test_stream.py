"""Following calls over real HTTP: two server processes answer, and a third process writes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from msgspec import structs

from tests.api.events import STREAM, following, last_changes, reach
from tests.api.wire import ask, exchange, parsed
from tests.conftest import MAX_WAIT_SECONDS, Background, Server, World
from tests.vendors.conftest import START, some_calls
from trunkline.api.answers import StreamedAnswer
from trunkline.api.response import BrokenOff, send_streamed
from trunkline.api.sse import event_chunks
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.intents import FollowCalls
from trunkline.model.query import CallFilter
from trunkline.model.words import Status
from trunkline.store.changes import MAX_CALLS, MAX_WITH_TRANSCRIPT, WINDOW

SOON_SECONDS = 5.0
"""Sooner than anyone reads changes without being woken."""


@pytest.fixture(scope="module")
def pair(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two processes."""
    served = Server(embedded_url, tmp_path_factory.mktemp("pair") / "server.log", "--workers", "2")
    served.wait_until_ready()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def database(embedded_url: str, background: Background) -> Iterator[asyncpg.Connection]:
    connection = background.run(asyncpg.connect(embedded_url))
    yield connection
    background.run(connection.close())


@pytest.fixture
def headers(world: World) -> dict[str, str]:
    return world.headers["trunkline"]


def calls(how_many: int, prefix: str = "c") -> list[Call]:
    (one,) = some_calls("trunkline", 1)
    return [
        structs.replace(one, id=call_id("elsewhere", name), vendor="elsewhere", vendor_call_id=name)
        for name in (f"{prefix}-{number}" for number in range(how_many))
    ]


MOMENTS = count()


def changed(call: Call, **said: Any) -> Call:
    """The call as it is reported later than anything before."""
    moment = next(MOMENTS)
    later = START + timedelta(days=1000, seconds=moment)
    return structs.replace(call, updated_at=later, log_url=f"https://calls.test/{moment}", **said)


def delete(world: World, one: str) -> None:
    assert world.run(world.joined.writer.delete(world.org.id, one))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline


# -- what arrives ---------------------------------------------------------


def test_every_change_arrives_in_order_at_everyone_who_follows(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    rng, some = random.Random(1), calls(30)
    with ExitStack() as stack:
        everyone = [stack.enter_context(following(pair.url, headers)) for _ in range(6)]
        for _ in range(40):
            before = reach(world)
            batch = [changed(call) for call in rng.sample(some, rng.randint(1, 5))]
            world.take(batch)
            expected = {sequence: one for sequence, one in last_changes(world).items() if sequence > before}
            assert set(expected.values()) == {call.id for call in batch}
            for one in everyone:
                received = one.until(reach(world))
                assert {
                    event.sequence: event.data["id"] for event in received if event.sequence > before
                } == expected
        listed = world.get("trunkline", "/v1/calls?page_size=1000").json()["calls"]
        for one in everyone:
            assert {event.name for event in one.events} == {"call"}
            assert {event.data["id"]: event.data for event in one.events} == {
                call["id"]: call for call in listed
            }


@pytest.mark.parametrize("query", ["", "?include=turns"])
@pytest.mark.parametrize("seed", range(3))
def test_a_client_that_is_cut_off_again_and_again_misses_nothing(
    query: str, seed: int, pair: Server, world: World, headers: dict[str, str]
) -> None:
    rng, some = random.Random(seed), calls(WINDOW + MAX_CALLS // 2)
    world.take(some)
    gone: list[str] = []
    last: int = 0
    received = []
    for _ in range(25):
        with following(pair.url, headers, query, last=last) as one:
            for _ in range(rng.randint(0, 3)):
                some = [call for call in some if call.id not in gone]
                world.take([changed(call) for call in rng.sample(some, rng.randint(1, 20))])
                if rng.random() < 0.3:
                    gone.append(rng.choice(some).id)
                    delete(world, gone[-1])
            most, target = rng.choice([1, 5, MAX_WITH_TRANSCRIPT, MAX_CALLS + 7]), reach(world)
            while one.sequence < target and len(one.events) < most:
                assert one.step() is not None
            received += one.events
            last = one.sequence
    with following(pair.url, headers, query, last=last) as one:
        received += one.until(reach(world))
    sequences = [event.sequence for event in received]
    assert sequences == sorted(set(sequences))
    final = {event.data["id"]: event for event in received}
    assert {event.sequence: known for known, event in final.items()} == last_changes(world)
    assert {known for known, event in final.items() if event.name == "deleted"} == set(gone)


def test_without_a_place_it_begins_now_and_with_0_at_the_beginning(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    world.take(calls(3))
    with following(pair.url, headers) as now, following(pair.url, headers, "?after=0") as from_0:
        assert now.sequence == 3
        (late,) = calls(1, "late")
        world.take([late])
        assert [event.data["id"] for event in now.until(4)] == [late.id]
        assert len(from_0.until(4)) == 4
    with following(pair.url, headers, "?after=0", last=3) as again:
        assert [event.data["id"] for event in again.until(4)] == [late.id], "the header counts first"


def test_a_filter_lets_through_what_matches_and_the_position_moves_on_all_the_same(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    some = calls(WINDOW * 2)
    for number, call in enumerate(some):
        call.status = Status.BUSY if number % 100 == 7 else Status.COMPLETED
    world.take(some)
    with following(pair.url, headers, "?status=busy", last=0) as one:
        received = one.until(reach(world))
        assert {event.data["status"] for event in received} == {"busy"}
        assert len(received) == len(some) // 100
    with following(pair.url, headers, "?status=failed", last=0) as none:
        assert none.until(reach(world)) == []
        odd = changed(some[0], status=Status.FAILED)
        world.take([odd])
        assert [event.data["id"] for event in none.until(reach(world))] == [odd.id]


def test_the_filter_may_search_the_conversation_and_include_shows_it(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    some = some_calls("trunkline", 40)
    world.take(some)
    spoken = next(call for call in some if call.turns)
    assert spoken.turns
    turns = [turn.text for turn in spoken.turns]
    text = httpx2.QueryParams({"transcript_search": max(turns, key=len)})
    with (
        following(pair.url, headers, f"?{text}&include=turns", last=0) as shown,
        following(pair.url, headers, f"?{text}", last=0) as bare,
    ):
        event = next(one for one in shown.until(reach(world)) if one.data["id"] == spoken.id)
        assert [turn["text"] for turn in event.data["turns"]] == turns
        assert {event.data["id"] for event in bare.until(reach(world))} >= {spoken.id}
        assert all("turns" not in event.data for event in bare.events)
        assert len(bare.events) < len(some)


def test_the_calls_of_another_org_never_arrive(
    pair: Server, world: World, headers: dict[str, str], new_world: Callable[..., World]
) -> None:
    other = new_world()
    with following(pair.url, headers, last=0) as one:
        for number in range(10):
            other.take(calls(3, f"other-{number}"))
        world.take(calls(1))
        assert [event.data["vendor_call_id"] for event in one.until(reach(world))] == ["c-0"]


def test_a_call_that_is_deleted_is_listed_by_its_id(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    first, second = calls(2)
    world.take([first, second])
    with following(pair.url, headers, "?status=busy") as one:
        delete(world, first.id)
        (event,) = one.until(reach(world))
    assert (event.name, event.data) == ("deleted", {"id": first.id})


def test_the_changes_are_to_be_had_page_by_page_as_well(world: World) -> None:
    some = calls(WINDOW + 30)
    world.take(some)
    delete(world, some[0].id)
    seen: list[dict[str, Any]] = []
    after, more = 0, True
    while more:
        page = world.get("trunkline", f"/v1/calls:changes?after={after}").json()
        seen += page["changes"]
        after, more = page["next_after"], page["has_more"]
    sequences = [change["sequence"] for change in seen]
    assert sequences == sorted(set(sequences))
    assert {change["sequence"]: change["id"] for change in seen} == last_changes(world)
    assert after == reach(world)
    assert [change["id"] for change in seen if "call" not in change] == [some[0].id]
    assert world.get("trunkline", f"/v1/calls:changes?after={after + 1}").status_code == 400


def test_what_another_process_writes_wakes_everyone_whether_by_command_or_over_http(
    pair: Server, world: World, headers: dict[str, str], embedded_url: str, tmp_path: Path
) -> None:
    """An import by the command, single calls by both server processes, a change and a delete."""
    written = tmp_path / "calls.jsonl"
    sent = [{"vendor": "elsewhere", "vendor_call_id": f"file-{number}"} for number in range(1200)]
    written.write_text("".join(f"{json.dumps({**call, 'status': 'completed'})}\n" for call in sent))
    with ExitStack() as stack:
        everyone = [stack.enter_context(following(pair.url, headers)) for _ in range(6)]
        acts: list[Callable[[], None]] = [
            lambda: run_command("import", str(written), "--org", world.name, database_url=embedded_url),
            lambda: post(pair, headers, "POST", "/v1/calls", sent[0] | {"log_url": "https://l.test"}),
            lambda: post(pair, headers, "PATCH", f"/v1/calls/{IDS[1]}", {"metadata": {"n": 1}}),
            lambda: post(pair, headers, "DELETE", f"/v1/calls/{IDS[2]}"),
            lambda: post(pair, headers, "POST", f"/v1/calls/{IDS[3]}/events", LATENCY),
        ]
        for act in acts:
            act()
            began = time.monotonic()
            for one in everyone:
                one.until(reach(world))
            assert time.monotonic() - began < SOON_SECONDS, "nobody was woken"
        final = last_changes(world)
        for one in everyone:
            assert final.items() <= {event.sequence: event.data["id"] for event in one.events}.items()


LATENCY = {"type": "latency", "latency": {"e2e": 700}}
IDS = [call_id("elsewhere", f"file-{number}") for number in range(4)]


def post(pair: Server, headers: dict[str, str], method: str, path: str, body: object = None) -> None:
    with httpx2.Client(base_url=f"{pair.url}/trunkline", timeout=MAX_WAIT_SECONDS) as client:
        assert client.request(method, path, headers=headers, json=body).status_code < 300


def run_command(*arguments: str, database_url: str) -> None:
    environment = {**os.environ, "TRUNKLINE_DATABASE_URL": database_url}
    subprocess.run([sys.executable, "-m", "trunkline", *arguments], check=True, env=environment, timeout=120)


# -- what goes wrong ------------------------------------------------------


def listeners(world: World, database: asyncpg.Connection) -> set[int]:
    sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'trunkline changes'"
    return {row["pid"] for row in world.run(database.fetch(sql))}


def test_changes_arrive_after_the_listening_connection_was_lost(
    pair: Server, world: World, headers: dict[str, str], database: asyncpg.Connection
) -> None:
    with ExitStack() as stack:
        everyone = [stack.enter_context(following(pair.url, headers)) for _ in range(4)]
        wait_until(lambda: bool(listeners(world, database)))
        lost = listeners(world, database)
        for pid in lost:
            assert world.run(database.fetchval("SELECT pg_terminate_backend($1, 10000)", pid))
        world.take(calls(1, "while lost"))
        for one in everyone:
            one.until(reach(world))
        wait_until(lambda: len(listeners(world, database) - lost) >= len(lost))
        world.take(calls(1, "again"))
        began = time.monotonic()
        for one in everyone:
            received = one.until(reach(world))
            assert [event.data["vendor_call_id"] for event in received] == ["while lost-0", "again-0"]
        assert time.monotonic() - began < SOON_SECONDS, "nobody listens any more"


def test_a_stream_ends_when_its_key_is_revoked(pair: Server, world: World, headers: dict[str, str]) -> None:
    with following(pair.url, headers) as one:
        assert world.run(world.joined.keys.revoke(world.name, world.key_id))
        one.to_the_end()
    assert ask(pair.port, STREAM.encode(), headers).status == 401


@pytest.mark.parametrize("sequence", ["", "x", "-1", "+1", "1.0", "٣", "9" * 40, "1,2", "0x1"])
def test_what_is_no_sequence_number_is_refused(sequence: str, pair: Server, headers: dict[str, str]) -> None:
    sent = [(b"Last-Event-ID", sequence.encode()), *((n.encode(), v.encode()) for n, v in headers.items())]
    answer = ask(pair.port, STREAM.encode(), sent)
    assert answer.status == 400
    assert b'"parameter":"Last-Event-ID"' in answer.body
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=5", "order=asc", "status=nobody", "limit=3"])
def test_a_question_that_is_not_understood_is_refused(
    query: str, pair: Server, headers: dict[str, str]
) -> None:
    assert ask(pair.port, f"{STREAM}?{query}".encode(), headers).status == 400


def test_a_sequence_number_not_yet_assigned_is_refused(
    pair: Server, world: World, headers: dict[str, str]
) -> None:
    world.take(calls(2))
    answer = ask(pair.port, STREAM.encode(), {**headers, "Last-Event-ID": "3"})
    assert answer.status == 400
    assert b"no change has this sequence number yet" in answer.body


def test_requesting_the_head_answers_and_ends(pair: Server, headers: dict[str, str]) -> None:
    answer = ask(pair.port, STREAM.encode(), headers, method=b"HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_a_client_of_http_1_0_gets_the_reason_that_it_cannot_follow(
    pair: Server, headers: dict[str, str]
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    answer = parsed(exchange(pair.port, f"GET {STREAM} HTTP/1.0\r\n{lines}\r\n".encode()))
    assert answer.status == 400
    assert b"HTTP/1.1" in answer.body


def test_one_stream_too_many_is_refused_for_now(
    embedded_url: str, world: World, headers: dict[str, str], tmp_path: Path
) -> None:
    own = Server(embedded_url, tmp_path / "server.log", TRUNKLINE_STREAMS="4", TRUNKLINE_POOL_SIZE="1")
    try:
        own.wait_until_ready()
        with following(own.url, headers) as one:
            with following(own.url, headers) as other:
                answer = ask(own.port, STREAM.encode(), headers)
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                # Neither holds the only connection to the database.
                assert ask(own.port, b"/trunkline/v1/calls", headers).status == 200
                world.take(calls(1))
                assert len(one.until(1)) == len(other.until(1)) == 1
            wait_until(lambda: ask(own.port, STREAM.encode(), headers, method=b"HEAD").status == 200)
    finally:
        own.stop()


def test_a_server_that_stops_does_not_wait_for_its_streams(
    embedded_url: str, headers: dict[str, str], tmp_path: Path
) -> None:
    own = Server(embedded_url, tmp_path / "server.log", "--workers", "2")
    try:
        own.wait_until_ready()
        with ExitStack() as stack:
            everyone = [stack.enter_context(following(own.url, headers)) for _ in range(6)]
            began = time.monotonic()
            own.stop()
            assert time.monotonic() - began < SOON_SECONDS
            for one in everyone:
                one.to_the_end()
        assert "Traceback" not in own.log.read_text()
    finally:
        own.stop()


def test_a_client_that_reads_nothing_is_disconnected(world: World) -> None:
    clock = itertools.count().__next__
    world.take(calls(1))

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def check() -> None:
        raise AssertionError("it is not time yet")

    def tell(error: Exception) -> Any:
        raise error

    async def stall() -> None:
        stream = await world.joined.run(world.org, FollowCalls(filter=CallFilter(), after=0))
        stopped = asyncio.Event()
        chunks = event_chunks(stream.batches, lambda call: call, check, stopped)
        answer = StreamedAnswer([], chunks, tell, stopped.set)
        with pytest.raises(BrokenOff, match="the client read nothing"):
            await send_streamed(answer, receive, send, without_body=False, clock=clock, look_seconds=0)
        async with aclosing(stream.batches) as looks:
            assert [look async for look in looks] == [], "it was closed"

    world.run(stall())
