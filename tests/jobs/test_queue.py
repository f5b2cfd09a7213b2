"""The queue: shared among orgs, within its limits, and every run counted whatever comes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.jobs.conftest import NOON, Bench, Clock, Go, until
from trunkline.jobs.kinds import Done, JobFailed, JobKind, JobPostponed
from trunkline.jobs.queue import Queue
from trunkline.jobs.runner import DIED, JobRunner
from trunkline.jobs.worker import Worker
from trunkline.service.calls import Org
from trunkline.service.clock import system_clock
from trunkline.store.jobs import LOG, Begun, JobRef, ListedJob, add_jobs

HANDED_OUT = """
    SELECT (headers ->> 'org')::integer AS org_id, entrypoint AS kind, headers ->> 'key' AS key,
        (headers ->> 'turn')::bigint AS turn
    FROM job_queue.pgqueuer ORDER BY id
"""
CONNECTED = """
    FROM pg_stat_activity WHERE application_name = 'trunkline jobs' AND datname = current_database()
"""


async def nothing(_: Begun) -> None:
    """Do nothing."""


def kind(run: Callable[[Begun], Awaitable[Done | None]] = nothing, **more: object) -> JobKind:
    usual = {"name": "work", "at_once": 4, "at_once_of_org": 2, "first_wait": timedelta(minutes=1)}
    return JobKind(run=run, **{**usual, **more})  # type: ignore[arg-type]


async def handed_out(bench: Bench) -> list[JobRef]:
    return [JobRef(*row.values()) for row in await bench.pool.fetch(HANDED_OUT)]


def queue_of(bench: Bench, clock: Clock, *kinds: JobKind) -> Queue:
    return Queue(bench.url, bench.pool, {one.name: one for one in kinds}, clock)


async def only(bench: Bench, org: Org) -> ListedJob:
    (job,) = await bench.joined.jobs.listed(org.id, None, None, 10)
    return job


# -- sharing ----------------------------------------------------------------


def test_a_queue_that_is_full_takes_no_more_and_the_rest_waits_in_its_rows(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", [str(one) for one in range(50)], NOON)
        queue = queue_of(bench, clock, kind(at_once=4, at_once_of_org=9))
        assert await queue.hand_out() == 4
        assert await queue.hand_out() == 0
        (waiting,) = await bench.joined.jobs.waiting(NOON)
        assert (waiting.due, waiting.oldest_due_at) == (50, NOON)

    go(work)


def test_an_org_with_thousands_of_jobs_leaves_the_others_their_turns(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        hostile, *quiet = [await bench.org() for _ in range(6)]
        await bench.joined.jobs.add(hostile.id, "work", [str(one) for one in range(3000)], NOON)
        clock.forward(timedelta(hours=1))
        for org in quiet:
            await bench.joined.jobs.add(org.id, "work", ["one", "two"], clock())
        one_kind = kind(at_once=3, at_once_of_org=2)
        queue, runner = queue_of(bench, clock, one_kind), JobRunner(bench.pool, {"work": one_kind}, clock)
        rounds: list[Counter[int]] = []
        while not rounds or set(rounds[-1]) != {hostile.id}:
            await queue.hand_out()
            refs = await handed_out(bench)
            rounds.append(Counter(ref.org_id for ref in refs))
            for ref in refs:
                await runner.run(ref)
            await bench.pool.execute("DELETE FROM job_queue.pgqueuer")
        # Ten jobs of the quiet orgs and three at a time: the org with the fewest in the queue is first, by
        # turns.
        assert len(rounds) <= 7
        assert max(served[hostile.id] for served in rounds[:-1]) <= 2
        assert sum(served[org.id] for served in rounds for org in quiet) == 10

    go(work)


def test_orgs_of_which_each_has_endless_jobs_take_turns(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        orgs = [await bench.org() for _ in range(5)]
        for org in orgs:
            await bench.joined.jobs.add(org.id, "work", [str(one) for one in range(30)], clock())
            clock.forward(timedelta(minutes=1))  # the first ones are always due for longest
        one_kind = kind(at_once=2)
        queue, runner = queue_of(bench, clock, one_kind), JobRunner(bench.pool, {"work": one_kind}, clock)
        served: Counter[int] = Counter()
        for _ in range(10):
            await queue.hand_out()
            for ref in await handed_out(bench):
                served[ref.org_id] += 1
                await runner.run(ref)
            await bench.pool.execute("DELETE FROM job_queue.pgqueuer")
        assert {served[org.id] for org in orgs} <= {3, 4, 5}

    go(work)


def test_a_job_whose_transaction_is_rolled_back_is_not_there(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        async with bench.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await add_jobs(connection, org.id, "work", ["one"], clock())
            await transaction.rollback()
        assert await bench.joined.jobs.listed(org.id, None, None, 10) == []

    go(work)


def test_a_job_is_never_handed_out_twice_at_once(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        queue = queue_of(bench, clock, kind())
        for _ in range(3):
            await bench.joined.jobs.add(org.id, "work", ["one"], clock())
            await queue.hand_out()
        assert [ref.turn for ref in await handed_out(bench)] == [1]
        await bench.pool.execute("DELETE FROM job_queue.pgqueuer")
        await queue.hand_out()
        assert [ref.turn for ref in await handed_out(bench)] == [3]

    go(work)


# -- how a run ends -----------------------------------------------------------


async def run_once(bench: Bench, clock: Clock, one_kind: JobKind, org: Org) -> JobRunner:
    runner = JobRunner(bench.pool, {one_kind.name: one_kind}, clock)
    row = await bench.pool.fetchrow("SELECT org_id, kind, key, turn FROM jobs WHERE org_id = $1", org.id)
    await runner.run(JobRef(*row.values()))
    return runner


def test_a_job_that_fails_waits_twice_as_long_each_time_and_at_last_has_failed(go: Go, clock: Clock) -> None:
    async def fail(_: Begun) -> None:
        raise JobFailed("the vendor is away")

    async def work(bench: Bench) -> None:
        org = await bench.org()
        one_kind = kind(fail, max_attempts=4)
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())
        waits = []
        with capture_logs() as logs:
            for attempt in range(1, 5):
                await run_once(bench, clock, one_kind, org)
                job = await only(bench, org)
                assert (job.attempts, job.problem) == (attempt, "the vendor is away")
                waits.append((job.next_try_at - clock()) / timedelta(minutes=1))
                clock.now = job.next_try_at
        assert waits == [1, 2, 4, 0]
        assert job.state == "failed"
        assert len(logs) == 4
        assert await bench.counts(org, "work") == {"failed": 4}
        queue = queue_of(bench, clock, one_kind)
        assert await queue.hand_out() == 0
        assert await bench.joined.jobs.retry(org.id, None, clock()) == 1
        assert await queue.hand_out() == 1

    go(work)


@pytest.mark.parametrize("error", [ValueError("no number"), asyncpg.DataError("a NUL\0"), OSError("no room")])
def test_whatever_a_job_raises_is_a_failure_that_is_seen_and_tried_again(
    go: Go, clock: Clock, error: Exception
) -> None:
    async def fail(_: Begun) -> None:
        raise error

    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())
        with capture_logs() as logs:
            await run_once(bench, clock, kind(fail), org)
        job = await only(bench, org)
        assert (job.state, job.attempts) == ("waiting", 1)
        assert type(error).__name__ in str(job.problem)
        assert "error" in [line["log_level"] for line in logs]

    go(work)


def test_what_cannot_succeed_is_not_tried_again_and_what_cannot_be_done_now_does_not_count(
    go: Go, clock: Clock
) -> None:
    async def never(_: Begun) -> None:
        raise JobFailed("it is gone", for_good=True)

    async def later(_: Begun) -> None:
        raise JobPostponed(timedelta(minutes=3))

    async def work(bench: Bench) -> None:
        gone, busy = await bench.org(), await bench.org()
        for org, run in ((gone, never), (busy, later)):
            await bench.joined.jobs.add(org.id, "work", ["one"], clock())
            await run_once(bench, clock, kind(run), org)
        assert (await only(bench, gone)).state == "failed"
        waits = await only(bench, busy)
        assert (waits.attempts, waits.next_try_at - clock()) == (0, timedelta(minutes=3))

    go(work)


def test_a_job_that_takes_too_long_is_broken_off_and_tried_again(go: Go, clock: Clock) -> None:
    async def hang(_: Begun) -> None:
        await asyncio.Event().wait()

    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())
        await run_once(bench, clock, kind(hang, max_seconds=0.01), org)
        job = await only(bench, org)
        assert (job.attempts, job.problem) == (1, "it took more than 0 seconds")

    go(work)


def test_a_run_whose_end_was_never_recorded_is_a_try_that_failed(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())
        ref = JobRef(org.id, "work", "one", 1)
        assert await bench.joined.jobs.begin(ref, clock()) is not None  # and the process is killed
        await run_once(bench, clock, kind(), org)
        job = await only(bench, org)
        assert (job.attempts, job.problem) == (1, DIED)
        assert await bench.counts(org, "work") == {"died": 1}
        await run_once(bench, clock, kind(), org)
        assert await bench.joined.jobs.listed(org.id, None, None, 10) == []

    go(work)


def test_of_two_runs_of_one_turn_only_the_first_is_written(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        await bench.pool.execute("CREATE TABLE IF NOT EXISTS written (org_id integer)")
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def stand_still(_: Begun) -> Done:
            begun.set()
            await go_on.wait()
            return Done(finish=lambda c: c.execute("INSERT INTO written VALUES ($1)", org.id))

        first = asyncio.create_task(run_once(bench, clock, kind(stand_still), org))
        await begun.wait()
        # Its heartbeats do not come through, and another worker takes over.
        await run_once(bench, clock, kind(), org)
        go_on.set()
        await run_once(bench, clock, kind(stand_still), org)
        await first
        assert await bench.pool.fetchval("SELECT count(*) FROM written WHERE org_id = $1", org.id) == 1
        assert await bench.joined.jobs.listed(org.id, None, None, 10) == []

    go(work)


def test_what_a_job_writes_at_its_end_is_written_with_it_or_not_at_all(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        await bench.pool.execute("CREATE TABLE IF NOT EXISTS written (org_id integer)")
        org = await bench.org()
        await bench.joined.jobs.add(org.id, "work", ["one"], clock())

        async def fail(connection: asyncpg.Connection) -> None:
            await connection.execute("INSERT INTO written VALUES ($1)", org.id)
            await connection.execute("SELECT 1 / 0")

        async def run(_: Begun) -> Done:
            return Done(finish=fail)

        await run_once(bench, clock, kind(run), org)
        assert await bench.pool.fetchval("SELECT count(*) FROM written WHERE org_id = $1", org.id) == 0
        assert "division by zero" in str((await only(bench, org)).problem)

    go(work)


def test_a_job_that_repeats_waits_for_its_next_time_and_shows_how_it_went(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        store = bench.joined.jobs

        async def run(job: Begun) -> Done:
            if job.attempts == 1 and clock() == NOON:
                raise JobFailed("away")
            return Done(note="two calls could not be read")

        await store.schedule(org.id, "work", "one", "every 5m", NOON, NOON)
        await run_once(bench, clock, kind(run), org)
        job = await only(bench, org)
        assert (job.problem, job.next_try_at) == ("away", NOON + timedelta(minutes=1))
        clock.now = job.next_try_at
        await run_once(bench, clock, kind(run), org)
        job = await only(bench, org)
        assert (job.problem, job.attempts) == ("two calls could not be read", 0)
        assert job.next_try_at == clock() + timedelta(minutes=5)
        await store.schedule(org.id, "work", "one", "every 5m", NOON, NOON)
        assert (await only(bench, org)).next_try_at == job.next_try_at

    go(work)


# -- workers ------------------------------------------------------------------


def test_workers_share_jobs_and_each_is_done_once(go: Go) -> None:
    async def work(bench: Bench) -> None:
        orgs = [await bench.org() for _ in range(3)]
        ran: Counter[tuple[int, str]] = Counter()

        async def run(job: Begun) -> None:
            ran[job.ref.org_id, job.ref.key] += 1

        workers = [Worker(bench.url, bench.pool, [], [kind(run, at_once=8)], system_clock) for _ in range(3)]
        for org in orgs:
            await bench.joined.jobs.add(org.id, "work", [str(one) for one in range(20)], system_clock())
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        try:

            async def all_ran() -> bool:
                return not await bench.joined.jobs.listed(None, "work", None, 100)

            await until(all_ran)
        finally:
            for worker in workers:
                worker.stop()
            await asyncio.wait(tasks)
        assert ran == {(org.id, str(one)): 1 for org in orgs for one in range(20)}

    go(work)


def test_one_orgs_jobs_that_hang_delay_nobody_elses(go: Go) -> None:
    async def work(bench: Bench) -> None:
        slow, quick = await bench.org(), await bench.org()

        async def run(job: Begun) -> None:
            if job.ref.org_id == slow.id:
                await asyncio.Event().wait()

        worker = Worker(bench.url, bench.pool, [], [kind(run)], system_clock, stop_seconds=0.1)
        await bench.joined.jobs.add(slow.id, "work", [str(one) for one in range(100)], system_clock())
        task = asyncio.create_task(worker.run())
        try:

            async def both_hang() -> bool:
                return [one.running for one in await bench.joined.jobs.running()] == [2]

            await until(both_hang)
            await bench.joined.jobs.add(quick.id, "work", [str(one) for one in range(20)], system_clock())

            async def quick_ones_ran() -> bool:
                return not await bench.joined.jobs.listed(quick.id, None, None, 100)

            await until(quick_ones_ran)
        finally:
            worker.stop()
            await task
        # What hung was given back, and does not count as tried.
        assert {job.attempts for job in await bench.joined.jobs.listed(slow.id, None, None, 100)} == {0}
        assert await bench.counts(slow, "work") == {"given_back": 2}
        assert (
            await bench.pool.fetchval("SELECT count(*) FROM job_queue.pgqueuer WHERE status = 'picked'") == 0
        )

    go(work)


def test_a_worker_whose_connections_are_cut_goes_on(go: Go) -> None:
    async def work(bench: Bench) -> None:
        org = await bench.org()
        worker = Worker(bench.url, bench.pool, [], [kind()], system_clock, heartbeat_seconds=2)
        task = asyncio.create_task(worker.run())

        async def works() -> bool:
            return bool(await bench.pool.fetch(f"SELECT pid {CONNECTED}"))

        async def ran() -> bool:
            return not await bench.joined.jobs.listed(org.id, None, None, 10)

        try:
            for key in ("one", "two"):
                await until(works)
                with capture_logs() as logs:
                    await bench.pool.execute(f"SELECT pg_terminate_backend(pid) {CONNECTED}")
                    await bench.joined.jobs.add(org.id, "work", [key], system_clock())
                    await until(ran)
                assert any("will be restarted" in line["event"] for line in logs)
        finally:
            worker.stop()
            await task

    go(work)


def test_jobs_of_the_log_itself_are_there_when_a_worker_begins(go: Go, clock: Clock) -> None:
    async def work(bench: Bench) -> None:
        queue = queue_of(bench, clock, kind(name="sweep", schedule="every 10m"))
        await queue.schedule()
        await queue.schedule()
        (job,) = await bench.joined.jobs.listed(None, "sweep", None, 10)
        assert (job.org_id, job.org, job.next_try_at) == (LOG, "", NOON + timedelta(minutes=10))

    go(work)
