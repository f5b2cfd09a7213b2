"""A worker is killed at each step of every follower and every kind of job; the next one does what is left.

The work is done once in effect, the try that died is counted and shown until it is repeated, and another
org's work of the same kind is done before.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from msgspec import Struct

from tests.conftest import MAX_WAIT_SECONDS, Server
from tests.ingest.vendors import SmallVendor, small_vendor
from tests.jobs.cases import JOB_CASES, Case, has_rested, report_live_call
from tests.jobs.conftest import Bench, Clock, Go, until
from tests.jobs.killed_worker import Step, Target, WorkerProcess
from tests.jobs.recorded import FileServer, file_server, recorded
from trunkline.compose import open_worker
from trunkline.jobs import followers, runner
from trunkline.model.call import Turn
from trunkline.model.ids import call_id
from trunkline.model.intents import ListCalls
from trunkline.model.query import CallFilter, Rows
from trunkline.model.words import Role
from trunkline.service.calls import Org
from trunkline.service.encryption import key_in
from trunkline.settings import Settings
from trunkline.store.jobs import LOG, ListedJob

AT_HEAD = """
    INSERT INTO followers (org_id, name, change)
    SELECT $1, f.name, c.n FROM change_sequences c, unnest($2::text[]) AS f (name) WHERE c.org_id = $1
    ON CONFLICT (org_id, name) DO UPDATE SET change = excluded.change
"""
HEARTBEAT_PASSES = """
    WITH queued AS (UPDATE job_queue.pgqueuer SET heartbeat = heartbeat - interval '1 hour' RETURNING id)
    SELECT (SELECT count(*) FROM queued), pg_notify('trunkline_jobs', json_build_object(
        'channel', 'trunkline_jobs', 'operation', 'insert', 'sent_at', now(), 'table', 'pgqueuer',
        'type', 'table_changed_event')::text)
"""

RETRIES_ARE_DUE = """
    WITH retried AS (
        UPDATE jobs SET next_try_at = $2 WHERE org_id = $1 AND attempts > 0 AND started_at IS NULL
    )
    UPDATE followers SET next_try_at = $2 WHERE org_id = $1 AND attempts > 0
"""
IS_QUIET = """
    SELECT NOT EXISTS (
        SELECT FROM followers f JOIN change_sequences c ON c.org_id = f.org_id
        WHERE f.change < c.n OR f.started_at IS NOT NULL
    ) AND NOT EXISTS (SELECT FROM jobs WHERE schedule IS NULL) AND NOT EXISTS (SELECT FROM job_queue.pgqueuer)
"""
NOTHING_IS_CLAIMED = "SELECT NOT EXISTS (SELECT FROM job_queue.pgqueuer)"

BEFORE_BEGIN = {Step.SHARED_OUT, Step.QUEUED, Step.CLAIMED}

MIDDLE_OF_JOB: Mapping[str, int | None] = {
    "recording": 4,
    "number_total": 3,
    "pull": 8,
    "live_transcript": 4,
    "idempotency": None,
    "queue_log": None,
    "vacuum": 8,
}
"""After how many statements a job is in its middle; `None` if it has only one."""


# -- followers ----------------------------------------------------------------


async def one_call_is_found(bench: Bench, org: Org) -> bool:
    """Whether every transcript is in the search index, with its own words."""
    sql = """
        SELECT (SELECT count(*) FROM call_terms WHERE org_id = $1),
            (SELECT count(*) FROM search_backlog WHERE org_id = $1),
            (SELECT count(*) FROM orphan_terms WHERE org_id = $1)
    """
    if tuple((await bench.pool.fetchrow(sql, org.id)).values()) != (2, 0, 0):
        return False
    for name in ("one", "two"):
        filtered = CallFilter(transcript_text=f"this is {name}")
        asked = ListCalls(filter=filtered, window=Rows(10), with_transcript=False, with_total=True)
        page = await bench.joined.run(org, asked)
        if [call.id for call in page.read()] != [call_id("contactship", name)]:
            return False
    return True


async def recordings_are_stored(bench: Bench, org: Org) -> bool:
    """Whether each recording is stored once, and no job is left."""
    sql = """
        SELECT (SELECT count(*) FROM recordings WHERE org_id = $1 AND path IS NOT NULL),
            (SELECT count(*) FROM recordings WHERE org_id = $1),
            (SELECT count(*) FROM sightings WHERE org_id = $1 AND source = 'recordings'),
            (SELECT count(*) FROM jobs WHERE org_id = $1)
    """
    return tuple((await bench.pool.fetchrow(sql, org.id)).values()) == (2, 2, 2, 0)


async def org_with_recordings(bench: Bench, vendor: FileServer) -> Org:
    """An org with two calls that have a recording and a transcript; a third one is deleted."""
    org = await bench.org()
    for name in ("one", "two", "deleted"):
        call = recorded(f"{vendor.url}/{name}.wav", name)
        call.turns = [Turn(role=Role.USER, text=f"This is {name}.")]
        await bench.see(org, call)
    await bench.joined.writer.delete(org.id, call_id("contactship", "deleted"))
    return org


async def org_with_live_call(bench: Bench, _: FileServer) -> Org:
    org = await bench.org()
    await report_live_call(bench, org)
    return org


class FollowerCase(Struct, frozen=True):
    """An org in which a follower has something to do, and whether it and what it causes is done."""

    make: Callable[[Bench, FileServer], Awaitable[Org]]
    holds: Callable[[Bench, Org], Awaitable[bool]]
    middle: int | None
    """After how many statements a step is in its middle; `None` if it has only one."""


FOLLOWER_CASES = {
    "search_index": FollowerCase(org_with_recordings, one_call_is_found, 3),
    "recordings": FollowerCase(org_with_recordings, recordings_are_stored, 3),
    "live_transcripts": FollowerCase(org_with_live_call, has_rested, 2),
}
"""By the follower's name."""


