"""The load generator: its lines are our own records, whatever it is fed with."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.calls import DATA, Options, main, make_lines, write_calls
from trunkline.model.call import Call
from trunkline.model.words import Status

TALK: dict[str, Any] = {
    "source": "star",
    "source_id": "7",
    "started_at": None,
    "turns": [
        {"role": "agent", "content": "Hello, front desk.", "start_ms": None, "end_ms": None},
        {"role": "user", "content": "A room for tonight, please.", "start_ms": None, "end_ms": None},
        {
            "role": "tool",
            "content": "",
            "start_ms": None,
            "end_ms": None,
            "tool_result": {"name": "nobody_asked"},
        },
        {
            "role": "agent",
            "content": "",
            "start_ms": None,
            "end_ms": None,
            "tool_call": {"id": "1", "name": "find_room", "arguments": ["tonight"]},
        },
        {
            "role": "tool",
            "content": "",
            "start_ms": None,
            "end_ms": None,
            "tool_result": {"id": "1", "name": "find_room", "result": None, "error": "closed"},
        },
        {"role": "agent", "content": "We are full.", "start_ms": None, "end_ms": None},
    ],
}


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def one_talk(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with gzip.open(folder / "star_one.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(TALK) + "\n")
    return folder


def split(line: bytes) -> tuple[bytes, str]:
    """A line without its last key, and that key's value."""
    head, _, org = line.rstrip(b"\n").rpartition(b',"org":')
    return head + b"}", json.loads(org[:-1])


def read(options: Options) -> list[tuple[Call, str]]:
    calls = []
    for line in make_lines(options):
        head, org = split(line)
        calls.append((msgspec.json.decode(head, type=Call, strict=True), org))
    return calls


@pytest.mark.parametrize("words", ["source", "all", "none"])
@pytest.mark.parametrize("with_data", [True, False], ids=["shared data", "no data"])
def test_every_line_is_exactly_the_json_of_a_call_and_its_org(
    words: Any, with_data: bool, empty: Path
) -> None:
    if with_data and not DATA.is_dir():
        pytest.skip("the shared conversations are not here")
    options = Options(1500, seed=5, days=20, data=DATA if with_data else empty, words=words)
    for line in make_lines(options):
        head, org = split(line)
        call = msgspec.json.decode(head, type=Call, strict=True)
        assert msgspec.json.encode(call) == head
        assert org in {f"org-{number}" for number in range(1, 11)}


def test_the_same_options_write_the_same_bytes(empty: Path, tmp_path: Path) -> None:
    options = Options(400, seed=9, data=empty)
    for name in ("calls.jsonl", "calls.jsonl.gz"):
        first, second = tmp_path / f"1-{name}", tmp_path / f"2-{name}"
        assert write_calls(options, str(first)) == write_calls(options, str(second))
        assert first.read_bytes() == second.read_bytes()
    packed, plain = tmp_path / "1-calls.jsonl.gz", tmp_path / "1-calls.jsonl"
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_another_seed_writes_other_calls(empty: Path) -> None:
    options = Options(50, seed=1, data=empty)
    first, second = ({call.id for call, _ in read(one)} for one in (options, replace(options, seed=2)))
    assert first.isdisjoint(second)


def test_the_smallest_batches_work_too(empty: Path) -> None:
    for count in (0, 1, 5):
        assert len(read(Options(count, orgs=1, data=empty))) == count


def test_calls_come_in_order_and_within_the_days(empty: Path) -> None:
    options = Options(2000, days=10, data=empty)
    instants = [call.created_at for call, _ in read(options)]
    assert instants == sorted(instants)
    assert options.end - timedelta(days=9) <= instants[0]
    assert instants[-1] < options.end + timedelta(days=1)


def test_ids_are_distinct_and_every_status_occurs(empty: Path) -> None:
    calls = [call for call, _ in read(Options(6000, data=empty))]
    assert len({call.id for call in calls}) == len(calls) == len({call.vendor_call_id for call in calls})
    assert {call.status for call in calls} == set(Status)


def test_live_calls_are_the_newest_and_have_no_end(empty: Path) -> None:
    calls = [call for call, _ in read(Options(3000, data=empty))]
    live = [place for place, call in enumerate(calls) if not call.status.is_final]
    assert live == list(range(2985, 3000))
    for call in calls:
        assert (call.ended_at is not None) == call.status.is_final == (call.end_reason_raw is not None)


def test_the_first_org_is_the_largest(empty: Path) -> None:
    sizes = Counter(org for _, org in read(Options(3000, orgs=5, data=empty)))
    assert sizes.most_common(1)[0][0] == "org-1"
    assert set(sizes) == {f"org-{number}" for number in range(1, 6)}


def test_positions_are_used_once_and_answers_that_were_not_requested_are_left_out(one_talk: Path) -> None:
    whole = [call for call, _ in read(Options(300, data=one_talk)) if call.status is Status.COMPLETED]
    assert whole
    for call in whole:
        assert isinstance(call.turns, list)
        assert isinstance(call.tool_calls, list)
        (tool,) = call.tool_calls
        assert (tool.name, tool.position, tool.result_position) == ("find_room", 2, 3)
        assert tool.result == {"error": "closed"}
        assert [turn.text for turn in call.turns][-1] == "We are full."
        assert call.turn_count == 3


def test_positions_of_every_cut_fit_its_turns(empty: Path) -> None:
    for call, _ in read(Options(1000, data=empty)):
        assert isinstance(call.turns, list)
        assert isinstance(call.tool_calls, list)
        places = [tool.position for tool in call.tool_calls]
        places += [tool.result_position for tool in call.tool_calls if tool.result_position is not None]
        assert len(set(places)) == len(places)
        assert all(place is not None and place < len(call.turns) + len(places) for place in places)


def test_the_command_line_writes_the_file_and_says_so_in_one_line(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calls.jsonl"
    main(
        ["--n", "30", "--orgs", "2", "--seed", "4", "--data", str(empty), "--out", str(out), "--vendor", "x"]
    )
    assert len(out.read_bytes().splitlines()) == 30
    assert b'"vendor":"x"' in out.read_bytes()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("30 calls, ")
    assert said.err.count("\n") == 1
