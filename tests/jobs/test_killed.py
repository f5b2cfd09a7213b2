"""`trunkline work` is killed in the middle of a job, at any point: another one does it, and reports it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import MAX_WAIT_SECONDS
from tests.jobs.conftest import Bench, Go
from tests.jobs.recorded import SOUND, FileServer, file_server, recorded
from trunkline.service.calls import Org
from trunkline.store.recordings import RecordingStore

T = TypeVar("T")


@pytest.fixture
def vendor() -> Iterator[FileServer]:
    with file_server() as served:
        yield served


class Work:
    """A process that works."""

    def __init__(self, url: str, home: Path, log: Path) -> None:
        told = {**os.environ, "TRUNKLINE_DATABASE_URL": url, "TRUNKLINE_HOME": str(home)}
        told |= {"TRUNKLINE_FETCH_PRIVATE": "true", "TRUNKLINE_ARCHIVE_RECORDINGS": "true"}
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline", "work"], env=told, stdout=out, stderr=out
            )

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(MAX_WAIT_SECONDS)
        finally:
            self.process.kill()


@pytest.fixture
def work(jobs_url: str, tmp_path: Path) -> Iterator[Callable[[], Work]]:
    begun: list[Work] = []

    def begin() -> Work:
        begun.append(Work(jobs_url, tmp_path, tmp_path / "work.log"))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.wait()


async def _recorded(bench: Bench, url: str) -> Org:
    org = await bench.org()
    await bench.see(org, recorded(url))
    return org


def wait_until(true: Callable[[], T], log: Path) -> T:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, log.read_text()
    return found


TIME_PASSES = """
    WITH queued AS (UPDATE job_queue.pgqueuer SET heartbeat = heartbeat - interval '1 hour')
    UPDATE jobs SET next_try_at = next_try_at - interval '1 hour'
"""


@pytest.mark.parametrize("where", ["head", "middle", "end"])
def test_a_worker_that_is_killed_in_a_job_is_seen_and_another_does_it(
    go: Go, work: Callable[[], Work], vendor: FileServer, tmp_path: Path, where: str
) -> None:
    org = go(lambda bench: _recorded(bench, f"{vendor.url}/{where}.wav"))
    first = work()
    assert vendor.hangs.wait(MAX_WAIT_SECONDS), first.log.read_text()
    first.end(signal.SIGKILL)
    vendor.released.set()

    async def listed(bench: Bench) -> tuple[str, bool, int]:
        (job,) = await bench.joined.jobs.listed(org.id, None, None, 10)
        return job.state, job.running, job.attempts

    assert go(listed) == ("waiting", True, 1)
    second = work()

    async def time_passes(bench: Bench) -> bool:
        await bench.pool.execute(TIME_PASSES)
        kept = await RecordingStore(bench.pool).listed(org.id, "stored", 10)
        return bool(kept) and not await bench.joined.jobs.listed(org.id, None, None, 10)

    wait_until(lambda: go(time_passes), second.log)
    assert second.end(signal.SIGTERM) == 0

    async def counted(bench: Bench) -> dict[str, int]:
        return await bench.counts(org, "recording")

    assert go(counted) == {"died": 1, "done": 1}
    files = [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [SOUND]
    assert "ended unexpectedly" in second.log.read_text()
    assert len(vendor.asked) == 2


def test_a_worker_that_has_to_stop_gives_back_what_hangs(
    go: Go, work: Callable[[], Work], vendor: FileServer
) -> None:
    org = go(lambda bench: _recorded(bench, f"{vendor.url}/head.wav"))
    first = work()
    assert vendor.hangs.wait(MAX_WAIT_SECONDS), first.log.read_text()
    assert first.end(signal.SIGTERM) == 0

    async def listed(bench: Bench) -> tuple[str, bool, int]:
        (job,) = await bench.joined.jobs.listed(org.id, None, None, 10)
        return job.state, job.running, job.attempts

    assert go(listed) == ("waiting", False, 0)
