"""A database of a module's own, so that nothing else works on its jobs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.cli.conftest import Ran, Trunkline, command, environment
from tests.conftest import MAX_WAIT_SECONDS
from trunkline.compose import Services, services
from trunkline.model.sighting import Sighting
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.migrations import migrate

T = TypeVar("T")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def jobs_url(embedded_url: str) -> Iterator[str]:
    name = f"jobs_{uuid.uuid4().hex[:12]}"

    async def run(sql: str) -> None:
        connection = await asyncpg.connect(embedded_url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run(f"CREATE DATABASE {name}"))
    parts = urlsplit(embedded_url)
    url = urlunsplit(parts._replace(path=f"/{name}"))
    asyncio.run(migrate(url))
    yield url
    asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)"))


class Bench:
    """The services on that database, with orgs that are new for every test."""

    def __init__(self, url: str, joined: Services) -> None:
        self.url = url
        self.joined = joined
        self.pool = joined.pool

    async def org(self) -> Org:
        name = f"org-{uuid.uuid4().hex[:12]}"
        await self.joined.keys.create(name)
        return Org(await self.joined.keys.org_id(name), name)

    async def see(self, org: Org, *sightings: Sighting) -> None:
        for sighting in sightings:  # a sequence number for each
            await self.joined.intake.ingest(org, [Received(sighting)], "test")

    async def counts(self, org: Org, kind: str) -> dict[str, int]:
        sql = "SELECT outcome, n FROM job_counts WHERE org_id = $1 AND kind = $2"
        return {row["outcome"]: row["n"] for row in await self.pool.fetch(sql, org.id, kind)}


class Go:
    """Does something with the services, in a loop of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_fresh = False

    def __call__(self, work: Callable[[Bench], Awaitable[T]]) -> T:
        async def inner() -> T:
            async with services(self._url, pool_size=10) as joined:
                if not self._is_fresh:
                    await self._put_aside(joined)
                    self._is_fresh = True
                return await work(Bench(self._url, joined))

        return asyncio.run(inner())

    @staticmethod
    async def _put_aside(joined: Services) -> None:
        """Nobody's work of an earlier test is to be done in this one."""
        await joined.pool.execute("TRUNCATE jobs, job_turns, job_queue.pgqueuer")
        await joined.pool.execute(
            "INSERT INTO followers (org_id, name, change) SELECT c.org_id, f.name, c.n "
            "FROM change_sequences c "
            "CROSS JOIN "
            "unnest(ARRAY['recordings', 'search_index', 'live_transcripts', 'effects']) AS f (name) "
            "ON CONFLICT (org_id, name) DO UPDATE SET change = excluded.change, attempts = 0"
        )


@pytest.fixture
def trunkline(jobs_url: str, tmp_path: Path) -> Trunkline:
    """The command line on that database."""

    def run(*args: str, stdin: bytes = b"") -> Ran:
        variables = environment(jobs_url, TRUNKLINE_HOME=os.environ["TRUNKLINE_HOME"])
        return Ran(
            subprocess.run(
                command(*args),
                cwd=tmp_path,
                env=variables,
                input=stdin,
                capture_output=True,
                timeout=MAX_WAIT_SECONDS,
                check=False,
            )
        )

    return run


@pytest.fixture
def go(jobs_url: str) -> Go:
    return Go(jobs_url)


async def until(true: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so; the loop goes on meanwhile."""
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await true():  # noqa: ASYNC110 it is the database that knows
            await asyncio.sleep(0.01)
