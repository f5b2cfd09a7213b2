"""The benchmark: one loaded folder, and everything about it that is measured, in one run.

    python -m bench.run 100k --seconds 5

`docs/why/speed.md` says what is measured and how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct, structs

from bench import doors, fairness, limit, live_events, wake_ups, writes
from bench.calls import DATA
from bench.client import fetch, stream
from bench.driving import Driver
from bench.folder import BIG, SMALL_ORGS, Folder, opened
from bench.processes import Server, ours, peer, start_seconds
from bench.questions import Facts, Question, counted, deep, facts, questions
from bench.ratios import BARE, COPY_OUT, EXPORT, FIRST_PAGE, LIMIT, OURS, PEER, named, ratios
from bench.results import RESULTS, Report, Row, commit, machine, row_of, save, table, versions
from trunkline.settings import Settings
from trunkline.store.embedded import start_embedded

EXPORT_PATH, EXPORT_SECONDS = "/v1/calls:export", 6
"""An export may last so many times the seconds of a row before it is cut."""
PROBES = 3  # to see about how long an answer takes
FAILURES = (OSError, RuntimeError, HTTPException, asyncpg.PostgresError, subprocess.SubprocessError)


LEFT_OUT = ("text", "peer", "second")
"""Searches in transcripts, the peer beyond its first page, and the second worker beyond its first page."""


class Options(Struct, frozen=True, kw_only=True):
    """The options of a run."""

    size: str
    seconds: float = 5.0
    connections: int = 16
    client: str = "auto"
    rounds: int = 3
    """How often the first page is measured for each who serves it, in turns."""
    starts: int = 3
    small_orgs: int = SMALL_ORGS
    words: str | None = None
    leave_out: tuple[str, ...] = ()
    """Some of `LEFT_OUT`, which take hours on a big log."""
    data: Path = DATA
    results: Path = RESULTS


def run(options: Options) -> Report:
    """Measure everything."""
    folder = opened(options.size, words=options.words, data=options.data, small_orgs=options.small_orgs)
    _say("starting up")
    log = folder.home / "servers.log"
    first = "/contactship/v1/calls?limit=20"
    headers = folder.marker.headers["contactship"]
    starts = [start_seconds(folder.home, first, headers, log) for _ in range(options.starts)]
    url = start_embedded(folder.home)
    return _Run(options, folder, url, log).report(starts)


class _Run:
    """A run on a folder whose database is up."""

    def __init__(self, options: Options, folder: Folder, url: str, log: Path) -> None:
        self.options = options
        self.folder = folder
        self.url = url
        self.log = log
        self.driver = Driver.made(options.client, options.seconds, options.connections)
        self.pool_size = Settings.read({}).pool_size
        self.facts, self.settings, self.session = asyncio.run(self._look())
        self.rows: list[Row] = []
        self.memory: dict[str, float | None] = {}
        self.environment = {
            "TRUNKLINE_DATABASE_URL": url,
            "BENCH_DATABASE_URL": url,
            "BENCH_ORG_ID": str(self.facts.org_id),
            "BENCH_POOL_SIZE": str(self.pool_size),
            "TRUNKLINE_ARCHIVE_RECORDINGS": "false",  # the links of made-up calls lead nowhere
        }

    async def _look(self) -> tuple[Facts, dict[str, str], dict[str, str]]:
        connection = await asyncpg.connect(self.url)
        try:
            server = await limit.settings_of_server(connection)
            return await facts(connection, BIG), server, await limit.settings_of_session(self.url)
        finally:
            await connection.close()

    def report(self, starts: Sequence[float]) -> Report:
        """Measure, and put everything together."""
        began = datetime.now(UTC)
        self.rows.append(
            Row(
                subject=named(OURS, 1),
                name="start to first answer",
                p50_ms=statistics.median(starts) * 1000,
                note=f"with the database, median of {len(starts)}",
            )
        )
        questions = self._expanded()
        totals = asyncio.run(self._totals(questions))
        self._limits()
        for workers in (1, 2):
            self._head_to_head(workers)
        left_out = self.options.leave_out
        for workers in (1,) if "second" in left_out else (1, 2):
            self._ours(workers, questions, totals)
        if "peer" not in left_out:
            self._peer(
                [
                    (question, total)
                    for question, total in zip(questions, totals, strict=True)
                    if question.peer
                ]
            )
        parts = {
            "export": self._export,
            "import": self._imports,
            "writes": self._writes,
            "wake-ups": self._wake_ups,
            "live events": self._live_events,
            "doors": self._doors,
            "fairness": self._fairness,
        }
        for name, part in parts.items():
            _say(name)
            try:
                part()
            except FAILURES as error:
                self.rows.append(Row(subject=OURS, name=name, problem=f"{type(error).__name__}: {error}"))
        options, load = self.options, self.folder.marker.load
        return Report(
            size=options.size.lower(),
            started_at=began,
            commit=commit(),
            machine=machine(),
            versions=versions(self.settings.pop("server_version")),
            run={
                "client": self.driver.client,
                "seconds": options.seconds,
                "connections": options.connections,
                "rounds": options.rounds,
                "pool_size": self.pool_size,
                "left_out": ", ".join(self.options.leave_out),
            },
            load={
                "big_org_calls": self.facts.calls,
                "small_orgs": load.small_orgs,
                "seed": load.seed,
                "words": load.words,
                "conversations": "real" if load.real else "the demo's",
                "schema": load.schema,
                "import_seconds": self.folder.marker.import_seconds,
                "import_calls_per_second": round(load.count / self.folder.marker.import_seconds),
                "database_bytes": self.folder.marker.database_bytes,
            },
            database=self.settings | self.session,
            memory_mb=self.memory,
            rows=self.rows,
            ratios=ratios(self.rows),
        )

    # -- the questions ----------------------------------------------------

    def _expanded(self) -> list[Question]:
        """All questions, with the deep pages of one filter that many calls meet."""
        left_out = self.options.leave_out
        expanded = [
            question
            for question in questions(self.facts)
            if "text" not in left_out or "call_transcripts" not in question.truth
        ]
        index = next(index for index, question in enumerate(expanded) if question.name == "status, common")
        (total,) = asyncio.run(self._totals([expanded[index]]))
        return [*expanded[: index + 1], *deep(expanded[index], total or 0), *expanded[index + 1 :]]

    async def _totals(self, questions: Sequence[Question]) -> list[int | None]:
        """How many calls match each question; those about transcripts are counted when answered."""
        _say("counting")
        cheap = [question for question in questions if "call_transcripts" not in question.truth]
        connection = await asyncpg.connect(self.url)
        try:
            found = dict(
                zip((id(q) for q in cheap), await counted(connection, self.facts.org_id, cheap), strict=True)
            )
            return [found.get(id(question)) for question in questions]
        finally:
            await connection.close()

    async def _one_total(self, question: Question) -> int:
        connection = await asyncpg.connect(self.url)
        try:
            return (await counted(connection, self.facts.org_id, [question]))[0]
        finally:
            await connection.close()

    # -- what is measured -------------------------------------------------

    def _limits(self) -> None:
        """The statement of the first page, by the database's own client."""
        statement = limit.first_page(self.facts.org_id)
        written_out: tuple[str, dict[str, str]] = limit.inlined(statement), {}
        for subject, (script, variables) in (
            (LIMIT, limit.with_variables(statement)),
            (f"{LIMIT}, values written out", written_out),
        ):
            for clients in (1, 8):
                _say(f"{subject}, {clients} clients")
                sample = limit.pgbench(
                    self.url,
                    script,
                    clients=clients,
                    seconds=self.options.seconds,
                    variables=variables,
                    session=self.session,
                )
                self.rows.append(row_of(subject, FIRST_PAGE, sample, connections=clients, unit="statements"))

    def _head_to_head(self, workers: int) -> None:
        """The first page by everybody in turns, so that a slow moment of the machine meets all alike."""
        headers = self.folder.marker.headers["contactship"]
        with ExitStack() as stack:
            bare = stack.enter_context(peer("bare", workers, self.environment, self.log))
            own = stack.enter_context(ours(workers, self.environment, self.log))
            without_cache = {**self.environment, "TRUNKLINE_ROW_CACHE_MB": "0"}
            afresh = stack.enter_context(ours(workers, without_cache, self.log))
            theirs = stack.enter_context(peer("handwritten", workers, self.environment, self.log))
            page = "/v1/calls?limit=20"
            taking_part: list[tuple[str, Server, str]] = [
                (named(BARE, workers), bare, "/pool"),
                (named(f"{BARE}, held", workers), bare, "/held"),
                (named(OURS, workers), own, f"/contactship{page}"),
                (named(f"{OURS}, no rows kept", workers), afresh, f"/contactship{page}"),
                (named(PEER, workers), theirs, page),
            ]
            found: dict[str, list[Row]] = {}
            for _, server, path in taking_part:
                server.wait(path, headers)
            for number in range(self.options.rounds):
                for subject, server, path in taking_part:
                    _say(f"{subject}: {FIRST_PAGE}, round {number + 1}")
                    once = min(fetch(server.port, path, headers).seconds for _ in range(PROBES))
                    row = self.driver.row(
                        subject,
                        FIRST_PAGE,
                        server.port,
                        [path],
                        headers,
                        once_seconds=once,
                        alone=workers == 1,
                    )
                    found.setdefault(subject, []).append(row)
        for rows in found.values():
            row = sorted(rows, key=lambda row: row.per_second or 0)[len(rows) // 2]
            row.note = row.note or f"median of {len(rows)} rounds, everybody in turns"
            row.problem = next((one.problem for one in rows if one.problem), "")
            self.rows.append(row)
        self.memory[named(BARE, workers)] = bare.peak_mb

    def _ours(self, workers: int, questions: Sequence[Question], totals: Sequence[int | None]) -> None:
        subject = named(OURS, workers)
        with ours(workers, self.environment, self.log) as server:
            server.wait("/readyz", {})
            for question, total in zip(questions, totals, strict=True):
                if question.name == FIRST_PAGE and question.dialect == "contactship":
                    continue
                paths = [f"/{question.dialect}{path}" for path in question.paths]
                headers = self.folder.marker.headers[question.dialect]
                self._measure(subject, server, question, paths, headers, total, alone=workers == 1)
        self.memory[subject] = server.peak_mb

    def _peer(self, questions: Sequence[tuple[Question, int | None]]) -> None:
        subject = named(PEER, 1)
        headers = self.folder.marker.headers["contactship"]
        with peer("handwritten", 1, self.environment, self.log) as server:
            server.wait("/v1/calls", headers)
            for question, total in questions:
                if question.name != FIRST_PAGE:
                    theirs = structs.replace(question, total_in=("count",))
                    self._measure(subject, server, theirs, [question.peer], headers, total, alone=True)
        self.memory[subject] = server.peak_mb

    def _measure(
        self,
        subject: str,
        server: Server,
        question: Question,
        paths: list[str],
        headers: dict[str, str],
        expected: int | None,
        *,
        alone: bool,
    ) -> None:
        """Check one answer, then measure the question."""
        _say(f"{subject}: {question.name}")
        row = Row(subject=subject, name=question.name)
        self.rows.append(row)
        try:
            looked_at = fetch(server.port, paths[0], headers)
            once = looked_at.seconds
            for _ in range(PROBES if once < 1 else 0):
                once = min(once, fetch(server.port, paths[0], headers).seconds)
        except (OSError, HTTPException) as error:
            row.problem = f"no answer: {error}"
            return
        if looked_at.status != 200:
            row.problem = f"answers {looked_at.status} after {looked_at.seconds:.1f} s"
            return
        row.total = total_of(looked_at.body, question.total_in)
        if question.total_in and expected is None:
            expected = asyncio.run(self._one_total(question))
        if question.total_in and row.total != expected:
            row.problem = f"says {row.total}, and {expected} match"
            return
        driven = self.driver.row(
            subject, question.name, server.port, paths, headers, once_seconds=once, alone=alone
        )
        for name in ("connections", "per_second", "p50_ms", "p95_ms", "p99_ms", "problem"):
            setattr(row, name, getattr(driven, name))
        row.alone_p50_ms, row.alone_p95_ms = driven.alone_p50_ms, driven.alone_p95_ms
        row.answer_bytes = len(looked_at.body)
        row.note = ", ".join(part for part in (question.note, driven.note) if part)

    def _export(self) -> None:
        """The whole log of the big org, and COPY of as many calls."""
        longest = self.options.seconds * EXPORT_SECONDS
        headers = self.folder.marker.headers["trunkline"]
        row = Row(subject=named(OURS, 1), name=EXPORT, unit="MB")
        self.rows.append(row)
        with ours(1, self.environment, self.log) as server:
            server.wait("/readyz", {})
            got = stream(server.port, f"/trunkline{EXPORT_PATH}", headers, longest)
        if got.status != 200:
            row.note = f"answers {got.status}: not measured"
            return
        copied = asyncio.run(self._copy_out(got.lines))
        self.memory["ours, export"] = server.peak_mb
        part = "" if got.whole else f", cut after {got.seconds:.0f} s"
        row.per_second, row.connections = got.size / got.seconds / 1e6, 1
        row.note = f"{got.lines:,} calls, {got.lines / got.seconds:,.0f} calls/s{part}"
        self.rows.append(
            Row(
                subject=COPY_OUT,
                name=EXPORT,
                connections=1,
                unit="MB",
                per_second=copied.size / copied.seconds / 1e6,
                note=f"{copied.rows:,} calls, {copied.rows / copied.seconds:,.0f} calls/s",
            )
        )

    async def _copy_out(self, most: int) -> limit.Copied:
        connection = await asyncpg.connect(self.url)
        try:
            return await limit.copy_out(connection, self.facts.org_id, most)
        finally:
            await connection.close()

    def _imports(self) -> None:
        self.rows += asyncio.run(writes.imports(self.folder, self.url, self.options.data))

    def _writes(self) -> None:
        self.rows += asyncio.run(
            writes.single_writes(self.url, self.options.data, self.options.seconds, self.pool_size)
        )

    def _wake_ups(self) -> None:
        self.rows += asyncio.run(wake_ups.wake_ups(self.url, self.options.seconds))

    def _live_events(self) -> None:
        self.rows += live_events.live_events(self.url, self.log)

    def _doors(self) -> None:
        for workers in (1, 2):
            self.rows += doors.by_door(
                self.folder.home, self.url, self.options.data, self.options.seconds, workers, self.log
            )

    def _fairness(self) -> None:
        self.rows += fairness.rows(self.url, self.options.data, self.options.seconds, self.log)


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


def total_of(body: bytes, path: Sequence[str]) -> int | None:
    """The total in an answer, where the dialect has it."""
    if not path:
        return None
    found: Any = msgspec.json.decode(body)
    for name in path:
        found = found[name]
    return int(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line wants, print the table and save it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("size", nargs="?", default="100k", help="calls of the big org: 10k, 100k, 1m, 10m")
    add(
        "--seconds",
        type=float,
        default=float(os.environ.get("BENCH_SECONDS", "5")),
        help="seconds for each row",
    )
    add("--connections", type=int, default=16, help="clients at once")
    add("--client", choices=("auto", "wrk", "own"), default=os.environ.get("BENCH_CLIENT", "auto"))
    add("--rounds", type=int, default=3, help="rounds of the comparison on the first page")
    add("--starts", type=int, default=3, help="how often the server is started")
    add("--small-orgs", type=int, default=SMALL_ORGS, help="orgs beside the big one")
    add("--words", choices=("source", "all", "none"), help="which word times the calls have")
    add("--leave-out", nargs="*", choices=LEFT_OUT, default=(), help="what takes hours on a big log")
    add("--data", type=Path, default=DATA, help="folder of the conversation files")
    add("--results", type=Path, default=RESULTS, help="folder of the saved results")
    given = parser.parse_args(arguments)
    report = run(Options(**{**vars(given), "leave_out": tuple(given.leave_out)}))
    print(table(report))
    print(f"\nsaved as {save(report, given.results)}")
    if report.problems:
        sys.exit(1)


if __name__ == "__main__":
    main()
