"""Sources that a server pulls on a schedule, with the last pull, the next and the problem shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Trunkline
from tests.conftest import MAX_WAIT_SECONDS, Server
from tests.ingest.vendors import SmallVendor, call, small_vendor
from tests.jobs.conftest import Bench, Go

Run = Callable[..., Any]


@pytest.fixture
def vendor() -> Iterator[SmallVendor]:
    with small_vendor() as lists:
        yield lists


@pytest.fixture
def server(jobs_url: str, tmp_path: Path) -> Iterator[Server]:
    served = Server(jobs_url, tmp_path / "server.log")
    served.wait_until_ready()
    yield served
    served.stop()


@pytest.fixture
def sources(trunkline: Trunkline, go: Go) -> Run:
    org = go(_org_name)

    def run(*args: str, stdin: bytes = b"") -> Any:
        return trunkline("sources", *args, "--org", org, stdin=stdin)

    return run


async def _org_name(bench: Bench) -> str:
    return (await bench.org()).name


def add(sources: Run, vendor: SmallVendor) -> str:
    told = json.dumps({"credential": {"api_key": "k"}}).encode()
    ran = sources("add", "--vendor", "trunkline", "--base-url", vendor.url, "--stdin", "--json", stdin=told)
    source_id: str = ran.answer["id"]
    return source_id


def shown(sources: Run) -> dict[str, Any]:
    (source,) = sources("list", "--json").answer["sources"]
    return dict(source)


def wait_for(sources: Run, wanted: Callable[[dict[str, Any]], bool], server: Server) -> dict[str, Any]:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not wanted(found := shown(sources)):
        assert time.monotonic() < deadline, (found, server.log.read_text())
    return found


def test_a_source_with_a_schedule_is_pulled_by_a_server_and_a_problem_is_shown(
    sources: Run, vendor: SmallVendor, server: Server, go: Go
) -> None:
    vendor.calls = [call(f"c-{one}") for one in range(5)]
    source_id = add(sources, vendor)
    assert [shown(sources)[name] for name in ("schedule", "last_pull_at", "next_pull_at")] == [None] * 3
    ran = sources("schedule", source_id, "--every", "1h")
    assert (ran.status, ran.out.startswith(f"Source {source_id} is pulled every 1h")) == (0, True)
    pulled = wait_for(sources, lambda one: one["last_pull_at"] is not None and not one["pulling"], server)
    assert (pulled["schedule"], pulled["pull_problem"]) == ("every 1h", None)
    assert pulled["next_pull_at"] > pulled["last_pull_at"]
    assert go(_calls) == 5
    assert go(_hours_in_the_ledger) > 0

    vendor.otherwise = [(401, {}, b"{}")] * 20
    assert sources("schedule", source_id, "--every", "10s").status == 0
    failed = wait_for(sources, lambda one: one["pull_problem"] is not None, server)
    assert "401" in failed["pull_problem"]
    assert failed["last_pull_at"] == pulled["last_pull_at"]
    assert failed["next_pull_at"] is not None

    assert sources("schedule", source_id, "--off").status == 0
    assert shown(sources)["schedule"] is None


async def _calls(bench: Bench) -> int:
    sql = "SELECT count(*) FROM calls WHERE org_id = (SELECT max(org_id) FROM orgs)"
    return int(await bench.pool.fetchval(sql))


async def _hours_in_the_ledger(bench: Bench) -> int:
    return int(await bench.pool.fetchval("SELECT count(*) FROM ledger_hours"))


def test_a_schedule_that_cannot_be_is_refused_with_a_sentence(sources: Run, vendor: SmallVendor) -> None:
    source_id = add(sources, vendor)
    for args, says in (
        (["--every", "5"], "'5' is not a time like 30s, 5m, 2h or 1d"),
        (["--every", "1s"], "'1s' is not between 10s and 31d"),
        (["--cron", "every day"], "is not a cron expression"),
        ([], "give one of --every, --cron and --off"),
        (["--every", "5m", "--off"], "give one of --every, --cron and --off"),
    ):
        assert says in sources("schedule", source_id, *args).usage, args
    without = sources("add", "--vendor", "trunkline", "--json").answer["id"]
    assert "has no credential" in sources("schedule", without, "--every", "5m").complaint
    sources("disable", source_id)
    assert "is disabled" in sources("schedule", source_id, "--every", "5m").complaint


def test_a_source_that_is_disabled_is_pulled_no_more(sources: Run, vendor: SmallVendor) -> None:
    source_id = add(sources, vendor)
    assert sources("schedule", source_id, "--cron", "0 3 * * *").status == 0
    assert shown(sources)["schedule"] == "0 3 * * *"
    sources("disable", source_id)
    assert shown(sources)["schedule"] is None