# -- processes ----------------------------------------------------------------


class Workers:
    """Starts workers as processes of their own; each does what is left and is then killed at a step."""

    def __init__(self, url: str, home: Path, server: Server) -> None:
        home.mkdir(exist_ok=True)
        self.clock = Clock()
        # Live calls have rested by then.
        self.clock.now = datetime.now(UTC) + timedelta(hours=1)
        key = key_in(Path(os.environ["TRUNKLINE_HOME"]))
        self._worker = WorkerProcess(url, home, key, self.clock.now, home / "worker.log")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.jobs.killed_worker"])
        self._armed = self._context.Event()
        self._server = server

    @property
    def home(self) -> Path:
        return self._worker.home

    @asynccontextmanager
    async def to_be_killed(self, name: str, step: Step, middle: int | None) -> AsyncIterator[None]:
        """Run a worker meanwhile, and wait until it has killed itself where it is to be."""
        self._armed.clear()
        target = Target(name, step, middle or 0, self._armed)
        process = self._context.Process(target=self._worker.run, args=(target,))
        process.start()
        try:
            yield
            process.join(MAX_WAIT_SECONDS)
            assert process.exitcode == -signal.SIGKILL, "it was not killed"
        except (AssertionError, TimeoutError) as error:
            error.add_note(f"the worker to be killed where {step.value}:\n{self._worker.log.read_text()}")
            raise
        finally:
            process.kill()
            process.join()

    def arm(self) -> None:
        """From now on a worker is killed where it is to be."""
        self._armed.set()

    @asynccontextmanager
    async def to_be_stopped(self) -> AsyncIterator[None]:
        """Run a worker meanwhile, which has to stop when it is asked to."""
        self._armed.clear()
        target = Target("", Step.BEGUN, 0, self._armed)
        process = self._context.Process(target=self._worker.run, args=(target,))
        process.start()
        try:
            yield
            process.terminate()
            process.join(MAX_WAIT_SECONDS)
            assert process.exitcode == 0, "it did not stop"
        except (AssertionError, TimeoutError) as error:
            error.add_note(self._worker.log.read_text())
            raise
        finally:
            process.kill()
            process.join()

    @property
    def stuck(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = httpx2.get(f"{self._server.url}/readyz").json().get("stuck", [])
        return found

    def deaths(self, metric: str) -> float:
        """How often it died, as `/metrics` has it."""
        text = httpx2.get(f"{self._server.url}/metrics").text
        pattern = rf'^trunkline_{metric.removesuffix("}")},outcome="died"}} (\S+)$'
        return sum(map(float, re.findall(pattern, text, re.MULTILINE)))


@pytest.fixture(scope="module")
def server(jobs_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    served = Server(jobs_url, log, TRUNKLINE_WORK="false")
    served.wait_until_ready()
    yield served
    served.stop()


@pytest.fixture
def workers(jobs_url: str, tmp_path: Path, server: Server) -> Workers:
    return Workers(jobs_url, tmp_path / "home", server)


@pytest.fixture(scope="module")
def vendor() -> Iterator[FileServer]:
    with file_server() as served:
        yield served


async def composed(bench: Bench, home: Path) -> tuple[list[str], list[str]]:
    """The names of all followers and kinds of jobs that a worker runs; recurring jobs are scheduled."""
    settings = Settings(home=home, archive_recordings=True)
    async with open_worker(bench.joined, settings, bench.url) as worker:
        await worker.queue.schedule()
        return list(worker.followers._followers), list(worker.queue._kinds)


def test_every_follower_and_kind_of_job_is_killed_here(go: Go, tmp_path: Path) -> None:
    names, kinds = go(lambda bench: composed(bench, tmp_path))
    for name in names:
        assert name in FOLLOWER_CASES, f"the follower {name} needs a row in FOLLOWER_CASES"
    for kind in kinds:
        assert kind in JOB_CASES, f"the kind of job {kind} needs a row in JOB_CASES of tests/jobs/cases.py"
        assert kind in MIDDLE_OF_JOB, f"the kind of job {kind} needs a row in MIDDLE_OF_JOB"
    assert (set(FOLLOWER_CASES), set(JOB_CASES)) == (set(names), set(kinds)), "a row has nothing to kill"


# -- jobs -----------------------------------------------------------------------


async def outcomes(bench: Bench, org_id: int, name: str) -> dict[str, int]:
    return await bench.counts(Org(org_id, ""), name)


class KilledJob:
    """One job that is killed at one step."""

    def __init__(self, bench: Bench, workers: Workers, case: Case, kind: str, step: Step) -> None:
        self.bench, self.workers, self.case, self.kind, self.step = bench, workers, case, kind, step
        self.has_died = step not in BEFORE_BEGIN and step is not Step.COMMITTED
        self._before: dict[str, int] = {}
        self._deaths = 0.0
        self._killed: ListedJob | None = None

    async def begin(self) -> None:
        """Have the job begin, in a worker that will be killed."""
        self._before = await outcomes(self.bench, self.case.org_id, self.kind)
        self._deaths = self.workers.deaths(f'jobs_total{{kind="{self.kind}"}}')
        # What a killed worker has claimed counts against the limits until its heartbeat is old.
        await until(lambda: self.bench.pool.fetchval(NOTHING_IS_CLAIMED))
        self.workers.arm()
        await make_due(self.bench, self.workers.clock, self.case, self.kind)

    async def check_killed(self) -> None:
        """Whether what `jobs list` shows is true after the worker was killed."""
        self._killed = await self._listed()
        if self.step is Step.COMMITTED:
            assert await self._is_over()
            assert await self.case.holds()
        else:
            assert self._killed is not None
            shown = (self._killed.state, self._killed.running, self._killed.attempts)
            assert shown == ("waiting", self.has_died, int(self.has_died))

    async def check_repeated(self) -> None:
        """Have time pass, and check what the next worker does and shows."""
        if self.has_died:
            assert await self._listed() == self._killed  # nobody can know yet
        await self.bench.pool.execute(HEARTBEAT_PASSES)
        if self.has_died:
            await until(self._is_shown_as_died)
            assert {"kind": self.kind, "retried": 1} in self.workers.stuck
            assert self.workers.deaths(f'jobs_total{{kind="{self.kind}"}}') == self._deaths + 1
            await self.bench.pool.execute(RETRIES_ARE_DUE, self.case.org_id, self.workers.clock())
        await until(self._is_over)
        assert await self.case.holds()
        after = await outcomes(self.bench, self.case.org_id, self.kind)
        moved = {name: n - self._before.get(name, 0) for name, n in after.items()}
        assert moved == {**dict.fromkeys(moved, 0), "done": 1, **({"died": 1} if self.has_died else {})}
        assert self.kind not in [one.get("kind") for one in self.workers.stuck]

    async def _listed(self) -> ListedJob | None:
        jobs = await self.bench.joined.jobs.listed(self.case.org_id, self.kind, None, 1000)
        return next((job for job in jobs if job.key == self.case.key), None)

    async def _is_over(self) -> bool:
        job = await self._listed()
        if job is None:
            return True
        return job.schedule is not None and job.next_try_at > self.workers.clock() and not job.attempts

    async def _is_shown_as_died(self) -> bool:
        job = await self._listed()
        return job is not None and (job.running, job.attempts, job.problem) == (False, 1, runner.DIED)


async def make_due(bench: Bench, clock: Clock, case: Case, kind: str) -> None:
    if case.org_id == LOG:
        sql = "UPDATE jobs SET next_try_at = $2 WHERE org_id = 0 AND kind = $1"
        await bench.pool.execute(sql, kind, clock())
    else:
        await bench.joined.jobs.add(case.org_id, kind, [case.key], clock())


@pytest.mark.parametrize("kind", JOB_CASES)
def test_a_job_whose_worker_is_killed_is_done_once_by_another(
    go: Go, workers: Workers, vendor: FileServer, kind: str
) -> None:
    clock, middle = workers.clock, MIDDLE_OF_JOB[kind]
    is_recurring = kind in ("idempotency", "queue_log", "vacuum")
    other_kind = "number_total" if is_recurring else kind

    async def work(bench: Bench, lists: SmallVendor) -> None:
        async def case_of(kind: str) -> Case:
            """A case whose job is not due yet."""
            case = await JOB_CASES[kind](bench, clock, vendor, lists, workers.home / "recordings")
            if case.org_id != LOG:
                await bench.pool.execute(AT_HEAD, case.org_id, list(FOLLOWER_CASES))
                await bench.joined.jobs.remove(case.org_id, kind, case.key)
            return case

        async def check(killed: KilledJob, other: Case) -> None:
            await make_due(bench, clock, other, other_kind)
            await until(other.holds)
            await killed.check_repeated()

        await composed(bench, workers.home)
        # Recurring jobs would be due by the workers' clock, before they are to be.
        later = clock() + timedelta(days=1)
        await bench.pool.execute("UPDATE jobs SET next_try_at = $1 WHERE org_id = 0", later)
        killed: KilledJob | None = None
        for step in Step:
            if step is Step.MIDDLE and middle is None:
                continue
            # They are made while no worker runs, which would begin too early. Only a recurring job waits, and
            # what it has to do is for its next run.
            other = await case_of(other_kind)
            case = None if is_recurring else await case_of(kind)
            async with workers.to_be_killed(kind, step, middle):
                if killed is not None:
                    await check(killed, other)
                killed = KilledJob(bench, workers, case or await case_of(kind), kind, step)
                await killed.begin()
            await killed.check_killed()
        other = await case_of(other_kind)
        async with workers.to_be_stopped():
            assert killed is not None
            await check(killed, other)

    with small_vendor() as lists:
        go(lambda bench: work(bench, lists))


@pytest.mark.parametrize("name", FOLLOWER_CASES)
def test_a_step_of_a_follower_whose_worker_is_killed_is_made_once_by_another(
    go: Go, workers: Workers, vendor: FileServer, name: str
) -> None:
    case, metric = FOLLOWER_CASES[name], f'follower_steps_total{{follower="{name}"}}'

    async def work(bench: Bench) -> None:
        async def org_to_follow() -> Org:
            """An org that is not followed yet."""
            org = await case.make(bench, vendor)
            await bench.pool.execute(AT_HEAD, org.id, list(FOLLOWER_CASES))
            return org

        async def follow(org: Org) -> None:
            await bench.pool.execute("UPDATE followers SET change = 0 WHERE org_id = $1", org.id)

        async def has_waited(org: Org) -> bool:
            (found,) = [one for one in await bench.joined.followers.listed(org.id, 10) if one.name == name]
            return (found.attempts, found.problem) == (1, followers.DIED)

        async def check(other: Org, org: Org, step: Step, deaths: float) -> None:
            has_died = step is not Step.COMMITTED
            if has_died:
                await until(lambda: has_waited(org))
                assert {"follower": name, "failed": 1} in workers.stuck
                assert workers.deaths(metric) == deaths + 1
            await follow(other)
            await until(lambda: case.holds(bench, other))
            if has_died:
                assert await has_waited(org)

            async def is_repeated() -> bool:
                await bench.pool.execute(RETRIES_ARE_DUE, org.id, workers.clock())
                return await case.holds(bench, org)

            await until(is_repeated)
            assert (await bench.counts(org, name)).get("died", 0) == int(has_died)
            assert name not in [one.get("follower") for one in workers.stuck]

        killed: tuple[Org, Step, float] | None = None
        for step in Step:
            if step in BEFORE_BEGIN or (step is Step.MIDDLE and case.middle is None):
                continue
            # They are made while no worker runs, which would begin before it is to.
            other, org = await org_to_follow(), await org_to_follow()
            async with workers.to_be_killed(name, step, case.middle):
                if killed is not None:
                    await check(other, *killed)
                killed = (org, step, workers.deaths(metric))
                await until(lambda: bench.pool.fetchval(IS_QUIET))
                workers.arm()
                await follow(killed[0])
            await bench.pool.execute(HEARTBEAT_PASSES)  # of jobs that ran in the same process
        other = await org_to_follow()
        async with workers.to_be_stopped():
            assert killed is not None
            await check(other, *killed)

    go(work)
