"""`trunkline import`, run as a user runs it and checked over HTTP."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Trunkline, command, environment
from tests.conftest import MAX_WAIT_SECONDS, World
from trunkline.model.ids import derived_call_id
from trunkline.vendors import dialects, saved_answers

CAPTURES = sorted((Path(__file__).parents[1] / "vendors").glob("*/captures/*.json"))


def rows(count: int, *, start: int = 0, vendor: str = "elsewhere") -> list[dict[str, Any]]:
    return [
        {
            "vendor": vendor,
            "vendor_call_id": f"call-{n}",
            "status": "completed",
            "created_at": f"2026-03-01T00:{n // 60 % 60:02}:{n % 60:02}Z",
            "turns": [{"role": "agent", "text": f"Hello {n}"}, {"role": "user", "text": "Good day \0"}],
        }
        for n in range(start, start + count)
    ]


def write(path: Path, calls: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return path


def listed(world: World, **query: object) -> list[dict[str, Any]]:
    answer = world.get("trunkline", "/v1/calls", params={"page_size": 1000, **query})
    calls: list[dict[str, Any]] = answer.json()["calls"]
    return calls


def total(world: World) -> int:
    answer = world.get("trunkline", "/v1/calls?include_total=true&page_size=1").json()
    size: int = answer["total_size"]
    return size


def printed(world: World) -> list[bytes]:
    """Every call as `/trunkline/v1/calls/{id}` prints it."""
    return [world.get("trunkline", f"/v1/calls/{call['id']}").content for call in listed(world)]


def rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# -- what goes in ---------------------------------------------------------


def test_what_our_own_api_prints_goes_into_another_org_and_comes_out_the_same(
    trunkline: Trunkline, new_world: Callable[..., World], tmp_path: Path
) -> None:
    one, other = new_world(), new_world()
    for path in CAPTURES:
        body = json.loads(path.read_text())["body"]
        dialect = dialects()[path.parents[1].name]
        one.see([dialect.from_wire(item) for item in saved_answers()[dialect.name].calls_in(body) or []])
    lines = printed(one)
    (tmp_path / "own.jsonl").write_bytes(b"\n".join(lines))

    ran = trunkline("import", "own.jsonl", "--org", other.name, "--json")
    assert ran.answer == {"read": len(lines), "stored": len(lines), "unchanged": 0, "rejected": 0}
    assert (ran.status, ran.err) == (0, "")
    assert printed(other) == lines

    again = trunkline("import", "own.jsonl", "--org", other.name, "--json")
    assert again.answer == {"read": len(lines), "stored": 0, "unchanged": len(lines), "rejected": 0}
    assert again.status == 0
    assert printed(other) == lines


def test_saved_answers_of_every_vendor_go_in_printed_or_packed_and_are_counted_together(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    files, calls = [], set()
    for place, path in enumerate(CAPTURES):
        body = json.loads(path.read_text())["body"]
        dialect = dialects()[path.parents[1].name]
        calls |= {
            (dialect.name, dialect.from_wire(item).vendor_call_id)
            for item in saved_answers()[dialect.name].calls_in(body) or []
        }
        text = json.dumps(body, indent=2).encode()
        files.append(tmp_path / f"{dialect.name}-{path.name}")
        files[-1].write_bytes(gzip.compress(text) if place % 2 else text)
    ran = trunkline("import", *files, "--org", world.name)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith(", 0 rejected\n")
    assert {(call["vendor"], call["vendor_call_id"]) for call in listed(world)} == calls
    again = trunkline("import", *reversed(files), "--org", world.name, "--json").answer
    assert (again["stored"], again["unchanged"]) == (0, again["read"])


def test_calls_come_in_through_a_pipe(trunkline: Trunkline, world: World) -> None:
    lines = "".join(json.dumps(call) + "\n" for call in rows(3)).encode()
    ran = trunkline("import", "/dev/stdin", "--org", world.name, "--json", stdin=lines)
    assert ran.answer["stored"] == 3


def test_an_empty_file_is_rejected_with_the_reason(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    (tmp_path / "empty.jsonl").touch()
    ran = trunkline("import", "empty.jsonl", "--org", world.name, "--json")
    assert ran.answer == {"read": 1, "stored": 0, "unchanged": 0, "rejected": 1}
    assert (ran.status, ran.err.splitlines()[0]) == (1, "empty.jsonl, line 1: the file is empty")


def test_an_answer_without_calls_is_no_failure_and_is_said_to_be_one(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    (tmp_path / "page.json").write_text('{"calls": [], "next_page_token": null}')
    ran = trunkline("import", "page.json", "--org", world.name, "--json")
    assert ran.answer == {"read": 0, "stored": 0, "unchanged": 0, "rejected": 0}
    assert (ran.status, ran.err) == (0, "page.json: an answer without calls\n")


def test_an_org_that_is_new_is_made(
    trunkline: Trunkline, new_world: Callable[..., World], tmp_path: Path
) -> None:
    name = f"org-{uuid.uuid4().hex[:12]}"
    write(tmp_path / "calls.jsonl", rows(2))
    assert trunkline("import", "calls.jsonl", "--org", name, "--json").answer["stored"] == 2
    assert total(new_world(name)) == 2


# -- bad lines ------------------------------------------------------------

GOOD = [json.dumps(call).encode() for call in rows(3)]
NUL = json.dumps({**rows(1)[0], "vendor_call_id": "a\0b"}).encode()
BROKEN = [
    b"true false",
    b'{"vendor_call_id": "\xff"}',
    b'{"vendor_call_id": "", "metadata": "\\ud800"}',
    b'{"vendor_call_id": " ", "status": NaN}',
    b"[" * 10_000,
    NUL,
    b"\x00" * 20,
]
ODD = [
    b'{"vendor_call_id": "odd-1", "status": "completed", "metadata": {"a": "\\ud800"}}',
    b'{"vendor_call_id": "odd-2", "status": "completed", "duration_ms": NaN, "turns": "none"}',
]


def test_bad_lines_go_to_a_reject_file_and_the_good_ones_are_stored(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    lines = [GOOD[0], *BROKEN[:3], GOOD[1], *BROKEN[3:], GOOD[2]]
    (tmp_path / "calls.jsonl").write_bytes(b"\n".join(lines))
    ran = trunkline("import", "calls.jsonl", "--org", world.name, "--json")
    assert ran.answer == {"read": len(lines), "stored": 3, "unchanged": 0, "rejected": len(BROKEN)}
    assert ran.status == 1
    said = ran.err.splitlines()
    assert said[:2] == [
        "calls.jsonl, line 2: not JSON: trailing characters (byte 6)",
        "calls.jsonl, line 3: not UTF-8",
    ]
    assert said[5:] == ["and 2 more", "rejected lines are in calls.jsonl.rejects.jsonl"]
    written = rejects(tmp_path / "calls.jsonl.rejects.jsonl")
    assert [(bad["file"], bad["line"], bad["item"]) for bad in written] == [
        ("calls.jsonl", number, None) for number in (2, 3, 4, 6, 7, 8, 9)
    ]
    assert [bad["reason"] for bad in written] == [
        "not JSON: trailing characters (byte 6)",
        "not UTF-8",
        "vendor_call_id: an id is required",
        "vendor_call_id: an id is required",
        "not JSON",
        "vendor_call_id: a text without the character NUL",
        "not JSON: invalid character (byte 0)",
    ]
    assert json.loads(written[5]["text"]) == json.loads(NUL)
    assert len(listed(world)) == 3


def test_an_odd_value_is_left_out_and_its_call_is_stored(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    (tmp_path / "calls.jsonl").write_bytes(b"\n".join([GOOD[0], *ODD, GOOD[1]]))
    ran = trunkline("import", "calls.jsonl", "--org", world.name, "--json")
    assert ran.answer == {"read": 4, "stored": 4, "unchanged": 0, "rejected": 0}
    rows = world.run(
        world.joined.pool.fetch(
            "SELECT vendor_call_id, problems, payload FROM sightings"
            " WHERE org_id = $1 AND problems IS NOT NULL ORDER BY vendor_call_id",
            world.org.id,
        )
    )
    named = {row["vendor_call_id"]: set(json.loads(row["problems"])) for row in rows}
    assert named == {
        "odd-1": {"payload (characters)"},
        "odd-2": {"payload (numbers)", "duration_ms", "turns"},
    }
    assert {row["vendor_call_id"]: row["status"] for row in listed(world)}["odd-2"] == "completed"


def test_a_nul_that_somebody_said_is_stored(trunkline: Trunkline, world: World, tmp_path: Path) -> None:
    write(tmp_path / "calls.jsonl", rows(1))
    assert trunkline("import", "calls.jsonl", "--org", world.name, "--json").answer["stored"] == 1
    (call,) = listed(world, include="turns")
    assert call["turns"][1]["text"] == "Good day \0"
    for name, dialect in dialects().items():
        path = dialect.operations[1].path.replace("{id}", dialect.ids.derive(call["id"]))
        assert "Good day \\u0000" in world.get(name, path).text


def test_the_reject_file_may_be_named_and_takes_the_bad_lines_of_all_files(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"bad\n" + GOOD[0])
    ran = trunkline("import", "a.jsonl", "b.jsonl", "--org", world.name, "--rejects", "bad.jsonl", "--json")
    assert ran.answer == {"read": 4, "stored": 1, "unchanged": 1, "rejected": 2}
    assert ran.status == 1
    assert [(bad["file"], bad["line"]) for bad in rejects(tmp_path / "bad.jsonl")] == [
        ("a.jsonl", 1),
        ("b.jsonl", 1),
    ]


def test_bad_lines_are_never_written_over_a_file_that_is_to_be_read(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    content = b"bad\n" + GOOD[0]
    for name in ("a.jsonl", "a.jsonl.rejects.jsonl"):
        (tmp_path / name).write_bytes(content)
    named = trunkline("import", "a.jsonl", "--org", world.name, "--rejects", "./a.jsonl")
    usual = trunkline("import", "a.jsonl", "a.jsonl.rejects.jsonl", "--org", world.name)
    for ran in (named, usual):
        assert "bad lines would overwrite" in ran.usage
    assert (tmp_path / "a.jsonl").read_bytes() == content
    assert (tmp_path / "a.jsonl.rejects.jsonl").read_bytes() == content
    assert total(world) == 0


def test_a_file_whose_name_is_no_text_is_read_like_another(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    name = os.fsdecode(b"calls-\xff.jsonl")
    (tmp_path / name).write_bytes(b"bad\n" + GOOD[0])
    ran = trunkline("import", name, "--org", world.name, "--json")
    assert ran.answer == {"read": 2, "stored": 1, "unchanged": 0, "rejected": 1}
    assert rejects(tmp_path / f"{name}.rejects.jsonl")[0]["file"] == "calls-\\xff.jsonl"


def test_what_can_be_read_of_a_cut_gzip_file_is_stored(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    calls = [{**call, "trace_id": os.urandom(100).hex()} for call in rows(1200)]
    packed = gzip.compress("".join(json.dumps(call) + "\n" for call in calls).encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) * 3 // 4])
    ran = trunkline("import", "cut.jsonl.gz", "--org", world.name, "--json")
    assert ran.status == 1
    assert ran.answer["rejected"] == 1
    assert ran.answer["read"] == ran.answer["stored"] + 1
    assert total(world) == ran.answer["stored"] > 500
    (bad,) = rejects(tmp_path / "cut.jsonl.gz.rejects.jsonl")
    assert bad["line"] == ran.answer["stored"] + 1


# -- every call once ------------------------------------------------------


def test_repeated_calls_colliding_ids_and_vendors_with_the_same_id_are_distinguished(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    shared = str(uuid.uuid4())
    ours = [
        *rows(2),
        *rows(2),
        {**rows(1)[0], "vendor_call_id": "first", "id": shared},
        {**rows(1)[0], "vendor_call_id": "second", "id": shared.upper()},
    ]
    write(tmp_path / "own.jsonl", ours)
    contactship = {"id": shared, "call_status": "completed", "call_result": "answered"}
    zudu = {"call_id": shared, "call_status": "ENDED", "call_duration": 1, "organization_id": "o"}
    write(tmp_path / "contactship.jsonl", [contactship])
    write(tmp_path / "zudu.jsonl", [zudu])
    files = ("own.jsonl", "contactship.jsonl", "zudu.jsonl")
    ran = trunkline("import", *files, "--org", world.name, "--json")
    assert ran.answer == {"read": 8, "stored": 6, "unchanged": 2, "rejected": 0}
    ids = {(call["vendor"], call["vendor_call_id"]): call["id"] for call in listed(world)}
    assert ids["elsewhere", "first"] == shared
    assert ids["elsewhere", "second"] == derived_call_id("elsewhere", "second")
    assert ids["contactship", shared] == derived_call_id("contactship", shared)
    assert ids["zudu", shared] == derived_call_id("zudu", shared)
    assert len(set(ids.values())) == 6
    assert trunkline("import", *files, "--org", world.name, "--json").answer["stored"] == 0


def test_two_processes_that_import_the_same_calls_at_once_store_each_of_them_once(
    embedded_url: str, world: World, tmp_path: Path
) -> None:
    calls = rows(1500)
    files = [write(tmp_path / "up.jsonl", calls), write(tmp_path / "down.jsonl", calls[::-1])]
    running = [
        subprocess.Popen(
            command("import", path, "--org", world.name, "--json"),
            cwd=tmp_path,
            env=environment(embedded_url),
            stdout=subprocess.PIPE,
        )
        for path in (*files, files[0])
    ]
    answers = [json.loads(one.communicate(timeout=MAX_WAIT_SECONDS)[0]) for one in running]
    assert [one.returncode for one in running] == [0, 0, 0]
    assert sum(answer["stored"] for answer in answers) == len(calls)
    assert sum(answer["unchanged"] for answer in answers) == 2 * len(calls)
    assert total(world) == len(calls)


def test_an_import_that_is_killed_leaves_whole_calls_and_is_completed_by_another_one(
    trunkline: Trunkline, embedded_url: str, world: World, tmp_path: Path
) -> None:
    calls = rows(6000)
    path = write(tmp_path / "calls.jsonl", calls)
    running = subprocess.Popen(
        command("import", path, "--org", world.name), cwd=tmp_path, env=environment(embedded_url)
    )
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while total(world) == 0 and time.monotonic() < deadline:
        assert running.poll() is None
    running.kill()
    running.wait(MAX_WAIT_SECONDS)
    there = listed(world, include="turns")
    assert there
    assert all(len(call["turns"]) == 2 and call["turn_count"] == 2 for call in there)
    stored = total(world)
    answer = trunkline("import", path, "--org", world.name, "--json").answer
    assert answer == {"read": 6000, "stored": 6000 - stored, "unchanged": stored, "rejected": 0}
    assert total(world) == 6000


# -- what the user sees ---------------------------------------------------


def test_a_terminal_shows_a_progress_bar(embedded_url: str, world: World, tmp_path: Path) -> None:
    path = write(tmp_path / "[calls].jsonl", rows(20))
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command("import", path, "--org", world.name, "--json"),
        cwd=tmp_path,
        env=environment(embedded_url, TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    out, _ = running.communicate(timeout=MAX_WAIT_SECONDS)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert json.loads(out)["stored"] == 20
    assert "[calls].jsonl" in shown
    assert "20 calls" in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["calls.jsonl", "--org", "a", "--dialect", "nobody"], "there is no vendor 'nobody'; there are "),
        (["missing.jsonl", "--org", "a"], "'missing.jsonl' does not exist"),
        ([".", "--org", "a"], "is a directory"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_anything_is_read(
    args: list[str], said: str, trunkline: Trunkline, tmp_path: Path
) -> None:
    write(tmp_path / "calls.jsonl", rows(1))
    assert said in trunkline("import", *args, TRUNKLINE_DATABASE_URL="postgresql://127.0.0.1:1/").usage


def test_an_impossible_org_is_refused_before_the_database_is_used(
    trunkline: Trunkline, tmp_path: Path
) -> None:
    write(tmp_path / "calls.jsonl", rows(1))
    database = "postgresql://127.0.0.1:1/"
    ran = trunkline("import", "calls.jsonl", "--org", "no org", TRUNKLINE_DATABASE_URL=database)
    assert ran.complaint == "an org's name has 1 to 63 letters, digits, dots, dashes or underscores"


def test_calls_in_another_form_than_the_named_one_are_rejected(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    write(tmp_path / "calls.jsonl", rows(2))
    ran = trunkline("import", "calls.jsonl", "--org", world.name, "--vendor", "zudu", "--json")
    assert ran.answer == {"read": 2, "stored": 0, "unchanged": 0, "rejected": 2}
    assert ran.status == 1
    assert total(world) == 0


def test_a_reject_file_that_cannot_be_written_ends_the_import_with_a_sentence(
    trunkline: Trunkline, world: World, tmp_path: Path
) -> None:
    (tmp_path / "calls.jsonl").write_bytes(b"bad\n")
    ran = trunkline("import", "calls.jsonl", "--org", world.name, "--rejects", "missing/bad.jsonl")
    assert "missing/bad.jsonl" in ran.complaint
