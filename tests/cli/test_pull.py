"""`trunkline pull` and `trunkline ledger`, run as a user runs them, against a running server."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Trunkline, command, environment
from tests.conftest import MAX_WAIT_SECONDS, Server, World
from tests.ingest.vendors import call, small_vendor
from trunkline.model.sighting import Sighting
from trunkline.model.words import Status

TODAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


def put(world: World, count: int, prefix: str = "c", first: int = 0) -> None:
    world.see(
        [
            Sighting(
                vendor="elsewhere",
                vendor_call_id=f"{prefix}{number}",
                status=Status.COMPLETED,
                created_at=TODAY + timedelta(milliseconds=number),
            )
            for number in range(first, first + count)
        ]
    )


def total(world: World) -> int:
    answer = world.get("trunkline", "/v1/calls", params={"page_size": 1, "include_total": "true"})
    size: int = answer.json()["total_size"]
    return size


def add(trunkline: Trunkline, world: World, base_url: str, key: str) -> str:
    told = json.dumps({"credential": {"api_key": key}}).encode()
    ran = trunkline(
        *("sources", "add", "--org", world.name, "--vendor", "trunkline"),
        *("--base-url", base_url, "--stdin", "--json"),
        stdin=told,
    )
    assert ran.status == 0, ran.err
    source_id: str = ran.answer["id"]
    return source_id


def from_world(trunkline: Trunkline, ours: World, theirs: World, server: Server) -> tuple[str, ...]:
    key = theirs.headers["trunkline"]["Authorization"].removeprefix("Bearer ")
    source_id = add(trunkline, ours, f"{server.url}/trunkline", key)
    return ("--source", source_id, "--org", ours.name)


def test_a_pull_says_what_it_did_and_the_ledger_agrees(
    trunkline: Trunkline, new_world: Callable[..., World], server: Server
) -> None:
    theirs, ours = new_world(), new_world()
    put(theirs, 250)
    where = from_world(trunkline, ours, theirs, server)
    ran = trunkline("pull", *where, "--json")
    nothing = {"changed": 0, "unchanged": 0, "deleted": 0, "unreadable": {}}
    assert (ran.status, ran.err) == (0, "")
    assert ran.answer == {"pages": 2, "calls": 250, "new": 250, **nothing}
    again = trunkline("pull", *where)
    assert again.out == ("2 pages, 250 calls: 0 new, 0 changed, 250 unchanged, 0 deleted, 0 unreadable\n")
    page = trunkline("ledger", *where, "--json").answer
    ((told, held),) = [(hour["listed"], hour["stored"]) for hour in page["hours"]]
    assert (told, held, page["calls"], page["left_out"]) == (250, 250, [], 0)
    shown = trunkline("ledger", "--org", ours.name, "--since", TODAY.isoformat()).out
    assert f"{TODAY:%Y-%m-%d %H:%M}Z" in shown
    assert where[1] in shown


def test_a_pull_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    trunkline: Trunkline, new_world: Callable[..., World], server: Server, tmp_path: Path, embedded_url: str
) -> None:
    count = 3000
    theirs, ours = new_world(), new_world()
    put(theirs, count)
    where = from_world(trunkline, ours, theirs, server)
    rng = random.Random(7)
    stored = 0
    for _ in range(4):
        running = subprocess.Popen(
            command("pull", *where), cwd=tmp_path, env=environment(embedded_url), stdout=subprocess.DEVNULL
        )
        goal = stored + rng.randrange(1, 400)
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while total(ours) < goal and time.monotonic() < deadline:
            assert running.poll() is None
        running.kill()
        running.wait(MAX_WAIT_SECONDS)
        stored = total(ours)
        assert goal <= stored < count, "it was over before it could be killed"
    put(theirs, 3, "later", count)
    last = trunkline("pull", *where, "--json").answer
    assert last["pages"] < 15, "it began anew"
    assert last["new"] == count - stored
    assert total(ours) == count
    assert trunkline("pull", *where, "--json").answer["new"] == 3
    (hour,) = trunkline("ledger", *where, "--json").answer["hours"]
    assert (hour["listed"], hour["stored"]) == (count + 3, count + 3)


def test_following_goes_on_until_it_is_stopped(
    trunkline: Trunkline, new_world: Callable[..., World], server: Server, tmp_path: Path, embedded_url: str
) -> None:
    theirs, ours = new_world(), new_world()
    put(theirs, 5)
    where = from_world(trunkline, ours, theirs, server)
    running = subprocess.Popen(
        command("pull", *where, "--follow", "--every", "1", "--json"),
        cwd=tmp_path,
        env=environment(embedded_url),
        stdout=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["new"] == 5
    put(theirs, 2, "later")
    answers = [json.loads(running.stdout.readline())["new"] for _ in range(2)]
    running.terminate()
    running.communicate(timeout=MAX_WAIT_SECONDS)
    assert sum(answers) == 2
    assert total(ours) == 7


def test_a_terminal_shows_how_far_it_is(
    trunkline: Trunkline, new_world: Callable[..., World], server: Server, tmp_path: Path, embedded_url: str
) -> None:
    theirs, ours = new_world(), new_world()
    put(theirs, 20)
    where = from_world(trunkline, ours, theirs, server)
    mine, its = pty.openpty()
    running = subprocess.Popen(
        command("pull", *where, "--json"),
        cwd=tmp_path,
        env=environment(embedded_url, TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=its,
    )
    os.close(its)
    out, _ = running.communicate(timeout=MAX_WAIT_SECONDS)
    shown = os.read(mine, 65536).decode()
    os.close(mine)
    assert json.loads(out)["new"] == 20
    assert "20/20" in shown
    assert "20 new" in shown


def test_a_call_that_cannot_be_read_makes_the_exit_status_1(trunkline: Trunkline, world: World) -> None:
    with small_vendor() as vendor:
        bad: dict[str, Any] = {"vendor": "elsewhere", "status": "completed"}
        vendor.calls = [bad, {**bad, "vendor_call_id": "good"}]
        where = ("--source", add(trunkline, world, vendor.url, "tl_x"), "--org", world.name)
        ran = trunkline("pull", *where)
    assert ran.status == 1
    assert ran.out.startswith("1 page, 2 calls: 1 new,")
    assert re.fullmatch(r"unreadable: item [0-9a-f]{12}: vendor_call_id: an id is required\n", ran.err)
    assert re.search(
        r"missing   trunkline item [0-9a-f]{12}  vendor_call_id: an id is required",
        trunkline("ledger", "--org", world.name).out,
    )


def test_a_credential_that_no_header_can_carry_is_refused_at_once(trunkline: Trunkline, world: World) -> None:
    where = (
        "--org",
        world.name,
        "--vendor",
        "trunkline",
        "--base-url",
        "https://calls.example.com",
        "--stdin",
    )
    for api_key in ("clé", "two\nlines", "tl_x\x00"):
        given = json.dumps({"credential": {"api_key": api_key}}).encode()
        said = trunkline("sources", "add", *where, stdin=given).complaint
        assert said.endswith(
            "gets the credential in a header, which can carry only printable ASCII characters"
        )
    assert "https://calls.example.com" not in trunkline("sources", "list", "--org", world.name, "--json").out


def test_a_ledger_is_never_wider_than_the_terminal(trunkline: Trunkline, world: World) -> None:
    with small_vendor() as vendor:
        vendor.calls = [call("c-1")]
        source = add(trunkline, world, vendor.url, "tl_x")
        trunkline("pull", "--source", source, "--org", world.name)
        when = ("--since", "2026-03-02T00:00:00Z", "--until", "2026-03-02T12:00:00Z")
        printed = trunkline("ledger", "--org", world.name, *when, COLUMNS="80").out.splitlines()
    assert max(map(len, printed)) <= 80
    assert f"source    {source}" in printed
    assert "listed    1" in printed


def test_what_cannot_be_pulled_is_refused_with_a_sentence(trunkline: Trunkline, world: World) -> None:
    with small_vendor() as vendor:
        vendor.otherwise = [(401, {}, b"{}")]
        source = add(trunkline, world, vendor.url, "tl_x")
        where = ("--source", source, "--org", world.name)
        said = trunkline("pull", *where).complaint
        assert said == "the vendor answers 401 to GET /v1/calls: check the source's credential"
        trunkline("sources", "disable", source, "--org", world.name)
        assert trunkline("pull", *where).complaint == f"source {source} is disabled"
        assert len(vendor.queries) == 1
    listening = trunkline("sources", "add", "--org", world.name, "--vendor", "trunkline", "--json").answer[
        "id"
    ]
    assert "has no credential" in trunkline("pull", "--source", listening, "--org", world.name).complaint
    unknown = "00000000-0000-4000-8000-000000000000"
    assert "has no source" in trunkline("pull", "--source", unknown, "--org", world.name).complaint


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["pull", "--source", "x", "--org", "a", "--since", "soon"], "not an ISO 8601 date"),
        (
            ["pull", "--source", "x", "--org", "a", "--since", "2026-03-02", "--until", "2026-03-01"],
            "it is before --since",
        ),
        (["ledger", "--org", "a", "--source", "x"], "a source's id is a UUID"),
    ],
)
def test_arguments_that_cannot_be_are_refused(args: list[str], said: str, trunkline: Trunkline) -> None:
    assert said in trunkline(*args, TRUNKLINE_DATABASE_URL="postgresql://127.0.0.1:1/").usage
