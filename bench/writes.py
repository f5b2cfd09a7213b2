"""How fast calls are written: by the importer against COPY, and one by one against bare commits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

from bench.calls import Options, make_lines, write_calls
from bench.folder import Folder, trunkline
from bench.limit import pgbench
from bench.ratios import COPY_IN, IMPORT, IMPORTER, WRITERS, commits_of
from bench.results import Row, sample_of
from trunkline.compose import services
from trunkline.ingest.payload_reader import file_forms, received_from
from trunkline.service.calls import Org
from trunkline.service.received import Received
from trunkline.store.keys import KeyStore
from trunkline.store.migrations import migrate

IMPORTED = 50_000
"""How many calls are imported into an empty database, unless the run is smaller."""
SUPPLY = 8_000
"""How many single calls are ready for each second; the run ends when all are used."""


def url_of(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@asynccontextmanager
async def scratch(url: str, name: str) -> AsyncIterator[str]:
    """A database with our tables that is there until the end of the block."""
    name = f"bench_{name}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
        own = url_of(url, name)
        await migrate(own)
        yield own
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


# -- import and COPY ------------------------------------------------------


async def imports(folder: Folder, url: str, data: Path) -> list[Row]:
    """The same calls by `trunkline import` from a file, and their rows by COPY into the same empty tables."""
    load = folder.marker.load
    count = min(IMPORTED, load.count)
    file = folder.home / "import.jsonl"
    options = Options(
        count, orgs=1, seed=load.seed + 1, data=data, words="none" if load.words == "none" else "source"
    )
    await asyncio.to_thread(write_calls, options, str(file))
    try:
        async with scratch(url, "import") as source, scratch(url, "copy") as target:
            began = time.perf_counter()
            args = ("import", str(file), "--org", "imported", "--dialect", "trunkline", "--json")
            summary = await asyncio.to_thread(trunkline, source, *args)
            took = time.perf_counter() - began
            if summary["stored"] != count:
                raise RuntimeError(f"{count} calls were to be imported: {summary}")
            copied, tables = await _copy_over(source, target, folder.home)
    finally:
        file.unlink()
    return [
        Row(subject=IMPORTER, name=IMPORT, per_second=count / took, unit="calls", connections=1),
        Row(
            subject=COPY_IN,
            name=IMPORT,
            per_second=count / copied,
            unit="calls",
            connections=1,
            note=f"binary, into {tables}",
        ),
    ]


async def _copy_over(source: str, target: str, folder: Path) -> tuple[float, str]:
    """COPY every table's rows into a database with the same tables; answers the seconds of the COPYs in."""
    reading, writing = await asyncpg.connect(source), await asyncpg.connect(target)
    seconds, names = 0.0, []
    file = folder / "copied.bin"
    try:
        await writing.execute("CHECKPOINT")
        tables = [row["tablename"] for row in await reading.fetch(_TABLES)]
        for table in tables:
            if await reading.fetchval(f"SELECT NOT EXISTS (SELECT FROM {table})"):
                continue
            await reading.copy_from_table(table, output=file, format="binary", timeout=None)
            began = time.perf_counter()
            await writing.copy_to_table(table, source=file, format="binary", timeout=None)
            seconds += time.perf_counter() - began
            names.append(table)
        return seconds, ", ".join(names)
    finally:
        file.unlink(missing_ok=True)
        await reading.close()
        await writing.close()


_TABLES = """SELECT tablename FROM pg_tables
WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename"""


# -- single calls ---------------------------------------------------------


async def single_writes(url: str, data: Path, seconds: float, pool_size: int) -> list[Row]:
    """Clients that each write one call after the other, as a webhook does, into one org and into many."""
    async with scratch(url, "writes") as own:
        rows = []
        for orgs in (1, WRITERS):
            name = "one org" if orgs == 1 else f"{orgs} orgs"
            rows.append(await _written(own, f"single calls into {name}", data, seconds, pool_size, orgs))
        return [*rows, *await _commits(own, seconds)]


async def _written(url: str, name: str, data: Path, seconds: float, pool_size: int, orgs: int) -> Row:
    supply = _calls(data, orgs, max(WRITERS, int(SUPPLY * seconds)))
    latencies: list[float] = []
    async with services(url, pool_size=pool_size) as joined:
        store = KeyStore(joined.pool)
        owners = [Org(await store.ensure_org(name), name) for name in (f"writer-{n}" for n in range(orgs))]
        began = time.perf_counter()

        async def write(owner: Org) -> None:
            while (now := time.perf_counter()) - began < seconds and (seen := next(supply, None)) is not None:
                await joined.group_commit.ingest(owner, [seen])
                latencies.append(time.perf_counter() - now)

        await asyncio.gather(*(write(owners[number % orgs]) for number in range(WRITERS)))
        sample = sample_of(latencies, time.perf_counter() - began)
    return Row(
        subject="ours, intake",
        name=name,
        connections=WRITERS,
        per_second=sample.per_second,
        unit="calls",
        p50_ms=sample.p50_ms,
        p95_ms=sample.p95_ms,
        p99_ms=sample.p99_ms,
        note="" if next(supply, None) else "all calls that were ready were written",
    )


def _calls(data: Path, seed: int, count: int) -> Iterator[Received]:
    """Calls of one day, each its own."""
    form = file_forms()["trunkline"]
    lines = make_lines(Options(count, orgs=1, seed=1000 + seed, days=1, data=data, words="none"))
    made = [received_from(form, msgspec.json.decode(line)) for line in lines]
    return iter(made)


async def _commits(url: str, seconds: float) -> list[Row]:
    """How many transactions with one small row the disk can make."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE bench_commits (client integer, at timestamptz DEFAULT now())")
    await connection.close()
    script = "INSERT INTO bench_commits (client) VALUES (:client_id);"
    rows = []
    for clients in (1, WRITERS):
        sample = await asyncio.to_thread(pgbench, url, script, clients=clients, seconds=seconds)
        rows.append(
            Row(
                subject="pgbench",
                name=commits_of(clients),
                connections=clients,
                per_second=sample.per_second,
                unit="commits",
                p50_ms=sample.p50_ms,
                p95_ms=sample.p95_ms,
                p99_ms=sample.p99_ms,
            )
        )
    return rows
