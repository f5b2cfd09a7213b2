"""Recordings in the background: one org's problem affects no other, and nothing outlives its call."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import LocalStore

from tests.jobs.conftest import Bench, Clock, Go, until
from tests.jobs.recorded import SOUND, FileServer, file_server, recorded
from trunkline.ingest.safe_download import Downloader, Limits
from trunkline.jobs.followers import Followers
from trunkline.jobs.recordings import MAX_TRIES, RecordingArchiver
from trunkline.jobs.runner import JobRunner
from trunkline.jobs.worker import Worker
from trunkline.model.ids import call_id
from trunkline.model.recordings import ListedRecording
from trunkline.service.calls import Org
from trunkline.service.clock import Clock as AnyClock
from trunkline.service.clock import system_clock
from trunkline.service.erase import Eraser
from trunkline.store.erase import EraseStore
from trunkline.store.jobs import JobRef, ListedJob
from trunkline.store.recordings import RecordingStore


@pytest.fixture
def vendor() -> Iterator[FileServer]:
    with file_server() as served:
        yield served


def archiver_of(bench: Bench, folder: Path, clock: AnyClock) -> RecordingArchiver:
    folder.mkdir(exist_ok=True)
    fetcher = Downloader(Limits(max_bytes=len(SOUND), allow_private=True))
    return RecordingArchiver(
        RecordingStore(bench.pool), bench.joined.group_commit, LocalStore(folder), fetcher, clock
    )


def eraser_of(bench: Bench, folder: Path, clock: AnyClock) -> Eraser:
    return Eraser(bench.joined.writer, EraseStore(bench.pool), lambda: LocalStore(folder), clock)


async def follow(bench: Bench, archiver: RecordingArchiver, clock: Clock) -> None:
    """Let followers come to the end, however often they have to try."""
    followers = Followers(bench.pool, [archiver.follower], clock)
    for _ in range(8):
        await followers.catch_up()
        clock.forward(timedelta(minutes=6))


async def run_all(bench: Bench, archiver: RecordingArchiver, clock: Clock) -> None:
    """Run every job that waits, of any org."""
    runner = JobRunner(bench.pool, {archiver.kind.name: archiver.kind}, clock)
    rows = await bench.pool.fetch("SELECT org_id, kind, key, turn FROM jobs WHERE state = 'waiting'")
    for row in rows:
        await runner.run(JobRef(*row.values()))


async def jobs_of(bench: Bench, org: Org) -> list[ListedJob]:
    return await bench.joined.jobs.listed(org.id, "recording", None, 100)


async def recordings_of(bench: Bench, org: Org) -> list[ListedRecording]:
    return await RecordingStore(bench.pool).listed(org.id, None, 100)


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_a_nul_in_one_link_stops_nothing_and_is_listed(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        org, other = await bench.org(), await bench.org()
        await bench.see(org, recorded(f"{vendor.url}/a\0b.wav", "bad"), recorded(f"{vendor.url}/good.wav"))
        await bench.see(other, recorded(f"{vendor.url}/theirs.wav"))
        archiver = archiver_of(bench, tmp_path / "kept", clock)
        await follow(bench, archiver, clock)
        await run_all(bench, archiver, clock)
        states = {one.url.rpartition("/")[2]: one.state for one in await recordings_of(bench, org)}
        assert states == {"a\ufffdb.wav": "failed", "good.wav": "stored"}
        (failed,) = await jobs_of(bench, org)
        assert (failed.state, failed.problem) == ("failed", "the link cannot be read")
        assert [one.state for one in await recordings_of(bench, other)] == ["stored"]
        assert vendor.asked == ["/good.wav", "/theirs.wav"]
        assert await bench.joined.followers.skips() == []

    go(work)


def test_a_call_that_cannot_be_read_is_skipped_and_the_recordings_around_it_are_stored(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.see(org, *(recorded(f"{vendor.url}/{one}.wav", str(one)) for one in range(5)))
        spoil = "UPDATE calls SET body = 'no {\"recording\":{' WHERE org_id = $1 AND vendor_call_id = '2'"
        await bench.pool.execute(spoil, org.id)
        archiver = archiver_of(bench, tmp_path / "kept", clock)
        await follow(bench, archiver, clock)
        await run_all(bench, archiver, clock)
        kept = {
            one.url.rpartition("/")[2] for one in await recordings_of(bench, org) if one.state == "stored"
        }
        assert kept == {"0.wav", "1.wav", "3.wav", "4.wav"}
        assert await bench.joined.followers.skips() == [("recordings", 1)]
        await bench.pool.execute("TRUNCATE follower_skips")

    go(work)


def test_files_and_folders_are_nobody_elses_to_read(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.see(org, recorded(f"{vendor.url}/call.wav"))
        archiver = archiver_of(bench, tmp_path / "kept", clock)
        await follow(bench, archiver, clock)
        await run_all(bench, archiver, clock)
        modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kept").rglob("*")}
        assert modes == {True: 0o700, False: 0o600}

    go(work)


def test_while_the_object_store_is_unavailable_a_recording_waits_and_is_stored_when_it_is_back(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        folder, away = tmp_path / "kept", tmp_path / "away"
        org = await bench.org()
        await bench.see(org, recorded(f"{vendor.url}/call.wav"))
        archiver = archiver_of(bench, folder, clock)
        await follow(bench, archiver, clock)
        folder.rename(away)
        folder.write_text("a file where the folder was")
        await run_all(bench, archiver, clock)
        (job,) = await jobs_of(bench, org)
        assert (job.state, job.attempts) == ("waiting", 1)
        assert str(job.problem).startswith("the object store: ")
        assert await bench.counts(org, "recording") == {"failed": 1}
        folder.unlink()
        away.rename(folder)
        await run_all(bench, archiver, clock)
        assert files(folder) == [SOUND]
        assert await bench.counts(org, "recording") == {"failed": 1, "done": 1}

    go(work)


def test_a_deleted_call_leaves_no_file_even_if_the_store_is_unavailable_at_first(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        folder, away = tmp_path / "kept", tmp_path / "away"
        org = await bench.org()
        await bench.see(org, recorded(f"{vendor.url}/call.wav"))
        archiver = archiver_of(bench, folder, clock)
        await follow(bench, archiver, clock)
        await run_all(bench, archiver, clock)
        assert files(folder) == [SOUND]
        eraser = eraser_of(bench, folder, clock)
        folder.rename(away)
        folder.write_text("a file where the folder was")
        assert await eraser.erase(org.id, call_id("contactship", "one"))
        assert await recordings_of(bench, org) == []
        folder.unlink()
        away.rename(folder)
        assert files(folder) == [SOUND]
        await eraser.clean_up()
        assert files(folder) == []
        assert await jobs_of(bench, org) == []

    go(work)


def test_a_call_that_is_deleted_while_its_recording_is_fetched_leaves_no_file(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        folder = tmp_path / "kept"
        org = await bench.org()
        await bench.see(org, recorded(f"{vendor.url}/end.wav"))
        archiver = archiver_of(bench, folder, clock)
        eraser = eraser_of(bench, folder, clock)
        await follow(bench, archiver, clock)
        fetching = asyncio.create_task(run_all(bench, archiver, clock))
        await asyncio.to_thread(vendor.hangs.wait)
        assert await eraser.erase(org.id, call_id("contactship", "one"))
        await follow(bench, archiver, clock)
        vendor.released.set()
        await fetching
        await run_all(bench, archiver, clock)
        await eraser.clean_up()
        assert files(folder) == []
        assert await jobs_of(bench, org) == []
        assert await recordings_of(bench, org) == []

    go(work)


def test_recordings_that_fail_are_abandoned_after_some_tries_and_listed(
    go: Go, clock: Clock, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.see(org, recorded("http://127.0.0.1:1/call.wav"))
        archiver = archiver_of(bench, tmp_path / "kept", clock)
        await follow(bench, archiver, clock)
        for _ in range(MAX_TRIES):
            await run_all(bench, archiver, clock)
        (one,) = await recordings_of(bench, org)
        assert (one.state, one.attempts) == ("failed", MAX_TRIES)
        assert await bench.counts(org, "recording") == {"failed": MAX_TRIES}

    go(work)


def test_a_hanging_recording_server_of_one_org_delays_no_other_orgs_recordings(
    go: Go, vendor: FileServer, tmp_path: Path
) -> None:
    async def work(bench: Bench) -> None:
        slow, quick = await bench.org(), await bench.org()
        await bench.see(slow, *(recorded(f"{vendor.url}/head/{one}", f"slow-{one}") for one in range(40)))
        archiver = archiver_of(bench, tmp_path / "kept", system_clock)
        worker = Worker(
            bench.url,
            bench.pool,
            [archiver.follower],
            [archiver.kind],
            system_clock,
            stop_seconds=0.1,
        )
        task = asyncio.create_task(worker.run())
        try:
            await asyncio.to_thread(vendor.hangs.wait)
            await bench.see(quick, *(recorded(f"{vendor.url}/{one}.wav", f"q-{one}") for one in range(10)))

            async def all_kept() -> bool:
                return [one.state for one in await recordings_of(bench, quick)] == ["stored"] * 10

            await until(all_kept)
            assert sum(path.startswith("/head") for path in vendor.asked) <= 2
        finally:
            vendor.released.set()
            worker.stop()
            await task

    go(work)
