"""The benchmark: at a tiny size it measures every documented row, and its totals are right."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec import structs

from bench import compare
from bench.folder import count_of, schema
from bench.limit import as_text, inlined, with_variables
from bench.questions import Facts, questions
from bench.ratios import ratios
from bench.results import ROOT, Report, Row, percentile, read, sample_of, table
from bench.run import total_of
from trunkline.model.query import CallFilter, Order, Rows, Span, Wording
from trunkline.store.calls.list_query import ListQuery, list_query

CALLS = 400
MAY_BE_MISSING = "answers 404: not measured"
"""Said of the export while the server has none."""


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """A whole run by our own client, in a folder that is made for it."""
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    command = [sys.executable, "-m", "bench.run", str(CALLS), "--seconds", "0.04", "--client", "own"]
    command += [
        "--connections",
        "2",
        "--rounds",
        "1",
        "--starts",
        "1",
        "--small-orgs",
        "1",
        "--results",
        str(home / "results"),
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env={**os.environ, "BENCH_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    try:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        (saved,) = (home / "results").glob(f"{CALLS}-*.json")
        assert (home / str(CALLS) / "loaded.json").exists()
        yield read(saved)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_run_measures_everybody_at_everything(report: Report) -> None:
    asked = {question.name: question for question in questions(MADE_UP)}
    deep = {f"status, common: {page}" for page in ("middle page", "last page")}
    rows = {(row.subject, row.name) for row in report.rows}
    for workers in ("1 worker", "2 workers"):
        assert {(f"ours, {workers}", name) for name in {*asked, *deep}} <= rows
        for who in ("bare ASGI", "bare ASGI, held", "peer"):
            assert (f"{who}, {workers}", "first page") in rows
    by_peer = {name for name, question in asked.items() if question.peer} | deep
    assert {("peer, 1 worker", name) for name in by_peer} <= rows
    assert {
        ("ours, 1 worker", "start to first answer"),
        ("ours, 1 worker", "export"),
        ("pgbench", "first page"),
        ("pgbench", "commits of one small row"),
        ("ours, import", "import"),
        ("COPY FROM", "import"),
        ("ours, intake", "single calls into one org"),
        ("ours, commits", "commits with wake-ups"),
        ("ours, commits", "commits without wake-ups"),
        ("ours, 1 worker", "event of a call that has 10"),
        ("ours, 1 worker", "event of a call that has 10,000"),
    } <= rows


def test_every_row_has_numbers_and_no_problem(report: Report) -> None:
    assert report.problems == []
    for row in report.rows:
        if row.name != "start to first answer" and row.note != MAY_BE_MISSING:
            assert row.per_second, row
            assert row.connections, row


def test_every_total_was_looked_at(report: Report) -> None:
    asked = {question.name for question in questions(MADE_UP) if question.total_in} - {"first page"}
    totals = {row.name: row.total for row in report.rows if row.subject == "ours, 1 worker"}
    assert all(totals[name] is not None for name in asked)
    assert totals["middle page"] == totals["own: first page"] == CALLS
    peers = {row.name: row.total for row in report.rows if row.subject == "peer, 1 worker"}
    assert {name: total for name, total in peers.items() if total is not None}.items() <= totals.items()


def test_a_run_says_what_it_was_made_on_and_how_we_compare(report: Report) -> None:
    assert {"python", "postgres", "trunkline", "asyncpg", "fastapi"} <= report.versions.keys()
    assert report.load["big_org_calls"] == CALLS
    assert report.load["schema"] == schema()
    assert report.machine.cores > 0
    assert {
        "first page, requests/s: ours / bare ASGI",
        "first page, requests/s: ours / peer",
        "import, calls/s: ours / COPY",
    } <= report.ratios.keys()
    assert {"ours, 1 worker", "ours, 2 workers", "peer, 1 worker"} <= report.memory_mb.keys()
    text = table(report)
    assert all(name in text for name in ("middle page", "ratios", report.commit))
    assert "look into" not in text


def test_two_runs_are_compared_row_by_row(report: Report) -> None:
    slower = [
        structs.replace(row, alone_p50_ms=row.alone_p50_ms and 2 * row.alone_p50_ms) for row in report.rows
    ]
    pairs = compare.pairs(report, structs.replace(report, rows=slower))
    middle = next(pair for pair in pairs if (pair.subject, pair.name) == ("ours, 1 worker", "middle page"))
    assert middle.alone == pytest.approx(2)
    assert middle.loaded == pytest.approx(1)
    assert "ours, 1 worker: middle page" in compare.text(report, report)


# -- the parts ------------------------------------------------------------

HOUR = datetime(2026, 1, 1, 10, 30, tzinfo=UTC)
MADE_UP = Facts(
    org_id=1,
    calls=1000,
    status=("completed", "busy"),
    result=("answered", "busy"),
    direction=("inbound", "outbound"),
    agent=(UUID(int=1), UUID(int=2)),
    campaign=(UUID(int=3), UUID(int=4)),
    number=("+12125550100", "+12125550101"),
    vendor="bench",
    span=(HOUR, HOUR.replace(month=3)),
    durations=(1000, 2000),
    transcript_texts=("thank", "it's a \"quoted\" line, 'really'"),
    ids=[UUID(int=5)],
    butter_cursor="e30=",
)

FILTERS = [
    CallFilter(),
    CallFilter(created_at=Span(HOUR, HOUR.replace(month=3))),
    CallFilter(vendor=frozenset({"bench", 'b"e\\nc:h', "it's"})),
    CallFilter(status=Wording(values=frozenset({"busy", "completed"}), vendor="x", words=frozenset({"y"}))),
    CallFilter(agent_ref=str(UUID(int=1))),
    CallFilter(transcript_text='it\'s a \\ "quoted" line:that'),
]


@pytest.mark.parametrize("call_filter", FILTERS)
def test_pgbench_is_given_the_statement_that_we_send(call_filter: CallFilter, embedded_url: str) -> None:
    asked = list_query(1, call_filter, Order(), Rows(20, 300), with_total=True, with_transcript=False)

    async def run() -> tuple[list[Any], list[Any]]:
        connection = await asyncpg.connect(embedded_url)
        try:
            return await connection.fetch(inlined(asked)), await connection.fetch(asked.sql, *asked.values)
        finally:
            await connection.close()

    by_literals, by_parameters = asyncio.run(run())
    assert by_literals == by_parameters


def test_values_are_written_so_that_pgbench_finds_no_variable_in_them() -> None:
    asked = ListQuery("SELECT $2::text, $1", [[1, 2], "a:b 10:30 it's \\"])
    assert inlined(asked) == "SELECT E'a\\072b 10:30 it''s \\\\'::text, E'{\"1\",\"2\"}'"
    assert with_variables(asked) == ("SELECT :v2::text, :v1", {"v1": '{"1","2"}', "v2": "a:b 10:30 it's \\"})
    with pytest.raises(ValueError, match="variable"):
        inlined(ListQuery("SELECT ':x'", []))
    assert as_text(HOUR) == "2026-01-01T10:30:00+00:00"


@pytest.mark.parametrize(
    ("size", "count"), [("500", 500), ("10k", 10_000), ("1m", 1_000_000), ("10M", 10**7)]
)
def test_sizes(size: str, count: int) -> None:
    assert count_of(size) == count


@pytest.mark.parametrize("size", ["", "0", "1g", "-1", "1.5m", "k"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        count_of(size)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.99) == 3.0
    assert percentile(list(range(100)), 0.95) == 95
    sample = sample_of([0.003, 0.001, 0.002], 2.0, size=30)
    assert (sample.per_second, sample.p50_ms, sample.answer_bytes) == (1.5, 2.0, 10)


def test_totals_are_found_where_the_dialect_has_them() -> None:
    assert total_of(b'{"data":{"pagination":{"total_count":7}}}', ("data", "pagination", "total_count")) == 7
    assert total_of(b"[]", ()) is None


def test_a_ratio_needs_both_sides() -> None:
    own = Row(subject="ours, 1 worker", name="first page", per_second=80.0)
    bare = Row(subject="bare ASGI, 1 worker", name="first page", per_second=100.0)
    assert ratios([own]) == {}
    assert ratios([own, bare]) == {"first page, requests/s: ours / bare ASGI": 0.8}
