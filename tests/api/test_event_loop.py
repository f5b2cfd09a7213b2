"""Nothing holds the event loop: what is long is read, folded and printed elsewhere, or in small steps.

Nothing here is timed. What is counted is how many calls of functions the loop's own thread makes between two
turns of the loop, in which nobody else is answered: whatever goes through a long conversation there makes at
least as many as it has turns. What a single call of the JSON library, or of the one that compresses, does is
not seen by that, so that the size of what they are given in the loop's thread is looked at as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import sys
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack
from types import FrameType
from typing import Any, TypeVar

import httpx2
import msgspec
import pytest

from tests.conftest import World
from trunkline.compose.web import application
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.settings import Settings
from trunkline.vendors import dialects

T = TypeVar("T")

TURNS = 100_000
CALLS = 1000
MAX_STEPS = 70_000
"""Calls of functions between two turns of the loop; one for each turn of a conversation would be more."""

MAX_BYTES = 512 * 1024
"""Bytes that a library is given at once in the loop's thread; the conversation has many times that."""

_LIBRARIES = ("msgspec", "zstandard")
_ITEM_BYTES = 60
"""What an item of a list that is given to a library counts as."""


class Loop:
    """An event loop with the whole application on it, and nothing in between."""

    def __init__(self, database_url: str) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        settings = Settings.read({**os.environ, "TRUNKLINE_WORK": "false"})
        self.app = application(settings, database_url)
        self.most_steps = 0
        self.most_bytes = 0
        self.long_elsewhere = 0
        """Long documents that were read in other threads."""
        self._steps = 0
        self.thread = threading.get_ident()
        self.run(self._begin())

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self._runner.run(wait())

    async def _begin(self) -> None:
        self._told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._has_beaten = asyncio.Event()
        begun = asyncio.Event()

        async def send(message: Any) -> None:
            begun.set()

        await self._told.put({"type": "lifespan.startup"})
        self._lifespan = asyncio.create_task(
            self.app({"type": "lifespan", "state": {}}, self._told.get, send)
        )
        await begun.wait()
        transport = httpx2.ASGITransport(app=self.app)
        client = httpx2.AsyncClient(transport=transport, base_url="http://calls.test", timeout=None)
        self._client = await self._stack.enter_async_context(client)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Make a request, and note the most that the loop's thread did while it answered nobody."""
        self.most_steps = self.most_bytes = self.long_elsewhere = 0
        return self.run(self._ask(method, path, options))

    async def _ask(self, method: str, path: str, options: Any) -> httpx2.Response:
        request = self._client.build_request(method, path, **options)
        beat = asyncio.create_task(self._beat())
        sys.setprofile(self._count)
        try:
            return await self._client.send(request)
        finally:
            sys.setprofile(None)
            self.most_steps = max(self.most_steps, self._steps)
            beat.cancel()

    async def _beat(self) -> None:
        while True:
            self.most_steps, self._steps = max(self.most_steps, self._steps), 0
            await asyncio.sleep(0)

    def _count(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            self._steps += 1
            library = type(getattr(function, "__self__", None)).__module__.partition(".")[0]
            if library in _LIBRARIES or getattr(function, "__module__", "") in _LIBRARIES:
                self.most_bytes = max(self.most_bytes, *map(_size, frame.f_locals.values()), 0)
        elif event == "call":
            self._steps += 1

    def assert_free(self) -> None:
        """Nobody had to wait for what is long."""
        assert self.most_steps <= MAX_STEPS
        assert self.most_bytes <= MAX_BYTES

    async def _end(self) -> None:
        await self._stack.aclose()
        await self._told.put({"type": "lifespan.shutdown"})
        await self._lifespan

    def close(self) -> None:
        self.run(self._end())
        self._runner.close()


@pytest.fixture(scope="module")
def loop(embedded_url: str) -> Iterator[Loop]:
    opened = Loop(embedded_url)
    read = ChunkedDecoder._read

    def noted(self: ChunkedDecoder, data: Any, depth: int) -> Any:
        """Read what is long, and note by whom."""
        if depth == 0:
            opened.long_elsewhere += threading.get_ident() != opened.thread
        return read(self, data, depth)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ChunkedDecoder, "_read", noted)
        yield opened
    opened.close()


def _size(value: Any) -> int:
    if type(value) in (bytes, bytearray, str):
        return len(value)
    return len(value) * _ITEM_BYTES if type(value) is list else 0


def turns(how_many: int) -> list[dict[str, Any]]:
    return [
        {
            "role": "user" if number % 2 else "agent",
            "text": f"Turn {number % 997} of a long conversation, à peu près.",
            "start_ms": number * 100,
            "end_ms": number * 100 + 90,
        }
        for number in range(how_many)
    ]


