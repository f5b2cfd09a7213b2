"""A server whose embedded PostgreSQL dies or has no room says so, loses nothing, and goes on by itself."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from tests.cli.conftest import Ran, command, environment
from tests.conftest import MAX_WAIT_SECONDS, Server
from tests.store.embedded_processes import as_root, postmaster, remove, runs, wait_until
from trunkline.api.handler import error_answer
from trunkline.model.faults import Fault, Refused
from trunkline.service.database_condition import FULL_SECONDS, DatabaseCondition
from trunkline.store.embedded import EmbeddedPostgres, join_embedded, stop_embedded
from trunkline.vendors import dialects

DISK_FULL = "the disk of the database is full"


class Log:
    """A server with an embedded database of its own, and a key for it."""

    def __init__(
        self,
        folder: Path,
        *args: str,
        work: str = "true",
        headers: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self.home = folder / "home"
        created = headers or self.run("keys", "create", "--org", "acme", "--json").answer["headers"]
        self.headers: dict[str, dict[str, str]] = created
        log = folder.parent / f"{folder.name}.log"
        self.server = Server("", log, *args, TRUNKLINE_HOME=str(self.home), TRUNKLINE_WORK=work)
        self.server.wait_until_ready()
        # Each server process has one connection of this name once it is up.
        count = int(args[1]) if args else 1
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trunkline jobs'"
        url = EmbeddedPostgres(self.home).url
        if work == "true":
            wait_until(lambda: asyncio.run(answer_to(url, sql)) == count, "not all of it is up")
        self.http = httpx2.Client(base_url=self.server.url, timeout=MAX_WAIT_SECONDS)

    def run(self, *args: str) -> Ran:
        variables = environment(None, TRUNKLINE_HOME=str(self.home))
        done = subprocess.run(
            command(*args), env=variables, cwd="/", capture_output=True, timeout=60, check=False
        )
        return Ran(done)

    def write(self, name: str, text: str = "") -> httpx2.Response:
        turns = [{"role": "user", "text": text}] if text else []
        body = {"vendor_call_id": name, "vendor": "elsewhere", "turns": turns}
        return self.http.post("/trunkline/v1/calls", headers=self.headers["trunkline"], json=body)

    def names(self) -> set[str]:
        answer = self.http.get("/trunkline/v1/calls:export", headers=self.headers["trunkline"])
        assert answer.status_code == 200
        return {json.loads(line)["vendor_call_id"] for line in answer.text.splitlines()}

    def ready(self) -> httpx2.Response:
        return self.http.get("/readyz")

    @property
    def text(self) -> str:
        return self.server.log.read_text()

    def close(self) -> None:
        self.http.close()
        self.server.stop()


async def answer_to(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    yield made
    remove(made)
    made.with_name(f"{made.name}.log").unlink(missing_ok=True)


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def log(request: pytest.FixtureRequest, folder: Path) -> Iterator[Log]:
    served = Log(folder, "--workers", str(request.param))
    yield served
    served.close()


def test_a_killed_database_comes_back_by_itself_and_nothing_acknowledged_is_lost(log: Log) -> None:
    stored, refusals, reasons = set(), [], set()
    pid = postmaster(log.home)
    assert log.write("first").status_code == 201
    over = threading.Event()

    def send() -> None:
        number = 0
        while not over.is_set():
            number += 1
            answer = log.write(f"call-{number}")
            if answer.status_code == 201:
                stored.add(f"call-{number}")
            else:
                refusals.append(answer)

    sender = threading.Thread(target=send)
    sender.start()
    os.kill(pid, signal.SIGKILL)
    try:
        wait_until(lambda: refusals, "nothing was refused")
        while (ready := log.ready()).status_code == 503 or not refusals:
            reasons.add(ready.json()["detail"])
            assert log.http.get("/healthz").status_code == 200
        before = len(stored)
        wait_until(lambda: len(stored) > before, "no call is stored any more")
    finally:
        over.set()
        sender.join()
    assert postmaster(log.home) != pid
    assert {answer.status_code for answer in refusals} == {503}
    for answer in refusals:
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/unavailable"
    assert reasons & {
        "the embedded PostgreSQL has ended, and will be started again",
        "the embedded PostgreSQL is starting",
    }
    assert stored | {"first"} <= log.names()
    assert "the embedded PostgreSQL has ended, and is started again" in log.text
    assert "the embedded PostgreSQL runs again" in log.text
    assert "Traceback" not in log.text


def test_while_it_is_away_every_vendor_is_answered_in_its_own_form(log: Log) -> None:
    # Whoever holds this lock keeps the server from being started.
    with (log.home / ".starting").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        os.kill(postmaster(log.home), signal.SIGKILL)
        wait_until(lambda: log.ready().status_code == 503, "it is still ready")
        wait_until(lambda: "has ended" in log.ready().json()["detail"], "its processes do not end")
        for name, dialect in dialects().items():
            answer = log.http.get(f"/{name}{dialect.operations[0].path}", headers=log.headers[name])
            status, _ = dialect.errors.answer(Refused(Fault.UNAVAILABLE))
            assert (answer.status_code, answer.headers["retry-after"]) == (status, "1")
            assert answer.headers["content-type"] == dialect.errors.media_type
            if name == "trunkline":
                assert "he embedded PostgreSQL has ended" in answer.json()["detail"]
    wait_until(lambda: log.ready().status_code == 200, "it did not come back")


def test_a_stopped_server_stops_its_database(folder: Path) -> None:
    log = Log(folder)
    pid = postmaster(log.home)
    log.close()
    assert log.server.process.returncode == 0
    assert not runs(pid)


def test_a_killed_server_leaves_its_database_to_the_next_one(folder: Path) -> None:
    log = Log(folder)
    pid = postmaster(log.home)
    assert log.write("first").status_code == 201
    log.server.process.kill()
    log.server.process.wait()
    assert runs(pid)
    log.http.close()
    again = Log(folder, headers=log.headers)
    try:
        assert postmaster(log.home) == pid
        assert again.names() == {"first"}
    finally:
        again.close()
    assert not runs(pid)


# -- a full disk -----------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk with little room; skips the test where none can be mounted."""
    made = Path(tempfile.mkdtemp(prefix="trunkline-test-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs", made], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        made.rmdir()
        pytest.skip("no disk can be mounted here")
    yield made
    subprocess.run(["umount", "-l", made], check=True)
    made.rmdir()
    made.with_name(f"{made.name}.log").unlink(missing_ok=True)


def fill(disk: Path) -> Path:
    """Leave no room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk has no end")


def says_full(answer: httpx2.Response) -> bool:
    """Whether an answer gives a full disk as the reason, in its own form."""
    detail: str = answer.json().get("detail", "")
    return answer.status_code == 503 and detail.lower().rstrip(".") == DISK_FULL


@as_root
def test_a_full_disk_is_named_and_service_resumes_when_there_is_room(small_disk: Path) -> None:
    log = Log(small_disk, work="false")
    try:
        assert log.write("first").status_code == 201
        ballast = fill(small_disk)
        stored = {"first"}
        refused = None
        for number in range(5000):
            # Text that does not compress, so that tables and their log soon need more room.
            answer = log.write(f"call-{number}", os.urandom(24_000).hex())
            if answer.status_code != 201:
                refused = answer
                break
            stored.add(f"call-{number}")
        assert refused is not None
        assert refused.status_code == 503

        wait_until(lambda: says_full(log.write("another", "x" * 100_000)), "the full disk is not named")
        assert says_full(log.ready())
        assert log.http.get("/healthz").status_code == 200
        assert DISK_FULL in log.text
        ballast.unlink()
        wait_until(lambda: log.write("after").status_code in (200, 201), "no room is found")
        wait_until(lambda: log.ready().status_code == 200, "it is not ready again")
        assert stored | {"after"} <= log.names()
        assert "Traceback" not in log.text
    finally:
        log.close()


@as_root
def test_a_database_that_died_of_a_full_disk_is_started_when_there_is_room(small_disk: Path) -> None:
    log = Log(small_disk)
    try:
        assert log.write("first").status_code == 201
        with (log.home / ".starting").open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # nobody starts the server before there is no room for it
            os.kill(postmaster(log.home), signal.SIGKILL)
            wait_until(
                lambda: "has ended" in log.ready().json().get("detail", ""), "its processes do not end"
            )
            for left in (log.home / "postgres").glob("postmaster.pid"):
                left.unlink()
            ballast = fill(small_disk)
        wait_until(lambda: log.ready().status_code == 503, "it is still ready")
        wait_until(lambda: "could not be started" in log.text, "it could be started")
        assert DISK_FULL in log.text
        assert says_full(log.ready())
        assert says_full(log.write("second"))
        ballast.unlink()
        wait_until(lambda: log.ready().status_code == 200, "it did not come back")
        assert log.names() == {"first"}
    finally:
        log.close()


@as_root
def test_a_first_start_on_a_full_disk_is_refused_in_a_sentence(small_disk: Path) -> None:
    ballast = fill(small_disk)
    home = small_disk / "home"
    variables = environment(None, TRUNKLINE_HOME=str(home))
    ran = Ran(
        subprocess.run(
            command("migrate"), env=variables, cwd="/", capture_output=True, timeout=60, check=False
        )
    )
    assert DISK_FULL in ran.complaint
    ballast.unlink()
    try:
        assert join_embedded(home).problem() is None
    finally:
        stop_embedded(home)


class Minutes:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Answering:
    """A pool whose database answers."""

    async def fetchval(self, _: str, timeout: float) -> bool:  # noqa: ASYNC109 asyncpg's
        return timeout > 0


@pytest.mark.parametrize("name", dialects())
def test_the_error_of_a_full_disk_is_answered_with_503_in_every_dialect(name: str) -> None:
    error = asyncpg.PostgresError.new({"C": "53100", "M": "could not extend file: No space left on device"})
    condition = DatabaseCondition()
    answer = error_answer(dialects()[name], error, condition.reason)
    status, _ = dialects()[name].errors.answer(Refused(Fault.UNAVAILABLE))
    assert answer.status == status == 503
    if name == "trunkline":
        assert DISK_FULL[1:].encode() in answer.body


def test_a_server_that_found_the_disk_full_is_not_ready_for_a_while() -> None:
    clock, pool = Minutes(), Answering()
    condition = DatabaseCondition(now=clock)

    def problem() -> str | None:
        return asyncio.run(condition.problem(pool))

    assert problem() is None
    condition.reason(asyncpg.DiskFullError("could not extend file"))
    assert problem() == DISK_FULL
    clock.seconds = FULL_SECONDS
    assert problem() is None
