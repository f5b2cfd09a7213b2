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
from structlog.testing import capture_logs

from tests.ingest.vendors import SmallVendor, small_vendor
from tests.jobs.cases import JOB_CASES, Case, Make, archiver_of, report_live_call
from tests.jobs.conftest import Bench, Clock, Go
from tests.jobs.faults import Fault, FaultyPool, Trouble
from tests.jobs.recorded import FileServer, file_server, recorded
from trunkline.jobs.followers import MAX_TRIES, Followers
from trunkline.jobs.live_transcripts import LiveTranscripts
from trunkline.jobs.runner import JobRunner
from trunkline.jobs.search_index import search_index
from trunkline.model.call import Turn
from trunkline.model.ids import call_id
from trunkline.model.words import Role
from trunkline.service.calls import Org
from trunkline.store.calls.writes import CallWriter
from trunkline.store.jobs import JobRef
from trunkline.store.live import LiveStore

every_fault = pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
NUMBER = "+12025550100"


@pytest.fixture(scope="module")
def vendor() -> Iterator[FileServer]:
    with file_server() as served:
        yield served


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
    """An org with a live call and two with a recording and a transcript; a fourth call is deleted."""
    org = await bench.org()
    for name in ("one", "two", "deleted"):
        said = recorded(f"{vendor.url}/{name}.wav", name)
        said.turns = [Turn(role=Role.USER, text=f"This is {name}.")]
        await bench.see(org, said)
    await CallWriter(bench.pool, lambda org_id: None).delete(org.id, call_id("contactship", "deleted"))
    await report_live_call(bench, org)
    return org


@every_fault
@pytest.mark.parametrize(
    ("name", "counted", "expected"),
    [
        ("recordings", notes, [2, 2]),
        ("search_index", indexed, [2, 0, 0]),
        ("live_transcripts", notes, [0, 1]),
    ],
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
        every = (
            archiver_of(bench, bench.pool, tmp_path / "kept", clock).follower,
            search_index(),
            LiveTranscripts(LiveStore(bench.pool), clock).follower,
        )
        (follower,) = (one for one in every if one.name == name)
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


@every_fault
@pytest.mark.parametrize("make", JOB_CASES.values(), ids=JOB_CASES)
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
