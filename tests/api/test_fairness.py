"""A hostile org beside a quiet one, on a real server: what the one does never turns the other away."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from msgspec import structs

from tests.api.files import EXPORT
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from tests.vendors.conftest import some_calls
from trunkline.model.call import Turn
from trunkline.model.ids import call_id
from trunkline.model.words import Role
from trunkline.service.limits import OrgLimits

STALLED = 50
LIMITS = OrgLimits.of(8, streams=4)


@pytest.fixture(scope="module")
def server_of_two(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(embedded_url, tmp_path_factory.mktemp("fair") / "server.log", TRUNKLINE_STREAMS="4")
    served.wait_until_ready()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def hostile(new_world: Callable[..., World]) -> World:
    """An org with more than any buffer between server and client holds."""
    world = new_world()
    (one,) = some_calls("trunkline", 1)
    calls = []
    for number in range(40):
        name = f"large-{number}"
        said = [Turn(Role.USER, f"{number}-{turn} " + "word " * 2000) for turn in range(20)]
        calls.append(structs.replace(one, id=call_id("x", name), vendor="x", vendor_call_id=name, turns=said))
    world.take(calls)
    return world


@pytest.fixture(scope="module")
def quiet(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.take(some_calls("trunkline", 100))
    return world


class Client:
    """A client of one org."""

    def __init__(self, server: Server, world: World) -> None:
        self.headers = world.headers["trunkline"]
        self._http = httpx2.Client(base_url=f"{server.url}/trunkline", timeout=60, headers=self.headers)

    def close(self) -> None:
        self._http.close()

    def stream(self, path: str) -> Any:
        return self._http.stream("GET", path)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self._http.request(method, path, **options)

    def statuses_of_a_day(self) -> Counter[int]:
        """What a well-behaved client gets for one of everything."""
        said = {"vendor_call_id": f"quiet-{time.monotonic_ns()}", "status": "completed", "turns": []}
        created = self.ask("POST", "/v1/calls", json=said)
        answers = [created, self.ask("GET", "/v1/calls"), self.ask("GET", "/v1/calls?include=turns")]
        if created.status_code == 201:
            path = f"/v1/calls/{created.json()['id']}"
            answers += [
                self.ask("GET", path),
                self.ask("PATCH", path, json={"log_url": "https://calls.test"}),
            ]
        answers.append(self.ask("GET", EXPORT))
        return Counter(answer.status_code for answer in answers)


@pytest.fixture
def bad(server_of_two: Server, hostile: World) -> Iterator[Client]:
    client = Client(server_of_two, hostile)
    yield client
    client.close()


@pytest.fixture
def good(server_of_two: Server, quiet: World) -> Iterator[Client]:
    client = Client(server_of_two, quiet)
    yield client
    client.close()


ALL_WELL = Counter({200: 5, 201: 1})


def stalled_reader(stack: ExitStack, server: Server, client: Client) -> socket.socket:
    """A connection that asked for everything and takes nothing."""
    reader = socket.socket()
    stack.callback(reader.close)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    reader.settimeout(MAX_WAIT_SECONDS)
    reader.connect(("127.0.0.1", server.port))
    lines = [f"GET /trunkline{EXPORT} HTTP/1.1", "Host: calls.test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in client.headers.items()]
    reader.sendall("\r\n".join([*lines, "", ""]).encode())
    return reader


def test_stalled_readers_of_one_org_keep_nobody_else_from_a_long_answer(
    server_of_two: Server, bad: Client, good: Client
) -> None:
    assert len(bad.ask("GET", EXPORT).content) > 6 * 1024 * 1024
    with ExitStack() as stack:
        for _ in range(STALLED):
            stalled_reader(stack, server_of_two, bad)
        for _ in range(3):
            assert good.statuses_of_a_day() == ALL_WELL


def test_streams_of_one_org_leave_some_to_others(bad: Client, good: Client) -> None:
    path = "/v1/calls:stream"
    with ExitStack() as stack:
        opened = [stack.enter_context(bad.stream(path)) for _ in range(LIMITS.streams.share)]
        assert [answer.status_code for answer in opened] == [200] * LIMITS.streams.share
        refused = bad.ask("GET", path)
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("Your org has 2 streams under way")
        with good.stream(path) as answer:
            assert answer.status_code == 200
            assert good.statuses_of_a_day() == ALL_WELL


class Crowd:
    """Many clients of one org, each with its next request as soon as it has its answer."""

    def __init__(self, how_many: int, request: Callable[[httpx2.Client], httpx2.Response]) -> None:
        self.statuses: Counter[int] = Counter()
        self._request = request
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(how_many)
        self._how_many = how_many

    def __enter__(self) -> Crowd:
        self._work = [self._pool.submit(self._run) for _ in range(self._how_many)]
        while not self.statuses:  # until it is in full swing
            assert not any(work.done() for work in self._work), [work.exception() for work in self._work]
        return self

    def _run(self) -> None:
        with httpx2.Client(timeout=120) as client:
            while not self._over.is_set():
                self.statuses[self._request(client).status_code] += 1

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for work in self._work:
            work.result()


@pytest.mark.parametrize(
    "path", ["/v1/calls?include=turns&page_size=10", "/v1/calls?transcript_search=o&include_total=true"]
)
def test_a_crowd_of_slow_reads_turns_nobody_else_away(
    path: str, server_of_two: Server, bad: Client, good: Client
) -> None:
    url, headers = f"{server_of_two.url}/trunkline{path}", bad.headers
    with Crowd(60, lambda client: client.get(url, headers=headers)) as crowd:
        # Whose turn it is, is shown where requests are counted and not answers that threads here notice late.
        for _ in range(3):
            assert good.statuses_of_a_day() == ALL_WELL
    assert crowd.statuses.keys() <= {200, 503}


def test_bulk_posts_turn_nobody_else_away(server_of_two: Server, bad: Client, good: Client) -> None:
    url, headers = f"{server_of_two.url}/trunkline/v1/calls", bad.headers
    turns = [{"role": "user", "text": f"This is turn {number}."} for number in range(20)]
    body = json.dumps(
        [
            {"vendor_call_id": f"bulk-{number}", "status": "completed", "turns": turns}
            for number in range(1000)
        ]
    )

    def post(client: httpx2.Client) -> httpx2.Response:
        return client.post(url, headers={**headers, "content-type": "application/json"}, content=body)

    with Crowd(8, post) as crowd:
        for _ in range(3):
            assert good.statuses_of_a_day() == ALL_WELL
    assert crowd.statuses.keys() <= {200, 503}


def test_deletions_of_one_org_do_not_wait_for_anothers(bad: Client, good: Client) -> None:
    many = [{"vendor_call_id": f"gone-{number}", "status": "completed"} for number in range(200)]
    ids = [one["id"] for one in bad.ask("POST", "/v1/calls", json=many).json()["results"]]
    with ThreadPoolExecutor(16) as pool:
        deleted = [pool.submit(bad.ask, "DELETE", f"/v1/calls/{one}") for one in ids]
        (mine,) = good.ask("POST", "/v1/calls", json=[{"vendor_call_id": "mine"}]).json()["results"]
        assert good.ask("DELETE", f"/v1/calls/{mine['id']}").status_code == 204
        assert Counter(one.result().status_code for one in deleted) == {204: 200}
