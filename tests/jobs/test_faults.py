"""One fault at a time at every call to the database, in every follower and every job there is.

Each ends in a try that is seen and made again, and the work is done once in effect; another org's goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from msgspec import Struct, structs
from obstore.store import LocalStore
from structlog.testing import capture_logs

from tests.ingest.vendors import SmallVendor, call, small_vendor
from tests.jobs.conftest import Bench, Clock, Go
from tests.jobs.faults import Fault, FaultyPool, Trouble
from tests.jobs.recorded import SOUND, FileServer, file_server, recorded
from trunkline.ingest.safe_download import Downloader, Limits
from trunkline.jobs.followers import MAX_TRIES, Follower, Followers
from trunkline.jobs.kinds import JobKind
from trunkline.jobs.number_totals import number_total_kind
from trunkline.jobs.pulls import ScheduledPulls
from trunkline.jobs.recordings import RecordingArchiver
from trunkline.jobs.runner import JobRunner
from trunkline.jobs.search_index import search_index
from trunkline.jobs.sweeps import idempotency_kind, queue_log_kind
from trunkline.jobs.vacuum import vacuum_kind
from trunkline.model.call import Turn
from trunkline.model.ids import call_id
from trunkline.model.sighting import Sighting
from trunkline.model.words import Role
from trunkline.service.calls import Org
from trunkline.service.erase import Eraser
from trunkline.service.idempotency import Idempotency
from trunkline.store.calls.writes import CallWriter
from trunkline.store.erase import EraseStore
from trunkline.store.idempotency import IdempotencyStore
from trunkline.store.jobs import LOG, JobRef
from trunkline.store.recordings import RecordingStore
from trunkline.store.totals.totals import differences
from trunkline.vendors import doors

every_fault = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
NUMBER = "+12025550100"


@pytest.fixture(scope="module")
def vendor() -> Iterator[FileServer]:
    with file_server() as served:
        yield served


def archiver_of(bench: Bench, pool: asyncpg.Pool, folder: Path, clock: Clock) -> RecordingArchiver:
    folder.mkdir(exist_ok=True)
    fetcher = Downloader(Limits(max_bytes=len(SOUND), allow_private=True))
    return RecordingArchiver(
        RecordingStore(pool), bench.joined.group_commit, LocalStore(folder), fetcher, clock
    )


# -- followers ----------------------------------------------------------------

Counted = Callable[[Bench, Org], Awaitable[list[int]]]


async def notes(bench: Bench, org: Org) -> list[int]:
    """How many recordings are listed, and how many jobs there are: of those and of a deleted one."""
    counts = ", ".join(
        f"(SELECT count(*) FROM {table} WHERE org_id = $1)" for table in ("recordings", "jobs")
    )
    return list((await bench.pool.fetchrow(f"SELECT {counts}", org.id)).values())


async def indexed(bench: Bench, org: Org) -> list[int]:
    """How many calls are in the search index, how many wait for it, and how many words no call has."""
    tables = ("call_terms", "search_backlog", "orphan_terms")
    counts = ", ".join(f"(SELECT count(*) FROM {table} WHERE org_id = $1)" for table in tables)
    return list((await bench.pool.fetchrow(f"SELECT {counts}", org.id)).values())


async def org_with_calls(bench: Bench, vendor: FileServer) -> Org:
    """An org with two calls that have a recording and a transcript; a third one is gone."""
    org = await bench.org()
    for name in ("one", "two", "gone"):
        said = recorded(f"{vendor.url}/{name}.wav", name)
        said.turns = [Turn(role=Role.USER, text=f"This is {name}.")]
        await bench.see(org, said)
    await CallWriter(bench.pool, lambda org_id: None).delete(org.id, call_id("contactship", "gone"))
    return org


@every_fault
@pytest.mark.parametrize(
    ("name", "counted", "expected"), [("recordings", notes, [2, 2]), ("search_index", indexed, [2, 0, 0])]
)
def test_a_fault_anywhere_in_a_follower_loses_nothing_and_holds_up_nobody_else(
    go: Go,
    clock: Clock,
    vendor: FileServer,
    tmp_path: Path,
    fault: Fault,
    name: str,
    counted: Counted,
    expected: list[int],
) -> None:
    async def work(bench: Bench) -> None:
        archiver = archiver_of(bench, bench.pool, tmp_path / "kept", clock)
        follower: Follower = {"recordings": archiver.follower, "search_index": search_index()}[name]
        at, came = 0, True
        while came:
            at += 1
            orgs = [await org_with_calls(bench, vendor) for _ in range(2)]
            trouble = Trouble(fault, at)
            broken = Followers(FaultyPool(bench.pool, trouble), [follower], clock)
            broken._store = bench.joined.followers  # the poll itself must succeed
            with capture_logs() as logs:
                await broken.catch_up()
            came = trouble.came
            done = [await counted(bench, org) == expected for org in orgs]
            assert any(done), at
            seen = bool(logs) or fault is Fault.CANCELLED  # only we cancel, when we stop
            assert all(done) or seen, at
            healthy = Followers(bench.pool, [follower], clock)
            for _ in range(MAX_TRIES + 1):
                await healthy.catch_up()
                clock.forward(timedelta(minutes=6))
            assert [await counted(bench, org) for org in orgs] == [expected] * 2, at
        assert at > 8
        assert await bench.joined.followers.skips() == []

    go(work)


# -- jobs -----------------------------------------------------------------------


class Case(Struct):
    """A kind of job, a job of it to be done, and whether what it is to bring about is so, exactly once."""

    org_id: int
    key: str
    kind: Callable[[asyncpg.Pool], JobKind]
    holds: Callable[[], Awaitable[bool]]


Make = Callable[[Bench, Clock, FileServer, SmallVendor, Path], Awaitable[Case]]


async def recording(bench: Bench, clock: Clock, vendor: FileServer, _: SmallVendor, folder: Path) -> Case:
    org = await bench.org()
    await bench.see(org, recorded(f"{vendor.url}/one.wav"))
    follower = archiver_of(bench, bench.pool, folder, clock).follower
    await Followers(bench.pool, [follower], clock).catch_up()
    one = call_id("contactship", "one")

    async def holds() -> bool:
        kept = await RecordingStore(bench.pool).listed(org.id, "stored", 10)
        sql = "SELECT count(*) FROM sightings WHERE org_id = $1 AND source = 'recordings'"
        told = await bench.pool.fetchval(sql, org.id)
        files = [path.read_bytes() for path in (folder / str(org.id)).rglob("*") if path.is_file()]
        return len(kept) == 1 and told == 1 and files == [SOUND]

    return Case(org.id, one, lambda pool: archiver_of(bench, pool, folder, clock).kind, holds)


async def number_total(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    org = await bench.org()
    calls = (Sighting(vendor="one", vendor_call_id=str(n), to_number=NUMBER) for n in range(3))
    await bench.see(org, *calls)

    async def holds() -> bool:
        sql = "SELECT array_agg(counted) FROM number_totals WHERE org_id = $1 AND number = $2"
        counted = await bench.pool.fetchval(sql, org.id, NUMBER)
        return counted == [True] and await differences(bench.pool, org.id) == []

    return Case(org.id, NUMBER, number_total_kind, holds)


async def pull(bench: Bench, clock: Clock, _: FileServer, vendor: SmallVendor, __: Path) -> Case:
    org = await bench.org()
    vendor.calls = [call(f"c-{n}") for n in range(2)]
    source = await bench.joined.sources.add(
        org.name, "trunkline", credential={"api_key": "k"}, base_url=vendor.url
    )

    door = doors()["trunkline"]
    assert door.list_api is not None
    hurried = structs.replace(door, list_api=structs.replace(door.list_api, requests_per_minute=100_000))

    def kind(pool: asyncpg.Pool) -> JobKind:
        known = {"trunkline": hurried}
        return ScheduledPulls(pool, bench.joined.sources, bench.joined.group_commit, known, clock).kind

    async def holds() -> bool:
        sql = "SELECT count(*) FROM calls WHERE org_id = $1"
        ended = "SELECT completed_at IS NOT NULL AND started_at IS NULL FROM pulls WHERE org_id = $1"
        return (await bench.pool.fetchval(sql, org.id), await bench.pool.fetchval(ended, org.id)) == (2, True)

    return Case(org.id, source.id, kind, holds)


async def idempotency(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    org = await bench.org()
    for key, age in (("old", timedelta(days=2)), ("new", timedelta(0))):
        sql = "INSERT INTO idempotent_requests (org_id, key, fingerprint, created_at) VALUES ($1, $2, '', $3)"
        await bench.pool.execute(sql, org.id, key, clock() - age)

    async def holds() -> bool:
        sql = "SELECT array_agg(key) FROM idempotent_requests WHERE org_id = $1"
        return bool(await bench.pool.fetchval(sql, org.id) == ["new"])

    return Case(LOG, "", lambda pool: idempotency_kind(Idempotency(IdempotencyStore(pool), clock)), holds)


async def queue_log(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, ___: Path) -> Case:
    columns = "created, job_id, status, priority, entrypoint"
    sql = f"INSERT INTO job_queue.pgqueuer_log ({columns}) VALUES ($1, 1, 'queued', 0, 'x')"
    await bench.pool.execute("TRUNCATE job_queue.pgqueuer_log")
    for age in (timedelta(days=30), timedelta(0)):
        await bench.pool.execute(sql, clock() - age)

    async def holds() -> bool:
        return bool(await bench.pool.fetchval("SELECT count(*) FROM job_queue.pgqueuer_log") == 1)

    return Case(LOG, "", lambda pool: queue_log_kind(pool, clock), holds)


async def vacuum(bench: Bench, clock: Clock, _: FileServer, __: SmallVendor, folder: Path) -> Case:
    org = await bench.org()
    await bench.see(org, Sighting(vendor="one", vendor_call_id="1", to_number=NUMBER))
    await bench.pool.execute("INSERT INTO number_totals (org_id, number) VALUES ($1, $2)", org.id, NUMBER)
    assert await bench.joined.writer.delete(org.id, call_id("one", "1"))
    objects = LocalStore(folder, mkdir=True)
    await objects.put_async(str(org.id), SOUND)
    sql = "INSERT INTO erased_objects (org_id, path, erased_at) VALUES ($1, $2, $3)"
    await bench.pool.execute(sql, org.id, str(org.id), clock() - timedelta(days=1))

    async def holds() -> bool:
        tables = ("erase_backlog", "erased_objects", "number_totals")
        counts = [f"SELECT count(*) FROM {table} WHERE org_id = $1" for table in tables]
        left = [await bench.pool.fetchval(count, org.id) for count in counts]
        files = [one["path"] for page in objects.list() for one in page]
        return left == [0, 0, 0] and str(org.id) not in files

    def kind(pool: asyncpg.Pool) -> JobKind:
        return vacuum_kind(Eraser(bench.joined.writer, EraseStore(pool), lambda: objects, clock))

    return Case(LOG, "", kind, holds)


@every_fault
@pytest.mark.parametrize("make", [recording, number_total, pull, idempotency, queue_log, vacuum])
def test_a_fault_anywhere_in_a_job_ends_in_a_try_that_is_seen_and_made_again(
    go: Go, clock: Clock, vendor: FileServer, tmp_path: Path, fault: Fault, make: Make
) -> None:
    async def work(bench: Bench, lists: SmallVendor) -> None:
        at, came = 0, True
        while came:
            at += 1
            case = await make(bench, clock, vendor, lists, tmp_path / "kept")
            name = case.kind(bench.pool).name
            await bench.joined.jobs.add(case.org_id, name, [case.key], clock())
            trouble = Trouble(fault, at)
            pool = FaultyPool(bench.pool, trouble)
            runner = JobRunner(pool, {name: case.kind(pool)}, clock)
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.CancelledError):
                await runner.run(await turn_of(bench, case, name))
            came = trouble.came
            await heal(bench, clock, case, name)
            assert await case.holds(), at
        assert at > 2

    with small_vendor() as lists:
        go(lambda bench: work(bench, lists))


async def turn_of(bench: Bench, case: Case, name: str) -> JobRef:
    sql = "SELECT org_id, kind, key, turn FROM jobs WHERE org_id = $1 AND kind = $2 AND key = $3"
    return JobRef(*(await bench.pool.fetchrow(sql, case.org_id, name, case.key)).values())


async def heal(bench: Bench, clock: Clock, case: Case, name: str) -> None:
    """Do what is left as a worker would, when its time has come; what went wrong is to be seen until then."""
    runner = JobRunner(bench.pool, {name: case.kind(bench.pool)}, clock)
    for _ in range(3):
        left = [
            one for one in await bench.joined.jobs.listed(case.org_id, name, None, 10) if one.key == case.key
        ]
        if not left:
            return
        (job,) = left
        assert job.state == "waiting"
        if job.running:  # its end was not recorded: it counts as a failure when it is claimed again
            assert job.attempts == 1
        elif job.attempts:
            assert job.problem
        clock.now = max(clock.now, job.next_try_at)
        await runner.run(await turn_of(bench, case, name))
    raise AssertionError(f"{name} is not done after three tries")
