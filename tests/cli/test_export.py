"""`trunkline export`, run as a user runs it and compared with what HTTP answers."""

from __future__ import annotations

import gzip
import json
import os
import pty
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.api.files import exported
from tests.cli.conftest import Trunkline, command, environment
from tests.conftest import MAX_WAIT_SECONDS, World
from tests.vendors.conftest import some_calls
from trunkline.vendors import dialects


@pytest.fixture(scope="module")
def log(new_world: Callable[..., World]) -> World:
    world = new_world()
    for vendor in dialects():
        world.take(some_calls(vendor, 30))
    return world


def unpacked(path: Path) -> bytes:
    packed = path.read_bytes()
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    return gzip.decompress(packed) if path.suffix == ".gz" else packed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.csv", "a.csv.gz", "a.csv.zst", "a"]
)
def test_the_ending_says_what_is_written(name: str, trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    ran = trunkline("export", name, "--org", log.name)
    assert (ran.status, ran.out, ran.err) == (0, f"150 calls in {name}\n", "")
    form = "csv" if ".csv" in name else "jsonl"
    assert unpacked(tmp_path / name) == exported(log, format=form).content
    assert names(tmp_path) == [name]


def test_the_options_say_the_same_and_go_first(trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    ran = trunkline(
        "export", "a.jsonl", "--org", log.name, "--format", "csv", "--compression", "gzip", "--json"
    )
    packed = (tmp_path / "a.jsonl").read_bytes()
    assert ran.answer == {"file": "a.jsonl", "calls": 150, "bytes": len(packed)}
    assert gzip.decompress(packed) == exported(log, format="csv").content


def test_filters_and_zone_are_those_of_the_api(trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    ran = trunkline(
        *("export", "a.jsonl", "--org", log.name, "--tz", "Asia/Kolkata"),
        *("--filter", "status=completed,busy", "--filter", "include=turns", "--filter", "order=asc"),
    )
    assert ran.status == 0, ran.err
    same = exported(log, tz="Asia/Kolkata", status="completed,busy", include="turns", order="asc")
    assert (tmp_path / "a.jsonl").read_bytes() == same.content
    assert 0 < same.content.count(b"\n") < 150


def test_standard_output_carries_the_file_alone(trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    ran = trunkline("export", "-", "--org", log.name, "--json")
    assert ran.out.encode() == exported(log).content
    assert json.loads(ran.err) == {"file": "-", "calls": 150, "bytes": len(ran.out.encode())}
    assert names(tmp_path) == []


def test_an_export_can_be_imported_and_imported_again(trunkline: Trunkline, log: World, world: World) -> None:
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        assert trunkline("export", name, "--org", log.name).status == 0
        ran = trunkline("import", name, "--org", world.name, "--json")
        stored = 150 if name == "a.jsonl" else 0
        assert ran.answer == {"read": 150, "stored": stored, "unchanged": 150 - stored, "rejected": 0}
    before, after = exported(log).content.splitlines(), exported(world).content.splitlines()
    assert [json.loads(line) for line in before] == [json.loads(line) for line in after]


def test_a_file_that_is_there_is_left_alone_unless_forced(
    trunkline: Trunkline, log: World, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("mine")
    refused = trunkline("export", "a.csv", "--org", log.name)
    assert refused.complaint == "a.csv exists already; overwrite it with --force"
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert trunkline("export", "a.csv", "--org", log.name, "--force").status == 0
    assert (tmp_path / "a.csv").read_bytes() == exported(log, format="csv").content


def test_only_a_file_is_written_over(trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder", "/dev/null"):
        ran = trunkline("export", name, "--org", log.name, "--force")
        assert ran.complaint == f"{name} is not a file; use - to write to standard output"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--filter", "colour=red"], "colour is not a parameter of this list"),
        (["--filter", "status=red"], "status must be one or more of "),
        (["--filter", "page_size=5"], "page_size is not a parameter of this list"),
        (["--tz", "Nowhere"], "tz must be the name of a time zone, such as Europe/Paris"),
        (["--format", "xlsx"], "format must be one of jsonl, csv"),
        (["--compression", "rar"], "compression must be one of none, gzip, zstd"),
    ],
)
def test_what_cannot_be_requested_is_said_in_a_sentence(
    options: list[str], complaint: str, trunkline: Trunkline, log: World, tmp_path: Path
) -> None:
    ran = trunkline("export", "a.jsonl", "--org", log.name, *options)
    assert ran.complaint.startswith(complaint)
    assert names(tmp_path) == []


@pytest.mark.parametrize("options", [["--filter", "status"], ["--filter", "=1"], ["--filter", "tz=UTC"]])
def test_a_filter_has_a_name_and_a_value(options: list[str], trunkline: Trunkline, log: World) -> None:
    assert "--filter" in trunkline("export", "a.jsonl", "--org", log.name, *options).usage


def test_a_filter_is_given_once(trunkline: Trunkline, log: World) -> None:
    twice = ("--filter", "status=busy", "--filter", "status=failed")
    assert "status is given twice" in trunkline("export", "a.jsonl", "--org", log.name, *twice).usage


@pytest.mark.parametrize("name", ["calls.xlsx", "calls.json.gz", "calls.parquet"])
def test_a_suffix_of_another_kind_is_refused(
    name: str, trunkline: Trunkline, log: World, tmp_path: Path
) -> None:
    ran = trunkline("export", name, "--org", log.name)
    suffix = Path(name.removesuffix(".gz")).suffix
    assert ran.complaint == (
        f"{suffix} is no format of an export; name the file .jsonl or .csv, or add --format"
    )
    assert names(tmp_path) == []
    assert trunkline("export", name, "--org", log.name, "--format", "csv").status == 0


def test_a_table_for_excel_begins_with_a_mark(trunkline: Trunkline, log: World, tmp_path: Path) -> None:
    assert trunkline("export", "a.csv", "--org", log.name, "--filter", "bom=true").status == 0
    plain = exported(log, format="csv").content
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbf" + plain
    assert exported(log, format="csv", bom="true").content == b"\xef\xbb\xbf" + plain


def test_an_org_that_there_is_not_has_nothing_to_export(trunkline: Trunkline, tmp_path: Path) -> None:
    assert trunkline("export", "a.jsonl", "--org", "nobody").complaint == "there is no org 'nobody'"
    assert names(tmp_path) == []


def test_an_export_that_fails_leaves_nothing_behind(log: World, embedded_url: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    ran = subprocess.run(
        command("export", "a.csv", "--org", log.name, "--force"),
        cwd=tmp_path,
        env=environment(embedded_url),
        capture_output=True,
        timeout=MAX_WAIT_SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert ran.returncode == 2
    assert b"File too large" in ran.stderr
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_a_person_sees_how_far_it_is(log: World, embedded_url: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("export", "a.jsonl.gz", "--org", log.name),
        cwd=tmp_path,
        env={**environment(embedded_url), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # which is how a terminal signals that the other side has closed
        assert process.wait(MAX_WAIT_SECONDS) == 0
    os.close(ours)
    assert b"150/150" in shown
    assert f"{log.name}-calls.jsonl.gz".encode() in shown
