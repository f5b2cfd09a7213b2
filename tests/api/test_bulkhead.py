"""Large requests are answered by a process of their own: the same answers, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.files import EXPORT, exported
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from tests.vendors.conftest import some_calls
from trunkline.api.answers import Answer
from trunkline.api.bulk_process import bulk_process
from trunkline.api.bulkhead import (
    HUGE_BODY_BYTES,
    RECENT_SECONDS,
    SOCKET_VARIABLE,
    Bulkhead,
    RecentOrgs,
    open_bulkhead,
)

SECRET = "a-secret-of-the-vendor"
CALLS = "/trunkline/v1/calls"


class Pair:
    """The same log served with a bulkhead and without one."""

    def __init__(self, with_one: Server, without: Server) -> None:
        self.with_one = with_one
        self.without = without

    def both(self, method: str, path: str, **options: Any) -> tuple[httpx2.Response, httpx2.Response]:
        """What each of them answers, after a check that only the one passed the request on."""
        before = forwarded(self.with_one)
        answers = [
            httpx2.request(method, f"{server.url}{path}", timeout=60, **options)
            for server in (self.with_one, self.without)
        ]
        assert forwarded(self.with_one) == before + 1
        return answers[0], answers[1]


@pytest.fixture(scope="module")
def pair(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("bulkhead")
    with_one = Server(embedded_url, folder / "with.log")
    without = Server(embedded_url, folder / "without.log", TRUNKLINE_BULKHEAD="false")
    for server in (with_one, without):
        server.wait_until_ready()
    yield Pair(with_one, without)
    for server in (with_one, without):
        server.stop()


@pytest.fixture
def served(embedded_url: str, tmp_path: Path) -> Iterator[Server]:
    server = Server(embedded_url, tmp_path / "server.log")
    server.wait_until_ready()
    yield server
    server.stop()


def metric(server: Server, name: str) -> dict[str, float]:
    """The values of a metric by process."""
    text = httpx2.get(f"{server.url}/metrics").text
    found = re.findall(rf'^{re.escape(name)}.*process="(\d+)"}} (\S+)$', text, re.MULTILINE)
    return {process: float(value) for process, value in found}


def forwarded(server: Server) -> float:
    return sum(metric(server, 'trunkline_bulkhead_requests_total{outcome="forwarded"').values())


def bulk_pid(server: Server) -> int:
    """The process for large requests, as soon as it answers."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        if set(metric(server, "trunkline_bulkhead_up").values()) == {1.0}:
            capacities = metric(server, 'trunkline_limit_capacity{limit="reads"')
            (other,) = set(capacities) - {str(server.process.pid)}
            return int(other)
    raise TimeoutError(server.log.read_text())


def calls_of(size_bytes: int, name: str) -> bytes:
    turns = [{"role": "user", "text": "word " * 20}] * 20
    one = {"vendor": "x", "status": "completed", "turns": turns}
    count = size_bytes // len(json.dumps(one)) + 1
    return json.dumps([{**one, "vendor_call_id": f"{name}-{number}"} for number in range(count)]).encode()


HUGE = calls_of(HUGE_BODY_BYTES, "huge")


def test_a_large_body_has_the_same_answer(pair: Pair, world: World) -> None:
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    new, again = pair.both("POST", CALLS, headers=headers, content=HUGE)
    assert new.status_code == again.status_code == 200
    made, known = new.json()["results"], again.json()["results"]
    assert {one["state"] for one in made} == {"new"}
    assert {one["state"] for one in known} == {"unchanged"}
    assert [one["id"] for one in made] == [one["id"] for one in known]


@pytest.mark.parametrize(
    "content", [b"[" + b" " * HUGE_BODY_BYTES, b'{"vendor":"x","nonsense":"' + b"x" * HUGE_BODY_BYTES + b'"}']
)
def test_a_large_body_that_is_refused_is_refused_in_the_same_words(
    content: bytes, pair: Pair, world: World
) -> None:
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    one, other = pair.both("POST", CALLS, headers=headers, content=content)
    assert 400 <= one.status_code < 500
    assert (one.status_code, one.json()) == (other.status_code, other.json())