def call(name: str, how_many: int, **said: Any) -> dict[str, Any]:
    return {
        "vendor": "elsewhere",
        "vendor_call_id": name,
        "status": "completed",
        "started_at": "2026-03-02T09:30:04Z",
        "turns": turns(how_many),
        **said,
    }


@pytest.fixture(scope="module")
def world(new_world: Any) -> World:
    made: World = new_world()
    return made


@pytest.fixture(scope="module")
def long_call(loop: Loop, world: World) -> str:
    """The id of a call with very many turns, told of several times over in every way."""
    headers = world.headers["trunkline"]
    steps = [
        ("POST", "/v1/calls", call("long", TURNS)),
        ("POST", "/v1/calls", call("long", TURNS)),
        ("POST", "/v1/calls", call("long", TURNS - 1, log_url="https://calls.test")),
    ]
    for method, path, body in steps:
        answer = loop.ask(method, f"/trunkline{path}", headers=headers, content=msgspec.json.encode(body))
        assert answer.status_code in (200, 201), answer.text
        loop.assert_free()
        assert loop.long_elsewhere > 0
    return str(answer.json()["id"])


def test_changes_of_a_long_call(loop: Loop, world: World, long_call: str) -> None:
    headers = world.headers["trunkline"] | {"idempotency-key": "once"}
    for body in ({"analysis": {"summary": "Short."}}, {"turns": turns(TURNS)}):
        answer = loop.ask(
            "PATCH", f"/trunkline/v1/calls/{long_call}", headers=headers, content=msgspec.json.encode(body)
        )
        assert answer.status_code == 200, answer.text[:200]
        assert len(answer.json()["turns"]) in (TURNS - 1, TURNS)
        loop.assert_free()
        assert loop.long_elsewhere > 0
        headers = world.headers["trunkline"]


@pytest.mark.parametrize("dialect", list(dialects()))
def test_a_long_call_in_every_dialect(dialect: str, loop: Loop, world: World, long_call: str) -> None:
    get = next(operation for operation in dialects()[dialect].operations if operation.name == "get_call")
    path = f"/{dialect}{get.path.replace('{id}', dialects()[dialect].ids.derive(long_call))}"
    answer = loop.ask("GET", path, headers=world.headers[dialect])
    assert answer.status_code == 200, answer.text[:200]
    assert len(answer.content) > TURNS * 20
    loop.assert_free()
    assert loop.long_elsewhere > 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1/calls?include=turns,words,tools",
        "/v1/calls?include=turns&page_size=500",
        "/v1/calls:changes?include=turns&after=0",
        "/v1/calls:export",
        "/v1/calls:export?include=turns&compression=zstd",
        "/v1/calls:export?format=csv",
        "/v1/calls/{id}?format=toon",
    ],
)
def test_a_long_call_among_others(path: str, loop: Loop, world: World, long_call: str) -> None:
    path = f"/trunkline{path.replace('{id}', long_call)}"
    answer = loop.ask("GET", path, headers=world.headers["trunkline"])
    assert answer.status_code == 200, answer.text[:200]
    loop.assert_free()
    assert loop.long_elsewhere > 0 or path.endswith(":export")  # which has no conversations in it


def test_a_batch_of_many_calls(loop: Loop, new_world: Any) -> None:
    headers = new_world().headers["trunkline"]
    for said in ({}, {}, {"log_url": "https://calls.test"}):
        body = [call(f"batch-{number}", 30, **said) for number in range(CALLS)]
        answer = loop.ask("POST", "/trunkline/v1/calls", headers=headers, content=msgspec.json.encode(body))
        assert {one["status"] for one in answer.json()["results"]} <= {200, 201}
        loop.assert_free()
    for query in ("page_size=500", "page_size=100&include=turns", "page_size=500&include=turns"):
        answer = loop.ask("GET", f"/trunkline/v1/calls?{query}", headers=headers)
        assert answer.status_code == 200
        loop.assert_free()


def test_a_long_delivery_by_a_webhook(loop: Loop, world: World) -> None:
    secret = "secret-of-a-webhook"
    source = world.run(world.joined.sources.add(world.name, "retell", webhook_secrets=[secret]))
    said = [{"role": one["role"], "content": one["text"]} for one in turns(TURNS)]
    told = {"call_id": "hooked", "call_status": "ended", "transcript_object": said}
    body = msgspec.json.encode({"event": "call_analyzed", "call": told})
    for _ in range(2):
        stamp = str(int(time.time() * 1000))
        digest = hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Retell-Signature": f"v={stamp},d={digest}"}
        answer = loop.ask("POST", f"/hooks/{source.address}", headers=headers, content=body)
        assert answer.status_code == 200, answer.text
        loop.assert_free()
