"""Whether the server reports correctly that it is alive and ready, also while its database is unavailable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from tests.api.own_database import Database, own_database
from tests.conftest import MAX_WAIT_SECONDS, Background, Server
from trunkline.model.faults import Fault, Refused
from trunkline.vendors import dialects


def test_a_server_that_can_serve_says_so(http: httpx2.Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = http.get(path)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        assert http.head(path).status_code == 200


@pytest.fixture
def database() -> Iterator[Database]:
    with own_database() as own:
        yield own


@pytest.fixture
def own_server(database: Database, tmp_path: Path) -> Iterator[Server]:
    server = Server(database.url, tmp_path / "server.log", TRUNKLINE_POOL_SIZE="2")
    server.wait_until_ready()
    yield server
    server.stop()


def wait_for(answer: Callable[[], httpx2.Response], status: int) -> httpx2.Response:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while (last := answer()).status_code != status:
        assert time.monotonic() < deadline, last
    return last


def test_while_the_database_is_away_every_dialect_says_so_and_afterwards_all_is_well(
    database: Database, own_server: Server
) -> None:
    background = Background()
    made = background.run(background.open(database.url).keys.create("acme"))
    background.close()
    with httpx2.Client(base_url=own_server.url, timeout=MAX_WAIT_SECONDS) as client:

        def ask(name: str) -> httpx2.Response:
            path = f"/{name}{dialects()[name].operations[0].path}"
            return client.get(path, headers=made.headers[name])

        def tell() -> httpx2.Response:
            headers = {**made.headers["trunkline"], "Idempotency-Key": "once"}
            return client.post("/trunkline/v1/calls", headers=headers, json={"vendor_call_id": "c-1"})

        assert {ask(name).status_code for name in dialects()} == {200}

        database.stop()
        for _ in range(3):  # more often than there are connections to lose
            ready = client.get("/readyz")
            assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
            assert ready.json() == {"status": "unavailable", "detail": "the database does not answer"}
            assert client.get("/healthz").status_code == 200
            for name, dialect in dialects().items():
                answer = ask(name)
                status, body = dialect.errors.answer(Refused(Fault.UNAVAILABLE))
                assert (answer.status_code, answer.json()) == (status, msgspec.to_builtins(body))
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert answer.headers["content-type"] == dialect.errors.media_type
            written = tell()
            assert (written.status_code, written.headers["retry-after"]) == (503, "1")
        # What needs no database is refused for what it is.
        assert client.get("/callem/v1/calls").status_code == 401
        assert client.get("/callem/nothing").status_code == 404

        database.start()
        wait_for(lambda: client.get("/readyz"), 200)
        for name in dialects():
            wait_for(lambda name=name: ask(name), 200)  # type: ignore[misc]
        told = wait_for(tell, 201)
        assert "idempotent-replayed" not in told.headers
    log = own_server.log.read_text()
    assert '"event": "database unavailable"' in log
    assert "Traceback" not in log


def test_a_server_does_not_start_without_its_database(tmp_path: Path) -> None:
    server = Server("postgresql://127.0.0.1:1/calls", tmp_path / "server.log")
    assert server.process.wait(MAX_WAIT_SECONDS) == 2
    assert server.log.read_text().startswith("trunkline: ")
    assert "Traceback" not in server.log.read_text()