def test_a_repeated_request_has_its_first_answer_whoever_gave_that(pair: Pair, world: World) -> None:
    headers = {**world.headers["trunkline"], "content-type": "application/json", "idempotency-key": "once"}
    first, second = pair.both("POST", CALLS, headers=headers, content=HUGE)
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("query", ["", "?format=csv", "?compression=gzip&vendor=x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_export_is_the_same_byte_for_byte(method: str, query: str, pair: Pair, world: World) -> None:
    world.take(some_calls("trunkline", 100))
    path, headers = f"/trunkline{EXPORT}{query}", world.headers["trunkline"]
    one, other = pair.both(method, path, headers=headers)
    assert one.content == other.content
    assert bool(one.content) == (method == "GET")
    described = [{**answer.headers, "date": ""} for answer in (one, other)]
    assert described[0] == described[1]


def test_a_large_delivery_is_stored_and_a_false_one_is_not(pair: Pair, world: World) -> None:
    source = world.run(world.joined.sources.add(world.name, "retell", webhook_secrets=[SECRET]))
    said = [{"role": "user", "content": "word " * 20}] * (HUGE_BODY_BYTES // 100)
    call = {"call_id": "large", "call_status": "ended", "transcript_object": said}
    body = json.dumps({"event": "call_ended", "call": call}).encode()
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(SECRET.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    for signature, status in ((digest, 200), ("0" * 64, 401)):
        headers = {"content-type": "application/json", "x-retell-signature": f"v={stamp},d={signature}"}
        one, other = pair.both("POST", f"/hooks/{source.address}", headers=headers, content=body)
        assert (one.status_code, other.status_code) == (status, status), one.text
        assert one.json() == other.json()
    (listed,) = exported(world).text.splitlines()
    assert json.loads(listed)["vendor_call_id"] == "large"


def test_a_key_for_some_addresses_is_checked_against_the_clients_own(pair: Pair, world: World) -> None:
    made = world.run(world.joined.keys.create(world.name, addresses=["127.0.0.1"]))
    headers = {**made.headers["trunkline"], "trunkline-client-address": "192.0.2.7"}
    one, other = pair.both("GET", f"/trunkline{EXPORT}", headers=headers)
    assert one.status_code == other.status_code == 200
    elsewhere = world.run(world.joined.keys.create(world.name, addresses=["192.0.2.7"]))
    headers = {**elsewhere.headers["trunkline"], "trunkline-client-address": "192.0.2.7"}
    assert httpx2.get(f"{pair.with_one.url}/trunkline{EXPORT}", headers=headers).status_code in (401, 403)


def test_an_org_that_is_alone_is_answered_by_the_process_it_asked(
    pair: Pair, new_world: Callable[..., World]
) -> None:
    many = f"{pair.with_one.url}{CALLS}?include=turns&page_size=100"
    one, other = new_world(), new_world()
    alone = httpx2.Client(headers=one.headers["trunkline"])
    beside = httpx2.Client(headers=other.headers["trunkline"])
    with alone, beside:
        before = forwarded(pair.with_one)
        while forwarded(pair.with_one) == before:  # for as long as a request of the other is not too long ago
            assert beside.get(f"{pair.with_one.url}{CALLS}?page_size=1").status_code == 200
            assert alone.get(many).status_code == 200
        while True:
            before = forwarded(pair.with_one)
            assert alone.get(many).status_code == 200
            if forwarded(pair.with_one) == before:
                break


def test_the_process_is_started_again_when_it_was_killed(served: Server, world: World) -> None:
    world.take(some_calls("trunkline", 10))
    first = bulk_pid(served)
    os.kill(first, signal.SIGKILL)
    url, headers = f"{served.url}/trunkline", world.headers["trunkline"]
    answer = httpx2.get(f"{url}{EXPORT}", headers=headers, timeout=MAX_WAIT_SECONDS)
    assert answer.status_code in (200, 503)
    assert bulk_pid(served) != first
    assert len(httpx2.get(f"{url}{EXPORT}", headers=headers).text.splitlines()) == 10
    assert "the process for large requests ended; it is started again" in served.log.read_text()


def test_an_answer_whose_process_was_killed_is_cut_off_and_not_taken_for_whole(
    served: Server, new_world: Callable[..., World]
) -> None:
    world = new_world()
    headers = {**world.headers["trunkline"], "content-type": "application/json"}
    with httpx2.Client(base_url=f"{served.url}", timeout=60, headers=headers) as client:
        for number in range(8):
            assert client.post(CALLS, content=calls_of(2 * 1024 * 1024, f"{number}")).status_code == 200
        with client.stream("GET", f"/trunkline{EXPORT}") as answer:
            chunks = answer.iter_raw()
            next(chunks)
            os.kill(bulk_pid(served), signal.SIGKILL)
            with pytest.raises(httpx2.RemoteProtocolError):
                list(chunks)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_ends_with_the_server(how: signal.Signals, served: Server) -> None:
    pid = bulk_pid(served)
    served.process.send_signal(how)
    served.process.wait(MAX_WAIT_SECONDS)
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline


def test_while_the_process_cannot_be_started_requests_are_answered_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with bulk_process():
        path = os.environ[SOCKET_VARIABLE]
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.settimeout(MAX_WAIT_SECONDS)
            waiting.connect(path)
            assert waiting.recv(1) == b""
        with socket.socket(socket.AF_UNIX) as late, pytest.raises(FileNotFoundError):
            late.connect(path)


# -- who is passed on, and when -------------------------------------------


def test_an_org_is_alone_until_another_sends_a_request_and_again_a_moment_later() -> None:
    recent = RecentOrgs()
    assert not recent.has_other(1, 10.0)
    recent.note(1, 10.0)
    assert not recent.has_other(1, 10.0)
    assert recent.has_other(2, 10.0)
    recent.note(2, 10.1)
    recent.note(1, 10.2)
    recent.note(1, 10.3)
    assert recent.has_other(1, 10.1 + RECENT_SECONDS - 0.01)
    assert not recent.has_other(1, 10.1 + RECENT_SECONDS)
    assert recent.has_other(3, 10.3 + RECENT_SECONDS - 0.01)


class Other:
    """A process at a socket that answers when it is told to, and counts what it is asked at the same time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                self.now += 1
                self.asked += 1
                self.most = max(self.most, self.now)
                await self.may_answer.wait()
                self.now -= 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()


def failed(error: Exception) -> Answer:
    return Answer(503, repr(error).encode(), [])


SCOPE = {"method": "GET", "path": "/x", "raw_path": b"/x", "query_string": b"", "headers": [(b"host", b"x")]}


async def asked_at_once(bulkhead: Bulkhead, other: Other, orgs: list[int]) -> None:
    large = 10 * HUGE_BODY_BYTES
    answers = [
        asyncio.create_task(bulkhead.request(org, SCOPE, None, failed).answer_by_size(large)) for org in orgs
    ]
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while other.asked < len(set(orgs)):
        assert time.monotonic() < deadline
        await asyncio.to_thread(int)
    other.may_answer.set()
    for answer in asyncio.as_completed(answers):
        found = await answer
        assert isinstance(found, Answer)
        assert found.status == 200


def test_each_org_has_one_large_request_passed_on_at_a_time_beside_others(tmp_path: Path) -> None:
    async def run() -> None:
        other, path = Other(), str(tmp_path / "socket")
        async with await asyncio.start_unix_server(other.serve, path), open_bulkhead(path) as bulkhead:
            assert bulkhead is not None
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await asked_at_once(bulkhead, other, [1] * 5 + [2] * 5)
            assert other.most == 2
            assert other.asked == 10

    asyncio.run(run())


def test_what_cannot_be_passed_on_is_answered_where_it_was_asked(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_bulkhead(str(tmp_path / "nobody")) as bulkhead:
            assert bulkhead is not None
            assert await bulkhead.request(1, SCOPE, None, failed).answer_by_body(HUGE) is None
            assert bulkhead.usage.unreachable == 1

    asyncio.run(run())
