"""Pulling from a running server that speaks the vendor's dialect, and from one that does not behave."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec import structs

from tests.conftest import LONGEST_WAIT_SECONDS, World
from tests.dialects.conftest import some_calls
from trunkline.dialects import dialects, doors
from trunkline.ingest.asking import PullFailed
from trunkline.ingest.pull import Pull, Pulled
from trunkline.kit.door import Door
from trunkline.model.call import Call
from trunkline.model.ids import call_id
from trunkline.model.ledger import SourceLedger
from trunkline.model.words import Status
from trunkline.service.clock import system_clock
from trunkline.service.sources import Source
from trunkline.store.pulls import PullStore
from trunkline.store.totals import differences
from trunkline.store.writing import CallWriter

VENDORS = [name for name, door in doors().items() if name in dialects() and door.list_api is not None]
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


async def no_wait(_: float) -> None:
    """Tests do not wait as politely as a client must."""
    await asyncio.sleep(0)


def source_of(copy: World, vendor: str, original: World | None = None, base_url: str = "") -> Source:
    door = doors()[vendor]
    assert door.list_api is not None
    credential = dict.fromkeys(door.list_api.credential, "k")
    if original is not None:
        worn = [value.removeprefix("Bearer ") for value in original.headers[vendor].values()]
        credential = dict(zip(door.list_api.credential, worn, strict=True))
        base_url = f"{original.url}/{vendor}"
    return copy.run(copy.joined.sources.add(copy.org.name, vendor, credential=credential, base_url=base_url))


def pull(copy: World, source: Source, **span: Any) -> Pulled:
    puller = Pull(copy.joined.commits, PullStore(copy.joined.pool), system_clock, no_wait)
    door: Door = doors()[source.vendor]
    return copy.run(puller.run(source, door, **span))


def ledger(copy: World, source: Source) -> SourceLedger:
    return copy.run(copy.joined.ledger.of(source))


def own_calls(vendor: str, count: int) -> list[Call]:
    if dialects()[vendor].keeps_everything:
        return some_calls(next(name for name in dialects() if name != vendor), count)
    return some_calls(vendor, count)


def held(world: World) -> dict[str, int]:
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT vendor_call_id, count(*) AS n FROM calls WHERE org_id = $1 GROUP BY 1", world.org.id
        )
    )
    return {row["vendor_call_id"]: row["n"] for row in rows}


@every_vendor
def test_a_pull_brings_every_call_once_and_a_second_one_nothing(
    vendor: str, new_world: Callable[..., World]
) -> None:
    original, copy = new_world(), new_world()
    calls = own_calls(vendor, 120)
    original.take(calls)
    source = source_of(copy, vendor, original)
    pulled = pull(copy, source)
    assert (pulled.new, pulled.unreadable) == (120, [])
    assert held(copy) == {call.vendor_call_id: 1 for call in calls}
    assert copy.run(differences(copy.joined.pool, copy.org.id)) == []
    again = pull(copy, source)
    assert (again.new, again.changed) == (0, 0)


def test_calls_made_and_ended_meanwhile_come_with_the_next_pull(new_world: Callable[..., World]) -> None:
    original, copy = new_world(), new_world()
    first, running, later = sorted(own_calls("contactship", 3), key=lambda call: call.created_at)
    live = structs.replace(running, status=Status.IN_PROGRESS, result=None, ended_at=None, duration_ms=None)
    original.take([first, live])
    source = source_of(copy, "contactship", original)
    assert pull(copy, source).new == 2
    original.take([later, structs.replace(running, updated_at=system_clock())])
    pulled = pull(copy, source)
    assert pulled.new == 1
    ended = copy.get("contactship", f"/v1/calls/{running.vendor_call_id}").json()
    assert ended == original.get("contactship", f"/v1/calls/{running.vendor_call_id}").json()
    assert ended["call_status"] != "in-progress"


def test_a_deleted_call_does_not_come_back(new_world: Callable[..., World]) -> None:
    original, copy = new_world(), new_world()
    calls = own_calls("zudu", 3)
    original.take(calls)
    source = source_of(copy, "zudu", original)
    pull(copy, source)
    gone = call_id("zudu", calls[0].vendor_call_id)
    assert copy.run(CallWriter(copy.joined.pool).delete(copy.org.id, gone))
    assert pull(copy, source).deleted == 1
    assert calls[0].vendor_call_id not in held(copy)


def test_a_gap_is_filled_and_named_in_the_ledger(new_world: Callable[..., World]) -> None:
    original, copy = new_world(), new_world()
    calls = own_calls("callem", 40)
    original.take(calls)
    source = source_of(copy, "callem", original)
    # The source is as old as the log, so a webhook should have told of every call.
    copy.run(
        copy.joined.pool.execute(
            "UPDATE sources SET created_at = '2000-01-01Z' WHERE org_id = $1", copy.org.id
        )
    )
    source = copy.run(copy.joined.sources.named(copy.org.name, source.id))
    copy.take(calls[:30])
    pulled = pull(copy, source)
    assert (pulled.new, pulled.repaired) == (10, 10)
    told = ledger(copy, source)
    assert told.told == told.held == 40
    assert {call.vendor_call_id for call in told.calls} == {call.vendor_call_id for call in calls[30:]}
    assert {call.state for call in told.calls} == {"repaired"}
    assert sum(hour.repaired for hour in told.hours) == 10
    answer = copy.get("trunkline", "/v1/ledger").json()
    assert [(one["source"], one["told"], one["held"]) for one in answer["sources"]] == [(source.id, 40, 40)]
    assert len(answer["sources"][0]["calls"]) == 10
    assert original.get("trunkline", "/v1/ledger").json() == {"sources": []}


def test_a_puller_that_is_killed_goes_on_and_loses_nothing(
    new_world: Callable[..., World], embedded_url: str
) -> None:
    original, copy = new_world(), new_world()
    calls = own_calls("butter", 300)  # a page, then a request for each of its calls
    original.take(calls)
    source = source_of(copy, "butter", original)
    command = [sys.executable, "-m", "trunkline", "pull", "--org", copy.org.name, "--source", source.id]
    environment = {**os.environ, "TRUNKLINE_DATABASE_URL": embedded_url}
    rng, killed = random.Random(5), 0
    deadline = time.monotonic() + 4 * LONGEST_WAIT_SECONDS
    while time.monotonic() < deadline:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            process.communicate(timeout=rng.uniform(1.0, 2.5) if killed < 5 else LONGEST_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
            continue
        assert process.returncode == 0
        break
    assert killed
    assert held(copy) == {call.vendor_call_id: 1 for call in calls}
    assert ledger(copy, source).told == 300


class Moody:
    """A vendor that answers a list of its choice, after being told how often to fail."""

    def __init__(self) -> None:
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.calls: list[Any] = []
        self.asked = 0
        moody = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                moody.asked += 1
                status, headers = moody.failures.pop(0) if moody.failures else (200, {})
                body = json.dumps({"data": moody.calls, "count": len(moody.calls)}).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def moody() -> Iterator[Moody]:
    vendor = Moody()
    yield vendor
    vendor.server.shutdown()
    vendor.server.server_close()


def test_a_vendor_that_is_busy_or_down_is_asked_again(moody: Moody, world: World) -> None:
    moody.failures = [(429, {"retry-after": "1"}), (500, {}), (503, {})]
    source = source_of(world, "contactship", base_url=moody.url)
    assert pull(world, source).pages == 1
    assert moody.asked == 4


def test_a_vendor_that_refuses_is_not_asked_again(moody: Moody, world: World) -> None:
    moody.failures = [(401, {})]
    source = source_of(world, "contactship", base_url=moody.url)
    with pytest.raises(PullFailed, match="status 401"):
        pull(world, source)
    assert moody.asked == 1


def test_what_cannot_be_read_is_named_and_missing_until_it_can(moody: Moody, world: World) -> None:
    good = {"id": str(uuid.uuid4()), "call_status": "completed", "created_at": "2026-03-01T10:00:00Z"}
    bad = {"id": str(uuid.uuid4()), "call_status": "completed", "created_at": "yesterday"}
    moody.calls = [good, bad]
    source = source_of(world, "contactship", base_url=moody.url)
    pulled = pull(world, source)
    assert pulled.new == 1
    assert [bad["id"] in reason for reason in pulled.unreadable] == [True]
    assert [(call.vendor_call_id, call.state) for call in ledger(world, source).calls] == [
        (bad["id"], "missing")
    ]
    bad["created_at"] = "2026-03-01T11:00:00Z"
    pull(world, source)
    assert [call.state for call in ledger(world, source).calls] == ["repaired"]
    assert (ledger(world, source).told, ledger(world, source).held) == (2, 2)
