"""What the work in the background shows of itself: `/readyz`, `/metrics` and `trunkline jobs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import Trunkline
from tests.conftest import Server
from tests.jobs.conftest import Bench, Go
from trunkline.service.calls import Org
from trunkline.service.clock import system_clock

STUCK = """
    INSERT INTO jobs (org_id, kind, key, state, attempts, next_try_at, problem, created_at) VALUES
        ($1, 'recording', 'one', 'failed', 10, now(), 'status 404', now()),
        ($1, 'recording', 'two', 'waiting', 0, now() - interval '1 hour', NULL, now()),
        ($1, 'recording', 'three', 'waiting', 2, now() + interval '1 hour', 'status 503', now())
"""
FOLLOWING = """
    INSERT INTO followers (org_id, name, change, attempts, next_try_at, problem)
    VALUES ($1, 'search_index', 0, 3, now() + interval '1 hour', 'no room')
    ON CONFLICT (org_id, name) DO UPDATE SET change = 0, attempts = 3, next_try_at = excluded.next_try_at,
        problem = excluded.problem
"""


@pytest.fixture
def server(jobs_url: str, tmp_path: Path) -> Iterator[Server]:
    served = Server(jobs_url, tmp_path / "server.log", TRUNKLINE_WORK="false")
    served.wait_until_ready()
    yield served
    served.stop()


async def _stuck(bench: Bench) -> Org:
    org = await bench.org()
    await bench.pool.execute(STUCK, org.id)
    await bench.pool.execute("INSERT INTO change_sequences (org_id, n) VALUES ($1, 7)", org.id)
    await bench.pool.execute(FOLLOWING, org.id)
    await bench.pool.execute(
        "INSERT INTO follower_skips VALUES ($1, 'search_index', 3, 'a NUL', now())", org.id
    )
    await bench.pool.execute("INSERT INTO job_counts VALUES ($1, 'recording', 'failed', 12, 3.5)", org.id)
    await bench.pool.execute("INSERT INTO job_counts VALUES ($1, 'search_index', 'failed', 3, 0)", org.id)
    return org


def test_what_is_stuck_is_named_and_no_reason_to_serve_nobody(go: Go, server: Server) -> None:
    assert httpx2.get(f"{server.url}/readyz").json() == {"status": "ok"}
    org = go(_stuck)
    answer = httpx2.get(f"{server.url}/readyz")
    assert answer.status_code == 200
    recording, follower = answer.json()["stuck"]
    assert (recording["kind"], recording["failed"], recording["retried"]) == ("recording", 1, 1)
    assert recording["due_seconds"] >= 3600
    assert follower == {"follower": "search_index", "failed": 1, "skipped": 1}
    assert org.name not in answer.text


def test_metrics_are_of_all_orgs_together(go: Go, server: Server) -> None:
    orgs = [go(_stuck), go(_stuck)]
    answer = httpx2.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    values = {
        name: float(value)
        for name, value in re.findall(r"^(trunkline_\S+) (\S+)$", answer.text, re.MULTILINE)
    }
    (due,) = go(_one_due)
    assert values['trunkline_jobs_due{kind="recording"}'] == due
    assert values['trunkline_jobs_total{kind="recording",outcome="failed"}'] >= 24
    assert values['trunkline_job_seconds_total{kind="recording",outcome="failed"}'] >= 7
    assert values['trunkline_jobs_oldest_due_seconds{kind="recording"}'] >= 3600
    assert values['trunkline_follower_steps_total{follower="search_index",outcome="failed"}'] >= 6
    assert values['trunkline_follower_farthest_behind{follower="search_index"}'] >= 7
    assert values['trunkline_follower_skipped{follower="search_index"}'] >= 2
    assert not any(org.name in answer.text for org in orgs)


def test_metrics_count_who_was_refused_and_how_limits_are_used(server: Server) -> None:
    def value(name: str, label: str) -> float:
        text = httpx2.get(f"{server.url}/metrics").text
        own = f'process="{server.process.pid}"'  # the one for large requests has figures as well
        both = f"(?=[^}}]*{label})(?=[^}}]*{own})"
        (found,) = re.findall(rf"^trunkline_{name}{{{both}[^}}]*}} (\S+)$", text, re.MULTILINE)
        return float(found)

    before = value("edge_refusals_total", 'reason="large_heads"')
    assert httpx2.get(f"{server.url}/healthz", headers={"x-much": "a" * 70_000}).status_code == 431
    assert value("edge_refusals_total", 'reason="large_heads"') == before + 1
    assert value("limit_capacity", 'limit="requests"') >= 1
    assert value("limit_held", 'limit="requests"') == 0
    assert value("limit_refusals_total", 'limit="long_answers"') == 0


async def _one_due(bench: Bench) -> list[int]:
    return [one.due for one in await bench.joined.jobs.waiting(system_clock()) if one.kind == "recording"]


def test_a_command_lists_what_waits_and_failed_and_has_it_tried_again(go: Go, trunkline: Trunkline) -> None:
    org = go(_stuck)
    shown = trunkline("jobs", "list", "--org", org.name, "--json").answer
    assert [job["key"] for job in shown["jobs"]] == ["one", "two", "three"]
    assert shown["jobs"][0]["problem"] == "status 404"
    (follower,) = shown["followers"]
    assert (follower["behind"], follower["skipped"], follower["problem"]) == (7, 1, "no room")
    table = trunkline("jobs", "list", "--org", org.name).out
    assert "status 404" in table
    assert "no room" in table
    failed = trunkline("jobs", "list", "--org", org.name, "--failed", "--json").answer["jobs"]
    assert [job["key"] for job in failed] == ["one"]
    ran = trunkline("jobs", "retry", "--org", org.name)
    assert ran.out == "2 jobs and 1 change will be tried again.\n"
    again = trunkline("jobs", "list", "--org", org.name, "--json").answer
    assert {(job["state"], job["attempts"]) for job in again["jobs"]} == {("waiting", 0)}
    assert again["followers"][0]["skipped"] == 0
    assert "there is no org" in trunkline("jobs", "list", "--org", "nobody").complaint
